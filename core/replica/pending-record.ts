/** Records on their way to the journal. */
import { recordTypes, type JournalEntry } from '../journal/journal.js';
import type { SealedBatch } from '../message/batch-encoder.js';
import { ByteWriter } from '../message/bytes.js';
import type { TakenBatch } from './logs.js';

/** A record on its way to the disk, and what follows from it once it is there. */
export type PendingRecord =
  | { readonly type: 'own-batch'; readonly sealed: SealedBatch; readonly taken: TakenBatch }
  | { readonly type: 'remote-batch'; readonly taken: TakenBatch }
  | { readonly type: 'applied'; readonly position: number };

/** What the journal is given. */
export function journalEntryOf(record: PendingRecord): JournalEntry {
  switch (record.type) {
    case 'own-batch':
      return { type: recordTypes.localBatch, body: record.taken.bytes };
    case 'remote-batch':
      return { type: recordTypes.remoteBatch, body: record.taken.bytes };
    case 'applied': {
      const body = new ByteWriter(8);
      body.varint(record.position);
      return { type: recordTypes.applied, body: body.view() };
    }
  }
}
