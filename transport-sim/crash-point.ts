/**
 * Crashes at one chosen call of a disk: what an observer is told of each call, and when exactly the program ends.
 *
 * A small run is observed once; then it runs again for every call that was seen, and dies there. The calls of a disk are
 * counted from 0 through all lives of its node, in the order in which they complete. A call that was under way when the
 * program ended is not counted.
 */
import { sectorBytes } from './file-content.js';

/** A completed (or crashed) call of a disk, as an observer is told just before it takes effect. */
export interface DiskOperation {
  /** Counted from 0 through all lives of the node. */
  readonly index: number;
  /** `write journal-00000001.log`, `rename a b`, `syncDirectory`. */
  readonly text: string;
  /**
   * Pages (4096 bytes, aligned in their file) that a loss of power could take away just before the call took effect. The
   * un-synced changes of the directory count as one more page when there are any.
   */
  readonly unsyncedPages: number;
  /** Bytes of a write, else 0. */
  readonly bytes: number;
}

export interface CrashPoint {
  /** `DiskOperation.index` of the call. */
  readonly operation: number;
  /**
   * before: the call has no effect · during: a write is cut at a sector boundary in its middle, or in two halves when it
   * crosses none (other calls: as `before`) · after: the call has taken effect, but is not answered.
   */
  readonly when: 'before' | 'during' | 'after';
  /** The machine loses power; otherwise the process dies alone and everything written stays. */
  readonly power: boolean;
  /**
   * With power: which un-synced pages survive, bit i for the i-th (files in byte order of their present names, pages in
   * order of position, the directory last). Pages beyond bit 29 do not survive. Undefined: none does.
   */
  readonly survivors?: number;
}

/** A crash point and what ends the node there. */
export interface ArmedCrash {
  readonly point: CrashPoint;
  readonly crash: () => void;
}

const survivorBits = 30;

/** True when the `index`-th un-synced page is among `survivors`. */
export function isSurvivor(survivors: number, index: number): boolean {
  return index < survivorBits && ((survivors >>> index) & 1) === 1;
}

/** How many bytes of a write are there when it is cut in its middle; all positions are bytes of the file. */
export function cutOfWrite(position: number, length: number): number {
  const middle = position + length / 2;
  const below = middle - (middle % sectorBytes);
  if (below > position) return below - position;
  const above = below + sectorBytes;
  return above < position + length ? above - position : Math.floor(length / 2);
}
