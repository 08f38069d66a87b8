/**
 * The segments of an open log, and how the oldest of them go.
 *
 * Invariants:
 * - First a floor is due; the journal writes and syncs it; only then files are removed, the oldest first, each when the reads
 *   that were asked for before are answered. Appends go on meanwhile.
 * - What cannot be removed stays until the next start, as does what a loss of power brings back: the floor covers it.
 */
import type { Disk, Logger } from '../ports.js';
import { inOrder, type Done } from './callbacks.js';
import type { RecordReader } from './record-reader.js';
import { countReleasable, type KeptSegment } from './retention.js';
import { segmentName, type SegmentHeader } from './segment.js';

export interface ReleasingOptions {
  readonly disk: Pick<Disk, 'remove'>;
  readonly logger: Logger;
  /** Has handles of its own on files that go. */
  readonly reader: RecordReader;
  /** Nothing is being removed any more. */
  readonly onIdle: () => void;
}

export class Releasing {
  readonly #options: ReleasingOptions;
  #segments: readonly KeptSegment[];
  /** Highest lsn that a durable record gives up; 0 for none. */
  #floor: number;
  /** The floor that was asked for. */
  #wanted: number;
  /** How many groups of segments are being removed. */
  #removals = 0;

  constructor(options: ReleasingOptions, segments: readonly KeptSegment[], floor: number) {
    this.#options = options;
    this.#segments = segments;
    this.#floor = floor;
    this.#wanted = floor;
  }

  /** All segments in order. */
  get segments(): readonly KeptSegment[] {
    return this.#segments;
  }

  get floor(): number {
    return this.#floor;
  }

  /** The floor to be written next; undefined when there is none. */
  get dueFloor(): number | undefined {
    return this.#wanted > this.#floor ? this.#wanted : undefined;
  }

  get isRemoving(): boolean {
    return this.#removals > 0;
  }

  /** The segment that holds `address`; undefined when it was given up. */
  segmentAt(address: number): SegmentHeader | undefined {
    return this.#segments.findLast(({ baseAddress }) => baseAddress <= address);
  }

  /** A segment was begun. */
  add(header: SegmentHeader): void {
    this.#segments = [...this.#segments, { ...header, hasCheckpoint: false }];
  }

  /** The last segment begins with a checkpoint, which is durable. */
  noteCheckpoint(): void {
    this.#segments = this.#segments.map((segment, at) => {
      return at === this.#segments.length - 1 ? { ...segment, hasCheckpoint: true } : segment;
    });
  }

  /** The caller needs nothing in front of `address`. True when that makes a floor due. */
  want(address: number): boolean {
    const first = this.#segments[countReleasable(this.#segments, address)];
    const floor = (first?.firstLsn ?? 1) - 1;
    if (floor <= this.#wanted) return false;
    this.#wanted = floor;
    return true;
  }

  /** This floor is durable now: what lies below goes. */
  handleDurable(floor: number): void {
    this.#floor = floor;
    const count = Math.max(
      0,
      this.#segments.findLastIndex(({ firstLsn }) => firstLsn <= floor + 1),
    );
    const removed = this.#segments.slice(0, count).map(({ index }) => segmentName(index));
    this.#segments = this.#segments.slice(count);
    this.#remove(removed);
  }

  #remove(names: readonly string[]): void {
    const { disk, logger, reader, onIdle } = this.#options;
    const remove = (name: string) => (next: Done<void>) => reader.forget(name, () => disk.remove(name, next));
    this.#removals++;
    inOrder(names.map(remove), ({ error }) => {
      this.#removals--;
      if (error !== undefined) logger.log('warn', 'journal-segment-not-removed', { message: error.message });
      onIdle();
    });
  }
}
