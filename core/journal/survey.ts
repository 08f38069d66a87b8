/**
 * Reading a whole log, segment by segment, without changing anything: what a node does when it starts, and whoever
 * inspects a log.
 *
 * - One segment is in memory at a time.
 * - A log may begin with any segment that begins with a checkpoint, if one of its records says that what came before is not
 *   needed (see `retention.ts`). Old segments go one by one, and after a crash any of them may be back: they are leftovers,
 *   which nobody reads.
 * - From there on a segment that is missing is the loss of something that was synced.
 */
import type { Digests, Disk } from '../ports.js';
import { findBeginning, type Beginning } from './beginning.js';
import { onValue, success, type Done } from './callbacks.js';
import { isInternal, isRecordType, recordTypes } from './record.js';
import { floorOf } from './retention.js';
import { isGood, recoverSegment, type GoodSegment, type RecoveredRecord, type RefusedSegment } from './recovery.js';
import { readSegment, type SegmentContents } from './segment-file.js';
import {
  incarnationOfDamaged,
  segmentHeaderBytes,
  segmentIndexOf,
  segmentName,
  type LogTail,
  type SegmentHeader,
} from './segment.js';

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
  /** Type of the first record that is not the journal's own; undefined when there is none. */
  readonly firstType: number | undefined;
}

/** Where a log is bad, and what follows from it. */
export interface Refusal extends Omit<RefusedSegment, 'records'> {
  readonly name: string;
}

export interface LogSurvey {
  /** All files in the directory. */
  readonly names: readonly string[];
  /** The good segments in order, from the beginning of the log. */
  readonly segments: readonly SurveyedSegment[];
  /** Segments in front of the beginning, not needed any more and not read: to be removed. */
  readonly leftovers: readonly string[];
  /** Lsn with which the log begins: 1 unless its beginning was given up. */
  readonly firstLsn: number;
  /** Type of the last good record; undefined when there is none. */
  readonly lastType: number | undefined;
  /** Highest lsn that is not needed any more; 0 when all are. */
  readonly floor: number;
  /** The last segment; undefined when there is none, or when the log is refused. Whoever asked closes the file. */
  readonly last: (SegmentContents & { readonly recovery: GoodSegment }) | undefined;
  /** Where the good records end, of a refused log too; undefined when there are none that a log could begin with. */
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

/** The first record of the caller in a segment. */
interface FirstRecord {
  readonly type: number;
  readonly offset: number;
}

class Survey {
  readonly #ports: SurveyPorts;
  readonly #names: readonly string[];
  /** Of all segments; from the beginning of the log on once that is found. */
  #indexes: readonly number[];
  #leftovers: readonly string[] = [];
  readonly #onRecord: OnSurveyed;
  readonly #done: Done<LogSurvey>;
  readonly #segments: SurveyedSegment[] = [];
  /** The first segment, once it has given a record. */
  #beginning: { readonly header: SegmentHeader; readonly first: FirstRecord | undefined } | undefined;
  #tail: LogTail | undefined;
  #floor = 0;
  #lastType: number | undefined;

  constructor(ports: SurveyPorts, names: readonly string[], onRecord: OnSurveyed, done: Done<LogSurvey>) {
    this.#ports = ports;
    this.#names = names;
    // Names come in byte order, which is segment order.
    this.#indexes = names.flatMap((name) => segmentIndexOf(name) ?? []);
    this.#onRecord = onRecord;
    this.#done = done;
  }

