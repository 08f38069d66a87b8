/**
 * Which part of a log may go.
 *
 * The floor is itself a record: it is durable before the first segment below it is removed, so that a log without its
 * beginning can be told from one that has lost it. Only whole segments go, the oldest first, never the last one.
 */
import { decodeCounter } from './fixed-width.js';

/** The floor that record `lsn` sets with this body: never above itself, or it would go with what it speaks of. */
export function floorOf(lsn: number, body: Uint8Array): number {
  return Math.min(decodeCounter(body), lsn - 1);
}

/** How many of the first segments hold nothing above `floor`. */
export function countBelow(segments: readonly { readonly firstLsn: number }[], floor: number): number {
  const next = segments.findIndex(({ firstLsn }) => firstLsn > floor + 1);
  // The segment before the first that begins above the floor holds the floor itself, or ends exactly there.
  const kept = next === -1 ? segments.length - 1 : next - 1;
  return Math.max(0, kept);
}
