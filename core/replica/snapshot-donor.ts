/**
 * Gives peers a snapshot of our application: one at a time, made when somebody asks, kept while it is asked for.
 *
 * The peer pulls piece by piece, so that a transfer takes no more than it can journal, and may go on over another link. Whoever
 * holds messages that the snapshot does not know cannot use it: then a newer one is made.
 */
import type { Digests } from '../ports.js';
import { equalBytes } from '../message/batch.js';
import type { SnapshotWantFrame } from '../message/frame.js';
import type { Outbox } from './outbox.js';
import type { Session } from './session.js';
import { anySnapshot, joinSnapshot, pieceBytes, type Snapshot } from './snapshot.js';

/** How long a snapshot is kept after it was last asked for, in milliseconds. */
const keepMs = 60_000;

interface Made extends Snapshot {
  /** Last seq of each log in it. */
  readonly seqs: (origin: number) => number;
  askedAtMs: number;
}

export interface SnapshotDonorOptions {
  readonly digests: Digests;
  readonly outbox: Outbox;
  /** Last seq of a log that our application has applied. */
  readonly appliedSeq: (origin: number) => number;
}

export class SnapshotDonor {
  readonly #options: SnapshotDonorOptions;
  #made: Made | undefined;
  readonly #waiting = new Set<Session>();

  constructor(options: SnapshotDonorOptions) {
    this.#options = options;
  }

  /** True when the application is to be asked for its state. */
  get isWanted(): boolean {
    return this.#waiting.size > 0;
  }

  /** Of the snapshot that is kept for others. */
  get keptBytes(): number {
    return this.#made?.bytes.length ?? 0;
  }

  handleWant(session: Session, { id, offset }: SnapshotWantFrame, nowMs: number): void {
    this.handleTimeout(nowMs);
    const made = this.#made;
    if (made !== undefined && covers(session, made.seqs) && (equalBytes(id, made.id) || equalBytes(id, anySnapshot))) {
      made.askedAtMs = nowMs;
      this.#send(session, made, equalBytes(id, made.id) ? offset : 0);
      return;
    }
    // We lack what it holds: it will ask again, or somebody else.
    if (covers(session, this.#options.appliedSeq)) this.#waiting.add(session);
  }

  /** Its link has ended: it asks again over the next one. */
  handleDown(session: Session): void {
    this.#waiting.delete(session);
  }

  /**
   * The state of the application, and the checkpoint that goes with it; undefined when the application gives none. `seqs` says what is
   * in it.
   */
  handleMade(
    made: { readonly checkpoint: Uint8Array; readonly state: Uint8Array } | undefined,
    seqs: (origin: number) => number,
    nowMs: number,
  ): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    if (made === undefined) {
      for (const session of waiting) this.#refuse(session);
      return;
    }
    const snapshot = joinSnapshot(made.checkpoint, made.state, this.#options.digests);
    this.#made = { ...snapshot, seqs, askedAtMs: nowMs };
    // Also to who holds more by now, as long as that waits for something: in a busy cluster nobody could be given any otherwise.
    for (const session of waiting) this.#send(session, this.#made, 0);
  }

  /** Forgets what was not asked for in a long time: it is as large as the state of the application. */
  handleTimeout(nowMs: number): void {
    if (this.#made !== undefined && nowMs - this.#made.askedAtMs > keepMs) this.#made = undefined;
  }

  #send(session: Session, { id, bytes }: Snapshot, offset: number): void {
    const piece = bytes.subarray(offset, offset + pieceBytes);
    this.#options.outbox.sendFrame(session.link, {
      type: 'snapshot',
      ...{ id, totalBytes: bytes.length, offset, bytes: piece },
    });
  }

  #refuse(session: Session): void {
    this.#options.outbox.sendFrame(session.link, {
      type: 'snapshot',
      ...{ id: anySnapshot, totalBytes: 0, offset: 0, bytes: new Uint8Array(0) },
    });
  }
}

/** True when the peer holds nothing that is not in these seqs. */
function covers({ held }: Session, seqs: (origin: number) => number): boolean {
  for (const [origin, seq] of held) if (seqs(origin) < seq) return false;
  return true;
}
