import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { catalogue, propertyMeanings } from '../../scenarios/index.js';
import { antecedent } from './fake-terminal.js';
import { temporaryDirectory } from './temporary-directory.js';

test('a range of seeds of some scenarios, in one JSON document', async () => {
  const { exitCode, out } = await antecedent('sweep', 'calm', 'lossy', '--seeds', '3..5', '--json');
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
  const { exitCode, out } = await antecedent('sweep', ...names, '--seeds', '1', '--out', directory);
  expect(exitCode).toBe(0);
  for (const name of names) expect(out).toMatch(new RegExp(`│ ${name} +│ +1 │ +0 │`));
  for (const meaning of Object.values(propertyMeanings)) expect(out).toContain(meaning);
  expect(out).toMatch(/^  faults +.*crash \d/m);
  expect(out).toContain('HELD  every property held in all 2 runs');
  expect(out).toContain('Next: antecedent run');
  expect(existsSync(directory)).toBe(false);
});

test('a sweep for a time makes at least one run, and one without names is of everything', async () => {
  const { out } = await antecedent('sweep', '--for', '1ms', '--json');
  const scenarios = catalogue.map(({ name }, index) => ({ name, runs: index === 0 ? 1 : 0 }));
  expect(JSON.parse(out)).toMatchObject({ failed: 0, runs: 1, scenarios });
});

test('names given twice are swept once', async () => {
  const { out } = await antecedent('sweep', 'calm', 'calm', '--seeds', '1', '--json');
  expect(JSON.parse(out)).toMatchObject({ runs: 1 });
});
