/**
 * Recovery: the bytes of a segment in, its records and a verdict out. A pure function, the same for a node that starts,
 * for the simulator, for the scrubber and for whoever inspects a log.
 *
 * The records are good up to the first one that fails at offset o, where lsn s was expected. Whatever lies after it is
 * only searched for evidence: a later header (its checksum proves it, its body does not matter) whose durable lsn is s
 * or more says that record s had been synced.
 *
 * - With evidence the segment is corrupt: something that was synced is gone. Cutting there would lose messages that
 *   peers were told we keep.
 * - Without evidence the last segment is torn: appends are synced one at a time, so everything that was never synced
 *   belongs to one append, whose headers all say durable lsn < s, in whatever order its pages reached the disk.
 * - A segment with a successor was synced as a whole before the successor began: any damage there is corruption.
 */
import type { Digests } from '../ports.js';
import { decodeCounter } from './fixed-width.js';
import {
  criticalFlag,
  decodeRecordHeader,
  findRecordMagic,
  isRecordType,
  recordHeaderBytes,
  recordTypes,
  segmentChecksum,
  viewOf,
  type Checksum,
} from './record.js';
import {
  decodeSegmentHeader,
  formatVersion,
  headerAfter,
  segmentHeaderBytes,
  tailOfEmptySegment,
  type LogTail,
  type SegmentHeader,
} from './segment.js';

/** A whole record. `body` is a view into the bytes of the segment. */
export interface RecoveredRecord {
  /** A type that this program does not know is passed over unless its record is critical. */
  readonly type: number;
  readonly lsn: number;
  /** Offset of the header in the segment. */
  readonly offset: number;
  readonly body: Uint8Array;
}

/** What the rest of the log says about a segment. */
export interface SegmentContext {
  /** From the name of the file. */
  readonly index: number;
  /** Where the segment before ends; undefined for the first. */
  readonly previous: LogTail | undefined;
  /** True when no segment follows. */
  readonly isLast: boolean;
}

export type SegmentRecovery = GoodSegment | RefusedSegment;

interface Recovered {
  /** Number of good records. */
  readonly records: number;
}

export interface GoodSegment extends Recovered {
  /** torn: the bytes from `tail.end` on never became durable and may be cut off. */
  readonly verdict: 'clean' | 'torn';
  readonly header: SegmentHeader;
  /** The end of the records. */
  readonly tail: LogTail;
  /** Highest lsn that a header proves to be synced. */
  readonly durableLsn: number;
  /** Offset of the first record that no header proves to be synced: the start of the last append. */
  readonly unprovenFrom: number;
}

/** The log must be neither opened nor changed. */
export interface RefusedSegment extends Recovered {
  /** corrupt: something synced is damaged · foreign: of another log · unsupported: of a newer program. */
  readonly verdict: 'corrupt' | 'foreign' | 'unsupported';
  /** Where the good records end; undefined when not even the header of the segment is good. */
  readonly tail: LogTail | undefined;
  readonly offset: number;
  /** One line with the values. */
  readonly reason: string;
}

/** Called for every good record in order. */
export type OnRecord = (record: RecoveredRecord, segment: SegmentHeader) => void;

export function isGood(recovery: SegmentRecovery): recovery is GoodSegment {
  return recovery.verdict === 'clean' || recovery.verdict === 'torn';
}

/**
 * Recovers one segment: calls `onRecord` for its good records, then says what is behind them. `bytes` is the whole file;
 * it is not changed, and the bodies are views into it.
 */
export function recoverSegment(
  bytes: Uint8Array,
  context: SegmentContext,
  digests: Digests,
  onRecord: OnRecord,
): SegmentRecovery {
  const decoded = decodeSegmentHeader(bytes, digests);
  if (decoded === undefined) return damagedHeader(bytes);
  const { header } = decoded;
  const refusal = judgeHeader(header, context);
  if (refusal !== undefined) return refusal;

  const checksum = segmentChecksum(digests, header.logId, header.index);
  const scan = scanRecords(bytes, tailOfEmptySegment(header, decoded.checksum), checksum, (record) => {
    onRecord(record, header);
  });
  const { tail, durableLsn } = scan;
  const records = tail.nextLsn - header.firstLsn;
  if (scan.unknownType !== undefined) {
    const reason = `record ${tail.nextLsn} has the critical type ${scan.unknownType}, which this program does not know`;
    return { verdict: 'unsupported', records, tail, offset: tail.end, reason };
  }
  const unprovenFrom = scan.offsets[Math.max(0, durableLsn + 1 - header.firstLsn)] ?? tail.end;
  if (tail.end === bytes.length) return { verdict: 'clean', records, header, tail, durableLsn, unprovenFrom };
  const proof = findProof(bytes, tail, context, checksum);
  if (proof === undefined) return { verdict: 'torn', records, header, tail, durableLsn, unprovenFrom };
  const reason = `record ${tail.nextLsn} is damaged or missing, but ${proof}`;
  return { verdict: 'corrupt', records, tail, offset: tail.end, reason };
}

