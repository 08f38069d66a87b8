/** Makes snapshots of what we have applied, and goes on from those of others. */
import { RemoteProtocolError, assert } from '../errors.js';
import type { HeldLog } from '../causal/hold-back-queue.js';
import { equalBytes } from '../message/batch.js';
import type { Digests } from '../ports.js';
import { decodeCheckpoint, encodeCheckpoint } from './checkpoint.js';
import type { SnapshotDelivery } from './deliveries.js';
import type { Knowledge } from './knowledge.js';
import type { PendingRecord } from './pending-record.js';
import type { Replay } from './replay.js';
import type { Running } from './running.js';
import { readPiece, splitSnapshot } from './snapshot.js';

/** Why nothing is broadcast meanwhile. */
export const snapshotAwaited = 'this node is being given a snapshot of what it has missed';

export class Snapshots {
  readonly #knowledge: Knowledge;
  readonly #digests: Digests;

  constructor(knowledge: Knowledge, digests: Digests) {
    this.#knowledge = knowledge;
    this.#digests = digests;
  }

  /** True while the application has still to take the state of another member, or is about to be given it. */
  isAwaited({ isReceiving }: Running['receiver']): boolean {
    const { hasSnapshot, isBehindJournal } = this.#knowledge.deliveries;
    return isReceiving || hasSnapshot || isBehindJournal;
  }

  /** True when the state of our application is that of what it has confirmed, so that others may go on from it. */
  get canBeGiven(): boolean {
    const { hasSnapshot, isBehindJournal, isStateKnown } = this.#knowledge.deliveries;
    // One that waits for a snapshot itself does not hold what the journal says it has applied.
    return !hasSnapshot && !isBehindJournal && isStateKnown;
  }

  // --- Restoring -----------------------------------------------------------------------------------------------------

  restorePiece(body: Uint8Array): void {
    const { pieces } = this.#knowledge;
    const piece = readPiece(body);
    if (pieces.fits(piece)) pieces.add(piece);
  }

  /** Throws `RemoteProtocolError` when its pieces are not what stands in front of it. */
  restoreSnapshot(body: Uint8Array, replay: Replay | undefined): void {
    const { pieces } = this.#knowledge;
    const whole = equalBytes(pieces.id, body) ? pieces.join(this.#digests) : undefined;
    if (whole === undefined) {
      throw new RemoteProtocolError('E_BATCH', 'a snapshot is installed whose pieces are not here');
    }
    this.#install(whole, replay);
  }

  // --- Receiving -----------------------------------------------------------------------------------------------------

  /**
   * A piece is durable, and everything that was journalled with it. When it was the last one, returns the record to be journalled, if the
   * snapshot can be used.
   */
  handlePieceDurable(running: Running, replay: Replay | undefined, nowMs: number): PendingRecord | undefined {
    return running.receiver.handlePieceDurable(nowMs) ? this.maybeComplete(running, replay) : undefined;
  }

  /** All pieces may be there, also from an earlier life: returns the record to be journalled. */
  maybeComplete({ receiver }: Running, replay: Replay | undefined): PendingRecord | undefined {
    const { deliveries, pieces } = this.#knowledge;
    if (!pieces.isComplete || !receiver.isNeeded) return undefined;
    const whole = pieces.join(this.#digests);
    const position = whole === undefined ? undefined : this.#positionIfUsable(whole, replay);
    if (position === undefined) {
      receiver.handleDone(true);
      return undefined;
    }
    // What it was needed for may have come another way, and then some of it may be in the application's hands.
    if (position <= deliveries.releasedPosition && !deliveries.isBehindJournal) {
      receiver.handleDone(false);
      return undefined;
    }
    receiver.handleComplete();
    return { type: 'snapshot', id: pieces.id };
  }

  /** The record is durable. */
  handleDurable({ receiver, exchange, pluto }: Running, replay: Replay | undefined, nowMs: number): void {
    const whole = this.#knowledge.pieces.join(this.#digests);
    assert(whole !== undefined, 'the pieces of a snapshot stay until it is installed');
    this.#install(whole, replay);
    receiver.handleDone(false);
    exchange.handleInstalled(nowMs);
    pluto.handleInstalled();
  }

  /**
   * Its position, if it holds all that our application may have been given: everything that was released. During a replay that is not
   * known, and it must hold all that lies in the journal: else a restart would count what lies in front of it otherwise.
   */
  #positionIfUsable(whole: Uint8Array, replay: Replay | undefined): number | undefined {
    const { deliveries, logs: ours, origins } = this.#knowledge;
    try {
      const { logs, position } = this.#decode(whole);
      const seqs = new Map(logs.map(({ origin, releasedSeq }) => [origin, releasedSeq]));
      for (let origin = 0; origin < origins.size; origin++) {
        const seq = replay === undefined ? deliveries.heldLog(origin).releasedSeq : ours.durableSeq(origin);
        if (seq > (seqs.get(origin) ?? 0)) return undefined;
      }
      return position;
    } catch (error) {
      // Such as a member of which we have not heard yet.
      if (error instanceof RemoteProtocolError) return undefined;
      throw error;
    }
  }

  #install(whole: Uint8Array, replay: Replay | undefined): void {
    const { deliveries, logs, pieces } = this.#knowledge;
    const snapshot = this.#decode(whole);
    for (const { origin, state } of snapshot.logs) {
      if (state.nextSeq <= logs.receivedState(origin).nextSeq) continue;
      logs.startAt(origin, state);
      replay?.jump(origin, state);
    }
    deliveries.install(snapshot);
    pieces.clear();
  }

  #decode(whole: Uint8Array): SnapshotDelivery & { readonly logs: readonly HeldLog[] } {
    const { checkpoint, state } = splitSnapshot(whole);
    // Who is a member it tells too, but that is learnt from the members themselves, and durably.
    const { position, logs } = decodeCheckpoint(checkpoint, () => undefined, this.#knowledge.origins.resolve);
    return { position, logs, state };
  }

  // --- Giving --------------------------------------------------------------------------------------------------------

  /** The state of our application, made while nothing was in its hands; undefined when it gives none. */
  provide(state: Uint8Array | undefined, { donor }: Running, nowMs: number): void {
    const { deliveries, membership, origins } = this.#knowledge;
    // While it was at work we have been given another state ourselves: it is asked again when it has taken that.
    if (deliveries.hasSnapshot) return;
    assert(deliveries.position === deliveries.appliedPosition, 'a snapshot is made between two deliveries');
    const all = Array.from({ length: origins.size }, (_, origin) => origins.at(origin));
    const logs = deliveries.applied.map((log) => ({ ...log, held: [] }));
    const { position } = deliveries;
    const checkpoint = encodeCheckpoint({ position, skipped: [], members: membership.changes, logs, begun: [] }, all);
    const seqs = new Map(logs.map(({ origin, releasedSeq }) => [origin, releasedSeq]));
    const made = state === undefined ? undefined : { checkpoint, state };
    donor.handleMade(made, (origin) => seqs.get(origin) ?? 0, nowMs);
  }
}
