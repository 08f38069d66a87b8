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
import type { Cancel, Result } from '../ports.js';
import type { JournalEntry, RecordPlace } from './append-encoder.js';
import { inOrder, onValue, success, type Done, type Failure } from './callbacks.js';
import { encodeCounter } from './fixed-width.js';
import type { JournalOptions, OnJournalRecord } from './journal-options.js';
import { LogEnd } from './log-end.js';
import { openLog, type OpenedLog } from './opening.js';
import { checkRecord } from './record-check.js';
import { RecordReader } from './record-reader.js';
import { isInternal, isRecordType, recordHeaderBytes, recordTypes } from './record.js';
import { Releasing } from './releasing.js';
import { floorEntry } from './retention.js';
import { Scrubber } from './scrubber.js';
import { segmentName, type SegmentHeader } from './segment.js';

export { recordTypes, type RecordType } from './record.js';
export type { JournalEntry, RecordPlace } from './append-encoder.js';
export type { JournalOptions, OnJournalRecord, StorageEvent } from './journal-options.js';

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
  /** It may begin a segment: the caller was asked for the checkpoint. Otherwise it goes into the present one, however full. */
  readonly mayRoll: boolean;
  readonly checkpoint: Uint8Array | undefined;
  readonly done: Done<readonly RecordPlace[]>;
}

/** What the journal may add to a segment between an append that has to wait and its attempt: a floor, and a mark. */
const tidyingBytes = 2 * recordHeaderBytes + encodeCounter(0).length;
const mark: JournalEntry = { type: recordTypes.synced, body: new Uint8Array(0) };

export class Journal {
  /** True when the directory held no log. */
  readonly isNew: boolean;

  readonly #options: JournalOptions;
  readonly #reader: RecordReader;
  readonly #scrubber: Scrubber;
  readonly #releasing: Releasing;
  readonly #end: LogEnd;
  #state: JournalState = { kind: 'idle' };
  #parked: PendingAppend | undefined;
  /** What the last attempt failed with, from the first one to the next append that works. */
  #trouble: ErrorCode | undefined;
  /** A caller is being told that its append is done. */
  #isReporting = false;
  /** A floor became due that has not been tried yet. */
  #isFloorNew = false;
  /** A close that waits for what is under way. */
  #closing: Done<void> | undefined;

  private constructor(options: JournalOptions, log: OpenedLog) {
    this.#options = options;
    this.#reader = new RecordReader(options.disk);
    this.isNew = log.isNew;
    const { disk, digests, clock, logger, scrubEveryMs: everyMs, onDamage } = options;
    const onIdle = (): void => this.#maybeClose();
    this.#releasing = new Releasing({ disk, logger, reader: this.#reader, onIdle }, log.segments, log.floor);
    this.#end = new LogEnd({ disk, digests, releasing: this.#releasing }, log);
    const segments = (): readonly SegmentHeader[] => this.#releasing.segments;
    this.#scrubber = new Scrubber({ disk, digests, clock, everyMs, segments, onDamage });
    this.#scrubber.start();
  }

  /**
   * Opens the journal on `disk`, or makes one. Calls `onRecord` for every record of the caller in order, then `done`;
   * everything reported is durable by then. A torn tail is saved beside the log and cut off.
   *
   * Errors: `E_LOG_CORRUPT`, `E_LOG_FOREIGN`, `E_LOG_VERSION` (nothing was changed), or what the disk answers. After an
   * error nothing that `onRecord` saw counts.
   */
  static open(options: JournalOptions, onRecord: OnJournalRecord, done: (result: Result<Journal>) => void): void {
    let isFirst = true;
    openLog(
      options,
      ({ type, body, offset, lsn }, { baseAddress }) => {
        // A type of a newer program that is not critical: the log says that it may be passed over.
        if (!isRecordType(type) || isInternal(type)) return;
        onRecord({ type, body }, { address: baseAddress + offset, length: body.length, lsn }, isFirst);
        isFirst = false;
      },
      onValue(done, (log) => {
        const journal = new Journal(options, log);
        // What was reported is promised: peers will be told that we keep it.
        if (!log.hasWitness) journal.#tidy();
        done(success(journal));
      }),
    );
  }

  /** Which life of the member this log belongs to. */
  get incarnation(): number {
    return this.#end.tail.incarnation;
  }

