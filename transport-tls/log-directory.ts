/**
 * What is in a data directory beside the lock: segments, and what crashes and repairs have left there.
 */
import { readdirSync } from 'node:fs';
import { AntecedentError, compareNames, segmentIndexOf, segmentName } from '../core/index.js';
import { storageError, systemCode } from './storage-error.js';

/** What crashes and repairs left in the directory. None of it is part of the log. */
export interface Leftovers {
  /** Torn tails that were cut off, kept for whoever wants to look. */
  readonly torn: readonly string[];
  /** Removed by the next start. */
  readonly temporary: readonly string[];
  /** What repairs took out of the log, kept for whoever needs it. */
  readonly damaged: readonly string[];
}

/** Names of the segment files in `directory`, in order. Throws `E_NOT_A_LOG` when there are none, or `E_STORAGE`. */
export function listSegments(directory: string): readonly string[] {
  const names = listDirectory(directory).filter((name) => segmentIndexOf(name) !== undefined);
  if (names.length > 0) return names;
  throw new AntecedentError(
    'E_NOT_A_LOG',
    `${directory} holds no log, which would be files such as ${segmentName(1)}; name the data directory of a node`,
  );
}

export function findLeftovers(directory: string): Leftovers {
  const names = listDirectory(directory);
  return {
    torn: names.filter((name) => name.endsWith('.torn')),
    temporary: names.filter((name) => name.endsWith('.tmp')),
    damaged: names.filter((name) => name.endsWith('.damaged')),
  };
}

function listDirectory(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort(compareNames);
  } catch (cause) {
    const code = systemCode(cause);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw storageError('list', directory, cause);
    const what = code === 'ENOENT' ? 'does not exist' : 'is not a directory';
    throw new AntecedentError('E_NOT_A_LOG', `${directory} ${what}; name the data directory of a node`, { cause });
  }
}
