import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { findLockHolder } from '../../transport-tls/lock-holder.js';
import { lockDirectory, lockFileName } from '../../transport-tls/lock.js';
import { bundleScript } from '../support/bundled-program.js';
import { makeTestDirectory, removeTestDirectories } from '../support/certificates.js';
import { within } from './waiting.js';

/** So many of the next calls find the lock taken, whoever has it. */
const refusals = vi.hoisted(() => ({ left: 0 }));
vi.mock('fs-native-extensions', async (importOriginal) => {
  const original = await importOriginal<{ tryLock(fd: number, options?: { shared: boolean }): boolean }>();
  const tryLock: typeof original.tryLock = (...args) => refusals.left-- <= 0 && original.tryLock(...args);
  return { ...original, tryLock };
});

/** What the next write to a file answers; undefined for what the system says. */
const full = vi.hoisted((): { code: string | undefined } => ({ code: undefined }));
vi.mock('node:fs', async (importOriginal) => {
  const original = await importOriginal<{ writeSync(fd: number, text: string): number }>();
  const writeSync = (fd: number, text: string): number => {
    const { code } = full;
    if (code === undefined) return original.writeSync(fd, text);
    full.code = undefined;
    throw Object.assign(new Error(`${code}: write`), { code });
  };
  return { ...original, writeSync };
});

afterAll(removeTestDirectories);

describe('the lock on a data directory', () => {
  test('refuses a second holder in the same process, and names the process', () => {
    const directory = makeTestDirectory('lock');
    const lock = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(`${directory} is in use by process ${process.pid}`);
    expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'E_LOCKED' }) as Error);
    lock.release();
    lock.release();
    lockDirectory(directory).release();
  });

  test('refuses while another process holds it, and is free when that one was killed', async () => {
    const directory = makeTestDirectory('lock');
    const script = await bundleScript('test/transport-tls/lock-holder.ts');
    const holder = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    await within('the holder', new Promise((resolve) => holder.stdout.once('data', resolve)));
    expect(() => lockDirectory(directory)).toThrow(`${directory} is in use by process ${String(holder.pid)}`);
    const ended = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await within('the death of the holder', ended);
    lockDirectory(directory).release();
  });

  test('is not refused because somebody looks at it in that very moment: a lock held for long is', () => {
    const directory = makeTestDirectory('lock');
    refusals.left = 2;
    const lock = lockDirectory(directory);
    expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'E_LOCKED' }) as Error);
    lock.release();
  });

  test.each(['ENOSPC', 'EDQUOT'])('is held when there is no room to say by whom (%s)', (code) => {
    const directory = makeTestDirectory('lock');
    full.code = code;
    const lock = lockDirectory(directory);
    expect(full.code).toBeUndefined();
    expect(() => lockDirectory(directory)).toThrow(`${directory} is in use by another process`);
    expect(findLockHolder(directory)).toEqual({ pid: undefined });
    lock.release();
  });

  test('is not held when its file cannot be written at all', () => {
    const directory = makeTestDirectory('lock');
    full.code = 'EIO';
    expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'E_STORAGE' }) as Error);
    expect(findLockHolder(directory)).toBeUndefined();
  });

  test('is looked at without waiting, whatever has its name', () => {
    const directory = makeTestDirectory('lock');
    expect(spawnSync('mkfifo', [join(directory, lockFileName)]).status).toBe(0);
    expect(() => findLockHolder(directory)).toThrow('it is no plain file');
  });

  test('is taken in a copy of a directory that is in use, lock file and all', () => {
    const directory = makeTestDirectory('lock');
    const lock = lockDirectory(directory);
    const copy = join(makeTestDirectory('copy'), 'data');
    cpSync(directory, copy, { recursive: true, preserveTimestamps: true });
    expect(readFileSync(join(copy, lockFileName), 'utf8')).toBe(`${process.pid}\n`);
    const second = lockDirectory(copy);
    second.release();
    expect(() => lockDirectory(directory)).toThrow(/is in use by process/);
    lock.release();
  });

  test.each([
    ['of a process that lives, but holds no lock: its pid was used again', `${process.ppid}\n`],
    ['of a process that is no more', '4194305\n'],
    ['of nobody', ''],
    ['that is no pid', 'what?'],
    ['of another time', `${process.pid}\nand more\n`],
  ])('is taken over whatever the file says: a pid %s', (_claim, left) => {
    const directory = makeTestDirectory('lock');
    writeFileSync(join(directory, lockFileName), left);
    const lock = lockDirectory(directory);
    expect(readFileSync(join(directory, lockFileName), 'utf8')).toBe(`${process.pid}\n`);
    lock.release();
  });

  test('does not depend on what the file says while it is held', () => {
    const directory = makeTestDirectory('lock');
    const lock = lockDirectory(directory);
    writeFileSync(join(directory, lockFileName), 'what?');
    expect(() => lockDirectory(directory)).toThrow(
      `data directory ${directory} is in use by another process; stop it first`,
    );
    lock.release();
  });

  test('says which directory cannot be locked', () => {
    expect(() => lockDirectory('/nonexistent/data')).toThrow(
      /^opening the lock failed on \/nonexistent\/data\/\.lock: ENOENT/,
    );
  });

  test('follows no link, and takes no folder for a lock', () => {
    const directory = makeTestDirectory('lock');
    const other = join(directory, 'precious');
    writeFileSync(other, 'kept', { mode: 0o600 });
    symlinkSync('precious', join(directory, lockFileName));
    expect(() => lockDirectory(directory)).toThrow(expect.objectContaining({ code: 'E_STORAGE' }) as Error);
    expect(() => lockDirectory(directory)).toThrow(/ELOOP/);
    expect(readFileSync(other, 'utf8')).toBe('kept');
    const second = makeTestDirectory('lock');
    mkdirSync(join(second, lockFileName));
    expect(() => lockDirectory(second)).toThrow(/^opening the lock failed on .*\.lock: EISDIR/);
  });

  test('is in a file of its owner alone', () => {
    const directory = makeTestDirectory('lock');
    const lock = lockDirectory(directory);
    expect(statSync(join(directory, lockFileName)).mode & 0o777).toBe(0o600);
    lock.release();
  });
});
