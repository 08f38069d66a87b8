/**
 * Disks that fill up, for tests of nodes in this process: they are full from the moment at which somebody writes the last straw
 * until there is room. To be put in the place of the real one: `vi.mock(import('.../disk.js'), fillingDisks)`.
 */
import { AntecedentError, type DiskFile, type Result } from '../../core/index.js';
import type { DirectoryDisk } from '../../transport-tls/disk.js';

/** The text whose writing fills the disk. */
export const lastStraw = 'the last straw';

let isFull = false;
let hasRoom = false;

/** There is room for everything from now on. */
export function makeRoom(): void {
  isFull = false;
  hasRoom = true;
}

/** From now on there is just as much room as the next straw takes away. */
export function leaveNoRoom(): void {
  isFull = false;
  hasRoom = false;
}

interface DiskModule {
  readonly DirectoryDisk: typeof DirectoryDisk;
}

/** The module with a disk that fills up. */
export async function fillingDisks(importOriginal: () => Promise<DiskModule>): Promise<DiskModule> {
  const original = await importOriginal();
  class FillingDisk extends original.DirectoryDisk {
    override open(name: string, options: { readonly create: boolean }, done: (result: Result<DiskFile>) => void): void {
      super.open(name, options, (result) => {
        done(result.error === undefined ? { error: undefined, value: fillingFile(result.value) } : result);
      });
    }
  }
  return { DirectoryDisk: FillingDisk };
}

function fillingFile(file: DiskFile): DiskFile {
  return {
    size: (done) => file.size(done),
    read: (position, length, done) => file.read(position, length, done),
    write: (position, chunks, done) => {
      isFull ||= !hasRoom && Buffer.concat(chunks).includes(lastStraw);
      if (!isFull) file.write(position, chunks, done);
      else setImmediate(() => done({ error: new AntecedentError('E_DISK_FULL', 'write failed: no room') }));
    },
    sync: (done) => file.sync(done),
    truncate: (length, done) => file.truncate(length, done),
    close: (done) => file.close(done),
  };
}
