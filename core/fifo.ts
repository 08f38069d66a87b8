/** A first-in, first-out queue with amortised O(1) operations: an array whose consumed front is cut off now and then. */

const compactAt = 32;

export class Fifo<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  clear(): void {
    this.#items.length = 0;
    this.#head = 0;
  }

  /** What is queued, the oldest first: a copy. */
  toArray(): readonly T[] {
    return this.#items.slice(this.#head).flatMap((item) => item ?? []);
  }

  first(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    // One alone, as in most queues most of the time: clearing costs more than all the rest.
    if (this.#items.length === 1) return this.#items.pop();
    const item = this.#items[this.#head];
    // The slot is emptied so that a long queue does not keep alive what has left it.
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) {
      this.clear();
    } else if (this.#head >= compactAt && this.#head * 2 >= this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return item;
  }
}
