/**
 * What the snapshots in a journal contain, in a form to be shown: for whoever inspects a log. A node reads them in its own place.
 */
import { RemoteProtocolError } from './errors.js';
import { isRecordType, recordTypes } from './journal/record.js';
import type { RecoveredRecord } from './journal/recovery.js';
import { equalBytes } from './message/batch.js';
import type { LogPosition } from './message/frame.js';
import type { Origin } from './message/origin.js';
import type { Digests } from './ports.js';
import { decodeCheckpoint } from './replica/checkpoint.js';
import { readPiece, SnapshotPieces, splitSnapshot } from './replica/snapshot.js';

export class SnapshotReader {
  readonly #pieces = new SnapshotPieces();
  readonly #digests: Digests;

  constructor(digests: Digests) {
    this.#digests = digests;
  }

  /** Takes the next record, of any type. Returns the last seq of each log in the snapshot that it makes count, if it makes one. */
  handle({ type, body }: Pick<RecoveredRecord, 'type' | 'body'>): readonly LogPosition[] | undefined {
    if (!isRecordType(type)) return undefined;
    try {
      if (type === recordTypes.snapshotChunk) {
        const piece = readPiece(body);
        if (this.#pieces.fits(piece)) this.#pieces.add(piece);
      }
      return type === recordTypes.snapshot && equalBytes(body, this.#pieces.id) ? this.#positions() : undefined;
    } catch (error) {
      if (error instanceof RemoteProtocolError) return undefined;
      throw error;
    }
  }

  #positions(): readonly LogPosition[] | undefined {
    const whole = this.#pieces.join(this.#digests);
    if (whole === undefined) return undefined;
    const origins: Origin[] = [];
    const { logs } = decodeCheckpoint(
      splitSnapshot(whole).checkpoint,
      () => undefined,
      (name, incarnation) => origins.push({ name, incarnation }) - 1,
    );
    return logs.flatMap(({ origin, releasedSeq: seq }) => {
      const named = origins[origin];
      return named === undefined ? [] : [{ origin: named.name, incarnation: named.incarnation, seq }];
    });
  }
}
