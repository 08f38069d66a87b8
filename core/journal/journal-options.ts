/** What a journal is given, and what it says of the storage. */
import type { AntecedentError } from '../errors.js';
import type { Clock, Digests, Disk, Logger, Random } from '../ports.js';
import type { JournalEntry, RecordPlace } from './append-encoder.js';

/** What became of the storage: for operators, and to refuse new work early. */
export type StorageEvent =
  /** Nothing can be written for now; it is tried again by itself. */
  | { readonly state: 'blocked'; readonly cause: AntecedentError }
  /** What was blocked is written and durable. */
  | { readonly state: 'ok' }
  /** Nothing more will be written before a restart, and no append was under way that could have said so. */
  | { readonly state: 'failed'; readonly cause: AntecedentError };

export interface JournalOptions {
  readonly disk: Disk;
  readonly digests: Digests;
  readonly random: Random;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Asked when every record was reported and before anything is changed: whoever cannot use what it has read refuses the log
   * here, and it stays as it was.
   */
  readonly approve?: (() => AntecedentError | undefined) | undefined;
  /**
   * Asked within `append` when its entries may become the caller's first in a segment, but for the very first segment: the
   * body of a checkpoint, which tells all that the caller knows from records that are durable by now. It then stands in front
   * of the entries, in the same write; without an answer the log cannot begin with that segment. Once for each append, which
   * may be tried several times, and an answer that is not needed after all is dropped.
   */
  readonly checkpoint?: (() => Uint8Array | undefined) | undefined;
  /**
   * The log begins at `beginAddress` from now on: what lay in front has been released, durably, and can no longer be read. Comes
   * some time after the `release` that has freed it, while other calls may be under way: no time to make one.
   */
  readonly onReleased?: ((beginAddress: number) => void) | undefined;
  /** A segment is closed when it holds this many bytes. */
  readonly segmentBytesMax: number;
  /** Milliseconds between attempts while nothing can be written. */
  readonly retryMs: number;
  readonly onStorage: (event: StorageEvent) => void;
  /** Closed segments are read again this often, in milliseconds, to see whether the medium still has them. */
  readonly scrubEveryMs: number;
  /** A closed segment is not what was written any more. */
  readonly onDamage: (error: AntecedentError) => void;
}

/**
 * Called for every record of the caller, in order. `isFirst`: nothing of the caller's lies in front of it. Where the log does not
 * begin with segment 1, that record is a checkpoint, and the only source for what it tells.
 */
export type OnJournalRecord = (entry: JournalEntry, place: RecordPlace, isFirst: boolean) => void;
