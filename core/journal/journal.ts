/**
 * The journal: the append-only log that is the only durable truth of a node. All else is derived from it by replay.
 *
 * Invariants:
 * - One append at a time: one positional write, then one sync. So every record before an append is durable when the
 *   append is written (but for a mark, see below), its headers say so, and what a crash leaves unsynced is that one append.
 * - Nothing is reported durable before its sync has returned.
 * - A write that fails, for want of space or otherwise, is cut off again and tried again every `retryMs`: the journal is
 *   blocked, not broken, and the caller's append only takes longer.
 * - After a failed sync, or a failed cut, the journal writes and syncs nothing more: the system may have dropped the pages
 *   and would report the next sync as a success. A restart decides from what is on disk.
 * - A new segment begins only when everything in the one before is durable. No byte of a durable record ever changes.
 * - An append that nothing follows at once gets a witness: a mark (see `recordTypes.synced`), or the next segment if the
 *   mark would fill this one. Marks are not synced by themselves.
 *
 * Reads use handles of their own and may run at any time. Group commit is the caller's: whatever arrives while an append
 * is under way forms the next one.
 */
import { AntecedentError, assert, type ErrorCode } from '../errors.js';
import type { Cancel, Clock, Digests, Disk, DiskFile, Logger, Random, Result } from '../ports.js';
import { AppendEncoder, type EncodedAppend, type JournalEntry, type RecordPlace } from './append-encoder.js';
import { inOrder, onValue, success, type Done, type Failure } from './callbacks.js';
import type { CreationFailure } from './durable-file.js';
import { openLog, type OpenedLog } from './opening.js';
import { RecordReader } from './record-reader.js';
import {
  decodeRecordHeader,
  isInternal,
  isRecordType,
  recordHeaderBytes,
  recordTypes,
  segmentChecksum,
  viewOf,
  type Checksum,
} from './record.js';
import { countBelow, floorOf } from './retention.js';
import { Scrubber } from './scrubber.js';
import { createSegment, findVanished, type OpenSegment } from './segment-file.js';
import { headerAfter, segmentHeaderBytes, segmentName, type LogTail, type SegmentHeader } from './segment.js';

export { recordTypes, type RecordType } from './record.js';
export type { JournalEntry, RecordPlace } from './append-encoder.js';

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

type JournalState =
  | { readonly kind: 'idle' }
  /** Somebody's append is under way. */
  | { readonly kind: 'appending' }
  /** The journal writes something of its own; an append that comes now waits in `#parked`. */
  | { readonly kind: 'tidying' }
  /** An append waits for the next attempt. */
  | {
      readonly kind: 'blocked';
      readonly cause: AntecedentError;
      readonly cancel: Cancel;
      readonly giveUp: (failure: Failure) => void;
    }
  /** Final, until a restart. */
  | { readonly kind: 'failed'; readonly cause: AntecedentError }
  | { readonly kind: 'closed' };

interface PendingAppend {
  readonly entries: readonly JournalEntry[];
  readonly done: Done<readonly RecordPlace[]>;
}

const noBody = new Uint8Array(0);

export class Journal {
  /** Which life of the member this log belongs to. */
  readonly incarnation: number;
  /** True when the directory held no log. */
  readonly isNew: boolean;

  readonly #options: JournalOptions;
  readonly #reader: RecordReader;
  readonly #encoder = new AppendEncoder();
  readonly #scrubber: Scrubber;
  #segments: readonly SegmentHeader[];
  /** The last segment. Only appends use this handle. */
  #file: DiskFile;
  /** The end of what was written whole: everything but a mark is synced. */
  #tail: LogTail;
  /** Highest lsn that is synced. */
  #durableLsn: number;
  #checksum: Checksum;
  #state: JournalState = { kind: 'idle' };
  #parked: PendingAppend | undefined;
  /** What the last attempt failed with, from the first one to the next append that works. */
  #trouble: ErrorCode | undefined;
  /** A caller is being told that its append is done. */
  #isReporting = false;
  /** Removals of segments that are under way. */
  #removals = 0;
  /** A close that waits for what is under way. */
  #closing: Done<void> | undefined;