function damagedHeader(bytes: Uint8Array): RefusedSegment {
  const reason =
    bytes.length < segmentHeaderBytes
      ? `the segment has ${bytes.length} bytes, its header alone has ${segmentHeaderBytes}`
      : 'the header of the segment is damaged';
  return { verdict: 'corrupt', records: 0, tail: undefined, offset: 0, reason };
}

/** Why a whole header does not belong here, or undefined when it does. */
function judgeHeader(header: SegmentHeader, context: SegmentContext): RefusedSegment | undefined {
  const refuse = (verdict: RefusedSegment['verdict'], reason: string): RefusedSegment => {
    return { verdict, records: 0, tail: undefined, offset: 0, reason };
  };
  if (header.version !== formatVersion) {
    return refuse('unsupported', `format version ${header.version}, this program reads version ${formatVersion}`);
  }
  const { previous } = context;
  if (previous !== undefined && header.logId.some((byte, at) => byte !== previous.logId[at])) {
    return refuse('foreign', 'the segment belongs to another log than the one before it');
  }
  if (header.index !== context.index) {
    return refuse('corrupt', `the header says segment ${header.index}, the name says ${context.index}`);
  }
  if (previous === undefined) return undefined;
  const expected = headerAfter(previous);
  if (header.firstLsn !== expected.firstLsn || header.baseAddress !== expected.baseAddress) {
    return refuse(
      'corrupt',
      `begins with lsn ${header.firstLsn} at address ${header.baseAddress}, but the segment before ends before lsn ` +
        `${expected.firstLsn} at address ${expected.baseAddress}`,
    );
  }
  if (header.link !== expected.link) return refuse('corrupt', 'does not continue the chain of the segment before');
  return undefined;
}

export interface Scan {
  /** Where each good record begins. */
  readonly offsets: readonly number[];
  readonly tail: LogTail;
  /** Durable lsn of the last good record. */
  readonly durableLsn: number;
  /** Set when the scan ended at a whole record of a critical type that we do not know. */
  readonly unknownType: number | undefined;
}

/**
 * Reads records until one fails: cut, damaged, not the next in the chain, or critical and unknown. `bytes` begins where
 * the segment does.
 */
export function scanRecords(
  bytes: Uint8Array,
  start: LogTail,
  checksum: Checksum,
  onRecord: (record: RecoveredRecord) => void,
): Scan {
  const view = viewOf(bytes);
  const offsets: number[] = [];
  let { end: offset, nextLsn: lsn, chain, incarnation } = start;
  let durableLsn = 0;
  let unknownType: number | undefined;
  for (;;) {
    const header = decodeRecordHeader(bytes, view, offset, checksum);
    if (header?.lsn !== lsn || header.chain !== chain) break;
    const bodyStart = offset + recordHeaderBytes;
    const bodyEnd = bodyStart + header.bodyLength;
    if (bodyEnd > bytes.length) break;
    const body = bytes.subarray(bodyStart, bodyEnd);
    if (checksum(body) !== header.bodyChecksum) break;
    if (!isRecordType(header.type) && (header.flags & criticalFlag) !== 0) {
      unknownType = header.type;
      break;
    }
    if (header.type === recordTypes.incarnation) incarnation = decodeCounter(body);
    offsets.push(offset);
    onRecord({ type: header.type, lsn, offset, body });
    offset = bodyEnd;
    chain = header.checksum;
    durableLsn = header.durableLsn;
    lsn++;
  }
  return { offsets, tail: { ...start, incarnation, end: offset, nextLsn: lsn, chain }, durableLsn, unknownType };
}

/** What proves that the record after `tail` had been synced, in words; undefined when nothing does. */
function findProof(bytes: Uint8Array, tail: LogTail, context: SegmentContext, checksum: Checksum): string | undefined {
  if (!context.isLast) return 'a segment follows, so it had been synced';
  const evidence = findEvidence(bytes, tail.end, tail.nextLsn, checksum);
  if (evidence === undefined) return undefined;
  return `record ${evidence.lsn} at offset ${evidence.offset} says that lsn ${evidence.durableLsn} had been synced`;
}

interface Evidence {
  readonly offset: number;
  readonly lsn: number;
  readonly durableLsn: number;
}

/**
 * Looks from `from` on for a header which says that record `lsn` had been synced. Headers of earlier records are no
 * evidence: a payload may hold a copy of a part of this very log.
 */
function findEvidence(bytes: Uint8Array, from: number, lsn: number, checksum: Checksum): Evidence | undefined {
  const view = viewOf(bytes);
  for (let at = findRecordMagic(bytes, from); at >= 0; at = findRecordMagic(bytes, at + 1)) {
    const header = decodeRecordHeader(bytes, view, at, checksum);
    // A header's durable lsn is below its own lsn, so one that passes is always of a later record.
    if (header === undefined || header.durableLsn < lsn) continue;
    return { offset: at, lsn: header.lsn, durableLsn: header.durableLsn };
  }
  return undefined;
}
