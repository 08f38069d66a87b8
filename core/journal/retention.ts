/**
 * Which part of a log may go.
 *
 * - A log begins with segment 1, or with one whose first record of the caller is a checkpoint: that stands for everything in
 *   front of it.
 * - The floor is itself a record: it is durable before the first segment below it is removed, so that a log without its
 *   beginning can be told from one that has lost it. Every segment begun later repeats it, so the last one always tells.
 * - Only whole segments go, the oldest first, never the last one.
 */
import type { JournalEntry } from './append-encoder.js';
import { decodeCounter, encodeCounter } from './fixed-width.js';
import { recordTypes } from './record.js';
import type { SegmentHeader } from './segment.js';

/** A segment of a log that is open. */
export interface KeptSegment extends SegmentHeader {
  /** The first record of the caller in it is a checkpoint, and durable. */
  readonly hasCheckpoint: boolean;
}

/** Gives up all records up to `lsn`. */
export function floorEntry(lsn: number): JournalEntry {
  return { type: recordTypes.floor, body: encodeCounter(lsn) };
}

/** The floor that record `lsn` sets with this body: never above itself, or it would go with what it speaks of. */
export function floorOf(lsn: number, body: Uint8Array): number {
  return Math.min(decodeCounter(body), lsn - 1);
}

/** How many of the first segments may go when nothing in front of `address` is needed. */
export function countReleasable(segments: readonly KeptSegment[], address: number): number {
  // Mostly what is needed lies in the first segment, and nobody has to look further.
  if ((segments[1]?.baseAddress ?? Infinity) > address) return 0;
  const first = segments.findLastIndex(({ hasCheckpoint, baseAddress }) => hasCheckpoint && baseAddress <= address);
  return Math.max(0, first);
}
