/**
 * Gets a snapshot from a peer when messages that we need are not to be had any more.
 *
 * - Pieces are journalled as they come, one asked for after the other: a transfer goes on after a crash if the same peer still keeps
 *   the same snapshot.
 * - While pieces come, nothing is delivered or broadcast: the snapshot must hold all that our application has.
 * - A complete snapshot is one record behind its pieces. With it the state of every log jumps to where the snapshot ends, and the
 *   application is handed the snapshot in place of messages, at the position of the one who made it: a position counts the messages
 *   in a state, whoever has it.
 */
import { equalBytes } from '../message/batch.js';
import type { SnapshotFrame } from '../message/frame.js';
import type { Timings } from '../limits.js';
import type { NodeName } from '../names.js';
import type { Outbox } from './outbox.js';
import type { Session } from './session.js';
import type { SnapshotPiece, SnapshotPieces } from './snapshot.js';

export interface SnapshotReceiverOptions {
  readonly pieces: SnapshotPieces;
  readonly outbox: Outbox;
  readonly timings: Timings;
  /** True when our application takes snapshots. */
  readonly isPossible: boolean;
  /** Longest snapshot that is taken. */
  readonly bytesMax: number;
  /** A piece is to be journalled. */
  readonly onPiece: (piece: SnapshotPiece) => void;
}

export class SnapshotReceiver {
  readonly #options: SnapshotReceiverOptions;
  #isNeeded: boolean;
  /** Whom we have asked last; a piece from somebody else is not taken. */
  #asked: { readonly session: Session; readonly atMs: number } | undefined;
  /** A piece waits for the disk. */
  #isJournalling = false;
  /** All pieces are there, and their record is on its way to the disk. */
  #isComplete = false;
  readonly #alarmed = new Set<NodeName>();

  /** `isNeeded`: our application is behind the journal. Pieces of an earlier life say that messages were not to be had then. */
  constructor(options: SnapshotReceiverOptions, isNeeded: boolean) {
    this.#options = options;
    this.#isNeeded = options.isPossible && (isNeeded || !options.pieces.isEmpty);
  }

  /**
   * True while nothing may be delivered, broadcast or taken from peers: the logs are about to jump. Also while a piece is on its way to
   * the disk and its donor has gone: it may be the last one.
   */
  get isReceiving(): boolean {
    if (this.#isJournalling || this.#isComplete) return true;
    return this.#asked !== undefined && !this.#options.pieces.isEmpty;
  }

  /** True while the record of a whole snapshot is on its way to the disk. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get isNeeded(): boolean {
    return this.#isNeeded;
  }

  /** What we need of a log is not to be had from this peer. */
  handleGap(session: Session, nowMs: number): void {
    if (!this.#options.isPossible) {
      this.#alarm(
        session.peer,
        'can give a snapshot only to an application with the hooks for snapshots, which ours has not',
      );
      return;
    }
    this.#isNeeded = true;
    this.maybeAsk(session, nowMs);
  }

  /** Asks for the next piece, if it is time to. */
  maybeAsk(session: Session, nowMs: number): void {
    const { outbox, pieces, timings } = this.#options;
    if (!this.#isNeeded || this.#isJournalling || this.#isComplete) return;
    const last = this.#asked;
    if (last !== undefined && nowMs - last.atMs < 3 * timings.wantRetryMs) return;
    // Somebody else has another snapshot; only a restart may find the pieces of one that its donor still keeps.
    if (last !== undefined && last.session !== session && last.session.peer !== session.peer) pieces.clear();
    this.#asked = { session, atMs: nowMs };
    outbox.sendFrame(session.link, { type: 'snapshot-want', id: pieces.id, offset: pieces.bytes });
  }

  handleFrame(session: Session, { id, totalBytes, offset, bytes }: SnapshotFrame, nowMs: number): void {
    const { onPiece, pieces } = this.#options;
    if (this.#asked?.session !== session || this.#isJournalling || this.#isComplete || !this.#isNeeded) return;
    const refusal = this.#refusal(totalBytes);
    if (refusal !== undefined) {
      this.#alarm(session.peer, refusal);
      this.#asked = { session, atMs: nowMs };
      return;
    }
    const piece = { id: id.slice(), totalBytes, offset, bytes: bytes.slice() };
    if (!pieces.fits(piece) || (offset === 0 && !pieces.isEmpty && equalBytes(id, pieces.id))) return;
    pieces.add(piece);
    this.#isJournalling = true;
    onPiece(piece);
  }

  /** The last piece is durable. Asks for the next one; true when there is none. */
  handlePieceDurable(nowMs: number): boolean {
    const { outbox, pieces } = this.#options;
    this.#isJournalling = false;
    const asked = this.#asked;
    if (pieces.isComplete) return true;
    if (asked !== undefined) {
      this.#asked = { session: asked.session, atMs: nowMs };
      outbox.sendFrame(asked.session.link, { type: 'snapshot-want', id: pieces.id, offset: pieces.bytes });
    }
    return false;
  }

  /** The pieces are right and can be used: nothing is taken from peers before they are installed. */
  handleComplete(): void {
    this.#isComplete = true;
  }

  /** The snapshot is installed, or was not used: then another one may still be needed. */
  handleDone(isStillNeeded: boolean): void {
    this.#isNeeded = isStillNeeded;
    this.#isComplete = false;
    this.#asked = undefined;
    this.#options.pieces.clear();
  }

  /** A link has ended. */
  handleDown(session: Session): void {
    if (this.#asked?.session !== session || this.#isComplete) return;
    this.#asked = undefined;
  }

  #refusal(totalBytes: number): string | undefined {
    if (totalBytes === 0) return 'gives no snapshot; open it with the snapshot hooks of the application';
    const { bytesMax } = this.#options;
    return totalBytes > bytesMax ? `has a snapshot of ${totalBytes} bytes, at most ${bytesMax} are taken` : undefined;
  }

  #alarm(peer: NodeName, what: string): void {
    if (this.#alarmed.has(peer)) return;
    this.#alarmed.add(peer);
    const message = `messages that we need are not in the journals of the others any more, and ${peer} ${what}`;
    this.#options.outbox.event({ type: 'alarm', alarm: { code: 'E_NO_SNAPSHOT', peer, message } });
  }
}
