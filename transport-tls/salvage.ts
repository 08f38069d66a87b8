/**
 * Which messages a repaired log lacks: searched for in the segments that were taken out, as far as whole records can still
 * be read there. It may lack more than that, and what cannot be told is said.
 */
import {
  identifySegment,
  originKey,
  readRecordContent,
  salvageRecords,
  type NodeName,
  type RecoveredRecord,
} from '../core/index.js';
import { NativeDigests } from './digests.js';
import type { LogTally } from './log-tally.js';

/** What is not in the log any more, as far as whole records can still be read. */
export interface LostRecords {
  /** Bytes that are cut off or go. */
  readonly bytes: number;
  /** Whole records of this log. Damaged ones are not among them. */
  readonly records: number;
  /** Whole records of other logs, which were never part of this one. */
  readonly foreignRecords: number;
  /** Highest lsn among the records; null when none can be read. */
  readonly lastLsn: number | null;
  /** Highest applied position among them; null when none tells. */
  readonly applied: number | null;
  readonly origins: readonly LostMessages[];
  /** Segments that were not there: what was in them cannot be told, and they may never have been. */
  readonly missing: readonly MissingSegments[];
}

/** A stretch of segments, the last included. */
export interface MissingSegments {
  readonly first: string;
  readonly last: string;
}

export interface LostMessages {
  readonly origin: NodeName;
  readonly incarnation: number;
  /** Of the node whose log this is: what no peer has of these is only in the files put aside. */
  readonly isOwn: boolean;
  /** Behind the last that is kept, 1 when none is; what was in damaged records in between is lost too. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** How many of them can still be read. */
  readonly readable: number;
}

export class Salvage {
  readonly #kept: LogTally;
  readonly #keptLsn: number;
  /** Of the log; undefined when no segment tells. */
  readonly #logId: Uint8Array | undefined;
  readonly #missing: readonly MissingSegments[];
  readonly #digests = new NativeDigests();
  readonly #origins = new Map<string, LostMessages>();
  #bytes = 0;
  #records = 0;
  #foreignRecords = 0;
  #lastLsn: number | null = null;
  #applied: number | null = null;

  /** `kept`: what is in the repaired log, up to `keptLsn`. */
  constructor(kept: LogTally, keptLsn: number, logId: Uint8Array | undefined, missing: readonly MissingSegments[]) {
    this.#kept = kept;
    this.#keptLsn = keptLsn;
    this.#logId = logId;
    this.#missing = missing;
  }

  get result(): LostRecords {
    return {
      bytes: this.#bytes,
      records: this.#records,
      foreignRecords: this.#foreignRecords,
      lastLsn: this.#lastLsn,
      applied: this.#applied,
      origins: [...this.#origins.values()],
      missing: this.#missing,
    };
  }

  /** Searches the segment called `index`, of which the bytes up to `from` are kept. */
  search(bytes: Uint8Array, from: number, index: number): void {
    this.#bytes += bytes.length - from;
    // A segment whose header is gone should be what its name says.
    const guess = this.#logId === undefined ? undefined : { logId: this.#logId, index };
    const identity = identifySegment(bytes, this.#digests) ?? guess;
    if (identity === undefined) return;
    const isForeign = this.#logId !== undefined && Buffer.compare(identity.logId, this.#logId) !== 0;
    salvageRecords(bytes, from, identity, this.#digests, (record) => {
      if (isForeign) this.#foreignRecords++;
      // A copy of a segment that is kept under its right name holds nothing that is lost.
      else if (record.lsn > this.#keptLsn) this.#take(record);
    });
  }

  #take(record: RecoveredRecord): void {
    this.#records++;
    this.#lastLsn = Math.max(this.#lastLsn ?? 0, record.lsn);
    const content = readRecordContent(record, this.#digests);
    if (content.kind === 'applied') this.#applied = Math.max(this.#applied ?? 0, content.position);
    if (content.kind !== 'batch') return;
    const { origin, incarnation, firstSeq, count } = content.header;
    const key = originKey(origin, incarnation);
    const kept = this.#kept.origin(origin, incarnation);
    const before = this.#origins.get(key);
    this.#origins.set(key, {
      origin,
      incarnation,
      isOwn: content.isOwn || before?.isOwn === true,
      firstSeq: before?.firstSeq ?? (kept?.lastSeq ?? 0) + 1,
      lastSeq: Math.max(before?.lastSeq ?? 0, firstSeq + count - 1),
      readable: (before?.readable ?? 0) + count,
    });
  }
}
