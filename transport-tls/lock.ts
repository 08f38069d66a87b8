/**
 * The lock on a data directory: one process, and in it one node, at a time.
 *
 * The kernel holds the lock on an open file, so it is gone when the process is, however it dies; there is no stale lock to
 * judge: not after a kill, not when the pid is in use again, not in a copy of the directory. The pid in the file is only for
 * the message that names the holder.
 *
 * Whoever only looks whether a node runs here (`lock-holder.ts`) holds the lock for some microseconds. So a lock that is taken
 * is asked for a few times before that is believed.
 */
import { closeSync, constants, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock, unlock } from 'fs-native-extensions';
import { AntecedentError } from '../core/index.js';
import { storageError, systemCode } from './storage-error.js';

/** Starts with a dot: the Disk of the same directory does not list it. */
export const lockFileName = '.lock';

export interface DirectoryLock {
  /** Gives the directory free. Idempotent. */
  release(): void;
}

const triesMax = 4;
const betweenTriesMs = 10;

/** To append and read; a link that somebody put there must not lead us to a file of others. */
const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW } = constants;

/**
 * Locks `directory`, which exists. Throws `E_LOCKED` naming the holder, `E_STORAGE`, or `E_DISK_FULL`. Blocks the thread for
 * some hundredths of a second when the lock is taken.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const path = join(directory, lockFileName);
  let fd: number;
  try {
    fd = openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW, 0o600);
  } catch (cause) {
    throw storageError('opening the lock', path, cause);
  }
  try {
    if (!tryLockRepeatedly(fd)) throw new AntecedentError('E_LOCKED', lockedMessage(directory, path));
    ftruncateSync(fd, 0);
    writePid(fd);
  } catch (cause) {
    closeSync(fd);
    if (cause instanceof AntecedentError) throw cause;
    throw storageError('locking', path, cause);
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

/** A full disk is no reason not to start: the lock is held, and its file then only does not say by whom. */
function writePid(fd: number): void {
  try {
    writeSync(fd, `${process.pid}\n`);
  } catch (cause) {
    const code = systemCode(cause);
    if (code !== 'ENOSPC' && code !== 'EDQUOT') throw cause;
  }
}

/** Waits without promises: up to the lock an opening is synchronous anyway, and only one that is refused waits to the end. */
function tryLockRepeatedly(fd: number): boolean {
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (let tries = 1; tries < triesMax; tries++) {
    if (tryLock(fd)) return true;
    Atomics.wait(never, 0, 0, betweenTriesMs);
  }
  return tryLock(fd);
}

function lockedMessage(directory: string, path: string): string {
  const holder = /^(\d+)\n$/.exec(readFileSync(path, 'utf8'))?.[1];
  return holder === undefined
    ? `data directory ${directory} is in use by another process; stop it first`
    : `data directory ${directory} is in use by process ${holder}; stop it first`;
}