  private constructor(options: JournalOptions, log: OpenedLog) {
    this.#options = options;
    this.#reader = new RecordReader(options.disk);
    this.#segments = log.segments;
    this.#file = log.file;
    this.#tail = log.tail;
    this.#durableLsn = log.tail.nextLsn - 1;
    this.#checksum = segmentChecksum(options.digests, log.tail.logId, log.tail.index);
    this.incarnation = log.tail.incarnation;
    this.isNew = log.isNew;
    const { disk, digests, clock, scrubEveryMs: everyMs, onDamage } = options;
    this.#scrubber = new Scrubber({ disk, digests, clock, everyMs, segments: () => this.#segments, onDamage });
    this.#scrubber.start();
  }

  /**
   * Opens the journal on `disk`, or makes one. Calls `onRecord` for every record of the caller in order, then `done`;
   * everything reported is durable by then. A torn tail is saved beside the log and cut off.
   *
   * Errors: `E_LOG_CORRUPT`, `E_LOG_FOREIGN`, `E_LOG_VERSION` (nothing was changed), or what the disk answers. After an
   * error nothing that `onRecord` saw counts.
   */
  static open(
    options: JournalOptions,
    onRecord: (entry: JournalEntry, place: RecordPlace) => void,
    done: (result: Result<Journal>) => void,
  ): void {
    openLog(
      options,
      ({ type, body, offset, lsn }, { baseAddress }) => {
        // A type of a newer program that is not critical: the log says that it may be passed over.
        if (!isRecordType(type) || isInternal(type)) return;
        onRecord({ type, body }, { address: baseAddress + offset, length: body.length, lsn });
      },
      onValue(done, (log) => {
        const journal = new Journal(options, log);
        // What was reported is promised: peers will be told that we keep it.
        if (!log.hasWitness) journal.#tidy();
        done(success(journal));
      }),
    );
  }

