/**
 * Reading a whole log, segment by segment, without changing anything: what a node does when it starts, and whoever
 * inspects a log.
 *
 * - One segment is in memory at a time.
 * - A log may begin with any segment, if one of its records says that what came before is not needed (see
 *   `recordTypes.floor`). Old segments go one by one, and after a crash any of them may be back: those before a gap are
 *   leftovers when the floor covers the gap; otherwise the gap is the loss of something that was synced.
 */
import type { Digests, Disk } from '../ports.js';
import { onValue, success, type Done } from './callbacks.js';
import { recordTypes } from './record.js';
import { floorOf } from './retention.js';
import { isGood, recoverSegment, type GoodSegment, type RecoveredRecord, type RefusedSegment } from './recovery.js';
import { readSegment, type SegmentContents } from './segment-file.js';
import { incarnationOfDamaged, segmentIndexOf, segmentName, type LogTail, type SegmentHeader } from './segment.js';

export interface SurveyPorts {
  /** Only read. */
  readonly disk: Pick<Disk, 'list' | 'open'>;
  readonly digests: Digests;
}

/** A good segment. */
export interface SurveyedSegment {
  readonly name: string;
  readonly header: SegmentHeader;
  /** Length of the file in bytes. */
  readonly length: number;
  /** Number of good records. */
  readonly records: number;
}

/** Where a log is bad, and what follows from it. */
export interface Refusal extends Omit<RefusedSegment, 'records'> {
  readonly name: string;
}

export interface LogSurvey {
  /** All files in the directory. */
  readonly names: readonly string[];
  /** The good segments in order. */
  readonly segments: readonly SurveyedSegment[];
  /** Segments before a gap that the floor covers: to be removed. */
  readonly leftovers: readonly string[];
  /** Type of the last good record; undefined when there is none. */
  readonly lastType: number | undefined;
  /** Highest lsn that is not needed any more; 0 when all are. */
  readonly floor: number;
  /** The last segment; undefined when there is none, or when the log is refused. Whoever asked closes the file. */
  readonly last: (SegmentContents & { readonly recovery: GoodSegment }) | undefined;
  /** Where the good records end, of a refused log too; undefined when there are none. */
  readonly tail: LogTail | undefined;
  /** Undefined for a log that may be opened. */
  readonly refusal: Refusal | undefined;
}

/**
 * Called for every good record in order, also of a log that is refused in the end. The body is a view into a segment that
 * is given up when the call returns.
 */
export type OnSurveyed = (record: RecoveredRecord, segment: SegmentHeader) => void;

/** Reads the log on `disk`. Fails only with what the disk answers: a bad log is a result. */
export function surveyLog(ports: SurveyPorts, onRecord: OnSurveyed, done: Done<LogSurvey>): void {
  ports.disk.list(onValue(done, (names) => new Survey(ports, names, onRecord, done).start()));
}

class Survey {
  readonly #ports: SurveyPorts;
  readonly #names: readonly string[];
  /** Indexes of the segments from the last gap on. */
  readonly #indexes: readonly number[];
  readonly #leftovers: readonly string[];
  readonly #onRecord: OnSurveyed;
  readonly #done: Done<LogSurvey>;
  readonly #segments: SurveyedSegment[] = [];
  #tail: LogTail | undefined;
  #floor = 0;
  #lastType: number | undefined;

  constructor(ports: SurveyPorts, names: readonly string[], onRecord: OnSurveyed, done: Done<LogSurvey>) {
    this.#ports = ports;
    this.#names = names;
    // Names come in byte order, which is segment order.
    const indexes = names.flatMap((name) => segmentIndexOf(name) ?? []);
    const first = indexes.findLastIndex((index, at) => index !== (indexes[at - 1] ?? NaN) + 1);
    this.#indexes = indexes.slice(Math.max(0, first));
    this.#leftovers = indexes.slice(0, Math.max(0, first)).map(segmentName);
    this.#onRecord = onRecord;
    this.#done = done;
  }

  start(): void {
    if (this.#indexes.length === 0) this.#end(undefined, newestDamaged(this.#names) > 0 ? this.#missing(2) : undefined);
    else this.#read(0, undefined);
  }

  /** Reads the segment at `position` and all after it. */
  #read(position: number, previous: LogTail | undefined): void {
    const index = this.#indexes[position] ?? 0;
    readSegment(
      this.#ports.disk,
      index,
      onValue(this.#done, (contents) => this.#recover(contents, position, previous)),
    );
  }

  #recover(contents: SegmentContents, position: number, previous: LogTail | undefined): void {
    const { file, name, bytes } = contents;
    const index = this.#indexes[position] ?? 0;
    const isLast = position === this.#indexes.length - 1;
    const onRecord = (record: RecoveredRecord, segment: SegmentHeader): void => {
      if (record.type === recordTypes.floor) this.#floor = Math.max(this.#floor, floorOf(record.lsn, record.body));
      this.#lastType = record.type;
      this.#onRecord(record, segment);
    };
    const recovery = recoverSegment(bytes, { index, previous, isLast }, this.#ports.digests, onRecord);
    this.#tail = recovery.tail ?? previous;
    if (!isGood(recovery)) {
      file.close(() => this.#end(undefined, { ...recovery, name }));
      return;
    }
    const { header, records } = recovery;
    this.#segments.push({ name, header, length: bytes.length, records });
    if (!isLast) file.close(onValue(this.#done, () => this.#read(position + 1, recovery.tail)));
    else {
      const refusal = this.#isGapCovered() ? this.#forgotten(recovery, name) : this.#missing();
      if (refusal === undefined) this.#end({ ...contents, recovery }, undefined);
      else file.close(() => this.#end(undefined, refusal));
    }
  }

  /** A repair that began a newer incarnation has left its traces, but the record of it is gone. */
  #forgotten({ tail }: GoodSegment, name: string): Refusal | undefined {
    const begun = newestDamaged(this.#names);
    if (begun <= tail.incarnation) return undefined;
    const reason = `the log ends as incarnation ${tail.incarnation}, but a repair has begun incarnation ${begun}`;
    return { name, verdict: 'corrupt', tail, offset: tail.end, reason };
  }

  #isGapCovered(): boolean {
    const [first] = this.#segments;
    return first === undefined || first.header.index === 1 || first.header.firstLsn <= this.#floor + 1;
  }

  #missing(first = this.#indexes[0] ?? 1): Refusal {
    return {
      name: segmentName(first - 1),
      verdict: 'corrupt',
      tail: undefined,
      offset: 0,
      reason: 'the segment is missing',
    };
  }

  #end(last: LogSurvey['last'], refusal: Refusal | undefined): void {
    this.#done(
      success({
        names: this.#names,
        segments: this.#segments,
        leftovers: this.#leftovers,
        lastType: this.#lastType,
        floor: this.#floor,
        last,
        tail: this.#tail,
        refusal,
      }),
    );
  }
}

/** The newest incarnation that the names of files which repairs have put aside speak of; 0 for none. */
function newestDamaged(names: readonly string[]): number {
  return names.reduce((newest, name) => Math.max(newest, incarnationOfDamaged(name) ?? 0), 0);
}
