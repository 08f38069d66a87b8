/**
 * Segments: the files of the journal. A fixed header, then records.
 *
 * Header, little-endian:
 *   0 magic (8 bytes) · 8 format version u32 · 12 incarnation u32 · 16 log id (16 bytes) · 32 segment index u32 ·
 *   36 link u32 · 40 first lsn u64 · 48 base address u64 · 56 reserved u32 (0) · 60 checksum u32
 *
 * - Every format version keeps these 64 bytes and their checksum (CRC-32 of the 60 bytes before it), so that a damaged
 *   header and one of a newer program can be told apart.
 * - link is the checksum of the last header of the segment before (0 for segment 1): the chain goes on across files.
 * - base address is the number of bytes in all segments before. A record keeps its address for ever, whichever old
 *   segments are dropped.
 * - A segment gets its name only once its header is synced, and a new segment begins only once everything in the one
 *   before is synced. So a damaged header is never a torn write, and neither is damage in a segment that has a successor.
 */
import type { Digests, Random } from '../ports.js';
import { readUint64, writeUint64 } from './fixed-width.js';

export const segmentHeaderBytes = 64;
export const formatVersion = 1;
export const logIdBytes = 16;

/** "ATJRNL", CR LF: text-mode copies damage it visibly. */
const magic: readonly number[] = [0x41, 0x54, 0x4a, 0x52, 0x4e, 0x4c, 0x0d, 0x0a];
const checkedBytes = segmentHeaderBytes - 4;

export interface SegmentHeader {
  readonly version: number;
  /** The member's incarnation when the segment was made; a record in it may begin a newer one. */
  readonly incarnation: number;
  /** 16 random bytes that every segment of one log carries. */
  readonly logId: Uint8Array;
  /** 1, 2, 3, ... */
  readonly index: number;
  readonly link: number;
  readonly firstLsn: number;
  readonly baseAddress: number;
}

/** A log id that no other log has. */
export function newLogId(random: Random): Uint8Array {
  const logId = new Uint8Array(logIdBytes);
  const view = new DataView(logId.buffer);
  for (let at = 0; at < logIdBytes; at += 4) view.setUint32(at, random.nextUint32(), true);
  return logId;
}

/** Where a log ends: everything that the next record or the next segment has to continue. */
export interface LogTail {
  readonly logId: Uint8Array;
  readonly incarnation: number;
  /** Index and base address of the last segment. */
  readonly index: number;
  readonly baseAddress: number;
  /** Length of the last segment in bytes: the offset of the next record. */
  readonly end: number;
  readonly nextLsn: number;
  /** Checksum of the last header, be it of a record or of the segment. */
  readonly chain: number;
}

/** The header of the segment that continues the log after `tail`. */
export function headerAfter(tail: LogTail): SegmentHeader {
  return {
    version: formatVersion,
    incarnation: tail.incarnation,
    logId: tail.logId,
    index: tail.index + 1,
    link: tail.chain,
    firstLsn: tail.nextLsn,
    baseAddress: tail.baseAddress + tail.end,
  };
}

/** The header of the first segment of a new log. */
export function firstHeader(logId: Uint8Array, incarnation: number): SegmentHeader {
  return { version: formatVersion, incarnation, logId, index: 1, link: 0, firstLsn: 1, baseAddress: 0 };
}

/** The end of a log whose last segment holds nothing but this header. */
export function tailOfEmptySegment(header: SegmentHeader, headerChecksum: number): LogTail {
  return {
    logId: header.logId,
    incarnation: header.incarnation,
    index: header.index,
    baseAddress: header.baseAddress,
    end: segmentHeaderBytes,
    nextLsn: header.firstLsn,
    chain: headerChecksum,
  };
}

export function encodeSegmentHeader(
  header: SegmentHeader,
  digests: Digests,
): { readonly bytes: Uint8Array; readonly checksum: number } {
  const bytes = new Uint8Array(segmentHeaderBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(magic);
  view.setUint32(8, header.version, true);
  view.setUint32(12, header.incarnation, true);
  bytes.set(header.logId, 16);
  view.setUint32(32, header.index, true);
  view.setUint32(36, header.link, true);
  writeUint64(view, 40, header.firstLsn);
  writeUint64(view, 48, header.baseAddress);
  const checksum = digests.crc32(bytes.subarray(0, checkedBytes), 0);
  view.setUint32(checkedBytes, checksum, true);
  return { bytes, checksum };
}

/** The header at the start of `bytes`, of whatever version, or undefined when it is cut or damaged. */
export function decodeSegmentHeader(
  bytes: Uint8Array,
  digests: Digests,
): { readonly header: SegmentHeader; readonly checksum: number } | undefined {
  if (bytes.length < segmentHeaderBytes || magic.some((byte, at) => bytes[at] !== byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, segmentHeaderBytes);
  const checksum = view.getUint32(checkedBytes, true);
  if (digests.crc32(bytes.subarray(0, checkedBytes), 0) !== checksum) return undefined;
  const header: SegmentHeader = {
    version: view.getUint32(8, true),
    incarnation: view.getUint32(12, true),
    logId: bytes.slice(16, 16 + logIdBytes),
    index: view.getUint32(32, true),
    link: view.getUint32(36, true),
    firstLsn: readUint64(view, 40),
    baseAddress: readUint64(view, 48),
  };
  return { header, checksum };
}

/** Where a header has the log id, whether it is whole or not; zeros for what is cut. */
export function logIdIn(bytes: Uint8Array): Uint8Array {
  const logId = new Uint8Array(logIdBytes);
  logId.set(bytes.subarray(16, 16 + logIdBytes));
  return logId;
}

/** Every file of the journal begins so. */
export const journalFilePrefix = 'journal-';

/** `journal-00000001.log`: fixed width, so that byte order is segment order. */
export function segmentName(index: number): string {
  return `${journalFilePrefix}${String(index).padStart(8, '0')}.log`;
}

/** The index in the name of a segment, or undefined for any other file. */
export function segmentIndexOf(name: string): number | undefined {
  const digits = /^journal-(\d{8})\.log$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** What was cut off a segment's torn tail is kept under this name: the first one that is free among `names`. */
export function cutName(segment: string, offset: number, names: readonly string[]): string {
  const name = (attempt: number): string => `${segment}.${offset}${attempt === 1 ? '' : `.${attempt}`}.torn`;
  let attempt = 1;
  while (names.includes(name(attempt))) attempt++;
  return name(attempt);
}

/** A file that the repair which began `incarnation` took out of the log is kept under this name. */
export function damagedName(segment: string, incarnation: number): string {
  return `${segment}.${incarnation}.damaged`;
}

/** The incarnation in the name of a file that was taken out, or undefined for any other file. */
export function incarnationOfDamaged(name: string): number | undefined {
  const digits = /^journal-\d{8}\.log\.(\d+)\.damaged$/.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