  /**
   * Writes `entries`, at least one, as one group: one write and one sync (and a new segment first, when the current one
   * is full). Calls `done` with their places, in order, once all of them are durable. While the disk is full that takes
   * until there is room again. After an error any prefix of their bytes may be on disk. One append at a time.
   *
   * A record of type `floor` gives up what lies before it: whole segments are removed once it is durable.
   *
   * A journal that has failed (`E_STORAGE`, `E_LOG_VANISHED`) or is closed (`E_CLOSED`) answers before `append` returns.
   */
  append(entries: readonly JournalEntry[], done: (result: Result<readonly RecordPlace[]>) => void): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      done({ error: refusal });
      return;
    }
    assert(entries.length > 0, 'an append holds at least one record');
    assert(this.#parked === undefined, 'one append at a time');
    if (this.#state.kind === 'tidying') {
      this.#parked = { entries, done };
      return;
    }
    assert(this.#state.kind === 'idle', 'one append at a time');
    this.#attempt({ entries, done });
  }

  /**
   * Reads the body of a record at a place that `append` or `onRecord` gave. The bytes belong to the caller. Header and
   * body are checked again: `E_LOG_CORRUPT` when they are not what was written.
   */
  read(place: Pick<RecordPlace, 'address' | 'length'>, done: (result: Result<Uint8Array>) => void): void {
    if (this.#isClosing()) {
      done({ error: closedError() });
      return;
    }
    const segment = this.#segments.findLast(({ baseAddress }) => baseAddress <= place.address);
    assert(segment !== undefined, `address ${place.address} lies before the first segment`);
    const { digests } = this.#options;
    const name = segmentName(segment.index);
    const offset = place.address - segment.baseAddress;
    const check = (bytes: Uint8Array): void => {
      const checksum = segmentChecksum(digests, this.#tail.logId, segment.index);
      const header = decodeRecordHeader(bytes, viewOf(bytes), 0, checksum);
      const body = bytes.subarray(recordHeaderBytes);
      if (header?.bodyLength === place.length && checksum(body) === header.bodyChecksum) {
        done(success(body));
      } else {
        const message = `${name}:${offset}: the record of ${place.length} bytes that was written here is damaged`;
        done({ error: new AntecedentError('E_LOG_CORRUPT', `${message}; restart the node to have the log judged`) });
      }
    };
    const readableEnd = segment.index === this.#tail.index ? this.#tail.end : Infinity;
    this.#reader.read(name, offset, recordHeaderBytes + place.length, readableEnd, onValue(done, check));
  }

  /**
   * Lets what is under way end, refuses reads that wait, and closes the files. An append that waits for a full disk fails
   * with what blocks it.
   */
  close(done: (result: Result<void>) => void): void {
    assert(!this.#isClosing(), 'the journal is closed once');
    this.#closing = done;
    const state = this.#state;
    if (state.kind === 'blocked') {
      state.cancel();
      this.#state = { kind: 'failed', cause: state.cause };
      state.giveUp({ error: state.cause });
    }
    this.#maybeClose();
  }

  #isClosing(): boolean {
    return this.#closing !== undefined || this.#state.kind === 'closed';
  }

  /** Why nothing can be appended any more. */
  #refusal(): AntecedentError | undefined {
    if (this.#isClosing()) return closedError();
    if (this.#state.kind !== 'failed') return undefined;
    const { cause } = this.#state;
    const message = `the journal stopped at ${segmentName(this.#tail.index)}; restart the node: ${cause.message}`;
    return new AntecedentError(cause.code, message, { cause });
  }

  // --- Appending -------------------------------------------------------------------------------------------------------

  /** Tries to carry out an append from its beginning. */
  #attempt(append: PendingAppend): void {
    this.#state = { kind: 'appending' };
    if (!this.#isFull(this.#tail.end)) {
      this.#write(append);
      return;
    }
    this.#roll(
      ({ error, step }) => {
        if (step === 'write') this.#block(append, { error });
        else this.#fail({ error }, append.done);
      },
      () => this.#write(append),
    );
  }

  #write(append: PendingAppend): void {
    const { entries, done } = append;
    const encoded = this.#encoder.encode(entries, this.#tail, this.#durableLsn, this.#checksum);
    const sync = (): void => {
      this.#file.sync(
        onValue(
          (failure) => this.#fail(failure, done),
          () => this.#handleSynced(append, encoded),
        ),
      );
    };
    const undo = (failure: Failure): void => {
      this.#file.truncate(
        this.#tail.end,
        onValue(
          (failedCut) => this.#fail(failedCut, done),
          () => this.#block(append, failure),
        ),
      );
    };
    this.#file.write(this.#tail.end, encoded.chunks, onValue(undo, sync));
  }

  #handleSynced({ entries, done }: PendingAppend, { places, tail }: EncodedAppend): void {
    this.#tail = tail;
    this.#durableLsn = tail.nextLsn - 1;
    this.#state = { kind: 'idle' };
    const floor = newestFloor(entries, places);
    this.#isReporting = true;
    if (this.#trouble !== undefined) {
      this.#trouble = undefined;
      this.#options.onStorage({ state: 'ok' });
    }
    done(success(places));
    this.#isReporting = false;
    if (!this.#isClosing()) this.#removeBelow(floor);
    // The caller may have begun the next append, or have asked for the close, which waits for the witness.
    if (this.#isIdle()) this.#tidy();
    this.#maybeClose();
  }

  /** Waits with an append; what it had written is cut off. */
  #block(append: PendingAppend, { error }: Failure): void {
    const { done } = append;
    if (this.#isClosing()) {
      this.#state = { kind: 'failed', cause: error };
      done({ error });
      this.#maybeClose();
      return;
    }
    const { clock, retryMs, onStorage } = this.#options;
    const cancel = clock.wakeAt(clock.nowMs() + retryMs, () => this.#attempt(append));
    this.#state = { kind: 'blocked', cause: error, cancel, giveUp: done };
    // Not at every attempt, but when it is something else.
    if (this.#trouble !== error.code) onStorage({ state: 'blocked', cause: error });
    this.#trouble = error.code;
  }

  #fail({ error }: Failure, done: (failure: Failure) => void): void {
    const cause = finalError(error);
    this.#state = { kind: 'failed', cause };
    done({ error: cause });
    this.#maybeClose();
  }

  // --- Segments --------------------------------------------------------------------------------------------------------

  /** True for a segment of this length that no further record goes into. */
  #isFull(length: number): boolean {
    return length >= this.#options.segmentBytesMax && this.#tail.end > segmentHeaderBytes;
  }

  /** Begins the next segment. The handle of the old one is closed; all it holds is durable. */
  #roll(fail: (failure: CreationFailure) => void, next: () => void): void {
    assert(this.#durableLsn === this.#tail.nextLsn - 1, 'a segment is synced before its successor begins');
    const { disk, digests } = this.#options;
    const header = headerAfter(this.#tail);
    const onCreated = ({ file, tail }: OpenSegment): void => {
      const old = this.#file;
      this.#file = file;
      this.#tail = tail;
      this.#checksum = segmentChecksum(digests, tail.logId, tail.index);
      this.#segments = [...this.#segments, header];
      // All it holds is synced: how the closing goes changes nothing.
      old.close(() => next());
    };
    const create = (vanished: string | undefined): void => {
      if (vanished === undefined) {
        createSegment(disk, header, digests, fail, onCreated);
        return;
      }
      const message = `${vanished}; somebody else changes the data directory. What was written since is only in this process`;
      fail({ error: new AntecedentError('E_LOG_VANISHED', message), step: 'sync' });
    };
    const expected = { index: this.#tail.index, logId: this.#tail.logId, length: this.#tail.end };
    findVanished(
      disk,
      expected,
      digests,
      onValue(({ error }) => fail({ error, step: 'write' }), create),
    );
  }

  // --- Tidying ---------------------------------------------------------------------------------------------------------

  /** What is done when nobody waits: the last append gets a witness. */
  #tidy(): void {
    this.#state = { kind: 'tidying' };
    const end = (): void => {
      this.#state = { kind: 'idle' };
      this.#endTidying();
    };
    if (this.#isFull(this.#tail.end + recordHeaderBytes)) this.#rollEarly(end);
    else this.#mark(end);
  }

  #endTidying(): void {
    const parked = this.#parked;
    this.#parked = undefined;
    if (parked !== undefined) {
      if (this.#state.kind === 'failed') parked.done({ error: this.#state.cause });
      else this.#attempt(parked);
    }
    this.#maybeClose();
  }

  #rollEarly(end: () => void): void {
    this.#roll(({ error, step }) => {
      // Without room for a segment the next append will try again, and say so.
      if (step === 'write') end();
      else this.#failTidying(error);
    }, end);
  }

  #mark(end: () => void): void {
    const entries = [{ type: recordTypes.synced, body: noBody }];
    const { chunks, tail } = this.#encoder.encode(entries, this.#tail, this.#durableLsn, this.#checksum);
    const keep = (): void => {
      this.#tail = tail;
      end();
    };
    // A log without the mark is as good as one that died before it.
    const undo = (): void => {
      this.#file.truncate(
        this.#tail.end,
        onValue(({ error }) => this.#failTidying(error), end),
      );
    };
    this.#file.write(this.#tail.end, chunks, onValue(undo, keep));
  }

  #failTidying(error: AntecedentError): void {
    const cause = finalError(error);
    this.#state = { kind: 'failed', cause };
    if (this.#parked === undefined) this.#options.onStorage({ state: 'failed', cause });
    this.#endTidying();
  }

  /** Removes whole segments, while appends go on. What cannot be removed now goes at the next start. */
  #removeBelow(floor: number): void {
    const count = countBelow(this.#segments, floor);
    if (count === 0) return;
    const { disk, logger } = this.#options;
    const removed = this.#segments.slice(0, count).map(({ index }) => segmentName(index));
    this.#segments = this.#segments.slice(count);
    const remove = (name: string) => (next: Done<void>) => this.#reader.forget(name, () => disk.remove(name, next));
    this.#removals++;
    inOrder(removed.map(remove), ({ error }) => {
      this.#removals--;
      if (error !== undefined) logger.log('warn', 'journal-segment-not-removed', { message: error.message });
      this.#maybeClose();
    });
  }

  // --- Closing ---------------------------------------------------------------------------------------------------------

  /** A question, because the compiler would otherwise think that no call in between can change the answer. */
  #isIdle(): boolean {
    return this.#state.kind === 'idle';
  }

  /** Closes the files if that was asked for and nothing is under way. */
  #maybeClose(): void {
    const done = this.#closing;
    if (done === undefined || this.#removals > 0 || this.#isReporting) return;
    if (this.#state.kind !== 'idle' && this.#state.kind !== 'failed') return;
    this.#closing = undefined;
    this.#state = { kind: 'closed' };
    this.#scrubber.stop(() => {
      inOrder([(next) => this.#reader.close(next), (next) => this.#file.close(next)], done);
    });
  }
}

/** The highest floor that any of these sets; 0 for none. */
function newestFloor(entries: readonly JournalEntry[], places: readonly RecordPlace[]): number {
  let floor = 0;
  entries.forEach(({ type, body }, position) => {
    if (type === recordTypes.floor) floor = Math.max(floor, floorOf(places[position]?.lsn ?? 0, body));
  });
  return floor;
}

/** Room on the disk would not help any more. */
function finalError(error: AntecedentError): AntecedentError {
  return error.code === 'E_DISK_FULL' ? new AntecedentError('E_STORAGE', error.message, { cause: error }) : error;
}

function closedError(): AntecedentError {
  return new AntecedentError('E_CLOSED', 'the journal is closed');
}
