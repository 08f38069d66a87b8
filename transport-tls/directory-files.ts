/**
 * The files of one directory, by name: what the disks over a real directory have in common.
 *
 * Names with a leading dot belong to others (the lock): not listed, not opened. No name leaves the directory.
 */
import * as fs from 'node:fs';
import { join, resolve } from 'node:path';
import { assert, compareNames, type Result } from '../core/index.js';
import { OpenFile } from './open-file.js';
import { failed, outcome } from './storage-error.js';

type Done<T> = (result: Result<T>) => void;

const fileNamePattern = /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/;

/** How a file is opened, as in fopen(3): to read, to read and write, or new. Each with its word for messages. */
const openings = { r: 'open', 'r+': 'open', 'wx+': 'create' } as const;

export class DirectoryFiles {
  readonly directory: string;
  readonly #open = new Set<OpenFile>();

  constructor(directory: string) {
    this.directory = resolve(directory);
  }

  /** Plain files, in byte order of their names. */
  list(done: Done<readonly string[]>): void {
    fs.readdir(this.directory, { withFileTypes: true }, (cause, entries) => {
      if (cause !== null) {
        done(failed('list', this.directory, cause));
        return;
      }
      const names = entries.filter((entry) => entry.isFile() && !entry.name.startsWith('.')).map(({ name }) => name);
      done({ error: undefined, value: names.sort(compareNames) });
    });
  }

  /** A new file can be read and written by its owner alone. */
  open(name: string, flags: keyof typeof openings, done: Done<OpenFile>): void {
    const path = this.path(name);
    fs.open(path, flags, 0o600, (cause, fd) => {
      if (cause !== null) {
        done(failed(openings[flags], path, cause));
        return;
      }
      const file: OpenFile = new OpenFile(path, fd, () => this.#open.delete(file));
      this.#open.add(file);
      done({ error: undefined, value: file });
    });
  }

  rename(from: string, to: string, done: Done<void>): void {
    const [path, target] = [this.path(from), this.path(to)];
    fs.rename(path, target, (cause) => {
      // What is said of a file that is open is said of the name it has now.
      if (cause === null) for (const file of this.#open) if (file.path === path) file.path = target;
      done(outcome(`rename to ${to}`, path, cause));
    });
  }

  /** Asserts that `name` is one. */
  path(name: string): string {
    assert(fileNamePattern.test(name), `${JSON.stringify(name)} is no file name`);
    return join(this.directory, name);
  }
}
