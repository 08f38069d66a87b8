/**
 * The Disk port over a directory that is only looked at: for inspection, also while a node runs there.
 *
 * Files are opened for reading, so the system itself keeps every byte as it is. What would change something is answered
 * with `E_STATE`, as late as any other call. No lock is needed, and none is taken: what a running node writes meanwhile may
 * be seen in part.
 */
import { AntecedentError, type Disk, type DiskFile, type Result } from '../core/index.js';
import { DirectoryFiles } from './directory-files.js';
import type { OpenFile } from './open-file.js';

type Done<T> = (result: Result<T>) => void;

export class ReadOnlyDirectoryDisk implements Disk {
  readonly #files: DirectoryFiles;

  constructor(directory: string) {
    this.#files = new DirectoryFiles(directory);
  }

  list(done: Done<readonly string[]>): void {
    this.#files.list(done);
  }

  open(name: string, options: { readonly create: boolean }, done: Done<DiskFile>): void {
    if (options.create) {
      refuse('create', this.#files.path(name), done);
      return;
    }
    this.#files.open(name, 'r', (result) => {
      done(result.error === undefined ? { error: undefined, value: new ReadOnlyFile(result.value) } : result);
    });
  }

  rename(from: string, to: string, done: Done<void>): void {
    refuse(`rename to ${to}`, this.#files.path(from), done);
  }

  remove(name: string, done: Done<void>): void {
    refuse('remove', this.#files.path(name), done);
  }

  syncDirectory(done: Done<void>): void {
    refuse('sync', this.#files.directory, done);
  }
}

class ReadOnlyFile implements DiskFile {
  readonly #file: OpenFile;

  constructor(file: OpenFile) {
    this.#file = file;
  }

  size(done: Done<number>): void {
    this.#file.size(done);
  }

  read(position: number, length: number, done: Done<Uint8Array>): void {
    this.#file.read(position, length, done);
  }

  write(position: number, _chunks: readonly Uint8Array[], done: Done<void>): void {
    refuse(`write at ${position}`, this.#file.path, done);
  }

  sync(done: Done<void>): void {
    refuse('sync', this.#file.path, done);
  }

  truncate(length: number, done: Done<void>): void {
    refuse(`cut to ${length} bytes`, this.#file.path, done);
  }

  close(done: Done<void>): void {
    this.#file.close(done);
  }
}

function refuse<T>(operation: string, path: string, done: Done<T>): void {
  const error = new AntecedentError(
    'E_STATE',
    `${operation} refused on ${path}: the directory is open for reading only`,
  );
  setImmediate(() => done({ error }));
}
