/**
 * What is in a data directory beside the lock: segments, and what crashes and repairs have left there.
 */
import { readdirSync, type Dirent } from 'node:fs';
import { AntecedentError, compareNames, segmentIndexOf, segmentName } from '../core/index.js';
import { storageError, systemCode } from './storage-error.js';

/** What crashes and repairs left in the directory. None of it is part of the log. */
export interface Leftovers {
  /** Torn tails that were cut off, kept for whoever wants to look. */
  readonly torn: readonly string[];
  /** Unfinished, removed by the next start that is not refused. */
  readonly temporary: readonly string[];
  /** What repairs took out of the log, kept for whoever needs it. */
  readonly damaged: readonly string[];
}

/** Names of the segment files in `directory`, in order. Throws `E_NOT_A_LOG` when there are none, or `E_STORAGE`. */
export function listSegments(directory: string): readonly string[] {
  const names = plainFiles(directory).filter((name) => segmentIndexOf(name) !== undefined);
  if (names.length > 0) return names;
  const [other] = findNotPlain(directory);
  const about = other === undefined ? '' : ` (${other} is no plain file)`;
  throw new AntecedentError(
    'E_NOT_A_LOG',
    `${directory} holds no log, which would be files such as ${segmentName(1)}${about}; name the data directory of a node`,
  );
}

/** What is called like a segment but is a directory, a link or the like: no node reads it, so it is as good as missing. */
export function findNotPlain(directory: string): readonly string[] {
  const entries = listDirectory(directory).filter((entry) => !entry.isFile());
  return entries.map(({ name }) => name).filter((name) => segmentIndexOf(name) !== undefined);
}

export function findLeftovers(directory: string): Leftovers {
  const names = plainFiles(directory);
  return {
    torn: names.filter((name) => name.endsWith('.torn')),
    temporary: names.filter((name) => name.endsWith('.tmp')),
    damaged: names.filter((name) => name.endsWith('.damaged')),
  };
}

function plainFiles(directory: string): readonly string[] {
  const entries = listDirectory(directory).filter((entry) => entry.isFile());
  return entries.map(({ name }) => name);
}

function listDirectory(directory: string): readonly Dirent[] {
  try {
    const entries = readdirSync(directory, { withFileTypes: true });
    return entries.sort((one, other) => compareNames(one.name, other.name));
  } catch (cause) {
    const code = systemCode(cause);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw storageError('list', directory, cause);
    const what = code === 'ENOENT' ? 'does not exist' : 'is not a directory';
    throw new AntecedentError('E_NOT_A_LOG', `${directory} ${what}; name the data directory of a node`, { cause });
  }
}
