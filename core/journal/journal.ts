/**
 * The journal: the append-only log that is the only durable truth of a node. All else is derived from it by replay.
 *
 * Invariants:
 * - One append at a time: one positional write, then one sync. So every record before an append is durable when the
 *   append is written, its headers say so, and what a crash leaves unsynced belongs to that one append.
 * - Nothing is reported durable before its sync has returned.
 * - After a failed write or sync the journal writes and syncs nothing more: the system may have dropped the pages and
 *   would report the next sync as a success. A restart decides from what is on disk.
 * - A new segment begins only when everything in the one before is durable. No byte of a durable record ever changes.
 *
 * Reads use handles of their own and may run at any time. Group commit is the caller's: whatever arrives while an append
 * is under way forms the next one.
 */
import { AntecedentError, assert } from '../errors.js';
import type { Digests, Disk, DiskFile, Logger, Random, Result } from '../ports.js';
import { inOrder, onValue, success, type Done, type Failure } from './callbacks.js';
import { openLog, type OpenedLog, type SegmentStart } from './opening.js';
import { RecordReader } from './record-reader.js';
import {
  criticalFlag,
  decodeRecordHeader,
  encodeRecordHeader,
  isRecordType,
  recordHeaderBytes,
  segmentChecksum,
  type Checksum,
  type RecordType,
} from './record.js';
import { createSegment, type OpenSegment } from './segment-file.js';
import { headerAfter, segmentHeaderBytes, segmentName, type LogTail } from './segment.js';

export { recordTypes, type RecordType } from './record.js';

export interface JournalEntry {
  readonly type: RecordType;
  /** Nobody changes it until the append is done. From recovery: a view that is given up when the call returns. */
  readonly body: Uint8Array;
}

/** Where a record lies. It stays valid for as long as the record is kept, across restarts. */
export interface RecordPlace {
  /** Address of the record's first byte: counted through all segments from the beginning of the log. */
  readonly address: number;
  /** Length of the body in bytes. */
  readonly length: number;
  /** Number of the record in the log: 1, 2, 3, ... */
  readonly lsn: number;
}

export interface JournalOptions {
  readonly disk: Disk;
  readonly digests: Digests;
  readonly random: Random;
  readonly logger: Logger;
  /** A segment is closed when it holds this many bytes. */
  readonly segmentBytesMax: number;
}

type JournalState =
  | { readonly kind: 'idle' }
  | { readonly kind: 'appending' }
  /**
   * Final, until a restart. `step` tells what could be mended: after a failed `write`, and only then, the file could be
   * cut back to `#tail.end` and the append tried again once the disk has room.
   */
  | { readonly kind: 'failed'; readonly step: FailedStep; readonly cause: AntecedentError }
  | { readonly kind: 'closed' };

type FailedStep = 'roll' | 'write' | 'sync';

/** Header bytes kept for encoding: enough for this many records in one append; grows when there are more. */
const headersInitially = 64;

export class Journal {
  /** Which life of the member this log belongs to. */
  readonly incarnation: number;
  /** True when the directory held no log. */
  readonly isNew: boolean;

  readonly #options: JournalOptions;
  readonly #reader: RecordReader;
  readonly #segments: SegmentStart[];
  /** The last segment. Only appends use this handle. */
  #file: DiskFile;
  /** The end of the last append that was synced. */
  #tail: LogTail;
  #checksum: Checksum;
  #headers: Uint8Array = new Uint8Array(headersInitially * recordHeaderBytes);
  #state: JournalState = { kind: 'idle' };
  /** A close that waits for the append under way. */
  #closeAfterAppend: Done<void> | undefined;

  private constructor(options: JournalOptions, log: OpenedLog) {
    this.#options = options;
    this.#reader = new RecordReader(options.disk);
    this.#segments = [...log.segments];
    this.#file = log.file;
    this.#tail = log.tail;
    this.#checksum = segmentChecksum(options.digests, log.tail.logId, log.tail.index);
    this.incarnation = log.tail.incarnation;
    this.isNew = log.isNew;
  }

