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
import { HoldBackQueue, isBare, type HeldLog, type Missing } from '../causal/hold-back-queue.js';
import type { Delivery } from '../delivery.js';
import { Fifo } from '../fifo.js';
import { emptyLogState, type LogState, type Message } from '../message/batch.js';
import type { OriginTable } from './origin-table.js';
import { ReplicaDelivery } from './replica-delivery.js';

/** A message in the application's hands. */
interface Taken {
  readonly position: number;
  readonly origin: number;
  readonly seq: number;
  readonly end: LogState | undefined;
}

/** The state of another member's application, handed over like a message. */
export interface SnapshotDelivery {
  readonly position: number;
  readonly state: Uint8Array;
}

/** A snapshot that the application has still to take. */
interface Installed extends SnapshotDelivery {
  /** Last seq of each log in it. */
  readonly logs: readonly { readonly origin: number; readonly releasedSeq: number; readonly state: LogState }[];
}

export class Deliveries {
  readonly #origins: OriginTable;
  /** Last position that the application has stored; undefined: the journal keeps the mark. */
  readonly #storedPosition: number | undefined;
  readonly #onApplied: (origin: number) => void;
  readonly #holdBack = new HoldBackQueue();
  #taken = 0;
  #applied = 0;
  #marked = 0;

  /** Positions still to come that are passed over. */
  readonly #skipped = new Set<number>();
  /** Messages taken and not yet applied, in order. */
  readonly #unapplied = new Fifo<Taken>();
  /** Seq of the last applied message of each origin, by origin index. */
  readonly #appliedSeqs: number[] = [];
  /** Messages applied whose mark is not durable, in order. */
  readonly #unmarked = new Fifo<Taken>();
  /** Seq of the last message of each origin that will never be handed over again, by origin index. */
  readonly #settledSeqs: number[] = [];

  /** Seq of the last message of each origin that a broadcast made now depends on, by origin index. */
  readonly #past: number[] = [];
  /** Comes before every message. */
  #installed: Installed | undefined;
  /** Of the snapshot that would be handed over again after a crash. */
  #snapshotPosition: number | undefined;
  /** The application knows less than the journal begins with: it can be given nothing but a snapshot. */
  #isBehindJournal = false;
  /** Up to here an application that stores no position may have come in an earlier life, and its state with it. */
  #reachedBefore = 0;
  /** Where each log can be begun by somebody who has applied what we have, by origin index. */
  readonly #ends: (LogState | undefined)[] = [];

  /** Entries of the past that no message of ours has named yet. Kept from `start` on. */
  readonly #news = new Map<number, number>();
  #isNews: (origin: number, seq: number) => boolean = () => false;

