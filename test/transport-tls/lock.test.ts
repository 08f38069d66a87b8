import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { lockDirectory } from '../../transport-tls/lock.js';
import { makeTestDirectory, removeTestDirectories } from '../support/certificates.js';
import { within } from './waiting.js';

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
    const script = join(import.meta.dirname, 'lock-holder.ts');
    const holder = spawn(process.execPath, ['--import', 'tsx', script, directory], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await within('the holder', new Promise((resolve) => holder.stdout.once('data', resolve)));
    expect(() => lockDirectory(directory)).toThrow(`${directory} is in use by process ${String(holder.pid)}`);
    const ended = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await within('the death of the holder', ended);
    lockDirectory(directory).release();
  });

  test('says which directory cannot be locked', () => {
    expect(() => lockDirectory('/nonexistent/data')).toThrow(/cannot open \/nonexistent\/data\/\.lock: .*ENOENT/);
  });
});
