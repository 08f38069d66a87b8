/** At most so many at once for each key; the rest wait, in the order in which they came. */
import type { Cancel } from '../../core/index.js';

interface Holders {
  taken: number;
  readonly waiting: Set<() => void>;
}

export class KeyedSlots {
  readonly #perKeyMax: number;
  readonly #holders = new Map<string, Holders>();

  constructor(perKeyMax: number) {
    this.#perKeyMax = perKeyMax;
  }

  /**
   * Calls `start` once there is a slot for `key`: at once, or when another one is given back. It is told how to give it back; what is
   * returned does the same, and before `start` it ends the waiting. Idempotent.
   */
  take(key: string, start: (leave: Cancel) => void): Cancel {
    const holders = this.#holders.get(key) ?? { taken: 0, waiting: new Set() };
    this.#holders.set(key, holders);
    let isLeft = false;
    const enter = (): void => {
      holders.taken++;
      start(leave);
    };
    const leave = (): void => {
      if (isLeft) return;
      isLeft = true;
      if (!holders.waiting.delete(enter)) this.#giveBack(key, holders);
    };
    if (holders.taken < this.#perKeyMax) enter();
    else holders.waiting.add(enter);
    return leave;
  }

  #giveBack(key: string, holders: Holders): void {
    holders.taken--;
    const [next] = holders.waiting;
    if (next !== undefined) {
      holders.waiting.delete(next);
      next();
    } else if (holders.taken === 0) this.#holders.delete(key);
  }
}
