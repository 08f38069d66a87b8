/**
 * A process that writes beyond its limit on file sizes: 6000 bytes to a new file in the directory of its first argument, 6000
 * more behind them, and then their first byte again. Prints what each write answers.
 */
import type { DiskFile } from '../../core/index.js';
import { DirectoryDisk } from '../../transport-tls/disk.js';
import { value } from './disk-answers.js';

const disk = new DirectoryDisk(process.argv[2] ?? '');
const file = await value<DiskFile>((done) => disk.open('log', { create: true }, done));

function write(position: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    file.write(position, [bytes], ({ error }) => {
      process.stdout.write(error === undefined ? 'ok\n' : `${error.code} ${error.message}\n`);
      resolve();
    });
  });
}

await write(0, new Uint8Array(6000).fill(1));
await write(6000, new Uint8Array(6000).fill(2));
await write(0, Uint8Array.of(1));
