import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { DiskFile, Result } from '../../core/index.js';
import { DirectoryDisk } from '../../transport-tls/disk.js';
import { storageError } from '../../transport-tls/storage-error.js';
import { bundleScript } from '../support/bundled-program.js';
import { makeTestDirectory, removeTestDirectories } from '../support/certificates.js';
import { answer, read, value } from './disk-answers.js';

let directory: string;
let disk: DirectoryDisk;

beforeEach(() => {
  directory = makeTestDirectory('disk');
  disk = new DirectoryDisk(directory);
});
afterAll(removeTestDirectories);

function open(name: string, create: boolean): Promise<DiskFile> {
  return value((done) => disk.open(name, { create }, done));
}

describe('a file', () => {
  test('reads back what chunks were written, at any position', async () => {
    const file = await open('log', true);
    await value((done) => file.write(0, [Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(3)], done));
    await value((done) => file.write(2, [Uint8Array.of(9, 10)], done));
    expect(await read(file, 0, 4)).toEqual([1, 2, 9, 10]);
    expect(await read(file, 1, 2)).toEqual([2, 9]);
    expect(await value((done) => file.size(done))).toBe(4);
    await value((done) => file.sync(done));
    await value((done) => file.close(done));
    expect([...readFileSync(join(directory, 'log'))]).toEqual([1, 2, 9, 10]);
  });

  test('gives fewer bytes only at its end', async () => {
    const file = await open('log', true);
    await value((done) => file.write(0, [Uint8Array.of(1, 2, 3)], done));
    expect(await read(file, 2, 10)).toEqual([3]);
    expect(await read(file, 3, 10)).toEqual([]);
    expect(await read(file, 50, 10)).toEqual([]);
    expect(await read(file, 0, 0)).toEqual([]);
    await value((done) => file.close(done));
  });

  test('takes more chunks than one system call does', async () => {
    const file = await open('log', true);
    const chunks = Array.from({ length: 3000 }, (_, index) => Uint8Array.of(index % 256, index >> 8));
    await value((done) => file.write(0, chunks, done));
    expect(Buffer.from(await read(file, 0, 6000))).toEqual(Buffer.concat(chunks));
    await value((done) => file.close(done));
  });

  test('takes a write of nothing', async () => {
    const file = await open('log', true);
    await value((done) => file.write(0, [], done));
    await value((done) => file.write(7, [new Uint8Array()], done));
    expect(await value((done) => file.size(done))).toBe(0);
    await value((done) => file.close(done));
  });

  test('is cut by truncate', async () => {
    const file = await open('log', true);
    await value((done) => file.write(0, [Uint8Array.of(1, 2, 3)], done));
    await value((done) => file.truncate(1, done));
    expect(await read(file, 0, 9)).toEqual([1]);
    await value((done) => file.close(done));
  });

  test('is readable by its owner alone', async () => {
    const file = await open('log', true);
    await value((done) => file.close(done));
    expect(statSync(join(directory, 'log')).mode & 0o777).toBe(0o600);
  });

  test('refuses a second call while one is under way', async () => {
    const file = await open('log', true);
    const first = answer((done) => file.sync(done));
    expect(() => file.sync(() => {})).toThrow(/two calls at a time/);
    await first;
    await value((done) => file.close(done));
  });

  test('answers E_STORAGE with path and reason when the system refuses', async () => {
    const file = await open('log', true);
    await value((done) => file.close(done));
    const { error } = await answer((done) => file.write(5, [Uint8Array.of(1, 2)], done));
    expect(error?.code).toBe('E_STORAGE');
    expect(error?.message).toMatch(/^write 2 bytes at 5 failed on .*log: EBADF/);
  });
});

