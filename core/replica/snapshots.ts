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

export class Snapshots {
  readonly #knowledge: Knowledge;
  readonly #digests: Digests;

  constructor(knowledge: Knowledge, digests: Digests) {
    this.#knowledge = knowledge;
    this.#digests = digests;
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
   * A piece is durable. When it was the last one, returns the record to be journalled, if the snapshot holds all that our application
   * may have been given.
   */
  handlePieceDurable({ receiver }: Running, nowMs: number): PendingRecord | undefined {
    const { pieces } = this.#knowledge;
    if (!receiver.handlePieceDurable(nowMs)) return undefined;
    const whole = pieces.join(this.#digests);
    if (whole === undefined || !this.#isUsable(whole)) {
      receiver.handleDone(false);
      return undefined;
    }
    receiver.handleComplete();
    return { type: 'snapshot', id: pieces.id };
  }

  /** The record is durable. */
  handleDurable({ receiver, exchange }: Running, replay: Replay | undefined, nowMs: number): void {
    const whole = this.#knowledge.pieces.join(this.#digests);
    assert(whole !== undefined, 'the pieces of a snapshot stay until it is installed');
    this.#install(whole, replay);
    receiver.handleDone(true);
    exchange.handleInstalled(nowMs);
  }

  #isUsable(whole: Uint8Array): boolean {
    const { deliveries, origins } = this.#knowledge;
    try {
      const { logs } = this.#decode(whole);
      const seqs = new Map(logs.map(({ origin, releasedSeq }) => [origin, releasedSeq]));
      const all = Array.from({ length: origins.size }, (_, origin) => origin);
      return all.every((origin) => deliveries.heldLog(origin).releasedSeq <= (seqs.get(origin) ?? 0));
    } catch (error) {
      // Such as a member of which we have not heard yet.
      if (error instanceof RemoteProtocolError) return false;
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
    assert(deliveries.position === deliveries.appliedPosition, 'a snapshot is made between two deliveries');
    const all = Array.from({ length: origins.size }, (_, origin) => origins.at(origin));
    const logs = deliveries.applied.map((log) => ({ ...log, held: [] }));
    const { position } = deliveries;
    const checkpoint = encodeCheckpoint({ position, skipped: [], members: membership.changes, logs }, all);
    const seqs = new Map(logs.map(({ origin, releasedSeq }) => [origin, releasedSeq]));
    const made = state === undefined ? undefined : { checkpoint, state };
    donor.handleMade(made, (origin) => seqs.get(origin) ?? 0, nowMs);
  }
}