  start(): void {
    if (this.#indexes.length === 0) {
      if (newestDamaged(this.#names) > 0) this.#refuse(missing(1));
      else this.#end(undefined, undefined, undefined);
      return;
    }
    const begin = ({ floor, first }: Beginning): void => {
      this.#floor = floor;
      this.#leftovers = this.#indexes.slice(0, first).map(segmentName);
      this.#indexes = this.#indexes.slice(first);
      this.#read(0, undefined);
    };
    findBeginning(this.#ports, this.#indexes, onValue(this.#done, begin));
  }

  /** Reads the segment at `position` and all after it. */
  #read(position: number, previous: LogTail | undefined): void {
    const index = this.#indexes[position] ?? 0;
    if (previous !== undefined && index !== previous.index + 1) {
      this.#refuse(missing(previous.index + 1));
      return;
    }
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
    let first: FirstRecord | undefined;
    const onRecord = (record: RecoveredRecord, segment: SegmentHeader): void => {
      const { type, lsn, offset, body } = record;
      if (type === recordTypes.floor) this.#floor = Math.max(this.#floor, floorOf(lsn, body));
      if (isRecordType(type) && !isInternal(type)) first ??= { type, offset };
      if (position === 0) this.#beginning = { header: segment, first };
      this.#lastType = type;
      this.#onRecord(record, segment);
    };
    const recovery = recoverSegment(bytes, { index, previous, isLast }, this.#ports.digests, onRecord);
    this.#tail = recovery.tail ?? previous;
    if (!isGood(recovery)) {
      file.close(() => this.#refuse({ ...recovery, name }));
      return;
    }
    const { header, records } = recovery;
    if (position === 0) this.#beginning = { header, first };
    this.#segments.push({ name, header, length: bytes.length, records, firstType: first?.type });
    if (!isLast) file.close(onValue(this.#done, () => this.#read(position + 1, recovery.tail)));
    else {
      const refusal = this.#judgeBeginning() ?? this.#forgotten(recovery, name);
      if (refusal === undefined) this.#end({ ...contents, recovery }, this.#tail, undefined);
      else file.close(() => this.#refuse(refusal));
    }
  }

  /** Why the log cannot begin with its first segment; undefined when it can. */
  #judgeBeginning(): Refusal | undefined {
    if (this.#beginning === undefined) return undefined;
    const { header, first } = this.#beginning;
    if (header.index === 1) return undefined;
    if (header.firstLsn > this.#floor + 1) return missing(header.index - 1);
    return this.#hasBase() ? undefined : withoutBase(header.index, first?.offset ?? segmentHeaderBytes);
  }

  /** True when the good records tell all there is to know: from the very first one on, or from a checkpoint. */
  #hasBase(): boolean {
    return this.#indexes[0] === 1 || this.#beginning?.first?.type === recordTypes.checkpoint;
  }

  /** A repair that began a newer incarnation has left its traces, but the record of it is gone. */
  #forgotten({ tail }: GoodSegment, name: string): Refusal | undefined {
    const begun = newestDamaged(this.#names);
    if (begun <= tail.incarnation) return undefined;
    const reason = `the log ends as incarnation ${tail.incarnation}, but a repair has begun incarnation ${begun}`;
    return { name, verdict: 'corrupt', tail, offset: tail.end, reason };
  }

  /** Ends with what is wrong; with the beginning if that is no good either, for then nothing behind it is. */
  #refuse(refusal: Refusal): void {
    const first = this.#indexes[0] ?? 1;
    const at = segmentIndexOf(refusal.name) ?? first;
    const isFinal = at <= first || refusal.verdict === 'unsupported' || this.#hasBase();
    const worst = isFinal ? refusal : (this.#judgeBeginning() ?? refusal);
    this.#end(undefined, at >= first && this.#hasBase() ? this.#tail : undefined, worst);
  }

  #end(last: LogSurvey['last'], tail: LogTail | undefined, refusal: Refusal | undefined): void {
    this.#done(
      success({
        names: this.#names,
        segments: this.#segments,
        leftovers: this.#leftovers,
        firstLsn: this.#beginning?.header.firstLsn ?? 1,
        lastType: this.#lastType,
        floor: this.#floor,
        last,
        tail,
        refusal,
      }),
    );
  }
}

function missing(index: number): Refusal {
  return {
    name: segmentName(index),
    verdict: 'corrupt',
    tail: undefined,
    offset: 0,
    reason: 'the segment is missing',
  };
}

function withoutBase(index: number, offset: number): Refusal {
  const reason =
    'the log begins with this segment, which does not begin with a checkpoint: what was before it is needed';
  return { name: segmentName(index), verdict: 'corrupt', tail: undefined, offset, reason };
}

/** The newest incarnation that the names of files which repairs have put aside speak of; 0 for none. */
function newestDamaged(names: readonly string[]): number {
  return names.reduce((newest, name) => Math.max(newest, incarnationOfDamaged(name) ?? 0), 0);
}
