/**
 * Reads closed segments again from time to time, so that a medium that loses bits is noticed while peers still hold what was
 * lost, and not at the next start.
 *
 * - Slow on purpose: one piece, then a pause. A pass begins `everyMs` after the last one ended.
 * - It only reads, through a handle of its own, and only segments that nobody writes any more.
 * - Each bad segment is reported once. What to do about it is for whoever runs the node: until a start it goes on.
 */
import { AntecedentError } from '../errors.js';
import type { Cancel, Clock, Digests, Disk, DiskFile } from '../ports.js';
import { onValue } from './callbacks.js';
import { decodeRecordHeader, recordHeaderBytes, segmentChecksum, viewOf, type Checksum } from './record.js';
import { scanRecords } from './recovery.js';
import {
  encodeSegmentHeader,
  segmentHeaderBytes,
  segmentName,
  tailOfEmptySegment,
  type LogTail,
  type SegmentHeader,
} from './segment.js';

/** Bytes read at a time; more only for a record that is longer. */
const pieceBytes = 256 << 10;
/** Between two pieces: about 10 MiB a second. */
const pauseMs = 25;

export interface ScrubberOptions {
  readonly disk: Pick<Disk, 'list' | 'open'>;
  readonly digests: Digests;
  readonly clock: Clock;
  /** Milliseconds from the end of one pass to the beginning of the next; Infinity: never. */
  readonly everyMs: number;
  /** All segments as they are now, the one that is written included. */
  readonly segments: () => readonly SegmentHeader[];
  /** `E_LOG_CORRUPT` with file and offset, `E_LOG_VANISHED`, or what the disk answered. */
  readonly onDamage: (error: AntecedentError) => void;
}

/** The segment that is being read. */
interface Reading {
  readonly segment: SegmentHeader;
  /** The one behind it, which says how it must end. */
  readonly next: SegmentHeader;
  readonly file: DiskFile;
  readonly checksum: Checksum;
  /** How far it is good. */
  tail: LogTail;
}

export class Scrubber {
  readonly #options: ScrubberOptions;
  /** Indexes of segments that were reported as damaged or gone. */
  readonly #reported = new Set<number>();
  /** Segments that the disk would not give in the last pass: once may be a passing trouble, twice is reported. */
  readonly #refused = new Set<number>();
  /** What waits for its time; undefined while a disk call is under way, and before the start. */
  #waiting: { readonly cancel: Cancel; readonly reading: Reading | undefined } | undefined;
  #isBusy = false;
  #onStopped: (() => void) | undefined;

  constructor(options: ScrubberOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#options.everyMs === Infinity) return;
    this.#wait(this.#options.everyMs, undefined, () => this.#begin(0));
  }

  /** Ends it; `done` is called when no file is open any more. */
  stop(done: () => void): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.cancel();
    if (this.#isBusy) this.#onStopped = done;
    else if (waiting?.reading === undefined) done();
    else waiting.reading.file.close(done);
  }

  /** Reads the first closed segment behind index `after`, and ends the pass when there is none. */
  #begin(after: number): void {
    const segments = this.#options.segments();
    const at = segments.findIndex(({ index }) => index > after && !this.#reported.has(index));
    const [segment, next] = at === -1 ? [] : segments.slice(at, at + 2);
    if (segment === undefined || next === undefined) {
      this.start();
      return;
    }
    this.#isBusy = true;
    const name = segmentName(segment.index);
    this.#options.disk.open(name, { create: false }, ({ error, value: file }) => {
      if (file === undefined) {
        this.#handleNotOpened(segment, error);
        return;
      }
      const { bytes, checksum } = encodeSegmentHeader(segment, this.#options.digests);
      const reading: Reading = {
        segment,
        next,
        file,
        checksum: segmentChecksum(this.#options.digests, segment.logId, segment.index),
        tail: tailOfEmptySegment(segment, checksum),
      };
      const checkHeader = (found: Uint8Array): void => {
        if (found.length === segmentHeaderBytes && found.every((byte, position) => byte === bytes[position])) {
          this.#readPiece(reading, pieceBytes);
        } else this.#reportDamage(reading, 0, 'the header of the segment is damaged');
      };
      file.read(
        0,
        segmentHeaderBytes,
        onValue(({ error: cause }) => this.#handleUnread(reading, cause), checkHeader),
      );
    });
  }

  #readPiece(reading: Reading, length: number): void {
    const { file, tail } = reading;
    file.read(
      tail.end,
      length,
      onValue(
        ({ error }) => this.#handleUnread(reading, error),
        (bytes) => this.#check(reading, bytes, length),
      ),
    );
  }

