/**
 * Where our own batches lie: the queue that peers read from through their cursors.
 *
 * Only synced batches are entered, so a cursor can never run ahead of the disk. Batches are numbered by `ordinal`: 0, 1,
 * 2, ... The newest frames stay in memory; older ones are read back from the journal, so a peer that is away for long
 * costs disk space and a few numbers a batch, but no memory for its backlog.
 */
import { assert } from '../errors.js';
import { batchChain, equalBytes } from '../message/batch.js';

export interface OwnBatch {
  readonly firstSeq: number;
  readonly count: number;
  /** Where the batch lies in the journal: address and length of the record's body. */
  readonly address: number;
  readonly length: number;
}

/** Bytes of the chain kept for each batch, to compare with what a peer holds. */
const chainPrefixBytes = 8;

export class OwnLog {
  readonly #cacheBytesMax: number;
  readonly #batches: OwnBatch[] = [];
  readonly #chainPrefixes: Uint8Array[] = [];
  /** Length of all batches before an ordinal. */
  readonly #bytesBefore: number[] = [0];
  /** Frames by ordinal, from `#cachedFrom` on; entries of batches restored from disk are undefined. */
  readonly #frames = new Map<number, Uint8Array>();
  #cachedFrom = 0;
  #cachedBytes = 0;

  constructor(cacheBytesMax: number) {
    this.#cacheBytesMax = cacheBytesMax;
  }

  /** Number of batches, and the ordinal of the next. */
  get end(): number {
    return this.#batches.length;
  }

  get lastSeq(): number {
    const last = this.#batches.at(-1);
    return last === undefined ? 0 : last.firstSeq + last.count - 1;
  }

  at(ordinal: number): OwnBatch {
    const batch = this.#batches[ordinal];
    assert(batch !== undefined, `own batch ${ordinal} of ${this.#batches.length}`);
    return batch;
  }

  /** Enters a synced batch. `frame` is absent for one found by recovery. */
  append(batch: OwnBatch, bytes: Uint8Array, frame: Uint8Array | undefined): void {
    const ordinal = this.#batches.length;
    assert(batch.firstSeq === this.lastSeq + 1, `own batch from ${batch.firstSeq} after ${this.lastSeq}`);
    this.#batches.push(batch);
    // A copy: a view would keep the whole batch alive.
    this.#chainPrefixes.push(batchChain(bytes).slice(0, chainPrefixBytes));
    this.#bytesBefore.push((this.#bytesBefore[ordinal] ?? 0) + batch.length);
    if (frame === undefined) this.#cachedFrom = ordinal + 1;
    else this.#cache(ordinal, frame);
  }

  /** The frame of a batch if it is still in memory. */
  frame(ordinal: number): Uint8Array | undefined {
    return this.#frames.get(ordinal);
  }

  /** Ordinal of the batch that holds `seq`; `end` for the seq after the last. */
  ordinalOf(seq: number): number {
    let low = 0;
    let high = this.#batches.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const batch = this.at(middle);
      if (batch.firstSeq + batch.count <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Bytes of the batches from ordinal `from` up to, not including, `to`. */
  bytesBetween(from: number, to: number): number {
    return (this.#bytesBefore[to] ?? 0) - (this.#bytesBefore[from] ?? 0);
  }

  /** True when one of our batches ends with `seq` and, as far as we remember, with `chain`. Always true for seq 0. */
  matches(seq: number, chain: Uint8Array): boolean {
    if (seq === 0) return true;
    const ordinal = this.ordinalOf(seq);
    const prefix = this.#chainPrefixes[ordinal];
    if (prefix === undefined) return false;
    const batch = this.at(ordinal);
    return batch.firstSeq + batch.count - 1 === seq && equalBytes(prefix, chain.subarray(0, chainPrefixBytes));
  }

  #cache(ordinal: number, frame: Uint8Array): void {
    this.#frames.set(ordinal, frame);
    this.#cachedBytes += frame.length;
    while (this.#cachedBytes > this.#cacheBytesMax && this.#cachedFrom < ordinal) {
      this.#cachedBytes -= this.#frames.get(this.#cachedFrom)?.length ?? 0;
      this.#frames.delete(this.#cachedFrom++);
    }
  }
}
