/**
 * Marks a data directory that was restored from a backup, or emptied, so that its node begins a new incarnation.
 *
 * Such a node has forgotten what it had broadcast, and would use the same numbers again for other messages. As a new incarnation
 * it does not, and is given back by its peers what they have of the old one. How the mark is made is the core's; here is what
 * surrounds it: the right directory, and its lock.
 */
import { readdirSync } from 'node:fs';
import { AntecedentError, beginIncarnation, segmentIndexOf } from '../core/index.js';
import { NativeDigests } from './digests.js';
import { DirectoryDisk } from './disk.js';
import { lockDirectory } from './lock.js';
import { SystemRandom } from './random.js';
import { storageError, systemCode } from './storage-error.js';

export interface RestoreOptions {
  /** Which incarnation to begin, for who knows of later ones than the directory does; the next one unless given. */
  readonly incarnation?: number | undefined;
}

/**
 * Resolves with the incarnation that the next start is. Rejects with `E_NOT_A_LOG` for a directory that is not there or holds other
 * things, `E_LOCKED` while a node runs there, `E_CONFIG` for an incarnation that is not later than that of the log, and with what a start
 * would say of the log.
 */
export async function restoreDirectory(directory: string, { incarnation }: RestoreOptions = {}): Promise<number> {
  // Before the lock, which would make a file in any directory.
  refuseOtherThings(directory);
  const lock = lockDirectory(directory);
  try {
    const ports = { disk: new DirectoryDisk(directory), digests: new NativeDigests(), random: new SystemRandom() };
    return await new Promise((resolve, reject) => {
      beginIncarnation(ports, { incarnation }, (result) => {
        if (result.error === undefined) resolve(result.value);
        else reject(result.error);
      });
    });
  } finally {
    lock.release();
  }
}

function refuseOtherThings(directory: string): void {
  const names = namesIn(directory).filter((name) => !name.startsWith('.'));
  if (names.length === 0 || names.some((name) => segmentIndexOf(name) !== undefined)) return;
  const shown = names.slice(0, 3).join(', ');
  throw new AntecedentError(
    'E_NOT_A_LOG',
    `${directory} holds no log but other things (${shown}); name the data directory of a node, or an empty one`,
  );
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    const code = systemCode(cause);
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw storageError('list', directory, cause);
    const what = code === 'ENOENT' ? 'does not exist; make it first, with mkdir -m 700' : 'is not a directory';
    throw new AntecedentError('E_NOT_A_LOG', `${directory} ${what}`, { cause });
  }
}
