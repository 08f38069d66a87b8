/**
 * One message that an application cannot apply, until somebody does something about it.
 *
 * It is stuck at that message through all restarts, for the node hands it over again, until the cure: an operator skips the message, or
 * the application can apply it after all. A skip that was under way when the node died has happened or not; the first thing that the
 * node says of its position afterwards tells which.
 */
import type { Delivery, Dot } from '../core/index.js';

export interface PoisonOptions {
  /** Deliveries that still go well. */
  readonly after: number;
  readonly cure: 'skip' | 'retry';
  /** The message has come, for the first time. */
  readonly onStruck: () => void;
}

export class Poison {
  readonly #options: PoisonOptions;
  #wellLeft: number;
  #message: { readonly dot: Dot; readonly position: number } | undefined;
  #isDue = false;
  #isSkipAsked = false;
  /** What the cure will do to the delivery that waits in the present life. */
  #waiting: (() => void) | undefined;

  constructor(options: PoisonOptions) {
    this.#options = options;
    this.#wellLeft = options.after;
  }

  get cure(): 'skip' | 'retry' {
    return this.#options.cure;
  }

  get hasStruck(): boolean {
    return this.#message !== undefined;
  }

  /** To be asked for every delivery, in order: true for the one that cannot be applied. */
  strikes({ origin, incarnation, seq, position }: Delivery): boolean {
    if (this.#message !== undefined) return position === this.#message.position;
    if (this.#wellLeft > 0) {
      this.#wellLeft -= 1;
      return false;
    }
    this.#message = { dot: { origin, incarnation, seq }, position };
    this.#options.onStruck();
    return true;
  }

  /** `act` is called when the cure has come, which may be now. */
  await(act: () => void): void {
    if (this.#isDue) act();
    else this.#waiting = act;
  }

  /** The cure has come, to a message that has struck. */
  handleCure(): void {
    this.#isDue = true;
    const act = this.#waiting;
    this.#waiting = undefined;
    act?.();
  }

  /** The life of the node has ended, and what waited in it. */
  handleEnd(): void {
    this.#waiting = undefined;
  }

  noteSkipAsked(): void {
    this.#isSkipAsked = true;
  }

  /** The message, if it must have been skipped, now that the node goes on behind `position`. */
  skippedBehind(position: number): { readonly dot: Dot; readonly position: number } | undefined {
    return this.#isSkipAsked && this.#message !== undefined && this.#message.position <= position
      ? this.#message
      : undefined;
  }
}
