/**
 * The data directory: made if it is not there, refused where a journal would not be safe.
 *
 * - A refusal names the place and what to do about it, and comes before anything is made or written.
 * - A directory in which everybody may write is refused: anybody could put another journal there, or take the lock away.
 * - So is a network file system (see `network-file-system.ts`), unless the operator has allowed it.
 */
import * as fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { AntecedentError } from '../core/index.js';
import { networkFileSystemOf } from './network-file-system.js';
import { reasonOf, storageError, systemCode } from './storage-error.js';

export interface DataDirectoryOptions {
  /** The operator vouches for locks and syncs there. */
  readonly allowNetworkFileSystem: boolean;
}

const everybodyMayWrite = 0o002;

/** What to do about what the system says. */
const remedies: ReadonlyMap<string | undefined, string> = new Map([
  ['ELOOP', 'mend the link that leads to itself, or give another path'],
  ['EACCES', 'let the user who runs the node own it, with chown and chmod 700, or give another path'],
  ['EPERM', 'give a path on a file system that takes files'],
  ['EROFS', 'mount the file system for writing, or give another path'],
]);

/**
 * Makes `directory` with its parents (mode 0700) and makes them durable: a data directory whose name is lost in a power cut
 * takes everything in it along. Throws `E_STORAGE`, or `E_DISK_FULL` when there is no room for it.
 */
export function prepareDataDirectory(directory: string, options: DataDirectoryOptions): void {
  const path = resolve(directory);
  try {
    const existing = deepestExisting(path);
    refuseOtherThanDirectory(path, existing);
    if (!options.allowNetworkFileSystem) refuseNetworkFileSystem(path, existing);
    makeBelow(existing, path);
    fs.accessSync(path, fs.constants.R_OK | fs.constants.W_OK | fs.constants.X_OK);
    refuseWorldWritable(path);
  } catch (cause) {
    if (cause instanceof AntecedentError) throw cause;
    const remedy = remedies.get(systemCode(cause));
    if (remedy === undefined) throw storageError('preparing the data directory', path, cause);
    const message = `cannot use data directory ${path}: ${reasonOf(cause)}; ${remedy}`;
    throw new AntecedentError('E_STORAGE', message, { cause });
  }
}

/** `path` or the nearest of its parents that is there, whatever it is. */
function deepestExisting(path: string): string {
  try {
    fs.lstatSync(path);
    return path;
  } catch (cause) {
    const code = systemCode(cause);
    // Not a directory: one of the parents is a file, which is to be found.
    if ((code === 'ENOENT' || code === 'ENOTDIR') && dirname(path) !== path) return deepestExisting(dirname(path));
    throw cause;
  }
}

function refuseOtherThanDirectory(path: string, existing: string): void {
  const stats = fs.statSync(existing, { throwIfNoEntry: false });
  if (stats?.isDirectory() === true) return;
  const what = stats === undefined ? 'is a symbolic link that leads nowhere' : 'is not a directory';
  const remedy = 'move it away, or give another path';
  throw new AntecedentError('E_STORAGE', `cannot use data directory ${path}: ${existing} ${what}; ${remedy}`);
}

function refuseNetworkFileSystem(path: string, existing: string): void {
  const name = networkFileSystemOf(existing);
  if (name === undefined) return;
  const what = `data directory ${path} is on a network file system (${name}), where locks and syncs are not to be trusted`;
  const remedy =
    'use a local disk, or allow it with allow_network_file_system = true (option allowNetworkFileSystem) if you know better';
  throw new AntecedentError('E_STORAGE', `${what}; ${remedy}`);
}

/** Makes what is missing between `existing` and `path`, from above, each durable in its parent. */
function makeBelow(existing: string, path: string): void {
  if (path === existing) return;
  const parent = dirname(path);
  makeBelow(existing, parent);
  try {
    // One at a time: with `recursive`, Node goes round for ever where nothing can be made, as in /proc.
    fs.mkdirSync(path, { mode: 0o700 });
  } catch (cause) {
    // Another node with the same parents may have been faster.
    if (systemCode(cause) !== 'EEXIST') throw cause;
  }
  syncDirectory(parent);
}

function syncDirectory(path: string): void {
  const fd = fs.openSync(path, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}

function refuseWorldWritable(path: string): void {
  const { mode } = fs.statSync(path);
  if (process.platform === 'win32' || (mode & everybodyMayWrite) === 0) return;
  const shown = (mode & 0o7777).toString(8).padStart(4, '0');
  const what = `data directory ${path} has mode ${shown}, so anybody may replace the journal`;
  throw new AntecedentError('E_STORAGE', `${what}; run: chmod 700 ${path}`);
}