  /** `onApplied` is called with the origin of every message that the application has applied. */
  constructor(origins: OriginTable, storedPosition: number | undefined, onApplied: (origin: number) => void) {
    this.#origins = origins;
    this.#storedPosition = storedPosition;
    this.#onApplied = onApplied;
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

  /**
   * Begins behind `position`, where everything had been applied that was released by then, and what was held back there has been since: of
   * that only the names are known. An application that has stored nothing needs a snapshot. Throws `E_POSITION` for one that has stored
   * something, but less, and when there are no snapshots.
   */
  restoreCheckpoint(
    position: number,
    skipped: readonly number[],
    logs: readonly HeldLog[],
    hasSnapshots: boolean,
  ): void {
    const stored = this.#storedPosition;
    const hasApplied = position > 0 || logs.some(({ held }) => held.length > 0);
    this.#isBehindJournal = stored === 0 && hasSnapshots && hasApplied;
    if (!this.#isBehindJournal && (stored === 0 ? hasApplied : (stored ?? position) < position)) {
      throw tooFarBack(stored ?? 0);
    }
    this.#taken = position;
    this.#holdBack.restore(logs);
    for (const { origin, releasedSeq, held, state } of logs) {
      this.#restoreApplied(origin, releasedSeq, held.length === 0 ? state : undefined);
    }
    for (const next of skipped) this.noteSkipped(next);
  }

  /** Drops what the application has stored: it need not wait in memory for the end of the journal. */
  restoreStored(): void {
    if (this.#storedPosition !== undefined) this.#skipTo(this.#storedPosition);
  }

  /** True when everything that the application has stored was restored: what comes now it has still to be given. */
  get isBehindStored(): boolean {
    return this.#storedPosition === this.#taken && !this.#isBehindJournal;
  }

  /** The journal is read. Throws `E_POSITION` when the application is ahead of it. */
  start(): void {
    const stored = this.#storedPosition;
    if (stored !== undefined && stored !== this.#taken && !this.#isWaitingForSnapshot(stored)) {
      const message = `the application has stored position ${stored}, the journal ends with ${this.#taken}: they do not belong together`;
      throw new AntecedentError('E_POSITION', message);
    }
    if (stored !== undefined && !this.#isWaitingForSnapshot(stored) && this.#holdBack.hasBare) {
      throw tooFarBack(stored);
    }
    this.#applied = this.#taken;
    this.#marked = this.#taken;
    if (stored === undefined) this.#reachedBefore = this.releasedPosition;
    for (let origin = 0; origin < this.#origins.size; origin++) {
      // Without a stored position the application may have seen everything that was deliverable before the end, so what
      // it broadcasts from now on is ordered behind all of it.
      if (stored === undefined) this.#past[origin] = this.#holdBack.releasedSeq(origin);
    }
  }

  #isWaitingForSnapshot(stored: number): boolean {
    return this.#isBehindJournal || (this.#installed !== undefined && stored < this.#installed.position);
  }

  /** Broadcasts go to another log from now on. `isNews` tells whether it has not named a seq of an origin yet. */
  beginLog(isNews: (origin: number, seq: number) => boolean): void {
    this.#isNews = isNews;
    this.#news.clear();
    for (let origin = 0; origin < this.#past.length; origin++) this.#addToPast(origin, this.pastSeq(origin));
  }

  /** Everything up to `position` has been applied in an earlier life. */
  #skipTo(position: number): void {
    while (this.#taken < position) {
      const installed = this.#installed;
      if (installed !== undefined) {
        this.#installed = undefined;
        this.#snapshotPosition = undefined;
        this.#taken = installed.position;
        for (const { origin, releasedSeq, state } of installed.logs) this.#restoreApplied(origin, releasedSeq, state);
        continue;
      }
      const message = this.#holdBack.takeReleased();
      if (message === undefined) return;
      this.#taken++;
      this.#restoreApplied(message.origin, message.seq, message.end);
      this.#skipped.delete(this.#taken);
    }
  }

  /** A message has been applied in an earlier life. */
  #restoreApplied(origin: number, seq: number, end: LogState | undefined): void {
    for (const seqs of [this.#past, this.#appliedSeqs, this.#settledSeqs]) seqs[origin] = seq;
    if (end !== undefined) this.#ends[origin] = end;
  }

  // --- Snapshots -------------------------------------------------------------------------------------------------------

  /** True for an application that knows less than the journal begins with. */
  get isBehindJournal(): boolean {
    return this.#isBehindJournal;
  }

  /** True while a snapshot waits for the application, or would be handed to it again after a crash. */
  get hasSnapshot(): boolean {
    return this.#snapshotPosition !== undefined;
  }

  /**
   * A snapshot is durable, of a state that contains all that was released here: the application is handed it at its position, which
   * counts what is in it, and goes on from there.
   */
  install(installed: Installed): void {
    this.#taken = installed.position - 1;
    this.#holdBack.advance(installed.logs);
    this.#installed = installed;
    this.#snapshotPosition = installed.position;
    this.#isBehindJournal = false;
  }

  /** Memory of the snapshot that waits for the application. */
  get installedBytes(): number {
    return this.#installed?.state.length ?? 0;
  }

  /** The snapshot to hand to the application now. */
  takeSnapshot(): SnapshotDelivery | undefined {
    const installed = this.#installed;
    if (installed === undefined) return undefined;
    this.#installed = undefined;
    const { position } = installed;
    this.#taken = position;
    for (const { origin, releasedSeq: seq, state } of installed.logs) {
      this.#addToPast(origin, seq);
      this.#unapplied.push({ position, origin, seq, end: state });
    }
    return installed;
  }

  /**
   * True when the application's state is that of the last delivery which it has confirmed. After a crash, one that stores no position is
   * given again what it may have had already.
   */
  get isStateKnown(): boolean {
    return this.#applied >= this.#reachedBefore;
  }

  /** Where somebody can begin who has applied what we have. Valid while nothing is in the application's hands. */
  get applied(): readonly Omit<HeldLog, 'held'>[] {
    // Within the first batch of a log nobody can begin but in front of it.
    return this.#appliedSeqs.flatMap((releasedSeq, origin) => {
      return releasedSeq === 0 ? [] : { origin, releasedSeq, state: this.#ends[origin] ?? emptyLogState };
    });
  }

  // --- Messages --------------------------------------------------------------------------------------------------------

  /** A message is synced: it is delivered once everything it depends on has been. */
  offer(message: Message): void {
    this.#holdBack.offer(message);
  }

  /**
   * The next message to hand to the application. From now on broadcasts depend on it. What was given up is passed over, and applied
   * with what was handed over before it. So is what was applied in an earlier life, when the mark that said so is gone with the end of the
   * journal.
   */
  take(): Delivery | undefined {
    while (this.#installed === undefined && !this.#isBehindJournal) {
      const message = this.#holdBack.takeReleased();
      if (message === undefined) return undefined;
      this.#taken++;
      this.#addToPast(message.origin, message.seq);
      const { origin, seq, end } = message;
      this.#unapplied.push({ position: this.#taken, origin, seq, end });
      const wasApplied = isBare(message);
      assert(
        !wasApplied || this.#storedPosition === undefined,
        `position ${this.#taken} is handed over, which was given up`,
      );
      if (!this.#skipped.delete(this.#taken) && !wasApplied) {
        return new ReplicaDelivery(message, this.#taken, this.#origins.at);
      }
      if (this.#applied === this.#taken - 1) this.handleApplied(this.#taken);
    }
    return undefined;
  }

  /** An operator has given up the delivery at `position`: it is not handed over any more. */
  noteSkipped(position: number): void {
    if (position > this.#taken) this.#skipped.add(position);
  }

  /** Memory of what waits for the application. */
  get undeliveredBytes(): number {
    return this.#holdBack.releasedBytes;
  }

  /** Memory of the messages of `origin` that wait for a cause. */
  heldBytes(origin: number): number {
    return this.#holdBack.heldBytes(origin);
  }

  /** Number of messages that wait for a cause. */
  get heldCount(): number {
    return this.#holdBack.heldCount;
  }

  /** What the next message of `origin` waits for; undefined when it has none, or it waits for nothing. */
  missingFor(origin: number): Missing | undefined {
    return this.#holdBack.missingFor(origin);
  }

  /** Seq of the last message of `origin` that a broadcast made now depends on. */
  pastSeq(origin: number): number {
    return this.#past[origin] ?? 0;
  }

  /** Seq of the last message of `origin` that the application has applied. */
  appliedSeq(origin: number): number {
    return this.#appliedSeqs[origin] ?? 0;
  }

  // --- Positions -------------------------------------------------------------------------------------------------------

  /** Number of messages that were released, in every life. */
  get releasedPosition(): number {
    return this.#taken + this.#holdBack.releasedCount;
  }

  /** Positions still to come that are passed over. */
  get skipped(): readonly number[] {
    return [...this.#skipped].toSorted((a, b) => a - b);
  }

  /** What was released of a log, and what waits. */
  heldLog(origin: number): Pick<HeldLog, 'releasedSeq' | 'held'> {
    return this.#holdBack.heldLog(origin);
  }

  /** Origins whose messages wait, in the order in which they are to be restored. */
  get filingOrder(): readonly number[] {
    return this.#holdBack.filingOrder;
  }

  /** Position of the last delivery taken. */
  get position(): number {
    return this.#taken;
  }

  /** Position of the last delivery that was confirmed. */
  get appliedPosition(): number {
    return this.#applied;
  }

  /** Confirms the delivery at `position` and all before it. */
  handleApplied(position: number): void {
    assert(position <= this.#taken, `position ${position} applied, ${this.#taken} delivered`);
    this.#applied = position;
    if (this.#storedPosition !== undefined) this.#settleSnapshot(position);
    for (let next = this.#unapplied.first(); next !== undefined; next = this.#unapplied.first()) {
      if (next.position > position) return;
      this.#unapplied.shift();
      this.#appliedSeqs[next.origin] = Math.max(this.appliedSeq(next.origin), next.seq);
      if (next.end !== undefined) this.#ends[next.origin] = next.end;
      if (this.#storedPosition === undefined) this.#unmarked.push(next);
      else this.#settledSeqs[next.origin] = next.seq;
      this.#onApplied(next.origin);
    }
  }

  /** The position to enter in the journal, if there is a newer one than it holds. */
  get unmarked(): number | undefined {
    return this.#storedPosition === undefined && this.#applied > this.#marked ? this.#applied : undefined;
  }

  handleMarked(position: number): void {
    this.#marked = position;
    this.#settleSnapshot(position);
    for (let next = this.#unmarked.first(); next !== undefined; next = this.#unmarked.first()) {
      if (next.position > position) return;
      this.#unmarked.shift();
      this.#settledSeqs[next.origin] = next.seq;
    }
  }

  #settleSnapshot(position: number): void {
    if (this.#snapshotPosition !== undefined && this.#snapshotPosition <= position) this.#snapshotPosition = undefined;
  }

  /** Seq of the last message of `origin` that will never be handed over again, not even after a crash. */
  settledSeq(origin: number): number {
    return this.#settledSeqs[origin] ?? 0;
  }

  // --- The past of the next broadcast ------------------------------------------------------------------------------------

  /** What the next broadcast depends on and our log has not named yet: seqs by origin. Valid until the next `take`. */
  get news(): ReadonlyMap<number, number> {
    return this.#news;
  }

  /** A broadcast has named the news. */
  clearNews(): void {
    // With every broadcast, and there is rarely any: clearing an empty map costs more than asking.
    if (this.#news.size > 0) this.#news.clear();
  }

  #addToPast(origin: number, seq: number): void {
    // What is delivered again after a restart lies behind the past already.
    const past = Math.max(this.#past[origin] ?? 0, seq);
    this.#past[origin] = past;
    if (this.#isNews(origin, past)) this.#news.set(origin, past);
  }
}

function tooFarBack(stored: number): AntecedentError {
  const message = `the application has stored position ${stored}, and some of what followed that is not in the journal any more: it had been applied. Let the application begin anew, at position 0, with the hooks for snapshots`;
  return new AntecedentError('E_POSITION', message);
}
