/**
 * Events in the order of (time in whole microseconds, sequence number).
 *
 * Invariants:
 * - The order is total, so it does not depend on the shape of the heap: events of one moment come out as they went in.
 * - At most half of the entries are cancelled ones, apart from a constant; `push` clears them out.
 * A heap with four children a node, its keys in typed arrays beside the items: half the depth of a binary heap, and
 * comparing touches no object. (A cast `as number` below is an index that the heap keeps in range.)
 */
import { assert } from '../core/index.js';

/** What the queue asks of an item. */
export interface Cancellable {
  readonly isCancelled: boolean;
}

const capacityAtStart = 256;
const cancelledMin = 64;

export class EventQueue<T extends Cancellable> {
  #timesUs = new Float64Array(capacityAtStart);
  #seqs = new Float64Array(capacityAtStart);
  #items: (T | undefined)[] = new Array<T | undefined>(capacityAtStart).fill(undefined);
  #size = 0;
  #seqNext = 0;
  #cancelled = 0;

  /** Entries, cancelled ones included. */
  get size(): number {
    return this.#size;
  }

  /** Time of the first entry; infinite when empty. */
  get firstUs(): number {
    return this.#size === 0 ? Infinity : (this.#timesUs[0] as number);
  }

  push(atUs: number, item: T): void {
    if (this.#cancelled > cancelledMin && this.#cancelled * 2 > this.#size) this.#dropCancelled();
    if (this.#size === this.#timesUs.length) this.#grow();
    this.#seqNext += 1;
    this.#size += 1;
    this.#siftUp(this.#size - 1, atUs, this.#seqNext, item);
  }

  /** Takes the first entry out, which may be a cancelled one. */
  pop(): T {
    const first = this.#items[0];
    assert(first !== undefined, 'cannot take an event from an empty queue');
    const last = this.#size - 1;
    this.#size = last;
    const item = this.#items[last] as T;
    this.#items[last] = undefined;
    if (last > 0) this.#siftDown(0, this.#timesUs[last] as number, this.#seqs[last] as number, item);
    if (first.isCancelled && this.#cancelled > 0) this.#cancelled -= 1;
    return first;
  }

  /** An item in the queue was cancelled. */
  noteCancelled(): void {
    this.#cancelled += 1;
  }

  #siftUp(from: number, atUs: number, seq: number, item: T): void {
    const timesUs = this.#timesUs;
    const seqs = this.#seqs;
    const items = this.#items;
    let hole = from;
    while (hole > 0) {
      const parent = (hole - 1) >> 2;
      const parentUs = timesUs[parent] as number;
      if (parentUs < atUs || (parentUs === atUs && (seqs[parent] as number) < seq)) break;
      timesUs[hole] = parentUs;
      seqs[hole] = seqs[parent] as number;
      items[hole] = items[parent];
      hole = parent;
    }
    timesUs[hole] = atUs;
    seqs[hole] = seq;
    items[hole] = item;
  }

  #siftDown(from: number, atUs: number, seq: number, item: T): void {
    const timesUs = this.#timesUs;
    const seqs = this.#seqs;
    const items = this.#items;
    const size = this.#size;
    let hole = from;
    for (;;) {
      let child = hole * 4 + 1;
      if (child >= size) break;
      const end = child + 4 < size ? child + 4 : size;
      let least = child;
      let leastUs = timesUs[child] as number;
      for (child += 1; child < end; child += 1) {
        const childUs = timesUs[child] as number;
        if (childUs < leastUs || (childUs === leastUs && (seqs[child] as number) < (seqs[least] as number))) {
          least = child;
          leastUs = childUs;
        }
      }
      if (atUs < leastUs || (atUs === leastUs && seq < (seqs[least] as number))) break;
      timesUs[hole] = leastUs;
      seqs[hole] = seqs[least] as number;
      items[hole] = items[least];
      hole = least;
    }
    timesUs[hole] = atUs;
    seqs[hole] = seq;
    items[hole] = item;
  }

  #grow(): void {
    const timesUs = new Float64Array(this.#size * 2);
    timesUs.set(this.#timesUs);
    this.#timesUs = timesUs;
    const seqs = new Float64Array(this.#size * 2);
    seqs.set(this.#seqs);
    this.#seqs = seqs;
  }

  #dropCancelled(): void {
    let kept = 0;
    for (let index = 0; index < this.#size; index += 1) {
      const item = this.#items[index] as T;
      if (item.isCancelled) continue;
      this.#timesUs[kept] = this.#timesUs[index] as number;
      this.#seqs[kept] = this.#seqs[index] as number;
      this.#items[kept] = item;
      kept += 1;
    }
    this.#items.fill(undefined, kept, this.#size);
    this.#size = kept;
    this.#cancelled = 0;
    for (let index = (kept - 2) >> 2; index >= 0; index -= 1) {
      this.#siftDown(index, this.#timesUs[index] as number, this.#seqs[index] as number, this.#items[index] as T);
    }
  }
}
