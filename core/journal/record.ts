/**
 * Records: the unit of the journal. A fixed header, then the body.
 *
 * Header, little-endian:
 *   0 magic u32 · 4 type u8 · 5 flags u8 · 6 reserved u16 (0) · 8 body length u32 · 12 chain u32 · 16 lsn u64 ·
 *   24 durable lsn u64 · 32 body checksum u32 · 36 header checksum u32
 *
 * - lsn counts the records of the whole journal: 1, 2, 3, ... without gaps.
 * - chain is the checksum of the header before it (of the segment's header for the first record of a segment), so a
 *   record that is removed, doubled or moved is noticed even if each single record is whole.
 * - durable lsn is the highest lsn known to be synced when the header was written. It lets recovery tell a tail that
 *   never reached the disk from the loss of something that had.
 * - The header has a checksum of its own: only so can its length and its durable lsn be believed when the body is gone.
 * - Both checksums continue from a seed made of log id and segment index: bytes of another log or of a recycled block
 *   never match.
 */
import type { Digests } from '../ports.js';
import { readUint64, writeUint64 } from './fixed-width.js';

export const recordHeaderBytes = 40;

/** What a record holds. A number is never reused; a type that this code does not act on must not be listed. */
export const recordTypes = {
  /** A batch of our own messages. */
  localBatch: 1,
  /** A batch of a peer's messages. */
  remoteBatch: 2,
  /** The position up to which the application has applied what it was given. */
  applied: 3,
  /**
   * The journal's own, with an empty body: everything before it is synced, says its header. Written without a sync after
   * an append that nothing follows for the moment, or that append would be the one thing without a witness: damage in it
   * could not be told from a torn write, and would be cut off.
   */
  synced: 4,
  /**
   * The journal's own: records up to the lsn in the body (u64) are not needed any more, and whole segments of them go. Once
   * there is one, every later segment begins with a copy of the newest.
   */
  floor: 5,
  /** The journal's own: from here on the log is of the incarnation in the body (u64). */
  incarnation: 6,
  /**
   * What the caller knows from everything in front of this record. Where it is the caller's first record in a segment, the
   * log may begin with that segment.
   */
  checkpoint: 7,
  /** An operator has given up a delivery: its position, and why. */
  skipped: 8,
  /** Who became a member, or is none any more. */
  membership: 9,
  /** A piece of another member's state, on its way here. */
  snapshotChunk: 10,
  /** All pieces are there, and this is what they are of: the state that goes on from here. */
  snapshot: 11,
  /** A message of ours is about to be sent to a peer that speaks pluto v0.4: its name, and the seq. */
  lineBegun: 12,
} as const;
export type RecordType = (typeof recordTypes)[keyof typeof recordTypes];

export function isRecordType(type: number): type is RecordType {
  return type >= recordTypes.localBatch && type <= recordTypes.lineBegun;
}

/** True for records of the journal itself, which its user never sees. */
export function isInternal(type: number): boolean {
  return type >= recordTypes.synced && type <= recordTypes.incarnation;
}

/** Set when a program that does not know the type must not open the log. */
export const criticalFlag = 1;

/** Whoever does not know `synced` loses a witness and nothing else. */
export function flagsOf(type: RecordType): number {
  return type === recordTypes.synced ? 0 : criticalFlag;
}

const magicBytes = [0x41, 0x54, 0x52, 0x43] as const; // "ATRC"
const magic = 0x43525441;
const checkedBytes = recordHeaderBytes - 4;

/** The checksum of bytes of one segment. */
export type Checksum = (bytes: Uint8Array) => number;

/** The checksum that everything after the header of a segment uses. */
export function segmentChecksum(digests: Digests, logId: Uint8Array, index: number): Checksum {
  const identity = new Uint8Array(logId.length + 4);
  identity.set(logId);
  new DataView(identity.buffer).setUint32(logId.length, index, true);
  const seed = digests.crc32(identity, 0);
  // Libraries disagree on the checksum of nothing with a seed (zlib answers 0 for a null buffer), so it is never asked.
  return (bytes) => (bytes.length === 0 ? seed : digests.crc32(bytes, seed));
}

export interface RecordHeader {
  /** May be a type that only a newer program knows. */
  readonly type: number;
  readonly flags: number;
  readonly bodyLength: number;
  /** Checksum of the header before this one. */
  readonly chain: number;
  readonly lsn: number;
  readonly durableLsn: number;
  readonly bodyChecksum: number;
}

/**
 * Writes a header at `at` and returns its checksum, which the next header carries as its chain. `view` is over the same bytes:
 * see `decodeRecordHeader`.
 */
export function encodeRecordHeader(
  target: Uint8Array,
  view: DataView,
  at: number,
  header: RecordHeader,
  checksum: Checksum,
): number {
  view.setUint32(at, magic, true);
  view.setUint8(at + 4, header.type);
  view.setUint8(at + 5, header.flags);
  view.setUint16(at + 6, 0, true);
  view.setUint32(at + 8, header.bodyLength, true);
  view.setUint32(at + 12, header.chain, true);
  writeUint64(view, at + 16, header.lsn);
  writeUint64(view, at + 24, header.durableLsn);
  view.setUint32(at + 32, header.bodyChecksum, true);
  const headerChecksum = checksum(target.subarray(at, at + checkedBytes));
  view.setUint32(at + checkedBytes, headerChecksum, true);
  return headerChecksum;
}

/**
 * The header at `at` with its own checksum, or undefined when no whole header of this segment stands there. `view` is over
 * the same bytes: one for many headers, because making one costs as much as reading one.
 */
export function decodeRecordHeader(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  checksum: Checksum,
): (RecordHeader & { readonly checksum: number }) | undefined {
  if (at + recordHeaderBytes > bytes.length) return undefined;
  if (view.getUint32(at, true) !== magic) return undefined;
  const headerChecksum = view.getUint32(at + checkedBytes, true);
  if (checksum(bytes.subarray(at, at + checkedBytes)) !== headerChecksum) return undefined;
  const lsn = readUint64(view, at + 16);
  const durableLsn = readUint64(view, at + 24);
  if (!Number.isSafeInteger(lsn) || durableLsn >= lsn) return undefined;
  return {
    type: view.getUint8(at + 4),
    flags: view.getUint8(at + 5),
    bodyLength: view.getUint32(at + 8, true),
    chain: view.getUint32(at + 12, true),
    lsn,
    durableLsn,
    bodyChecksum: view.getUint32(at + 32, true),
    checksum: headerChecksum,
  };
}

/** A view over all of `bytes`, for headers. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** The next place at or after `from` where a header may start, or -1. */
export function findRecordMagic(bytes: Uint8Array, from: number): number {
  const [first, second, third, fourth] = magicBytes;
  for (let at = bytes.indexOf(first, from); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (bytes[at + 1] === second && bytes[at + 2] === third && bytes[at + 3] === fourth) return at;
  }
  return -1;
}
