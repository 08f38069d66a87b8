/**
 * The end of an open log: the only place where it is written.
 *
 * Invariants:
 * - `tail` is the end of what was written whole. All of it is synced but for a mark, and a mark is synced with what follows.
 * - A write that fails is cut off again. After a failed cut or sync nobody writes here any more: see `WriteOutcome`.
 * - A segment begins only when all in the one before is durable, and so is every cut: what was cut off could come back when
 *   the power goes, and stand in front of that segment.
 * - A segment but the first begins with a copy of the floor, where one was set before, then with the caller's checkpoint,
 *   where it gave one: in the same write as the caller's first records.
 */
import type { Digests, Disk, DiskFile } from '../ports.js';
import { AppendEncoder, type EncodedAppend, type JournalEntry } from './append-encoder.js';
import { onValue, type Done, type Failure } from './callbacks.js';
import type { CreationFailure } from './durable-file.js';
import type { OpenedLog } from './opening.js';
import { isInternal, recordTypes, segmentChecksum, type Checksum } from './record.js';
import type { Releasing } from './releasing.js';
import { floorEntry } from './retention.js';
import { beginNextSegment, type OpenSegment } from './segment-file.js';
import { headerAfter, segmentHeaderBytes, type LogTail } from './segment.js';

/** How a write ends: one of these is called. */
export interface WriteOutcome {
  /** Written, and durable where that was asked. */
  readonly done: () => void;
  /** The write failed and was cut off again: the log ends where it did before, and it may be tried again. */
  readonly undone: (failure: Failure) => void;
  /** The cut or the sync failed: what the file holds cannot be known before a restart. */
  readonly failed: (failure: Failure) => void;
}

/** A group of entries, ready to be written. */
export interface EncodedGroup extends EncodedAppend {
  /** Type of the first record that is not the journal's own; undefined when all are. */
  readonly firstType: number | undefined;
}

export interface LogEndOptions {
  readonly disk: Disk;
  readonly digests: Digests;
  readonly releasing: Releasing;
}

export class LogEnd {
  readonly #options: LogEndOptions;
  readonly #encoder = new AppendEncoder();
  /** The last segment. */
  #file: DiskFile;
  #tail: LogTail;
  /** Highest lsn that is synced. */
  #durableLsn: number;
  #checksum: Checksum;
  #isFresh: boolean;
  /** A write was cut off, and nothing has been synced since. */
  #hasUnsyncedCut = false;

  /** The handle of the last segment is ours from now on. */
  constructor(options: LogEndOptions, { file, tail, isFresh }: OpenedLog) {
    this.#options = options;
    this.#file = file;
    this.#tail = tail;
    this.#durableLsn = tail.nextLsn - 1;
    this.#checksum = segmentChecksum(options.digests, tail.logId, tail.index);
    this.#isFresh = isFresh;
  }

  get tail(): LogTail {
    return this.#tail;
  }

  /** The last segment is not the very first, and holds no record of the caller yet. */
  get isFresh(): boolean {
    return this.#isFresh;
  }

  /** The last segment holds no record at all. */
  get isEmpty(): boolean {
    return this.#tail.end === segmentHeaderBytes;
  }

  /** `entries` with what the segment begins with in front of them. The headers live until the next call. */
  encode(entries: readonly JournalEntry[], checkpoint: Uint8Array | undefined): EncodedGroup {
    const front: JournalEntry[] = [];
    const { floor } = this.#options.releasing;
    if (floor > 0 && this.isEmpty) front.push(floorEntry(floor));
    if (this.#isFresh && checkpoint !== undefined) front.push({ type: recordTypes.checkpoint, body: checkpoint });
    const all = front.length === 0 ? entries : [...front, ...entries];
    const firstType = all.find(({ type }) => !isInternal(type))?.type;
    const { chunks, places, tail } = this.#encoder.encode(all, this.#tail, this.#durableLsn, this.#checksum);
    return { chunks, places: front.length === 0 ? places : places.slice(front.length), tail, firstType };
  }

  /** Writes what was encoded last. */
  write({ chunks, tail, firstType }: EncodedGroup, isSynced: boolean, outcome: WriteOutcome): void {
    const keep = (): void => {
      this.#tail = tail;
      if (isSynced) this.#noteSynced();
      if (this.#isFresh && firstType !== undefined) {
        this.#isFresh = false;
        if (firstType === recordTypes.checkpoint) this.#options.releasing.noteCheckpoint();
      }
      outcome.done();
    };
    const sync = (): void => this.#file.sync(onValue(outcome.failed, keep));
    const undo = (failure: Failure): void => {
      const cut = (): void => {
        this.#hasUnsyncedCut = true;
        outcome.undone(failure);
      };
      this.#file.truncate(this.#tail.end, onValue(outcome.failed, cut));
    };
    this.#file.write(this.#tail.end, chunks, onValue(undo, isSynced ? sync : keep));
  }

  /** Begins the next segment. The handle of the old one is closed; all it holds is durable. */
  roll(fail: (failure: CreationFailure) => void, done: () => void): void {
    if (this.#durableLsn === this.#tail.nextLsn - 1 && !this.#hasUnsyncedCut) {
      this.#beginNext(fail, done);
      return;
    }
    // It ends with a mark: there was no room for what should have followed, and with that for a floor, it is full. Or with a cut.
    const begin = (): void => {
      this.#noteSynced();
      this.#beginNext(fail, done);
    };
    this.#file.sync(onValue(({ error }) => fail({ error, step: 'sync' }), begin));
  }

  #noteSynced(): void {
    this.#durableLsn = this.#tail.nextLsn - 1;
    this.#hasUnsyncedCut = false;
  }

  #beginNext(fail: (failure: CreationFailure) => void, done: () => void): void {
    const { disk, digests, releasing } = this.#options;
    const header = headerAfter(this.#tail);
    const onCreated = ({ file, tail }: OpenSegment): void => {
      const old = this.#file;
      this.#file = file;
      this.#tail = tail;
      this.#checksum = segmentChecksum(digests, tail.logId, tail.index);
      this.#isFresh = true;
      releasing.add(header);
      // All it holds is synced: how the closing goes changes nothing.
      old.close(() => done());
    };
    beginNextSegment(disk, this.#tail, header, digests, fail, onCreated);
  }

  close(done: Done<void>): void {
    this.#file.close(done);
  }
}
