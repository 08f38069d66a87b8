/** Records on their way to the journal. */
import { recordTypes, type JournalEntry } from '../journal/journal.js';
import type { SealedBatch } from '../message/batch-encoder.js';
import { ByteWriter } from '../message/bytes.js';
import { writeMemberChanges, type MemberChange } from '../message/frame.js';
import { writeLineBegun, type LineBegun } from './line-begun.js';
import type { TakenBatch } from './logs.js';
import { writePiece, type SnapshotPiece } from './snapshot.js';

/** A record on its way to the disk, and what follows from it once it is there. */
export type PendingRecord =
  | { readonly type: 'own-batch'; readonly sealed: SealedBatch; readonly taken: TakenBatch }
  | { readonly type: 'remote-batch'; readonly taken: TakenBatch }
  | { readonly type: 'applied'; readonly position: number }
  /** `request`: under which number it is confirmed. */
  | { readonly type: 'skipped'; readonly position: number; readonly reason: string; readonly request: number }
  /** Our message `seq` is about to be sent to a peer that speaks pluto v0.4. */
  | ({ readonly type: 'line-begun' } & LineBegun)
  | { readonly type: 'snapshot-piece'; readonly piece: SnapshotPiece }
  /** All pieces are there: the application is to be handed the snapshot. */
  | { readonly type: 'snapshot'; readonly id: Uint8Array }
  | {
      readonly type: 'membership';
      readonly changes: readonly MemberChange[];
      /** Absent for what others have told us. */
      readonly request: number | undefined;
    };

/** What the journal is given. */
export function journalEntryOf(record: PendingRecord): JournalEntry {
  // Batches are there already; nothing is made for them.
  if (record.type === 'own-batch') return { type: recordTypes.localBatch, body: record.taken.bytes };
  if (record.type === 'remote-batch') return { type: recordTypes.remoteBatch, body: record.taken.bytes };
  const body = new ByteWriter(16);
  switch (record.type) {
    case 'applied':
      body.varint(record.position);
      return { type: recordTypes.applied, body: body.view() };
    case 'skipped':
      body.varint(record.position);
      body.text(record.reason);
      return { type: recordTypes.skipped, body: body.view() };
    case 'line-begun':
      writeLineBegun(body, record);
      return { type: recordTypes.lineBegun, body: body.view() };
    case 'snapshot-piece':
      writePiece(body, record.piece);
      return { type: recordTypes.snapshotChunk, body: body.view() };
    case 'snapshot':
      return { type: recordTypes.snapshot, body: record.id };
    case 'membership':
      writeMemberChanges(body, record.changes);
      return { type: recordTypes.membership, body: body.view() };
  }
}
