/**
 * A directory with changes that nobody else sees: what a repair would do is found out by doing it here.
 *
 * New files live in memory, files that were there are read from below, and renames and removals only change the list. Files
 * from below cannot be written. Nothing becomes durable, so syncs do nothing. Calls answer later than they were made.
 */
import { AntecedentError, compareNames, type Disk, type DiskFile, type Result } from '../core/index.js';

type Done<T> = (result: Result<T>) => void;

/** `below`: the name of a file below. */
type Entry = { readonly below: string } | { readonly bytes: Uint8Array };

export class OverlayDisk implements Disk {
  readonly #below: Pick<Disk, 'open'>;
  readonly #entries: Map<string, Entry>;

  /** Begins as what `names` of `below` are. */
  constructor(below: Pick<Disk, 'open'>, names: readonly string[]) {
    this.#below = below;
    this.#entries = new Map(names.map((name) => [name, { below: name }]));
  }

  /** True while a file from below has its name and its bytes. */
  isUntouched(name: string): boolean {
    const entry = this.#entries.get(name);
    return entry !== undefined && 'below' in entry && entry.below === name;
  }

  has(name: string): boolean {
    return this.#entries.has(name);
  }

  list(done: Done<readonly string[]>): void {
    later(done, [...this.#entries.keys()].sort(compareNames));
  }

  open(name: string, options: { readonly create: boolean }, done: Done<DiskFile>): void {
    const entry = this.#entries.get(name);
    if (options.create === (entry !== undefined)) {
      fail(done, `${name} ${options.create ? 'exists' : 'does not exist'}`);
    } else if (entry !== undefined && 'below' in entry) {
      this.#below.open(entry.below, { create: false }, done);
    } else {
      const file: { bytes: Uint8Array } = entry ?? { bytes: new Uint8Array(0) };
      this.#entries.set(name, file);
      later(done, new FileInMemory(file));
    }
  }

  rename(from: string, to: string, done: Done<void>): void {
    const entry = this.#entries.get(from);
    if (entry === undefined) {
      fail(done, `${from} does not exist`);
      return;
    }
    this.#entries.delete(from);
    this.#entries.set(to, entry);
    later(done, undefined);
  }

  remove(name: string, done: Done<void>): void {
    if (this.#entries.delete(name)) later(done, undefined);
    else fail(done, `${name} does not exist`);
  }

  syncDirectory(done: Done<void>): void {
    later(done, undefined);
  }
}

class FileInMemory implements DiskFile {
  readonly #file: { bytes: Uint8Array };

  constructor(file: { bytes: Uint8Array }) {
    this.#file = file;
  }

  size(done: Done<number>): void {
    later(done, this.#file.bytes.length);
  }

  read(position: number, length: number, done: Done<Uint8Array>): void {
    later(done, this.#file.bytes.slice(position, position + length));
  }

  write(position: number, chunks: readonly Uint8Array[], done: Done<void>): void {
    const end = position + chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const bytes = new Uint8Array(Math.max(this.#file.bytes.length, end));
    bytes.set(this.#file.bytes);
    let at = position;
    for (const chunk of chunks) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    this.#file.bytes = bytes;
    later(done, undefined);
  }

  sync(done: Done<void>): void {
    later(done, undefined);
  }

  truncate(length: number, done: Done<void>): void {
    this.#file.bytes = this.#file.bytes.slice(0, length);
    later(done, undefined);
  }

  close(done: Done<void>): void {
    later(done, undefined);
  }
}

function later<T>(done: Done<T>, value: T): void {
  setImmediate(() => done({ error: undefined, value }));
}

function fail<T>(done: Done<T>, message: string): void {
  setImmediate(() => done({ error: new AntecedentError('E_STORAGE', message) }));
}
