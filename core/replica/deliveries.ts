/**
 * What the application is given, in which order, how far it has come, and what its next broadcast therefore depends on.
 *
 * Invariants:
 * - Messages are offered in the order of the journal, so the n-th delivery is the same after every restart: its position.
 * - taken ≥ applied ≥ marked: handed to the application, confirmed by it, entered in the journal. An application that
 *   stores its position itself needs no marks.
 * - The past of a broadcast is what was taken before it. After a restart it is all that may have been taken before.
 */
import { AntecedentError, RemoteProtocolError, assert } from '../errors.js';
import { HoldBackQueue } from '../causal/hold-back-queue.js';
import type { Delivery } from '../delivery.js';
import type { Message } from '../message/batch.js';
import type { OriginTable } from './origin-table.js';
import { ReplicaDelivery } from './replica-delivery.js';

export class Deliveries {
  readonly #origins: OriginTable;
  /** Last position that the application has stored; undefined: the journal keeps the mark. */
  readonly #storedPosition: number | undefined;
  readonly #holdBack = new HoldBackQueue();
  #taken = 0;
  #applied = 0;
  #marked = 0;

  /** Seq of the last message of each origin that a broadcast made now depends on, by origin index. */
  readonly #past: number[] = [];
  /** Entries of the past that no message of ours has named yet. Kept from `start` on. */
  readonly #news = new Map<number, number>();
  #isNews: (origin: number, seq: number) => boolean = () => false;

  constructor(origins: OriginTable, storedPosition: number | undefined) {
    this.#origins = origins;
    this.#storedPosition = storedPosition;
  }

  // --- Restoring -----------------------------------------------------------------------------------------------------

  /** A mark counts only while the journal keeps it; an application that stores its position knows better. */
  restoreMark(position: number): void {
    if (this.#storedPosition !== undefined) return;
    this.#skipTo(position);
    if (this.#taken < position) {
      throw new RemoteProtocolError(
        'E_BATCH',
        `position ${position} was applied, but only ${this.#taken} were deliverable`,
      );
    }
  }

  /** Drops what the application has stored: it need not wait in memory for the end of the journal. */
  restoreStored(): void {
    if (this.#storedPosition !== undefined) this.#skipTo(this.#storedPosition);
  }

  /** True when everything that the application has stored was restored: what comes now it has still to be given. */
  get isBehindStored(): boolean {
    return this.#storedPosition === this.#taken;
  }

  /**
   * The journal is read. `isNews` tells whether our log has not named a seq of an origin yet. Throws `E_POSITION` when
   * the application is ahead of the journal.
   */
  start(isNews: (origin: number, seq: number) => boolean): void {
    const stored = this.#storedPosition;
    if (stored !== undefined && stored !== this.#taken) {
      const message = `the application has stored position ${stored}, the journal ends with ${this.#taken}: they do not belong together`;
      throw new AntecedentError('E_POSITION', message);
    }
    this.#applied = this.#taken;
    this.#marked = this.#taken;
    this.#isNews = isNews;
    for (let origin = 0; origin < this.#origins.size; origin++) {
      // Without a stored position the application may have seen everything that was deliverable before the end, so what
      // it broadcasts from now on is ordered behind all of it.
      this.#addToPast(origin, stored === undefined ? this.#holdBack.releasedSeq(origin) : (this.#past[origin] ?? 0));
    }
  }

  /** Everything up to `position` has been applied in an earlier life. */
  #skipTo(position: number): void {
    while (this.#taken < position) {
      const message = this.#holdBack.takeReleased();
      if (message === undefined) return;
      this.#taken++;
      this.#past[message.origin] = message.seq;
    }
  }

  // --- Messages --------------------------------------------------------------------------------------------------------

  /** A message is synced: it is delivered once everything it depends on has been. */
  offer(message: Message): void {
    this.#holdBack.offer(message);
  }

  /** The next message to hand to the application. From now on broadcasts depend on it. */
  take(): Delivery | undefined {
    const message = this.#holdBack.takeReleased();
    if (message === undefined) return undefined;
    this.#taken++;
    this.#addToPast(message.origin, message.seq);
    return new ReplicaDelivery(message, this.#taken, this.#origins.at);
  }

  /** Memory of what waits for the application. */
  get undeliveredBytes(): number {
    return this.#holdBack.releasedBytes;
  }

  /** Memory of the messages of `origin` that wait for a cause. */
  heldBytes(origin: number): number {
    return this.#holdBack.heldBytes(origin);
  }

  // --- Positions -------------------------------------------------------------------------------------------------------

  /** Position of the last delivery taken. */
  get position(): number {
    return this.#taken;
  }

  /** Confirms the delivery at `position` and all before it. */
  handleApplied(position: number): void {
    assert(position <= this.#taken, `position ${position} applied, ${this.#taken} delivered`);
    this.#applied = position;
  }

  /** The position to enter in the journal, if there is a newer one than it holds. */
  get unmarked(): number | undefined {
    return this.#storedPosition === undefined && this.#applied > this.#marked ? this.#applied : undefined;
  }

  handleMarked(position: number): void {
    this.#marked = position;
  }

  // --- The past of the next broadcast ------------------------------------------------------------------------------------

  /** What the next broadcast depends on and our log has not named yet: seqs by origin. Valid until the next `take`. */
  get news(): ReadonlyMap<number, number> {
    return this.#news;
  }

  /** A broadcast has named the news. */
  clearNews(): void {
    this.#news.clear();
  }

  #addToPast(origin: number, seq: number): void {
    // What is delivered again after a restart lies behind the past already.
    const past = Math.max(this.#past[origin] ?? 0, seq);
    this.#past[origin] = past;
    if (this.#isNews(origin, past)) this.#news.set(origin, past);
  }
}