  /**
   * Opens the journal on `disk`, or makes one. Calls `onRecord` for every record in order, then `done`; everything
   * reported is durable by then. A torn tail is saved beside the log and cut off.
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
      ({ type, body, offset, lsn }, baseAddress) => {
        // A type of a newer program that is not critical: the log says that it may be passed over.
        if (!isRecordType(type)) return;
        onRecord({ type, body }, { address: baseAddress + offset, length: body.length, lsn });
      },
      onValue(done, (log) => done(success(new Journal(options, log)))),
    );
  }

  /**
   * Writes `entries`, at least one, as one group: one write and one sync (and a new segment first, when the current one
   * is full). Calls `done` with their places, in order, once all of them are durable. After an error any prefix of their
   * bytes may be on disk. One append at a time.
   *
   * A journal that has failed (`E_STORAGE`) or is closed (`E_CLOSED`) answers before `append` returns.
   */
  append(entries: readonly JournalEntry[], done: (result: Result<readonly RecordPlace[]>) => void): void {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      done({ error: refusal });
      return;
    }
    assert(entries.length > 0, 'an append holds at least one record');
    assert(this.#state.kind === 'idle', 'one append at a time');
    this.#state = { kind: 'appending' };
    const isFull = this.#tail.end >= this.#options.segmentBytesMax && this.#tail.end > segmentHeaderBytes;
    if (isFull) this.#roll(done, () => this.#write(entries, done));
    else this.#write(entries, done);
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
      const header = decodeRecordHeader(bytes, 0, checksum);
      const body = bytes.subarray(recordHeaderBytes);
      if (header?.bodyLength === place.length && checksum(body) === header.bodyChecksum) {
        done(success(body));
      } else {
        const message = `${name}:${offset}: the record of ${place.length} bytes that was written here is damaged`;
        done({ error: new AntecedentError('E_LOG_CORRUPT', `${message}; restart the node to have the log judged`) });
      }
    };
    this.#reader.read(name, offset, recordHeaderBytes + place.length, onValue(done, check));
  }

  /** Lets the append and the read under way end, refuses reads that wait, and closes the files. */
  close(done: (result: Result<void>) => void): void {
    assert(!this.#isClosing(), 'the journal is closed once');
    if (this.#state.kind === 'appending') this.#closeAfterAppend = done;
    else this.#closeFiles(done);
  }

  #isClosing(): boolean {
    return this.#state.kind === 'closed' || this.#closeAfterAppend !== undefined;
  }

  /** Why nothing can be appended any more. */
  #refusal(): AntecedentError | undefined {
    if (this.#isClosing()) return closedError();
    if (this.#state.kind !== 'failed') return undefined;
    const { step, cause } = this.#state;
    const message = `the journal stopped after a failed ${step} of ${segmentName(this.#tail.index)}; restart the node`;
    return new AntecedentError('E_STORAGE', `${message}: ${cause.message}`, { cause });
  }

  /** Begins the next segment. The handle of the old one is closed; all it holds is durable. */
  #roll(fail: (failure: Failure) => void, next: () => void): void {
    const { disk, digests } = this.#options;
    const onFailure = (failure: Failure): void => this.#fail('roll', failure, fail);
    const onCreated = ({ file, tail }: OpenSegment): void => {
      const old = this.#file;
      this.#file = file;
      this.#tail = tail;
      this.#checksum = segmentChecksum(digests, tail.logId, tail.index);
      this.#segments.push({ index: tail.index, baseAddress: tail.baseAddress });
      old.close(onValue(onFailure, next));
    };
    createSegment(disk, headerAfter(this.#tail), digests, onValue(onFailure, onCreated));
  }

  #write(entries: readonly JournalEntry[], done: Done<readonly RecordPlace[]>): void {
    const { chunks, places, tail } = this.#encode(entries);
    const sync = (): void => {
      this.#file.sync(onValue((failure) => this.#fail('sync', failure, done), onSynced));
    };
    const onSynced = (): void => {
      this.#tail = tail;
      this.#state = { kind: 'idle' };
      this.#endAppend();
      done(success(places));
    };
    const onFailure = (failure: Failure): void => this.#fail('write', failure, done);
    this.#file.write(this.#tail.end, chunks, onValue(onFailure, sync));
  }

  /** Headers and bodies in writing order; the headers share one buffer that lives until the next append. */
  #encode(entries: readonly JournalEntry[]): {
    readonly chunks: readonly Uint8Array[];
    readonly places: readonly RecordPlace[];
    readonly tail: LogTail;
  } {
    const bytesNeeded = entries.length * recordHeaderBytes;
    if (this.#headers.length < bytesNeeded) this.#headers = new Uint8Array(2 * bytesNeeded);
    const headers = this.#headers;
    const chunks: Uint8Array[] = [];
    const places: RecordPlace[] = [];
    let { end, nextLsn: lsn, chain } = this.#tail;
    // All earlier appends are synced: there is only ever one.
    const durableLsn = lsn - 1;
    entries.forEach(({ type, body }, position) => {
      const at = position * recordHeaderBytes;
      const bodyChecksum = this.#checksum(body);
      const header = { type, flags: criticalFlag, bodyLength: body.length, chain, lsn, durableLsn, bodyChecksum };
      chain = encodeRecordHeader(headers, at, header, this.#checksum);
      chunks.push(headers.subarray(at, at + recordHeaderBytes));
      if (body.length > 0) chunks.push(body);
      places.push({ address: this.#tail.baseAddress + end, length: body.length, lsn });
      end += recordHeaderBytes + body.length;
      lsn++;
    });
    // Spelled out: a spread here costs more than the rest of the append.
    const { logId, incarnation, index, baseAddress } = this.#tail;
    return { chunks, places, tail: { logId, incarnation, index, baseAddress, end, nextLsn: lsn, chain } };
  }

  #fail(step: FailedStep, failure: Failure, done: (failure: Failure) => void): void {
    this.#state = { kind: 'failed', step, cause: failure.error };
    this.#endAppend();
    done(failure);
  }

  #endAppend(): void {
    const done = this.#closeAfterAppend;
    if (done !== undefined) this.#closeFiles(done);
  }

  #closeFiles(done: Done<void>): void {
    this.#state = { kind: 'closed' };
    inOrder([(next) => this.#reader.close(next), (next) => this.#file.close(next)], done);
  }
}

function closedError(): AntecedentError {
  return new AntecedentError('E_CLOSED', 'the journal is closed');
}
