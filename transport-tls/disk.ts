/**
 * The Disk port over a real directory.
 *
 * - Every call answers exactly once, later than it was made, and never throws for what the operating system does.
 * - An error is `E_DISK_FULL` when room is all that is missing, otherwise `E_STORAGE`; its message says file, operation,
 *   position and the system's code.
 */
import * as fs from 'node:fs';
import type { Disk, DiskFile, Result } from '../core/index.js';
import { DirectoryFiles } from './directory-files.js';
import { failed, outcome } from './storage-error.js';

type Done<T> = (result: Result<T>) => void;

export class DirectoryDisk implements Disk {
  readonly #files: DirectoryFiles;

  /** `directory` exists and is locked. */
  constructor(directory: string) {
    this.#files = new DirectoryFiles(directory);
  }

  list(done: Done<readonly string[]>): void {
    this.#files.list(done);
  }

  open(name: string, options: { readonly create: boolean }, done: Done<DiskFile>): void {
    this.#files.open(name, options.create ? 'wx+' : 'r+', done);
  }

  rename(from: string, to: string, done: Done<void>): void {
    this.#files.rename(from, to, done);
  }

  remove(name: string, done: Done<void>): void {
    const path = this.#files.path(name);
    fs.unlink(path, (cause) => done(outcome('remove', path, cause)));
  }

  syncDirectory(done: Done<void>): void {
    const { directory } = this.#files;
    fs.open(directory, 'r', (openCause, fd) => {
      if (openCause !== null) {
        done(failed('open', directory, openCause));
        return;
      }
      fs.fsync(fd, (syncCause) => {
        fs.close(fd, (closeCause) => done(outcome('sync', directory, syncCause ?? closeCause)));
      });
    });
  }
}
