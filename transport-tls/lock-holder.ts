/**
 * Whether a node runs on a data directory, for whoever only looks at it.
 *
 * Nothing is made or written. The system answers only by granting a lock, so a shared one is asked for and given back at
 * once. Two who look do not see each other; a node that starts in that very moment asks for its lock again (`lock.ts`).
 */
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tryLock, unlock } from 'fs-native-extensions';
import { lockFileName } from './lock.js';
import { storageError, systemCode } from './storage-error.js';

export interface LockHolder {
  /** Undefined when the lock is held but its file does not say by whom. */
  readonly pid: number | undefined;
}

/** Who holds the lock on `directory`; undefined when nobody does. Throws `E_STORAGE`. */
export function findLockHolder(directory: string): LockHolder | undefined {
  const path = join(directory, lockFileName);
  let fd: number;
  try {
    // Without waiting: a pipe under this name would keep us until somebody writes into it.
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    if (systemCode(cause) === 'ENOENT') return undefined;
    throw storageError('opening the lock', path, cause);
  }
  try {
    if (!fstatSync(fd).isFile()) throw new Error('it is no plain file, so no node can hold it');
    if (!tryLock(fd, { shared: true })) return { pid: pidIn(readFileSync(fd, 'utf8')) };
    unlock(fd);
    return undefined;
  } catch (cause) {
    throw storageError('looking at the lock', path, cause);
  } finally {
    closeSync(fd);
  }
}

function pidIn(text: string): number | undefined {
  const digits = /^(\d+)\n$/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
