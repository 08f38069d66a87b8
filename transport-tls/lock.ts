/**
 * The lock on a data directory: one process, and in it one node, at a time.
 *
 * The kernel holds the lock on an open file, so it is gone when the process is, however it dies; there is no stale lock to
 * judge. The pid in the file is only for the message that names the holder.
 */
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock, unlock } from 'fs-native-extensions';
import { AntecedentError } from '../core/index.js';

/** Starts with a dot: the Disk of the same directory does not list it. */
export const lockFileName = '.lock';

export interface DirectoryLock {
  /** Gives the directory free. Idempotent. */
  release(): void;
}

/** Locks `directory`, which exists. Throws `E_LOCKED` naming the holder, or `E_STORAGE`. */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, lockFileName);
  let fd: number;
  try {
    fd = openSync(path, 'a+', 0o600);
  } catch (cause) {
    throw new AntecedentError('E_STORAGE', `cannot open ${path}: ${String(cause)}`, { cause });
  }
  try {
    if (!tryLock(fd)) throw new AntecedentError('E_LOCKED', lockedMessage(directory, path));
    ftruncateSync(fd, 0);
    writeSync(fd, `${process.pid}\n`);
  } catch (cause) {
    closeSync(fd);
    if (cause instanceof AntecedentError) throw cause;
    throw new AntecedentError('E_STORAGE', `cannot lock ${path}: ${String(cause)}`, { cause });
  }
  let held = true;
  return {
    release: () => {
      if (!held) return;
      held = false;
      unlock(fd);
      closeSync(fd);
    },
  };
}

function lockedMessage(directory: string, path: string): string {
  const holder = /^(\d+)\n$/.exec(readFileSync(path, 'utf8'))?.[1];
  return holder === undefined
    ? `data directory ${directory} is in use by another process; stop it first`
    : `data directory ${directory} is in use by process ${holder}; stop it first`;
}
