/**
 * The Disk port over a real directory.
 *
 * - Every call answers exactly once, later than it was made, and never throws for what the operating system does.
 * - Short writes and short reads are continued; an error says file, operation, position and the system's code.
 * - Names with a leading dot belong to others (the lock): not listed, not opened. No name leaves the directory.
 * Calls go through libuv's thread pool, so nothing here orders two calls on one file: the port forbids them, and this
 * asserts it, because two concurrent writes may land in either order.
 */
import * as fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AntecedentError, assert, compareNames, type Disk, type DiskFile, type Result } from '../core/index.js';

type Done<T> = (result: Result<T>) => void;

const fileNamePattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

export class DirectoryDisk implements Disk {
  readonly #directory: string;

  /** `directory` exists and is locked. */
  constructor(directory: string) {
    this.#directory = resolve(directory);
  }

  list(done: Done<readonly string[]>): void {
    fs.readdir(this.#directory, { withFileTypes: true }, (cause, entries) => {
      if (cause !== null) {
        done(failed('list', this.#directory, cause));
        return;
      }
      const names = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name);
      done({ error: undefined, value: names.sort(compareNames) });
    });
  }

  open(name: string, options: { readonly create: boolean }, done: Done<DiskFile>): void {
    const path = this.#path(name);
    const flags = options.create ? 'wx+' : 'r+';
    fs.open(path, flags, 0o600, (cause, fd) => {
      if (cause === null) done({ error: undefined, value: new OpenFile(path, fd) });
      else done(failed(options.create ? 'create' : 'open', path, cause));
    });
  }

  rename(from: string, to: string, done: Done<void>): void {
    const path = this.#path(from);
    fs.rename(path, this.#path(to), (cause) => done(outcome(`rename to ${to}`, path, cause)));
  }

  remove(name: string, done: Done<void>): void {
    const path = this.#path(name);
    fs.unlink(path, (cause) => done(outcome('remove', path, cause)));
  }

  syncDirectory(done: Done<void>): void {
    fs.open(this.#directory, 'r', (openCause, fd) => {
      if (openCause !== null) {
        done(failed('open', this.#directory, openCause));
        return;
      }
      fs.fsync(fd, (syncCause) => {
        fs.close(fd, (closeCause) => done(outcome('sync', this.#directory, syncCause ?? closeCause)));
      });
    });
  }

  #path(name: string): string {
    assert(fileNamePattern.test(name), `${JSON.stringify(name)} is no file name`);
    return join(this.#directory, name);
  }
}

class OpenFile implements DiskFile {
  readonly #path: string;
  readonly #fd: number;
  #isBusy = false;

  constructor(path: string, fd: number) {
    this.#path = path;
    this.#fd = fd;
  }

  size(done: Done<number>): void {
    const end = this.#begin(done);
    fs.fstat(this.#fd, (cause, stats) => {
      end(cause === null ? { error: undefined, value: stats.size } : failed('stat', this.#path, cause));
    });
  }

  read(position: number, length: number, done: Done<Uint8Array>): void {
    const end = this.#begin(done);
    const bytes = new Uint8Array(length);
    const readFrom = (offset: number): void => {
      fs.read(this.#fd, bytes, offset, length - offset, position + offset, (cause, count) => {
        const filled = offset + count;
        if (cause !== null) end(failed(`read ${length} bytes at ${position}`, this.#path, cause));
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
          end(failed(`write ${byteLength(chunks)} bytes at ${position}`, this.#path, problem));
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
    fs.fdatasync(this.#fd, (cause) => end(outcome('sync', this.#path, cause)));
  }

  truncate(length: number, done: Done<void>): void {
    const end = this.#begin(done);
    fs.ftruncate(this.#fd, length, (cause) => end(outcome(`cut to ${length} bytes`, this.#path, cause)));
  }

  close(done: Done<void>): void {
    const end = this.#begin(done);
    fs.close(this.#fd, (cause) => end(outcome('close', this.#path, cause ?? null)));
  }

  /** Marks the file busy; what it returns answers the caller, who may go on with the next call at once. */
  #begin<T>(done: Done<T>): Done<T> {
    assert(!this.#isBusy, `two calls at a time on ${this.#path}`);
    this.#isBusy = true;
    return (result) => {
      this.#isBusy = false;
      done(result);
    };
  }
}

/**
 * Makes `directory` with its parents (mode 0700) and makes them durable: a data directory whose name is lost in a power cut
 * takes everything in it along. Throws `E_STORAGE`.
 */
export function createDirectory(directory: string): void {
  const path = resolve(directory);
  try {
    const firstMade = fs.mkdirSync(path, { recursive: true, mode: 0o700 });
    if (!fs.statSync(path).isDirectory()) throw new Error('it is not a directory');
    if (firstMade === undefined) return;
    for (let made = path; made.length >= firstMade.length; made = dirname(made)) syncDirectorySync(dirname(made));
  } catch (cause) {
    throw storageError('create directory', path, cause);
  }
}

function syncDirectorySync(path: string): void {
  const fd = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
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

function outcome(operation: string, path: string, cause: Error | null | undefined): Result<void> {
  return cause ? failed(operation, path, cause) : { error: undefined, value: undefined };
}

function failed(operation: string, path: string, cause: unknown): { readonly error: AntecedentError } {
  return { error: storageError(operation, path, cause) };
}

function storageError(operation: string, path: string, cause: unknown): AntecedentError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new AntecedentError('E_STORAGE', `${operation} failed on ${path}: ${reason}`, { cause });
}
