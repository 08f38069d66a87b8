/**
 * Our own log as peers read it through their cursors: the index of its batches, and the newest frames in memory. Older ones
 * are read back from the journal, so a peer that is away for long costs disk space and a few numbers a batch, but no memory
 * for its backlog.
 */
import { AntecedentError } from '../errors.js';
import type { NodeName } from '../names.js';
import type { BatchIndex } from './batch-index.js';

/** Throws `E_LOG_FOREIGN` unless the journal of `name` holds batches of its own. */
export function checkOwner(owner: NodeName, name: NodeName): void {
  if (owner === name) return;
  const message = `the journal is that of node ${owner}, not of ${name}: give every node a directory of its own`;
  throw new AntecedentError('E_LOG_FOREIGN', message);
}

export class OwnLog {
  readonly index: BatchIndex;
  readonly #cacheBytesMax: number;
  /** Frames by ordinal, from `#cachedFrom` on. */
  readonly #frames = new Map<number, Uint8Array>();
  #cachedFrom: number;
  #cachedBytes = 0;

  /** `index` is what recovery has found; none of it is in memory. */
  constructor(index: BatchIndex, cacheBytesMax: number) {
    this.index = index;
    this.#cacheBytesMax = cacheBytesMax;
    this.#cachedFrom = index.end;
  }

  /** Of the frames in memory. */
  get cachedBytes(): number {
    return this.#cachedBytes;
  }

  /** The frame of a batch if it is still in memory. */
  frame(ordinal: number): Uint8Array | undefined {
    return this.#frames.get(ordinal);
  }

  /** Keeps the frame of the batch that was entered last. */
  cache(frame: Uint8Array): void {
    const ordinal = this.index.end - 1;
    this.#frames.set(ordinal, frame);
    this.#cachedBytes += frame.length;
    while (this.#cachedBytes > this.#cacheBytesMax && this.#cachedFrom < ordinal) {
      this.#cachedBytes -= this.#frames.get(this.#cachedFrom)?.length ?? 0;
      this.#frames.delete(this.#cachedFrom++);
    }
  }
}
