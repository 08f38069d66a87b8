/**
 * Builds the batches of our own log from broadcasts.
 *
 * A message is encoded when it is broadcast, so its clock is that of this very moment and the payload is copied once,
 * into the buffer that is later journalled and sent. Room is kept in front for the batch header and the frame around it,
 * because the number of messages is known only when the batch is sealed; nothing is moved then.
 *
 * The seq of a message exists only here and in the journalled batch: there is no counter that could disagree.
 */
import { assert } from '../errors.js';
import type { Digests } from '../ports.js';
import { batchFlags, batchTrailerBytes, batchVersion, chainBytes, type LogState } from './batch.js';
import { ByteWriter, varintBytesMax, varintLength } from './bytes.js';
import { batchFramePrefix } from './frame.js';
import type { Origin } from './origin.js';

/** A finished batch. `frame` is the batch inside its frame; `batch` is a view of the same memory. Nobody changes either. */
export interface SealedBatch {
  readonly firstSeq: number;
  readonly count: number;
  readonly batch: Uint8Array;
  readonly frame: Uint8Array;
}

interface OpenBatch {
  readonly writer: ByteWriter;
  readonly firstSeq: number;
  readonly isKeyframe: boolean;
  count: number;
}

export class BatchEncoder {
  readonly #self: Origin;
  readonly #origins: (index: number) => Origin;
  readonly #digests: Digests;
  readonly #bytesTarget: number;
  /** Room for the frame prefix and the batch header in front of the messages. */
  readonly #headroom: number;
  readonly #open: OpenBatch[] = [];
  #nextSeq: number;
  #chain: Uint8Array;
  /** Dictionary index by origin index. */
  readonly #dictionary = new Map<number, number>();
  /** Clock of the last message, by dictionary index. */
  readonly #clock: number[];
  #pendingBytes = 0;

  constructor(options: {
    readonly self: Origin;
    /** Where our log ends. */
    readonly state: LogState;
    /** Origin by the index that `add` is given. */
    readonly origins: (index: number) => Origin;
    readonly digests: Digests;
    /** A batch that holds this many bytes is closed; one larger message makes a batch of its own. */
    readonly bytesTarget: number;
  }) {
    this.#self = options.self;
    this.#origins = options.origins;
    this.#digests = options.digests;
    this.#bytesTarget = options.bytesTarget;
    this.#headroom = 2 + 1 + options.self.name.length + 3 * varintBytesMax + 2 * varintBytesMax;
    this.#nextSeq = options.state.nextSeq;
    this.#chain = options.state.chain;
    this.#clock = options.state.clock.slice();
    options.state.dictionary.forEach((origin, index) => this.#dictionary.set(origin, index));
  }

  /** Seq of the message that `add` makes next. */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Bytes added and not yet sealed. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** The last clock entry written for an origin; 0 if none was. */
  lastEntry(origin: number): number {
    const index = this.#dictionary.get(origin);
    return index === undefined ? 0 : (this.#clock[index] ?? 0);
  }

  /**
   * Adds a message whose clock differs from that of the message before by `changed`: origin indices and their new
   * seqs, each above `lastEntry`. Copies `payload`. Returns the seq.
   */
  add(payload: Uint8Array, changed: ReadonlyMap<number, number>): number {
    const batch = this.#batchFor(payload.length);
    const writer = batch.writer;
    const before = writer.position;
    this.#writeChanges(writer, changed);
    writer.varint(payload.length);
    writer.bytes(payload);
    this.#pendingBytes += writer.position - before;
    batch.count++;
    return this.#nextSeq++;
  }

  /** Closes and returns everything added, oldest first. */
  seal(): readonly SealedBatch[] {
    const sealed = this.#open.map((batch) => this.#seal(batch));
    this.#open.length = 0;
    this.#pendingBytes = 0;
    return sealed;
  }

  #batchFor(payloadBytes: number): OpenBatch {
    const last = this.#open.at(-1);
    if (last !== undefined && last.writer.position - this.#headroom + payloadBytes < this.#bytesTarget) return last;
    const writer = new ByteWriter(this.#headroom + payloadBytes + batchTrailerBytes + 64);
    writer.seek(this.#headroom);
    const batch = { writer, firstSeq: this.#nextSeq, isKeyframe: this.#nextSeq === 1, count: 0 };
    this.#open.push(batch);
    return batch;
  }

  #writeChanges(writer: ByteWriter, changed: ReadonlyMap<number, number>): void {
    writer.varint(changed.size);
    if (changed.size === 0) return;
    const entries: { index: number; origin: number; seq: number }[] = [];
    for (const [origin, seq] of changed) {
      let index = this.#dictionary.get(origin);
      if (index === undefined) {
        // Given out in ascending order of the loop, so new indices follow one another in the sorted list too.
        index = this.#dictionary.size;
        this.#dictionary.set(origin, index);
      }
      entries.push({ index, origin, seq });
    }
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
      assert(
        advance > 0,
        `clock entry of ${this.#origins(origin).name} goes from ${this.#clock[index] ?? 0} to ${seq}`,
      );
      writer.varint(advance);
      this.#clock[index] = seq;
    }
  }

  #seal(batch: OpenBatch): SealedBatch {
    const { name, incarnation } = this.#self;
    const writer = batch.writer;
    const bodyEnd = writer.position;
    const headerBytes =
      2 + 1 + name.length + varintLength(incarnation) + varintLength(batch.firstSeq) + varintLength(batch.count);
    const batchStart = this.#headroom - headerBytes;
    const prefix = batchFramePrefix(bodyEnd - batchStart + batchTrailerBytes);
    const frameStart = batchStart - prefix.length;

    writer.seek(frameStart);
    writer.bytes(prefix);
    writer.byte(batchVersion);
    writer.byte(batch.isKeyframe ? batchFlags.keyframe : 0);
    writer.text(name);
    writer.varint(incarnation);
    writer.varint(batch.firstSeq);
    writer.varint(batch.count);
    assert(writer.position === this.#headroom, 'batch header ends where the messages begin');

    writer.seek(bodyEnd);
    this.#chain = this.#digests.chain(this.#chain, writer.view(batchStart));
    writer.bytes(this.#chain.subarray(0, chainBytes));
    writer.uint32(this.#digests.crc32(writer.view(batchStart), 0));
    return {
      firstSeq: batch.firstSeq,
      count: batch.count,
      batch: writer.view(batchStart),
      frame: writer.view(frameStart),
    };
  }
}
