/**
 * Where the batches of one log lie in the journal.
 *
 * Only synced batches are entered, so nobody who reads through an index runs ahead of the disk. Batches are numbered by
 * `ordinal`: 0, 1, 2, ... Kept in columns, 32 bytes a batch: a log of a million batches of one message must be open in a
 * few dozen megabytes, and as objects it would take ten times that.
 */
import { assert } from '../errors.js';
import { equalBytes } from '../message/batch.js';

export interface IndexedBatch {
  readonly firstSeq: number;
  readonly count: number;
  /** Where the batch lies in the journal: address of its record, and length of the record's body. */
  readonly address: number;
  readonly length: number;
}

/** Bytes of the chain kept for each batch, to compare with what a peer holds. */
const chainPrefixBytes = 8;
const capacityMin = 16;

export class BatchIndex {
  #end = 0;
  /** Seq after the last one. */
  #nextSeq = 1;
  #firstSeqs = new Float64Array(capacityMin);
  #addresses = new Float64Array(capacityMin);
  /** Length of all batches before an ordinal; one entry more than there are batches. */
  #bytesBefore = new Float64Array(capacityMin + 1);
  #chainPrefixes = new Uint8Array(capacityMin * chainPrefixBytes);

  /** Number of batches, and the ordinal of the next. */
  get end(): number {
    return this.#end;
  }

  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  at(ordinal: number): IndexedBatch {
    assert(ordinal < this.#end, `batch ${ordinal} of ${this.#end}`);
    const firstSeq = this.#firstSeqOf(ordinal);
    return {
      firstSeq,
      count: this.#firstSeqOf(ordinal + 1) - firstSeq,
      address: this.#addresses[ordinal] ?? 0,
      length: this.bytesBetween(ordinal, ordinal + 1),
    };
  }

  /** Enters a synced batch and the chain that it ends with; the first bytes of `chain` are copied. */
  append({ firstSeq, count, address, length }: IndexedBatch, chain: Uint8Array): void {
    assert(firstSeq === this.#nextSeq, `a batch from ${firstSeq} after ${this.lastSeq}`);
    const ordinal = this.#end;
    if (ordinal === this.#firstSeqs.length) this.#grow();
    this.#firstSeqs[ordinal] = firstSeq;
    this.#addresses[ordinal] = address;
    this.#bytesBefore[ordinal + 1] = (this.#bytesBefore[ordinal] ?? 0) + length;
    // Byte by byte: for so few, a subarray costs more than the copy.
    for (let at = 0; at < chainPrefixBytes; at++) {
      this.#chainPrefixes[ordinal * chainPrefixBytes + at] = chain[at] ?? 0;
    }
    this.#end++;
    this.#nextSeq = firstSeq + count;
  }

  /** Ordinal of the batch that holds `seq`; `end` for the seq after the last. */
  ordinalOf(seq: number): number {
    let low = 0;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#firstSeqOf(middle + 1) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Bytes of the batches from ordinal `from` up to, not including, `to`. */
  bytesBetween(from: number, to: number): number {
    return (this.#bytesBefore[to] ?? 0) - (this.#bytesBefore[from] ?? 0);
  }

  /** True when one of the batches ends with `seq` and, as far as we remember, with `chain`. Always true for seq 0. */
  matches(seq: number, chain: Uint8Array): boolean {
    if (seq === 0) return true;
    const ordinal = this.ordinalOf(seq);
    if (ordinal === this.#end || this.#firstSeqOf(ordinal + 1) !== seq + 1) return false;
    const at = ordinal * chainPrefixBytes;
    return equalBytes(this.#chainPrefixes.subarray(at, at + chainPrefixBytes), chain.subarray(0, chainPrefixBytes));
  }

  #firstSeqOf(ordinal: number): number {
    return ordinal === this.#end ? this.#nextSeq : (this.#firstSeqs[ordinal] ?? 0);
  }

  #grow(): void {
    const capacity = 2 * this.#firstSeqs.length;
    this.#firstSeqs = grown(this.#firstSeqs, new Float64Array(capacity));
    this.#addresses = grown(this.#addresses, new Float64Array(capacity));
    this.#bytesBefore = grown(this.#bytesBefore, new Float64Array(capacity + 1));
    this.#chainPrefixes = grown(this.#chainPrefixes, new Uint8Array(capacity * chainPrefixBytes));
  }
}

function grown<T extends Float64Array | Uint8Array>(old: T, wider: T): T {
  wider.set(old);
  return wider;
}
