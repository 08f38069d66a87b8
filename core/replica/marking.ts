/**
 * When the mark of what the application has applied goes to the disk.
 *
 * It goes with the next group that is written anyway, and by itself only once it has waited for `markDelayMs`: a sync of its own after
 * each delivery would keep the next message waiting, and make two syncs of every one. Until then a crash hands over again
 * what the mark would have covered, as it does anyway while the mark is being synced.
 */
import type { Deliveries } from './deliveries.js';
import type { Outbox } from './outbox.js';

export class Marking {
  readonly #deliveries: Deliveries;
  readonly #outbox: Outbox;
  readonly #delayMs: number;
  /** As of the last append, wake-up or start. The application may have been at work since: then the mark goes early. */
  #nowMs = -Infinity;
  /** Set while a mark waits. */
  #dueMs: number | undefined;
  #isHurried = false;

  constructor(deliveries: Deliveries, outbox: Outbox, delayMs: number) {
    this.#deliveries = deliveries;
    this.#outbox = outbox;
    this.#delayMs = delayMs;
  }

  /** True when there is a mark to write, now or later. */
  get isAwaited(): boolean {
    return this.#deliveries.unmarked !== undefined;
  }

  /** True when the mark is reason enough to write a group. While it is not, asks the outbox for the wake-up at which it will be. */
  get isDue(): boolean {
    if (!this.isAwaited) return false;
    if (this.#isHurried) return true;
    this.#dueMs ??= this.#nowMs + this.#delayMs;
    if (this.#nowMs >= this.#dueMs) return true;
    this.#outbox.wakeBy(this.#dueMs);
    return false;
  }

  /** It is `nowMs`. */
  noteTime(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** Nothing waits from now on: the node closes. */
  hurry(): void {
    this.#isHurried = true;
  }

  /** The position for the group that is written now, if there is a newer one than the journal holds. */
  take(): number | undefined {
    this.#dueMs = undefined;
    return this.#deliveries.unmarked;
  }
}