describe('a directory', () => {
  test('lists its files in byte order, without folders and hidden files', async () => {
    for (const name of ['b', 'B', 'a.1', '.lock']) writeFileSync(join(directory, name), '');
    mkdirSync(join(directory, 'folder'));
    symlinkSync('b', join(directory, 'link'));
    expect(await value((done) => disk.list(done))).toEqual(['B', 'a.1', 'b']);
  });

  test('renames over an existing file, and removes', async () => {
    writeFileSync(join(directory, 'new'), 'new');
    writeFileSync(join(directory, 'old'), 'old');
    await value((done) => disk.rename('new', 'old', done));
    expect(readFileSync(join(directory, 'old'), 'utf8')).toBe('new');
    await value((done) => disk.syncDirectory(done));
    await value((done) => disk.remove('old', done));
    expect(await value((done) => disk.list(done))).toEqual([]);
  });

  test.each([
    [
      'opening a missing file',
      /open failed on .*none: ENOENT/,
      (done: (r: Result<unknown>) => void) => disk.open('none', { create: false }, done),
    ],
    [
      'renaming a missing file',
      /rename to x failed on .*none: ENOENT/,
      (done: (r: Result<unknown>) => void) => disk.rename('none', 'x', done),
    ],
    [
      'removing a missing file',
      /remove failed on .*none: ENOENT/,
      (done: (r: Result<unknown>) => void) => disk.remove('none', done),
    ],
    [
      'listing a missing directory',
      /list failed on .*gone: ENOENT/,
      (done: (r: Result<unknown>) => void) => new DirectoryDisk(join(directory, 'gone')).list(done),
    ],
    [
      'syncing a missing directory',
      /open failed on .*gone: ENOENT/,
      (done: (r: Result<unknown>) => void) => new DirectoryDisk(join(directory, 'gone')).syncDirectory(done),
    ],
  ])('answers E_STORAGE for %s', async (_claim, message, call) => {
    const { error } = await answer(call);
    expect(error?.code).toBe('E_STORAGE');
    expect(error?.message).toMatch(message);
  });

  test('does not create a file that exists', async () => {
    writeFileSync(join(directory, 'log'), 'kept');
    expect((await answer((done) => disk.open('log', { create: true }, done))).error?.message).toMatch(/EEXIST/);
    expect(readFileSync(join(directory, 'log'), 'utf8')).toBe('kept');
  });

  test.each(['../escape', '/etc/passwd', 'a/b', '.lock', '', '..'])('never leaves for the name %j', (name) => {
    expect(() => disk.open(name, { create: true }, () => {})).toThrow(/is no file name/);
  });
});

describe('an error of the system becomes', () => {
  test.each(['ENOSPC', 'EDQUOT', 'EFBIG'])('E_DISK_FULL for %s', (code) => {
    const cause = Object.assign(new Error(`${code}: no room, write`), { code });
    const error = storageError('write 2 bytes at 5', '/data/log', cause);
    expect(error).toMatchObject({ code: 'E_DISK_FULL', cause });
    expect(error.message).toBe(`write 2 bytes at 5 failed on /data/log: ${code}: no room, write`);
  });

  test.each(['EIO', 'EROFS', 'EACCES', 'ENOENT', 'EBADF', 'EMFILE', ''])('E_STORAGE for %j', (code) => {
    const cause = Object.assign(new Error(`${code}: bad, write`), { code });
    expect(storageError('write 2 bytes at 5', '/data/log', cause)).toMatchObject({ code: 'E_STORAGE', cause });
  });

  test('E_STORAGE for what the system did not say', () => {
    expect(storageError('write', '/data/log', new Error('the system wrote nothing')).code).toBe('E_STORAGE');
    expect(storageError('write', '/data/log', 'odd').message).toBe('write failed on /data/log: odd');
  });
});

describe('a disk without room', () => {
  const full = '/dev/full';
  const hasFull = existsSync(full);

  test.skipIf(!hasFull)(`answers a write with E_DISK_FULL${hasFull ? '' : ` (skipped: no ${full} here)`}`, async () => {
    symlinkSync(full, join(directory, 'log'));
    const file = await open('log', false);
    const { error } = await answer((done) => file.write(7, [Uint8Array.of(1, 2)], done));
    expect(error?.code).toBe('E_DISK_FULL');
    expect(error?.message).toMatch(/^write 2 bytes at 7 failed on .*log: ENOSPC: no space left on device/);
    await value((done) => file.close(done));
  });

  test('lets the process live that writes beyond its limit on file sizes, and keeps what fitted', async () => {
    const script = await bundleScript('test/transport-tls/limited-writer.ts');
    const limited = `ulimit -f 8 && exec "${process.execPath}" "${script}" "${directory}"`;
    const { status, signal, stdout } = spawnSync('bash', ['-c', limited], { encoding: 'utf8' });
    expect({ status, signal }).toEqual({ status: 0, signal: null });
    const [first, second, third] = stdout.trimEnd().split('\n');
    expect(first).toBe('ok');
    expect(second).toMatch(/^E_DISK_FULL write 6000 bytes at 6000 failed on .*log: EFBIG: /);
    expect(third).toBe('ok');
    // A block of `ulimit -f` has 1024 bytes; bash counts in the same unit on every system.
    const bytes = readFileSync(join(directory, 'log'));
    expect(bytes.length).toBe(8192);
    expect(bytes.equals(Buffer.concat([Buffer.alloc(6000, 1), Buffer.alloc(2192, 2)]))).toBe(true);
  });
});
