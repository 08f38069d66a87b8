/**
 * Salvage: which whole records still stand behind a damage. For reports, never for a log that goes on: between two records
 * found here anything may be missing.
 *
 * A record is whole when header and body pass their checksums. What lies between is searched byte by byte for the next
 * one, so that a damaged length misleads nobody. Records come in ascending lsn: a copy of an earlier one, such as a payload may
 * hold, is passed over.
 */
import type { Digests } from '../ports.js';
import { decodeRecordHeader, findRecordMagic, recordHeaderBytes, segmentChecksum, viewOf } from './record.js';
import type { RecoveredRecord } from './recovery.js';
import { decodeSegmentHeader, segmentHeaderBytes } from './segment.js';

/** Who wrote a segment: it seeds every checksum in it. */
export interface SegmentIdentity {
  readonly logId: Uint8Array;
  /** Index in the header, whatever the file is called. */
  readonly index: number;
}

/** What the header of a segment says of itself; undefined when it is cut or damaged. */
export function identifySegment(bytes: Uint8Array, digests: Digests): SegmentIdentity | undefined {
  const header = decodeSegmentHeader(bytes, digests)?.header;
  return header === undefined ? undefined : { logId: header.logId, index: header.index };
}

/**
 * Calls `onRecord` for every whole record at or behind offset `from`. `bytes` is the whole file and is not changed; bodies
 * are views into it.
 */
export function salvageRecords(
  bytes: Uint8Array,
  from: number,
  { logId, index }: SegmentIdentity,
  digests: Digests,
  onRecord: (record: RecoveredRecord) => void,
): void {
  const view = viewOf(bytes);
  const checksum = segmentChecksum(digests, logId, index);
  let lastLsn = 0;
  let at = findRecordMagic(bytes, Math.max(from, segmentHeaderBytes));
  while (at >= 0) {
    const header = decodeRecordHeader(bytes, view, at, checksum);
    const bodyStart = at + recordHeaderBytes;
    const bodyEnd = bodyStart + (header?.bodyLength ?? 0);
    const body = bytes.subarray(bodyStart, bodyEnd);
    let next = at + 1;
    if (
      header !== undefined &&
      header.lsn > lastLsn &&
      bodyEnd <= bytes.length &&
      checksum(body) === header.bodyChecksum
    ) {
      onRecord({ type: header.type, lsn: header.lsn, offset: at, body });
      lastLsn = header.lsn;
      next = bodyEnd;
    }
    at = findRecordMagic(bytes, next);
  }
}
