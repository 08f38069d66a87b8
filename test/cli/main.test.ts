/** The program as the shell starts it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { flipBit, writeSampleLog } from '../support/log-writer.js';
import { temporaryDirectory } from './temporary-directory.js';

const main = fileURLToPath(new URL('../../cli/main.ts', import.meta.url));
const node = [process.execPath, '--import', import.meta.resolve('tsx'), main] as const;

test('passes the exit code on', { timeout: 30_000 }, () => {
  const [file, ...args] = node;
  const { status, stdout, stderr } = spawnSync(file, [...args, 'list', '--nonsense'], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain("unknown option '--nonsense'");
});

test('ends quietly when its reader has gone', { timeout: 30_000 }, async () => {
  const [file, ...args] = node;
  const child = spawn(file, [...args, 'list'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  expect([exitCode, errors]).toEqual([0, '']);
});

test('keeps its verdict when its reader has gone', { timeout: 30_000 }, async () => {
  const directory = temporaryDirectory();
  await writeSampleLog(directory);
  flipBit(directory, 'journal-00000002.log', 400);
  const [file, ...args] = node;
  const child = spawn(file, [...args, 'log', 'verify', directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.destroy();
  expect(await once(child, 'close')).toEqual([1, null]);
});
