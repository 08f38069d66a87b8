import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { SweepResult } from '../../scenarios/index.js';
import { antecedent } from './fake-terminal.js';
import { temporaryDirectory } from './temporary-directory.js';

const mine = join(import.meta.dirname, '../support/unruly-scenarios.ts');

/** As it is promised: bit for bit, but for what depends on the time it took. */
function withoutTimes(json: string): string {
  const result = JSON.parse(json) as SweepResult;
  const times = { elapsedMs: 0, eventsPerSecond: 0, runsPerSecond: 0, simulatedToWall: 0 };
  return JSON.stringify({ ...result, ...times }, undefined, 2);
}

test('shards on different machines, merged, print what the undivided sweep prints, with its exit code', async () => {
  const directory = temporaryDirectory();
  const inside = (name: string): string => join(directory, name);
  const what = ['calm', `${mine}#dear`, 'crash-restart', '--seeds', '1..4', '--out', inside('runs'), '--json'];
  // What is shared among machines is not shrunk.
  const whole = await antecedent('sweep', ...what, '--jobs', '2', '--no-shrink');
  expect(whole.exitCode).toBe(1);
  const plan = readFileSync(inside('runs/dear-1.json'), 'utf8');
  for (const shard of ['1/2', '2/2']) {
    const file = inside(`part-${shard.charAt(0)}.jsonl`);
    await antecedent('sweep', ...what, '--jobs', '1', '--shard', shard, '--results', file);
  }
  const files = [inside('part-1.jsonl'), inside('part-2.jsonl')];
  const merged = await antecedent('merge', ...files, '--out', inside('runs'), '--json');
  expect(merged.exitCode).toBe(1);
  expect(merged.err).toBe('');
  expect(withoutTimes(merged.out)).toBe(withoutTimes(whole.out));
  // On a machine that has nothing but the files.
  const elsewhere = await antecedent('merge', ...files, '--out', inside('elsewhere'));
  expect(elsewhere.out).toContain('VIOLATED  4 runs of 12 violated a property');
  expect(elsewhere.out).toContain(`antecedent replay ${inside('elsewhere/dear-1.json')}`);
  expect(readFileSync(inside('elsewhere/dear-1.json'), 'utf8')).toBe(plan);
});

test('a missing shard is named on stderr, and the result is undecided', async () => {
  const file = join(temporaryDirectory(), 'part-2.jsonl');
  await antecedent('sweep', 'calm', '--seeds', '1..4', '--jobs', '1', '--shard', '2/2', '--results', file);
  const { exitCode, out, err } = await antecedent('merge', file);
  expect(exitCode).toBe(3);
  expect(out).toContain('HELD  every property held in all 2 runs (interrupted)');
  expect(err).toBe('missing: shard 1/2 is in none of the files\n');
});

test('a sweep that is given its results again makes no run twice', async () => {
  const file = join(temporaryDirectory(), 'results.jsonl');
  const args = ['sweep', 'calm', '--seeds', '1..3', '--jobs', '1', '--results', file];
  const first = await antecedent(...args, '--json');
  const text = readFileSync(file, 'utf8');
  copyFileSync(file, `${file}.before`);
  const again = await antecedent(...args, '--json');
  expect(again.err).toContain(`3 runs of this sweep are in ${file}\n`);
  expect(withoutTimes(again.out)).toBe(withoutTimes(first.out));
  // Nothing was added but that another sweep came to its end.
  const added = readFileSync(file, 'utf8').slice(text.length);
  expect(JSON.parse(added)).toMatchObject({ end: { isInterrupted: false } });
});

test.each([
  [['merge'], "missing required argument 'files'"],
  [['merge', 'no-such-file.jsonl'], 'there is no file no-such-file.jsonl'],
  [['merge', 'package.json'], 'package.json:1 is no JSON'],
])('%j is refused', async (args, message) => {
  const { exitCode, err, out } = await antecedent(...args);
  expect(exitCode).toBe(2);
  expect(err).toContain(message);
  expect(out).toBe('');
});

test('an empty sweep leaves no results of its own behind', async () => {
  const file = join(temporaryDirectory(), 'results.jsonl');
  const { exitCode } = await antecedent('sweep', 'no-such-scenario', '--results', file);
  expect(exitCode).toBe(2);
  expect(existsSync(file)).toBe(false);
});
