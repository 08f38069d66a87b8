/**
 * What belongs to consecutive numbers, some of which have been answered: an array with a moving front. A map does the same, and costs
 * several times as much for each number.
 */
const compactAt = 1024;

export class SeqWindow<T> {
  #items: (T | undefined)[] = [];
  /** The number that `#items[0]` belongs to. */
  #base = 0;
  /** Everything in front of it is answered. */
  #front = 0;

  /** `seq` follows the one that was put before it, or nothing is there. */
  put(seq: number, item: T): void {
    if (this.#front === this.#items.length) this.#restart(seq);
    this.#items[seq - this.#base] = item;
  }

  /** Answers `seq`; undefined for one that was answered or never put. */
  take(seq: number): T | undefined {
    const at = seq - this.#base;
    const item = this.#items[at];
    if (item === undefined) return undefined;
    this.#items[at] = undefined;
    if (at === this.#front) this.#advance();
    return item;
  }

  /** What has not been answered, in order; nothing is left. */
  takeAll(): readonly T[] {
    const rest = this.#items.slice(this.#front).filter((item) => item !== undefined);
    this.#restart(0);
    return rest;
  }

  #advance(): void {
    while (this.#front < this.#items.length && this.#items[this.#front] === undefined) this.#front++;
    if (this.#front === this.#items.length) {
      this.#restart(this.#base + this.#front);
    } else if (this.#front >= compactAt && 2 * this.#front >= this.#items.length) {
      this.#items = this.#items.slice(this.#front);
      this.#base += this.#front;
      this.#front = 0;
    }
  }

  #restart(base: number): void {
    this.#items.length = 0;
    this.#base = base;
    this.#front = 0;
  }
}
