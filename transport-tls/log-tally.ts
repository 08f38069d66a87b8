/**
 * Counts what the records of a log hold, one record at a time; memory grows with the number of segments and origins only.
 */
import { originKey, segmentName, type NodeName, type RecordContent, type RecoveredRecord } from '../core/index.js';

/** The messages of one origin in a log. */
export interface OriginTally {
  readonly origin: NodeName;
  readonly incarnation: number;
  /** Of the node whose log this is. */
  readonly isOwn: boolean;
  readonly batches: number;
  readonly messages: number;
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of the batches, without the headers of their records. */
  readonly bytes: number;
}

export interface SegmentTally {
  readonly records: number;
  readonly firstLsn: number;
  readonly lastLsn: number;
}

export interface UnreadableRecord {
  readonly file: string;
  readonly offset: number;
  readonly lsn: number;
  readonly reason: string;
}

export class LogTally {
  records = 0;
  firstLsn: number | undefined;
  lastLsn: number | undefined;
  /** Position up to which the application has applied what it was given. */
  applied = 0;
  /** How many whole records have a body that is not what their type says, and the first of them. */
  unreadable = 0;
  firstUnreadable: UnreadableRecord | undefined;
  readonly #origins = new Map<string, OriginTally>();
  readonly #segments = new Map<number, SegmentTally>();

  /** Takes the next record, of segment `index`. */
  take({ lsn, offset, body }: RecoveredRecord, content: RecordContent, index: number): void {
    this.records++;
    this.firstLsn ??= lsn;
    this.lastLsn = lsn;
    const segment = this.#segments.get(index);
    this.#segments.set(index, {
      records: (segment?.records ?? 0) + 1,
      firstLsn: segment?.firstLsn ?? lsn,
      lastLsn: lsn,
    });
    if (content.kind === 'batch') this.#takeBatch(content, body.length);
    else if (content.kind === 'applied') this.applied = content.position;
    else if (content.kind === 'unreadable') {
      this.unreadable++;
      this.firstUnreadable ??= { file: segmentName(index), offset, lsn, reason: content.reason };
    }
  }

  /** Undefined when the segment has given no record. */
  segment(index: number): SegmentTally | undefined {
    return this.#segments.get(index);
  }

  /** In the order in which the log first names them. */
  get origins(): readonly OriginTally[] {
    return [...this.#origins.values()];
  }

  /** Undefined when no message of this origin was seen. */
  origin(name: NodeName, incarnation: number): OriginTally | undefined {
    return this.#origins.get(originKey(name, incarnation));
  }

  #takeBatch({ isOwn, header }: Extract<RecordContent, { readonly kind: 'batch' }>, bytes: number): void {
    const { origin, incarnation, firstSeq, count } = header;
    const key = originKey(origin, incarnation);
    const before = this.#origins.get(key);
    this.#origins.set(key, {
      origin,
      incarnation,
      isOwn: isOwn || before?.isOwn === true,
      batches: (before?.batches ?? 0) + 1,
      messages: (before?.messages ?? 0) + count,
      firstSeq: before?.firstSeq ?? firstSeq,
      lastSeq: firstSeq + count - 1,
      bytes: (before?.bytes ?? 0) + bytes,
    });
  }
}

/** Why a log with this record is no good: nothing has damaged it, it was written like this. */
export function unreadableReason({ lsn, reason }: UnreadableRecord): string {
  return `record ${lsn} is whole, but no node can read it: ${reason}`;
}
