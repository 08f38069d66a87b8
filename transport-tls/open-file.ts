/**
 * An open file of the Disk port.
 *
 * - Every call answers exactly once, later than it was made, and never throws for what the operating system does.
 * - Short writes and short reads are continued. A write that fails behind a short one leaves what the short one wrote: a
 *   prefix, as the port says.
 * Calls go through libuv's thread pool, so nothing here orders two calls on one file: the port forbids them, and this
 * asserts it, because two concurrent writes may land in either order.
 */
import * as fs from 'node:fs';
import { assert, type DiskFile, type Result } from '../core/index.js';
import { failed, outcome } from './storage-error.js';

type Done<T> = (result: Result<T>) => void;

/** Node refuses more in one call. */
const readBytesMax = 1 << 30;

export class OpenFile implements DiskFile {
  /** For messages; changes when the file is renamed. */
  path: string;
  readonly #onClosed: () => void;
  readonly #fd: number;
  #isBusy = false;

  /** Owns `fd`. */
  constructor(path: string, fd: number, onClosed: () => void) {
    this.path = path;
    this.#onClosed = onClosed;
    this.#fd = fd;
  }

  size(done: Done<number>): void {
    const end = this.#begin(done);
    fs.fstat(this.#fd, (cause, stats) => {
      end(cause === null ? { error: undefined, value: stats.size } : failed('stat', this.path, cause));
    });
  }

  read(position: number, length: number, done: Done<Uint8Array>): void {
    const end = this.#begin(done);
    const bytes = allocate(length);
    if (bytes === undefined) {
      const cause = new Error('that does not fit in memory');
      setImmediate(end, failed(`read ${length} bytes at ${position}`, this.path, cause));
      return;
    }
    const readFrom = (offset: number): void => {
      const wanted = Math.min(length - offset, readBytesMax);
      fs.read(this.#fd, bytes, offset, wanted, position + offset, (cause, count) => {
        const filled = offset + count;
        if (cause !== null) end(failed(`read ${length} bytes at ${position}`, this.path, cause));
        else if (count === 0 || filled === length) end({ error: undefined, value: bytes.subarray(0, filled) });
        else readFrom(filled);
      });
    };
    readFrom(0);
  }

  write(position: number, chunks: readonly Uint8Array[], done: Done<void>): void {
    const end = this.#begin(done);
    const writeFrom = (at: number, rest: readonly Uint8Array[]): void => {
      if (rest.length === 0) {
        setImmediate(end, { error: undefined, value: undefined });
        return;
      }
      fs.writev(this.#fd, [...rest], at, (cause, count) => {
        const problem = cause ?? (count === 0 ? new Error('the system wrote nothing') : undefined);
        if (problem !== undefined) {
          end(failed(`write ${byteLength(chunks)} bytes at ${position}`, this.path, problem));
          return;
        }
        const left = behind(rest, count);
        if (left.length === 0) end({ error: undefined, value: undefined });
        else writeFrom(at + count, left);
      });
    };
    // An empty buffer would look like a write that made no progress.
    writeFrom(
      position,
      chunks.filter((chunk) => chunk.length > 0),
    );
  }

  sync(done: Done<void>): void {
    const end = this.#begin(done);
    fs.fdatasync(this.#fd, (cause) => end(outcome('sync', this.path, cause)));
  }

  truncate(length: number, done: Done<void>): void {
    const end = this.#begin(done);
    fs.ftruncate(this.#fd, length, (cause) => end(outcome(`cut to ${length} bytes`, this.path, cause)));
  }

  close(done: Done<void>): void {
    const end = this.#begin(done);
    this.#onClosed();
    fs.close(this.#fd, (cause) => end(outcome('close', this.path, cause)));
  }

  /** Marks the file busy; what it returns answers the caller, who may go on with the next call at once. */
  #begin<T>(done: Done<T>): Done<T> {
    assert(!this.#isBusy, `two calls at a time on ${this.path}`);
    this.#isBusy = true;
    return (result) => {
      this.#isBusy = false;
      done(result);
    };
  }
}

/** Undefined for more than an array may have: a file can be longer. */
function allocate(length: number): Uint8Array | undefined {
  try {
    return new Uint8Array(length);
  } catch {
    return undefined;
  }
}

/** What is left of `chunks` behind their first `count` bytes. */
function behind(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let skip = count;
  const index = chunks.findIndex((chunk) => {
    if (chunk.length > skip) return true;
    skip -= chunk.length;
    return false;
  });
  if (index === -1) return [];
  const [first, ...rest] = chunks.slice(index);
  return first === undefined ? [] : [first.subarray(skip), ...rest];
}

function byteLength(chunks: readonly Uint8Array[]): number {
  return chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
