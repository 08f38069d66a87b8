/**
 * Who has forgotten what it had delivered, or is new, broadcasts only behind what others have: else its first messages could be
 * concurrent with what all members count as stable.
 *
 * - A member that begins a new incarnation has to apply what one other member held when it welcomed it. Which one makes no difference,
 *   for what is stable has been applied by all of them; but one that was removed, and is only found out to be, does not count.
 * - So has a node that has broadcast nothing yet and is told by a peer that it had acknowledged what it does not hold.
 * - A member that joins has to apply what the one that added it had delivered.
 * Once the first message is durable, all later ones follow it.
 */
import type { LogPosition } from '../message/frame.js';
import type { NodeName } from '../names.js';

export interface CatchUpReasons {
  readonly isNewIncarnation: boolean;
  readonly isJoining: boolean;
}

export class CatchUp {
  readonly #reasons: CatchUpReasons;
  readonly #isUnused: () => boolean;
  #isDone: boolean;
  /** It is not asked any more whether we have forgotten something. */
  #isSettled = false;
  #mustFollow: boolean;
  /** What each of the others held when it welcomed us first. */
  readonly #welcomes = new Map<NodeName, readonly LogPosition[]>();
  /** What the one that added us had delivered. */
  #start: readonly LogPosition[] | undefined;

  /** `isUnused`: true while nothing was broadcast in this incarnation. */
  constructor(reasons: CatchUpReasons, isUnused: () => boolean) {
    this.#reasons = reasons;
    this.#isUnused = isUnused;
    this.#mustFollow = reasons.isNewIncarnation;
    this.#isDone = !reasons.isNewIncarnation && !reasons.isJoining;
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  /** True when nothing that peers say can keep us from broadcasting any more. */
  get isSettled(): boolean {
    return this.#isSettled || (this.#isDone && !this.#isUnused());
  }

  /** A peer has let us in, and held this when it welcomed us. `hasForgotten`: we hold less than we had acknowledged to it. */
  handleWelcome(peer: NodeName, held: readonly LogPosition[], hasForgotten: boolean): void {
    if (this.#isDone && !this.isSettled && hasForgotten) {
      this.#isDone = false;
      this.#mustFollow = true;
    }
    if (!this.#isDone && !this.#welcomes.has(peer)) this.#welcomes.set(peer, held);
  }

  /** We have been added, by somebody who had delivered this. */
  handleAdded(start: readonly LogPosition[]): void {
    this.#start ??= start;
  }

  /** Why nothing may be broadcast yet. */
  get explanation(): string {
    const who = this.#reasons.isJoining ? 'the member that added it had delivered' : 'another member holds';
    return `this node begins anew and must first have applied what ${who}`;
  }

  /** Looks whether enough has been applied. */
  check(appliedSeq: (position: LogPosition) => number, isMember: (name: NodeName) => boolean): void {
    if (this.#isDone) return;
    const { isJoining } = this.#reasons;
    const hasApplied = (positions: readonly LogPosition[]): boolean =>
      positions.every((position) => appliedSeq(position) >= position.seq);
    if (isJoining && (this.#start === undefined || !hasApplied(this.#start))) return;
    const isBehind = [...this.#welcomes].some(([peer, held]) => isMember(peer) && hasApplied(held));
    this.#isDone = !this.#mustFollow || isBehind;
    this.#isSettled = this.#isDone;
  }
}
