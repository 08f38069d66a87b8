/**
 * What the records of a journal hold, in a form to be shown: for whoever inspects a log, not for a node, which reads the
 * records in its own places and refuses what it does not understand.
 */
import { RemoteProtocolError, unreachable } from './errors.js';
import { isRecordType, recordTypes } from './journal/record.js';
import type { RecoveredRecord } from './journal/recovery.js';
import { decodeCounter } from './journal/fixed-width.js';
import { decodeBatchHeader, type BatchHeader } from './message/batch.js';
import { ByteReader } from './message/bytes.js';
import type { Digests } from './ports.js';
import { readLineBegun, type LineBegun } from './replica/line-begun.js';

export type RecordContent =
  /** isOwn: of the node itself, whose log this is. */
  | { readonly kind: 'batch'; readonly isOwn: boolean; readonly header: BatchHeader }
  | { readonly kind: 'applied'; readonly position: number }
  | { readonly kind: 'synced' }
  /** Records up to `lsn` are not needed any more. */
  | { readonly kind: 'floor'; readonly lsn: number }
  /** From here on the log is of this incarnation. */
  | { readonly kind: 'incarnation'; readonly incarnation: number }
  /** An operator gave up the delivery at `position`. */
  | { readonly kind: 'skipped'; readonly position: number; readonly reason: string }
  /** Our message `seq` was about to be sent to a peer that speaks pluto v0.4. */
  | ({ readonly kind: 'line-begun' } & LineBegun)
  /** What only the node itself can read: its state, members, and the state of another member on its way here. */
  | { readonly kind: 'checkpoint' | 'membership' | 'snapshot-chunk' | 'snapshot'; readonly bytes: number }
  /** Of a type that only a newer program knows. */
  | { readonly kind: 'unknown' }
  /** The record is whole, but its body is not what its type says. */
  | { readonly kind: 'unreadable'; readonly reason: string };

/** Reads the body of a record, which it does not keep. */
export function readRecordContent(
  { type, body }: Pick<RecoveredRecord, 'type' | 'body'>,
  digests: Digests,
): RecordContent {
  if (!isRecordType(type)) return { kind: 'unknown' };
  try {
    switch (type) {
      case recordTypes.localBatch:
      case recordTypes.remoteBatch:
        return { kind: 'batch', isOwn: type === recordTypes.localBatch, header: decodeBatchHeader(body, digests) };
      case recordTypes.applied:
        return { kind: 'applied', position: new ByteReader(body).varint() };
      case recordTypes.synced:
        return { kind: 'synced' };
      case recordTypes.floor:
        return { kind: 'floor', lsn: decodeCounter(body) };
      case recordTypes.incarnation:
        return { kind: 'incarnation', incarnation: decodeCounter(body) };
      case recordTypes.skipped:
        return readSkipped(new ByteReader(body));
      case recordTypes.checkpoint:
        return { kind: 'checkpoint', bytes: body.length };
      case recordTypes.membership:
        return { kind: 'membership', bytes: body.length };
      case recordTypes.snapshotChunk:
        return { kind: 'snapshot-chunk', bytes: body.length };
      case recordTypes.snapshot:
        return { kind: 'snapshot', bytes: body.length };
      case recordTypes.lineBegun:
        return { kind: 'line-begun', ...readLineBegun(body) };
      default:
        return unreachable(type);
    }
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    return { kind: 'unreadable', reason: error.message };
  }
}

function readSkipped(reader: ByteReader): RecordContent {
  const position = reader.varint();
  const reason = reader.text();
  reader.end();
  return { kind: 'skipped', position, reason };
}
