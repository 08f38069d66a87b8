/**
 * Where the batches of one log lie in the journal.
 *
 * Only synced batches are entered, so nobody who reads through an index runs ahead of the disk. Batches are numbered by
 * `ordinal`: 0, 1, 2, ... Kept in columns, 32 bytes a batch: a log of a million batches of one message must be open in a
 * few dozen megabytes, and as objects it would take ten times that.
 */
import { assert } from '../errors.js';
import { NumberColumn } from './number-column.js';

export interface IndexedBatch {
  readonly firstSeq: number;
  readonly count: number;
  /** Where the batch lies in the journal: address of its record, and length of the record's body. */
  readonly address: number;
  readonly length: number;
}

/** Bytes of the chain kept for each batch, to compare with what a peer holds: as many as make a number without loss. */
const chainKeyBytes = 6;

export class BatchIndex {
  /** Seq after the last one. */
  #nextSeq = 1;
  /** Bytes in all batches. */
  #bytes = 0;
  readonly #firstSeqs = new NumberColumn();
  readonly #addresses = new NumberColumn();
  /** Length of all batches before an ordinal. */
  readonly #bytesBefore = new NumberColumn();
  readonly #chainKeys = new NumberColumn();

  /** Number of batches, and the ordinal of the next. */
  get end(): number {
    return this.#firstSeqs.length;
  }

  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  at(ordinal: number): IndexedBatch {
    assert(ordinal < this.end, `batch ${ordinal} of ${this.end}`);
    const firstSeq = this.#firstSeqOf(ordinal);
    return {
      firstSeq,
      count: this.#firstSeqOf(ordinal + 1) - firstSeq,
      address: this.#addresses.at(ordinal),
      length: this.bytesBetween(ordinal, ordinal + 1),
    };
  }

  /** Enters a synced batch and the chain that it ends with. */
  append({ firstSeq, count, address, length }: IndexedBatch, chain: Uint8Array): void {
    assert(firstSeq === this.#nextSeq, `a batch from ${firstSeq} after ${this.lastSeq}`);
    this.#firstSeqs.push(firstSeq);
    this.#addresses.push(address);
    this.#bytesBefore.push(this.#bytes);
    this.#chainKeys.push(keyOf(chain));
    this.#bytes += length;
    this.#nextSeq = firstSeq + count;
  }

  /** Ordinal of the batch that holds `seq`; `end` for the seq after the last. */
  ordinalOf(seq: number): number {
    let low = 0;
    let high = this.end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#firstSeqOf(middle + 1) <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Bytes of the batches from ordinal `from` up to, not including, `to`. */
  bytesBetween(from: number, to: number): number {
    return this.#bytesUpTo(to) - this.#bytesUpTo(from);
  }

  /** True when one of the batches ends with `seq` and, as far as we remember, with `chain`. Always true for seq 0. */
  matches(seq: number, chain: Uint8Array): boolean {
    if (seq === 0) return true;
    const ordinal = this.ordinalOf(seq);
    if (ordinal === this.end || this.#firstSeqOf(ordinal + 1) !== seq + 1) return false;
    return this.#chainKeys.at(ordinal) === keyOf(chain);
  }

  #firstSeqOf(ordinal: number): number {
    return ordinal === this.end ? this.#nextSeq : this.#firstSeqs.at(ordinal);
  }

  #bytesUpTo(ordinal: number): number {
    return ordinal === this.end ? this.#bytes : this.#bytesBefore.at(ordinal);
  }
}

function keyOf(chain: Uint8Array): number {
  let key = 0;
  for (let at = 0; at < chainKeyBytes; at++) key = key * 256 + (chain[at] ?? 0);
  return key;
}
