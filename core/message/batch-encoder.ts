/**
 * Builds the batches of our own log from broadcasts.
 *
 * A message is encoded when it is broadcast, so its clock is that of this very moment and the caller may change the
 * payload afterwards. Header, chain and checksum follow when the batch is sealed, because only then is it known how many
 * messages it holds.
 *
 * The seq of a message exists only here and in the journalled batch: there is no counter that could disagree.
 */
import { AntecedentError, assert } from '../errors.js';
import type { Digests } from '../ports.js';
import { batchFlags, batchTrailerBytes, batchVersion, type LogState } from './batch.js';
import { ByteWriter } from './bytes.js';
import { batchFramePrefixBytes, writeBatchFramePrefix } from './frame.js';
import { originKey, seqMax, type Origin } from './origin.js';
import type { Slab } from './slab.js';

/** A finished batch. `frame` is the batch inside its frame; `batch` is a view of the same memory. Nobody changes either. */
export interface SealedBatch {
  readonly firstSeq: number;
  readonly count: number;
  readonly batch: Uint8Array;
  readonly frame: Uint8Array;
}

interface OpenBatch {
  readonly firstSeq: number;
  count: number;
  /** Where its messages lie among the pending bytes. */
  readonly start: number;
  end: number;
}

/** What a broadcast costs beside its payload, roughly: the promise of its receipt and the like. */
const messageOverheadBytes = 64;

/** A longer buffer for pending bytes is given back when a group fills less than a quarter of it. */
const bufferBytesKept = 1 << 20;

export class BatchEncoder {
  readonly #self: Origin;
  readonly #origins: (index: number) => Origin;
  readonly #digests: Digests;
  readonly #slab: Slab;
  readonly #bytesTarget: number;
  /** Encoded messages of the open batches, one batch behind the other. */
  #pending = new ByteWriter(256);
  readonly #header = new ByteWriter(128);
  readonly #open: OpenBatch[] = [];
  #nextSeq: number;
  #chain: Uint8Array;
  /** Dictionary index by origin index. */
  readonly #dictionary = new Map<number, number>();
  /** Clock of the last message, by dictionary index. */
  readonly #clock: number[];

