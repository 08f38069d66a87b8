import { existsSync, readFileSync, watch } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { catalogue, propertyMeanings, type SweepResult } from '../../scenarios/index.js';
import { antecedent } from './fake-terminal.js';
import { temporaryDirectory } from './temporary-directory.js';

test('a range of seeds of some scenarios, in one JSON document', async () => {
  const { exitCode, out } = await antecedent('sweep', 'calm', 'lossy', '--seeds', '3..5', '--jobs', '1', '--json');
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    runs: 6,
    passed: 6,
    failed: 0,
    failures: [],
    notReproducible: [],
    scenarios: [
      { name: 'calm', runs: 3 },
      { name: 'lossy', runs: 3 },
    ],
    properties: Object.keys(propertyMeanings),
  });
});

test('the summary tells a newcomer what was done, by what it was judged, and what to do next', async () => {
  const directory = join(temporaryDirectory(), 'runs');
  // The one is judged by every property, the other has faults.
  const names = ['calm', 'crash-restart'];
  const { exitCode, out } = await antecedent('sweep', ...names, '--seeds', '1', '--jobs', '1', '--out', directory);
  expect(exitCode).toBe(0);
  for (const name of names) expect(out).toMatch(new RegExp(`│ ${name} +│ +1 │ +0 │`));
  for (const meaning of Object.values(propertyMeanings)) expect(out).toContain(meaning);
  expect(out).toMatch(/^  faults +.*crash \d/m);
  expect(out).toContain('HELD  every property held in all 2 runs');
  expect(out).toContain('Next: antecedent run');
  expect(existsSync(directory)).toBe(false);
});

test('a sweep for a time makes at least one run, and one without names is of everything', async () => {
  const { out } = await antecedent('sweep', '--for', '1ms', '--jobs', '1', '--json');
  const scenarios = catalogue.map(({ name }, index) => ({ name, runs: index === 0 ? 1 : 0 }));
  expect(JSON.parse(out)).toMatchObject({ failed: 0, runs: 1, scenarios });
});

test('names given twice are swept once', async () => {
  const { out } = await antecedent('sweep', 'calm', 'calm', '--seeds', '1', '--jobs', '1', '--json');
  expect(JSON.parse(out)).toMatchObject({ runs: 1 });
});

const mine = join(import.meta.dirname, '../support/unruly-scenarios.ts');

test('a file of scenarios is swept, all of it or what is named', async () => {
  const { exitCode, out } = await antecedent(
    'sweep',
    `${mine}#quick`,
    `${mine}#own-workload`,
    '--seeds',
    '1..2',
    '--json',
  );
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({ runs: 4, scenarios: [{ name: 'quick' }, { name: 'own-workload' }] });
});

test('a name that a file does not have is refused with the nearest one', async () => {
  const { exitCode, err } = await antecedent('sweep', `${mine}#quik`, '--seeds', '1');
  expect(exitCode).toBe(2);
  expect(err).toContain('did you mean "quick"');
});

test('Ctrl-C ends the sweep, not the program: what was found so far is printed', async () => {
  const directory = temporaryDirectory();
  const results = join(directory, 'results.jsonl');
  const watcher = watch(directory, { signal: AbortSignal.timeout(600_000) }, () => {
    const runs = readFileSync(results, 'utf8').match(/^\{"scenario"/gm) ?? [];
    if (runs.length > 1) process.emit('SIGINT', 'SIGINT');
  });
  const args = ['sweep', 'calm', '--seeds', '1..1000000', '--jobs', '1', '--results', results, '--json'];
  const listeners = process.listeners('SIGINT');
  process.removeAllListeners('SIGINT');
  const { exitCode, out } = await antecedent(...args);
  watcher.close();
  for (const listener of listeners) process.on('SIGINT', listener);
  expect(exitCode).toBe(3);
  expect(JSON.parse(out)).toMatchObject({ isInterrupted: true, failed: 0 });
  const { runs } = JSON.parse(out) as SweepResult;
  expect(runs).toBeGreaterThan(1);
  expect(runs).toBeLessThan(1_000_000);
});

test('faults are switched off by name', async () => {
  const args = ['sweep', 'crash-restart', '--seeds', '1..2', '--jobs', '1', '--json'];
  const { out } = await antecedent(...args, '--no-crash', '--no-pause');
  const { faults, without } = JSON.parse(out) as SweepResult;
  expect(without).toEqual(['crash', 'pause']);
  expect(faults).not.toHaveProperty('crash');
  expect(faults).not.toHaveProperty('pause');
  expect(faults).toHaveProperty('stop');
});

test('a profile changes what goes wrong, and is told', async () => {
  const { out } = await antecedent(
    'sweep',
    'crash-restart',
    '--seeds',
    '1',
    '--jobs',
    '1',
    '--profile',
    'calm',
    '--json',
  );
  expect(JSON.parse(out)).toMatchObject({ runs: 1, profile: 'calm', faults: {} });
});

test.each([
  [['--shard', '5/4'], 'there is no shard 5 of 4'],
  [['--jobs', '0'], '"0" is no number of jobs: write a whole number from 1 to 1024'],
  [['--profile', 'wild'], 'calm, swarm, chaos'],
  [['--no-such-fault'], "unknown option '--no-such-fault'"],
  [['--results', ''], '--results needs the name of a file'],
])('%j is refused', async (args, message) => {
  const { exitCode, err } = await antecedent('sweep', 'calm', '--seeds', '1', ...args);
  expect(exitCode).toBe(2);
  expect(err).toContain(message);
});
