/**
 * Files that appear whole or not at all: written and synced under a temporary name, then renamed, then the directory
 * is synced. A crash in between leaves a temporary file, which means nothing and is removed at the next start.
 */
import type { AntecedentError } from '../errors.js';
import type { Disk, DiskFile } from '../ports.js';
import { afterClosing, inOrder, onValue, type Done, type Failure } from './callbacks.js';

const temporarySuffix = '.tmp';

/** How a file could not be made. */
export interface CreationFailure {
  readonly error: AntecedentError;
  /**
   * write: nothing has the name, and it may be tried again · sync: the system may have dropped what was to be synced, and no
   * later sync can be believed.
   */
  readonly step: 'write' | 'sync';
}

/**
 * Makes `name` with these bytes, replacing what had the name; `done` gets the open file once all of it is durable. Either
 * `done` or `fail` is called.
 */
export function createDurably(
  disk: Disk,
  name: string,
  bytes: Uint8Array,
  fail: (failure: CreationFailure) => void,
  done: (file: DiskFile) => void,
): void {
  const temporary = name + temporarySuffix;
  const failWriting = ({ error }: Failure): void => fail({ error, step: 'write' });
  const failSyncing = ({ error }: Failure): void => fail({ error, step: 'sync' });
  const write = (file: DiskFile): void => {
    const giveUp = afterClosing(file, failWriting);
    const poison = afterClosing(file, failSyncing);
    const syncDirectory = (): void => disk.syncDirectory(onValue(poison, () => done(file)));
    const rename = (): void => disk.rename(temporary, name, onValue(giveUp, syncDirectory));
    const sync = (): void => file.sync(onValue(poison, rename));
    file.write(0, [bytes], onValue(giveUp, sync));
  };
  const open = (fail: (failure: Failure) => void): void => disk.open(temporary, { create: true }, onValue(fail, write));
  // What a failed attempt has left stands in the way; if there is nothing to remove, it was something else.
  const openAgain = (failure: Failure): void => {
    disk.remove(
      temporary,
      onValue(
        () => failWriting(failure),
        () => open(failWriting),
      ),
    );
  };
  open(openAgain);
}

/** Removes what crashes left behind. It need not be durable: what comes back is removed again. */
export function removeTemporaryFiles(disk: Disk, names: readonly string[], prefix: string, done: Done<void>): void {
  const leftovers = names.filter((name) => name.startsWith(prefix) && name.endsWith(temporarySuffix));
  inOrder(
    leftovers.map((name) => (next) => disk.remove(name, next)),
    done,
  );
}
