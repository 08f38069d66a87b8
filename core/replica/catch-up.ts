/**
 * Who has forgotten what it had delivered, or is new, broadcasts only behind what others have: else its first messages could be
 * concurrent with what all members count as stable.
 *
 * - A member that begins a new incarnation has to deliver what one other member held when it welcomed it.
 * - A member that joins has to deliver what the one that added it had delivered.
 * Which one makes no difference: what is stable has been applied by all of them. Once the first message is durable, all later
 * ones follow it.
 */
import type { LogPosition } from '../message/frame.js';

/** Who says what has to be delivered first. */
export type CatchUpReason = 'none' | 'new-incarnation' | 'joining';

type State =
  | { readonly type: 'done' }
  /** Nobody has said yet what has to be delivered first. */
  | { readonly type: 'unknown' }
  | { readonly type: 'known'; readonly start: readonly LogPosition[] };

export class CatchUp {
  readonly #reason: CatchUpReason;
  #state: State;

  constructor(reason: CatchUpReason) {
    this.#reason = reason;
    this.#state = { type: reason === 'none' ? 'done' : 'unknown' };
  }

  get isDone(): boolean {
    return this.#state.type === 'done';
  }

  /** A member welcomes us, and holds this. */
  handleWelcome(held: readonly LogPosition[]): void {
    if (this.#reason === 'new-incarnation') this.#begin(held);
  }

  /** We have been added, by somebody who had delivered this. */
  handleAdded(start: readonly LogPosition[]): void {
    if (this.#reason === 'joining') this.#begin(start);
  }

  /** Why nothing may be broadcast yet. */
  get explanation(): string {
    const who = this.#reason === 'joining' ? 'the member that added it had delivered' : 'another member holds';
    return `this node begins anew and must first have delivered what ${who}`;
  }

  /** Only the first one counts. */
  #begin(start: readonly LogPosition[]): void {
    if (this.#state.type === 'unknown') this.#state = { type: 'known', start };
  }

  /** Looks whether enough has been applied. */
  check(appliedSeq: (position: LogPosition) => number): void {
    if (this.#state.type !== 'known') return;
    if (this.#state.start.every((position) => appliedSeq(position) >= position.seq)) this.#state = { type: 'done' };
  }
}
