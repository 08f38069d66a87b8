/** A clock that a test turns by hand. */
import type { Cancel, Clock } from '../../core/index.js';

export class ManualClock implements Clock {
  #nowMs = 0;
  #wakes: { readonly atMs: number; readonly wake: () => void }[] = [];

  nowMs(): number {
    return this.#nowMs;
  }

  wakeAt(atMs: number, wake: () => void): Cancel {
    const entry = { atMs, wake };
    this.#wakes.push(entry);
    return () => (this.#wakes = this.#wakes.filter((other) => other !== entry));
  }

  /** Wake-ups that are still to come. */
  get pending(): number {
    return this.#wakes.length;
  }

  /** Lets time pass; what falls due now is woken, what that asks for waits for the next turn. */
  advance(byMs: number): void {
    this.#nowMs += byMs;
    const due = this.#wakes.filter(({ atMs }) => atMs <= this.#nowMs);
    this.#wakes = this.#wakes.filter(({ atMs }) => atMs > this.#nowMs);
    for (const { wake } of due) wake();
  }
}
