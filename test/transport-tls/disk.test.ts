import { mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { DiskFile, Result } from '../../core/index.js';
import { createDirectory, DirectoryDisk } from '../../transport-tls/disk.js';
import { makeTestDirectory, removeTestDirectories } from '../support/certificates.js';
import { within } from './waiting.js';

let directory: string;
let disk: DirectoryDisk;

beforeEach(() => {
  directory = makeTestDirectory('disk');
  disk = new DirectoryDisk(directory);
});
afterAll(removeTestDirectories);

/** What a call answers; fails when it answers before it has returned. */
async function answer<T>(call: (done: (result: Result<T>) => void) => void): Promise<Result<T>> {
  return within(
    'the disk',
    new Promise((resolve, reject) => {
      let hasReturned = false;
      call((result) => {
        if (hasReturned) resolve(result);
        else reject(new Error('answered before the call returned'));
      });
      hasReturned = true;
    }),
  );
}

async function value<T>(call: (done: (result: Result<T>) => void) => void): Promise<T> {
  const result = await answer(call);
  if (result.error !== undefined) throw result.error;
  return result.value;
}

async function read(file: DiskFile, position: number, length: number): Promise<readonly number[]> {
  return [...(await value<Uint8Array>((done) => file.read(position, length, done)))];
}

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

  test('is made with its parents, for its owner alone', () => {
    const path = join(directory, 'x', 'y', 'z');
    createDirectory(path);
    createDirectory(path);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    writeFileSync(join(directory, 'file'), '');
    expect(() => createDirectory(join(directory, 'file'))).toThrow(/create directory failed on .*file/);
  });
});
