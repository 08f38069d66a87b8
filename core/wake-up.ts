/** One wake-up at a time: the newest time asked for counts. */
import type { Cancel, Clock } from './ports.js';

export class WakeUp {
  readonly #clock: Clock;
  readonly #wake: () => void;
  #pending: { readonly atMs: number; readonly cancel: Cancel } | undefined;

  constructor(clock: Clock, wake: () => void) {
    this.#clock = clock;
    this.#wake = wake;
  }

  /** At `atMs` and at no other time; not at all for undefined. */
  set(atMs: number | undefined): void {
    if (this.#pending?.atMs === atMs) return;
    this.cancel();
    if (atMs === undefined) return;
    const cancel = this.#clock.wakeAt(atMs, () => {
      this.#pending = undefined;
      this.#wake();
    });
    this.#pending = { atMs, cancel };
  }

  cancel(): void {
    this.#pending?.cancel();
    this.#pending = undefined;
  }
}
