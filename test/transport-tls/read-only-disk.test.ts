import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { DiskFile, Result } from '../../core/index.js';
import { ReadOnlyDirectoryDisk } from '../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories } from '../support/certificates.js';
import { answer, read, value } from './disk-answers.js';

let directory: string;
let disk: ReadOnlyDirectoryDisk;

beforeEach(() => {
  directory = makeTestDirectory('read-only');
  writeFileSync(join(directory, 'log'), 'abc', { mode: 0o400 });
  writeFileSync(join(directory, '.lock'), '');
  mkdirSync(join(directory, 'folder'));
  disk = new ReadOnlyDirectoryDisk(directory);
});
afterAll(removeTestDirectories);

describe('a disk for reading only', () => {
  test('lists, opens and reads what is there', async () => {
    expect(await value<readonly string[]>((done) => disk.list(done))).toEqual(['log']);
    const file = await value<DiskFile>((done) => disk.open('log', { create: false }, done));
    expect(await value<number>((done) => file.size(done))).toBe(3);
    expect(await read(file, 1, 10)).toEqual([98, 99]);
    await value((done) => file.close(done));
  });

  test('answers E_STORAGE for what is not there, and makes nothing', async () => {
    const { error } = await answer<DiskFile>((done) => disk.open('none', { create: false }, done));
    expect(error?.code).toBe('E_STORAGE');
    expect(error?.message).toMatch(/^open failed on .*none: ENOENT/);
    const gone = new ReadOnlyDirectoryDisk(join(directory, 'gone'));
    expect((await answer<readonly string[]>((done) => gone.list(done))).error?.code).toBe('E_STORAGE');
  });

  const changes: readonly (readonly [
    claim: string,
    call: (file: DiskFile, done: (r: Result<unknown>) => void) => void,
  ])[] = [
    ['create', (_file, done) => disk.open('new', { create: true }, done)],
    ['rename to x', (_file, done) => disk.rename('log', 'x', done)],
    ['remove', (_file, done) => disk.remove('log', done)],
    ['sync', (_file, done) => disk.syncDirectory(done)],
    ['write at 1', (file, done) => file.write(1, [Uint8Array.of(1)], done)],
    ['cut to 0 bytes', (file, done) => file.truncate(0, done)],
    ['sync', (file, done) => file.sync(done)],
  ];

  test.each(changes)('refuses to %s, and changes nothing', async (operation, call) => {
    const file = await value<DiskFile>((done) => disk.open('log', { create: false }, done));
    const { error } = await answer<unknown>((done) => call(file, done));
    expect(error?.code).toBe('E_STATE');
    expect(error?.message.startsWith(`${operation} refused on ${directory}`)).toBe(true);
    expect(error?.message).toMatch(/: the directory is open for reading only$/);
    await value((done) => file.close(done));
    expect(readFileSync(join(directory, 'log'), 'utf8')).toBe('abc');
    expect(readdirSync(directory).sort()).toEqual(['.lock', 'folder', 'log']);
  });

  test.each(['../escape', '.lock', ''])('never leaves the directory for the name %j', (name) => {
    expect(() => disk.open(name, { create: false }, () => {})).toThrow(/is no file name/);
    expect(() => disk.remove(name, () => {})).toThrow(/is no file name/);
  });
});
