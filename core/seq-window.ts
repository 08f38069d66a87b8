/**
 * What belongs to consecutive numbers, most of which are answered soon: an array with a moving front. A map does the same,
 * and costs several times as much for each number.
 *
 * Those few that are not answered for long move to a map, so that the array is never much longer than what is open in it.
 */
import { assert } from './errors.js';

/** Shorter than this the array is left as it is. */
const thinAt = 1024;

export class SeqWindow<T> {
  #items: (T | undefined)[] = [];
  /** The number that `#items[0]` belongs to. */
  #base = 0;
  /** Everything in front of it is answered. */
  #front = 0;
  /** Items that are not answered. */
  #open = 0;
  /** Those that were left behind, in order. */
  readonly #stragglers = new Map<number, T>();

  /** How many numbers it keeps room for. */
  get size(): number {
    return this.#items.length + this.#stragglers.size;
  }

  /** `seq` follows the one that was put before it; any number may be the first. */
  put(seq: number, item: T): void {
    if (this.#open === 0) this.#restart(seq);
    else if (this.#items.length >= thinAt && this.#items.length >= 4 * this.#open) this.#leaveBehind(seq);
    assert(seq === this.#base + this.#items.length, `number ${seq} follows ${this.#base + this.#items.length - 1}`);
    this.#items.push(item);
    this.#open++;
  }

  /** Answers `seq`; undefined for one that was answered or never put. */
  take(seq: number): T | undefined {
    const at = seq - this.#base;
    const item = at < this.#front ? undefined : this.#items[at];
    if (item === undefined) return this.#takeStraggler(seq);
    this.#items[at] = undefined;
    this.#open--;
    while (this.#front < this.#items.length && this.#items[this.#front] === undefined) this.#front++;
    return item;
  }

  /** What has not been answered, in order; nothing is left. */
  takeAll(): readonly T[] {
    const rest = this.#items.filter((item) => item !== undefined);
    const all = [...this.#stragglers.values(), ...rest];
    this.#stragglers.clear();
    this.#restart(0);
    return all;
  }

  #takeStraggler(seq: number): T | undefined {
    if (this.#stragglers.size === 0) return undefined;
    const item = this.#stragglers.get(seq);
    this.#stragglers.delete(seq);
    return item;
  }

  #leaveBehind(seq: number): void {
    for (let at = this.#front; at < this.#items.length; at++) {
      const item = this.#items[at];
      if (item !== undefined) this.#stragglers.set(this.#base + at, item);
    }
    this.#restart(seq);
  }

  #restart(base: number): void {
    this.#items.length = 0;
    this.#base = base;
    this.#front = 0;
    this.#open = 0;
  }
}