  constructor(options: {
    readonly self: Origin;
    /** Where our log ends. */
    readonly state: LogState;
    /** Origin by the index that `add` is given. */
    readonly origins: (index: number) => Origin;
    readonly digests: Digests;
    /** Frames are cut from it. */
    readonly slab: Slab;
    /** A batch that holds this many bytes is closed; one larger message makes a batch of its own. */
    readonly bytesTarget: number;
  }) {
    this.#self = options.self;
    this.#origins = options.origins;
    this.#digests = options.digests;
    this.#slab = options.slab;
    this.#bytesTarget = options.bytesTarget;
    this.#nextSeq = options.state.nextSeq;
    this.#chain = options.state.chain;
    this.#clock = options.state.clock.slice();
    options.state.dictionary.forEach((origin, index) => this.#dictionary.set(origin, index));
  }

  /** Bytes added and not yet sealed. */
  get pendingBytes(): number {
    return this.#pending.position;
  }

  /** Seq of the last message added, sealed or not; 0 if there is none. */
  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  /** Memory of what was added and not yet sealed, with what each message costs whoever waits for it. */
  get pendingMemory(): number {
    const first = this.#open[0]?.firstSeq ?? this.#nextSeq;
    return this.pendingBytes + messageOverheadBytes * (this.#nextSeq - first);
  }

  /** The last clock entry written for an origin; 0 if none was. */
  lastEntry(origin: number): number {
    const index = this.#dictionary.get(origin);
    return index === undefined ? 0 : (this.#clock[index] ?? 0);
  }

  /**
   * Adds a message whose clock differs from that of the message before by `changed`: origin indices and their new
   * seqs, each above `lastEntry`. Copies `payload`. Returns the seq. Throws `E_COUNTER_EXHAUSTED` when none is left, and
   * adds nothing then.
   */
  add(payload: Uint8Array, changed: ReadonlyMap<number, number>): number {
    if (this.#nextSeq > seqMax) {
      const { name, incarnation } = this.#self;
      const message = `${originKey(name, incarnation)} has used all its ${seqMax} numbers; it can only go on as a new incarnation`;
      throw new AntecedentError('E_COUNTER_EXHAUSTED', message);
    }
    const batch = this.#batchFor(payload.length);
    this.#writeChanges(changed);
    this.#pending.varint(payload.length);
    this.#pending.bytes(payload);
    batch.end = this.#pending.position;
    batch.count++;
    return this.#nextSeq++;
  }

  /** Closes and returns everything added, oldest first. */
  seal(): readonly SealedBatch[] {
    const sealed = this.#open.map((batch) => this.#seal(batch));
    this.#open.length = 0;
    const { capacity, position } = this.#pending;
    if (capacity > bufferBytesKept && 4 * position < capacity) this.#pending = new ByteWriter(256);
    this.#pending.seek(0);
    return sealed;
  }

  #batchFor(payloadBytes: number): OpenBatch {
    const last = this.#open.at(-1);
    if (last !== undefined && last.end - last.start + payloadBytes < this.#bytesTarget) return last;
    const start = this.#pending.position;
    const batch = { firstSeq: this.#nextSeq, count: 0, start, end: start };
    this.#open.push(batch);
    return batch;
  }

  #writeChanges(changed: ReadonlyMap<number, number>): void {
    const writer = this.#pending;
    writer.varint(changed.size);
    if (changed.size === 0) return;
    const entries: { readonly index: number; readonly origin: number; readonly seq: number }[] = [];
    for (const [origin, seq] of changed) {
      let index = this.#dictionary.get(origin);
      if (index === undefined) {
        index = this.#dictionary.size;
        this.#dictionary.set(origin, index);
      }
      entries.push({ index, origin, seq });
    }
    // New indices were given out in ascending order, so they also follow one another here.
    entries.sort((a, b) => a.index - b.index);
    for (const { index, origin, seq } of entries) {
      writer.varint(index);
      if (index === this.#clock.length) {
        const { name, incarnation } = this.#origins(origin);
        writer.text(name);
        writer.varint(incarnation);
        this.#clock.push(0);
      }
      const advance = seq - (this.#clock[index] ?? 0);
      assert(advance > 0, 'a clock entry that is named has advanced');
      writer.varint(advance);
      this.#clock[index] = seq;
    }
  }

  #seal({ firstSeq, count, start, end }: OpenBatch): SealedBatch {
    const header = this.#header;
    header.seek(0);
    header.byte(batchVersion);
    header.byte(firstSeq === 1 ? batchFlags.keyframe : 0);
    header.text(this.#self.name);
    header.varint(this.#self.incarnation);
    header.varint(firstSeq);
    header.varint(count);

    const bodyEnd = header.position + (end - start);
    const batchBytes = bodyEnd + batchTrailerBytes;
    const prefixBytes = batchFramePrefixBytes(batchBytes);
    const frame = this.#slab.take(prefixBytes + batchBytes);
    writeBatchFramePrefix(frame, batchBytes);
    const batch = frame.subarray(prefixBytes);
    batch.set(header.view());
    batch.set(this.#pending.view(start, end), header.position);
    this.#chain = this.#digests.chain(this.#chain, batch.subarray(0, bodyEnd));
    batch.set(this.#chain, bodyEnd);
    writeUint32(batch, batchBytes - 4, this.#digests.crc32(batch.subarray(0, batchBytes - 4), 0));
    return { firstSeq, count, batch, frame };
  }
}

function writeUint32(target: Uint8Array, at: number, value: number): void {
  for (let index = 0; index < 4; index++) target[at + index] = (value >>> (8 * index)) & 0xff;
}