  /**
   * Writes `entries`, at least one and none of the journal's own types, as one group: one write and one sync (and a new
   * segment first, when the current one is full). Calls `done` with their places, in order, once all of them are durable.
   * While the disk is full that takes until there is room again. After an error any prefix of their bytes may be on disk.
   * One append at a time.
   *
   * Asks for a checkpoint before it returns, if one may be needed (see `JournalOptions.checkpoint`).
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
    assert(
      entries.every(({ type }) => !isInternal(type)),
      'some records only the journal itself writes',
    );
    const mayRoll = this.#mayBeginSegment();
    const checkpoint = mayRoll ? this.#options.checkpoint?.() : undefined;
    this.#begin({ entries, mayRoll, checkpoint, done });
  }

  /** Where the log begins: what lay in front was given up. */
  get beginAddress(): number {
    return this.#releasing.segments[0]?.baseAddress ?? 0;
  }

  /**
   * Makes the log go on as a later incarnation of its member; `done` is called once that is durable. Counts as an append: one at
   * a time, and what holds that up or makes it fail is the same.
   */
  beginIncarnation(incarnation: number, done: Done<void>): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      done({ error: refusal });
      return;
    }
    assert(incarnation > this.incarnation, `incarnation ${incarnation} after ${this.incarnation}`);
    const entries = [{ type: recordTypes.incarnation, body: encodeCounter(incarnation) }];
    const finish = onValue<readonly RecordPlace[]>(done, () => done(success(undefined)));
    this.#begin({ entries, mayRoll: true, checkpoint: undefined, done: finish });
  }

  /**
   * The caller needs nothing any more that lies in front of `address`; Infinity: nothing that is durable by now. Removes the
   * segments that this frees, some time after: all in front of the last one that begins with a checkpoint and not behind
   * `address`. May be called at any time, and costs nothing when no segment can go.
   *
   * `onReleased` tells when they are out of the log. A read that was asked for before is answered; later ones get `E_RELEASED`.
   */
  release(address: number): void {
    if (this.#refusal() !== undefined || !this.#releasing.want(address)) return;
    this.#isFloorNew = true;
    // Otherwise whatever is under way sees to it when it ends.
    if (this.#state.kind === 'idle' && !this.#isReporting) this.#tidy();
  }

  /**
   * Reads the body of a record at a place that `append` or `onRecord` gave. The bytes belong to the caller. Header and
   * body are checked again: `E_LOG_CORRUPT` when they are not what was written. `E_RELEASED` for a place that was given up.
   */
  read(place: Pick<RecordPlace, 'address' | 'length'>, done: (result: Result<Uint8Array>) => void): void {
    if (this.#isClosing()) {
      done({ error: closedError() });
      return;
    }
    const segment = this.#releasing.segmentAt(place.address);
    if (segment === undefined) {
      const message = `the record at address ${place.address} was given up: the log begins at address ${this.beginAddress}`;
      done({ error: new AntecedentError('E_RELEASED', message) });
      return;
    }
    const offset = place.address - segment.baseAddress;
    const readableEnd = segment.index === this.#end.tail.index ? this.#end.tail.end : Infinity;
    const check = (bytes: Uint8Array): void => done(checkRecord(bytes, segment, place, this.#options.digests));
    const length = recordHeaderBytes + place.length;
    this.#reader.read(segmentName(segment.index), offset, length, readableEnd, onValue(done, check));
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
    const message = `the journal stopped at ${segmentName(this.#end.tail.index)}; restart the node: ${cause.message}`;
    return new AntecedentError(cause.code, message, { cause });
  }

  // --- Appending -------------------------------------------------------------------------------------------------------

  #begin(append: PendingAppend): void {
    assert(this.#parked === undefined, 'one append at a time');
    if (this.#state.kind === 'tidying') {
      this.#parked = append;
      return;
    }
    assert(this.#state.kind === 'idle', 'one append at a time');
    this.#attempt(append);
  }

  /** True when what is appended now may become the caller's first in a segment, or need a new one. */
  #mayBeginSegment(): boolean {
    const added = this.#state.kind === 'tidying' ? tidyingBytes : 0;
    return this.#end.isFresh || this.#isFull(added);
  }

  /** Tries to carry out an append from its beginning. A floor goes first: it may be what makes room. */
  #attempt(append: PendingAppend): void {
    this.#state = { kind: 'appending' };
    this.#maybeWriteFloor(
      (failure) => this.#fail(failure, append.done),
      () => this.#carryOut(append),
    );
  }

  #carryOut(append: PendingAppend): void {
    if (!append.mayRoll || !this.#isFull(0)) {
      this.#write(append);
      return;
    }
    this.#end.roll(
      ({ error, step }) => {
        if (step === 'write') this.#block(append, { error });
        else this.#fail({ error }, append.done);
      },
      () => this.#write(append),
    );
  }

  #write(append: PendingAppend): void {
    const encoded = this.#end.encode(append.entries, append.checkpoint);
    this.#end.write(encoded, true, {
      done: () => this.#handleSynced(append, encoded.places),
      undone: (failure) => this.#block(append, failure),
      failed: (failure) => this.#fail(failure, append.done),
    });
  }

  #handleSynced({ done }: PendingAppend, places: readonly RecordPlace[]): void {
    this.#state = { kind: 'idle' };
    this.#isReporting = true;
    if (this.#trouble !== undefined) {
      this.#trouble = undefined;
      this.#options.onStorage({ state: 'ok' });
    }
    done(success(places));
    this.#isReporting = false;
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

  /** True when this many bytes more leave the last segment with no room for a record. One that is empty takes any. */
  #isFull(added: number): boolean {
    return this.#end.tail.end + added >= this.#options.segmentBytesMax && !this.#end.isEmpty;
  }

  // --- Tidying ---------------------------------------------------------------------------------------------------------

  /** What is done when nobody waits: a floor that is due is set, and the last append gets a witness. */
  #tidy(): void {
    this.#state = { kind: 'tidying' };
    const fail = ({ error }: Failure): void => this.#failTidying(error);
    const end = (): void => {
      this.#state = { kind: 'idle' };
      this.#endTidying();
    };
    const witness = (): void => {
      // An empty segment is a witness of all before it, and its first record may have to be a floor.
      if (this.#end.isEmpty) end();
      else if (this.#isFull(recordHeaderBytes)) this.#rollEarly(end);
      else this.#end.write(this.#end.encode([mark], undefined), false, { done: end, undone: end, failed: fail });
    };
    if (this.#isClosing()) witness();
    else this.#maybeWriteFloor(fail, witness);
  }

  #endTidying(): void {
    const parked = this.#parked;
    this.#parked = undefined;
    if (parked !== undefined) {
      if (this.#state.kind === 'failed') parked.done({ error: this.#state.cause });
      else this.#attempt(parked);
    } else if (this.#isFloorNew && this.#isIdle() && !this.#isClosing()) this.#tidy();
    this.#maybeClose();
  }

  #rollEarly(end: () => void): void {
    this.#end.roll(({ error, step }) => {
      // Without room for a segment the next append will try again, and say so.
      if (step === 'write') end();
      else this.#failTidying(error);
    }, end);
  }

  /** Writes and syncs the floor that is due, if one is. Whether that works or not, `next` goes on: it is tried again. */
  #maybeWriteFloor(fail: (failure: Failure) => void, next: () => void): void {
    this.#isFloorNew = false;
    const floor = this.#releasing.dueFloor;
    if (floor === undefined) {
      next();
      return;
    }
    const onDurable = (): void => {
      this.#releasing.handleDurable(floor);
      this.#options.onReleased?.(this.beginAddress);
      next();
    };
    const encoded = this.#end.encode([floorEntry(floor)], undefined);
    this.#end.write(encoded, true, { done: onDurable, undone: next, failed: fail });
  }

  #failTidying(error: AntecedentError): void {
    const cause = finalError(error);
    this.#state = { kind: 'failed', cause };
    if (this.#parked === undefined) this.#options.onStorage({ state: 'failed', cause });
    this.#endTidying();
  }

  // --- Closing ---------------------------------------------------------------------------------------------------------

  /** A question, because the compiler would otherwise think that no call in between can change the answer. */
  #isIdle(): boolean {
    return this.#state.kind === 'idle';
  }

  /** Closes the files if that was asked for and nothing is under way. */
  #maybeClose(): void {
    const done = this.#closing;
    if (done === undefined || this.#releasing.isRemoving || this.#isReporting) return;
    if (this.#state.kind !== 'idle' && this.#state.kind !== 'failed') return;
    this.#closing = undefined;
    this.#state = { kind: 'closed' };
    this.#scrubber.stop(() => {
      inOrder([(next) => this.#reader.close(next), (next) => this.#end.close(next)], done);
    });
  }
}

/** Room on the disk would not help any more. */
function finalError(error: AntecedentError): AntecedentError {
  return error.code === 'E_DISK_FULL' ? new AntecedentError('E_STORAGE', error.message, { cause: error }) : error;
}

function closedError(): AntecedentError {
  return new AntecedentError('E_CLOSED', 'the journal is closed');
}