  #check(reading: Reading, bytes: Uint8Array, asked: number): void {
    const { tail, checksum, segment, next } = reading;
    const { tail: reached } = scanRecords(bytes, { ...tail, end: 0 }, checksum, () => undefined);
    reading.tail = { ...reached, end: tail.end + reached.end };
    const length = next.baseAddress - segment.baseAddress;
    if (reading.tail.end === length && bytes.length === reached.end) {
      if (reading.tail.chain === next.link) {
        this.#refused.delete(segment.index);
        this.#close(reading);
      } else this.#reportDamage(reading, length, 'the next segment continues another one');
      return;
    }
    const needed = reached.end === 0 ? lengthOfFirst(bytes, checksum) : pieceBytes;
    if (bytes.length < asked || needed === undefined || (reached.end === 0 && needed <= asked)) {
      this.#reportDamage(reading, reading.tail.end, `record ${reading.tail.nextLsn} is damaged or missing`);
      return;
    }
    this.#wait(pauseMs, reading, () => this.#readPiece(reading, Math.max(pieceBytes, needed)));
  }

  #reportDamage(reading: Reading, offset: number, reason: string): void {
    const place = `${segmentName(reading.segment.index)}:${offset}`;
    const message = `${place}: ${reason}, though it was written and synced`;
    this.#report(reading.segment, new AntecedentError('E_LOG_CORRUPT', message));
    this.#close(reading);
  }

  /** The name leads to nothing any more, or the system is short of something. */
  #handleNotOpened(segment: SegmentHeader, error: AntecedentError): void {
    const name = segmentName(segment.index);
    this.#options.disk.list(({ value: names }) => {
      if (names?.includes(name) === false) {
        this.#report(segment, new AntecedentError('E_LOG_VANISHED', `${name} was deleted or renamed`));
      } else this.#handleRefusal(segment, error);
      this.#endSegment(segment);
    });
  }

  #handleUnread(reading: Reading, error: AntecedentError): void {
    this.#handleRefusal(reading.segment, error);
    this.#close(reading);
  }

  /** What the disk will not give now it may give the next time. */
  #handleRefusal(segment: SegmentHeader, error: AntecedentError): void {
    if (this.#refused.has(segment.index)) this.#report(segment, error);
    this.#refused.add(segment.index);
  }

  #report({ index }: SegmentHeader, error: AntecedentError): void {
    this.#reported.add(index);
    // One that was given up meanwhile is nobody's loss.
    if (this.#options.segments().some((segment) => segment.index === index)) this.#options.onDamage(error);
  }

  #close(reading: Reading): void {
    reading.file.close(() => this.#endSegment(reading.segment));
  }

  #endSegment({ index }: SegmentHeader): void {
    this.#wait(pauseMs, undefined, () => this.#begin(index));
  }

  /** Goes on after a pause; or ends here, with the file of `reading` closed, if somebody has asked for that meanwhile. */
  #wait(ms: number, reading: Reading | undefined, then: () => void): void {
    this.#isBusy = false;
    const onStopped = this.#onStopped;
    if (onStopped !== undefined) {
      if (reading === undefined) onStopped();
      else reading.file.close(onStopped);
      return;
    }
    const { clock } = this.#options;
    const cancel = clock.wakeAt(clock.nowMs() + ms, () => {
      this.#waiting = undefined;
      this.#isBusy = reading !== undefined;
      then();
    });
    this.#waiting = { cancel, reading };
  }
}

/** Length of the record at the beginning of `bytes`, header included; undefined when no whole header stands there. */
function lengthOfFirst(bytes: Uint8Array, checksum: Checksum): number | undefined {
  const header = decodeRecordHeader(bytes, viewOf(bytes), 0, checksum);
  return header === undefined ? undefined : recordHeaderBytes + header.bodyLength;
}
