/**
 * Files that appear whole or not at all: written and synced under a temporary name, then renamed, then the directory
 * is synced. A crash in between leaves a temporary file, which means nothing and is removed at the next start.
 */
import type { Disk, DiskFile } from '../ports.js';
import { afterClosing, inOrder, onValue, success, type Done } from './callbacks.js';

const temporarySuffix = '.tmp';

/** Makes `name` with these bytes, replacing what had the name; `done` gets the open file once all of it is durable. */
export function createDurably(disk: Disk, name: string, bytes: Uint8Array, done: Done<DiskFile>): void {
  const temporary = name + temporarySuffix;
  const write = (file: DiskFile): void => {
    inOrder(
      [
        (next) => file.write(0, [bytes], next),
        (next) => file.sync(next),
        (next) => disk.rename(temporary, name, next),
        (next) => disk.syncDirectory(next),
      ],
      onValue(afterClosing(file, done), () => done(success(file))),
    );
  };
  disk.open(temporary, { create: true }, onValue(done, write));
}

/** Removes what crashes left behind. It need not be durable: what comes back is removed again. */
export function removeTemporaryFiles(disk: Disk, names: readonly string[], prefix: string, done: Done<void>): void {
  const leftovers = names.filter((name) => name.startsWith(prefix) && name.endsWith(temporarySuffix));
  inOrder(
    leftovers.map((name) => (next) => disk.remove(name, next)),
    done,
  );
}
