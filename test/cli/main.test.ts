/** The program as the shell starts it. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundleScript } from '../support/bundled-program.js';
import { removeTestDirectories } from '../support/certificates.js';
import { flipBit, writeSampleLog } from '../support/log-writer.js';
import { temporaryDirectory } from './temporary-directory.js';

let program: string;

beforeAll(async () => {
  program = await bundleScript('cli/main.ts');
});
afterAll(removeTestDirectories);

test('passes the exit code on', () => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, 'list', '--nonsense'], { encoding: 'utf8' });
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toContain("unknown option '--nonsense'");
});

test('ends quietly when its reader has gone', async () => {
  const child = spawn(process.execPath, [program, 'list'], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.destroy();
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [exitCode] = (await once(child, 'close')) as [number | null];
  expect([exitCode, errors]).toEqual([0, '']);
});

test('keeps its verdict when its reader has gone', async () => {
  const directory = temporaryDirectory();
  await writeSampleLog(directory);
  flipBit(directory, 'journal-00000002.log', 400);
  const child = spawn(process.execPath, [program, 'log', 'verify', directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.destroy();
  expect(await once(child, 'close')).toEqual([1, null]);
});
