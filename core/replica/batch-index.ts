/**
 * Where the batches of one log lie in the journal.
 *
 * Only synced batches are entered, so nobody who reads through an index runs ahead of the disk. Batches are numbered by
 * `ordinal`: 0, 1, 2, ... Kept in columns, 32 bytes a batch: a log of a million batches of one message must be open in a
 * few dozen megabytes, and as objects it would take ten times that.
 *
 * Batches that the journal has given up are forgotten from the front on. Ordinals keep their meaning: those from `begin` up to
 * `end` are there. An index may also start in the middle of a log, behind what a checkpoint stands for.
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
  /** Of the chain in front of the first batch that is there; undefined at the beginning of the log. */
  #keyBefore: number | undefined;

  /** Ordinal of the first batch that is still there; `end` when none is. */
  get begin(): number {
    return this.#firstSeqs.begin;
  }

  /** Ordinal of the next batch: how many there were. */
  get end(): number {
    return this.#firstSeqs.end;
  }

  /** The first seq that is still there; the one after `lastSeq` when none is. */
  get firstSeq(): number {
    return this.#firstSeqOf(this.begin);
  }

  /** Address of the first batch that is still there; Infinity when none is. */
  get firstAddress(): number {
    return this.begin === this.end ? Infinity : this.#addresses.at(this.begin);
  }

  /** The last seq of the log, also when its batch was forgotten; 0 for an empty log. */
  get lastSeq(): number {
    return this.#nextSeq - 1;
  }

  /** What the index itself takes. */
  get memoryBytes(): number {
    return this.#firstSeqs.bytes + this.#addresses.bytes + this.#bytesBefore.bytes + this.#chainKeys.bytes;
  }

  /** Begins in the middle: the next batch is from `nextSeq` on and continues `chain`. Only for an index that is empty. */
  startAt(nextSeq: number, chain: Uint8Array): void {
    assert(this.begin === this.end && nextSeq >= this.#nextSeq, `an index up to ${this.lastSeq} starts at ${nextSeq}`);
    this.#nextSeq = nextSeq;
    this.#keyBefore = nextSeq === 1 ? undefined : keyOf(chain);
  }

  at(ordinal: number): IndexedBatch {
    assert(ordinal >= this.begin && ordinal < this.end, `batch ${ordinal} of ${this.begin} to ${this.end}`);
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

  /** Forgets the batches whose address is below `address`: the journal has given them up. */
  dropBelow(address: number): void {
    const begin = this.#firstWhere((ordinal) => this.#addresses.at(ordinal) >= address);
    if (begin === this.begin) return;
    this.#keyBefore = this.#chainKeys.at(begin - 1);
    for (const column of [this.#firstSeqs, this.#addresses, this.#bytesBefore, this.#chainKeys]) {
      column.dropBelow(begin);
    }
  }

  /** Ordinal of the batch that holds `seq`; `end` for the seq after the last, and `begin` for one that was forgotten. */
  ordinalOf(seq: number): number {
    return this.#firstWhere((ordinal) => this.#firstSeqOf(ordinal + 1) > seq);
  }

  /** Bytes of the batches from ordinal `from`, which is `begin` or later, up to, not including, `to`. */
  bytesBetween(from: number, to: number): number {
    return this.#bytesUpTo(to) - this.#bytesUpTo(from);
  }

  /**
   * True when one of the batches ends with `seq` and, as far as we remember, with `chain`. Of the batches that are forgotten only
   * the end of the last one is remembered: true for every seq below that, and always for seq 0.
   */
  matches(seq: number, chain: Uint8Array): boolean {
    const seqBefore = this.firstSeq - 1;
    if (seq < seqBefore) return true;
    if (seq === seqBefore) return this.#keyBefore === undefined || this.#keyBefore === keyOf(chain);
    const ordinal = this.ordinalOf(seq);
    if (ordinal === this.end || this.#firstSeqOf(ordinal + 1) !== seq + 1) return false;
    return this.#chainKeys.at(ordinal) === keyOf(chain);
  }

  /** The first ordinal for which `isReached` holds, as it does for all later ones; `end` when there is none. */
  #firstWhere(isReached: (ordinal: number) => boolean): number {
    let low = this.begin;
    let high = this.end;
    while (low < high) {
      const middle = low + ((high - low) >>> 1);
      if (isReached(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
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
