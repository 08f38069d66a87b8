/** `--system pluto`, from the run that finds a bug to the replay that shows it again. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { catalogueFor, readPlan } from '../../scenarios/index.js';
import { antecedent } from './fake-terminal.js';
import { temporaryDirectory } from './temporary-directory.js';

const bug = 'examples/pluto/lost-behind-the-write.json';

test('a bug found in a run is in a plan that replays without being told the system', async () => {
  const directory = temporaryDirectory();
  const found = await antecedent('run', 'small-log', '--system', 'pluto', '--out', directory, '--json');
  const path = join(directory, 'pluto-small-log-1.json');
  expect(found.exitCode).toBe(1);
  expect(JSON.parse(found.out)).toMatchObject({ scenario: 'small-log', system: 'pluto', planPath: path });
  expect(readPlan(readFileSync(path, 'utf8'), path).system).toBe('pluto');
  const again = await antecedent('replay', path, '--json');
  expect({ ...JSON.parse(again.out), wallMs: 0 }).toEqual({ ...JSON.parse(found.out), wallMs: 0 });
});

test('a plan file says its system, and the same plan can be given to another one', async () => {
  const theirs = await antecedent('run', bug);
  expect([theirs.exitCode, theirs.out]).toEqual([1, expect.stringContaining('seed 1, pluto: deadlock violated')]);
  const ours = await antecedent('run', bug, '--system', 'antecedent', '--json');
  expect(ours.exitCode).toBe(0);
  expect(JSON.parse(ours.out)).toMatchObject({ system: 'antecedent', verdict: 'pass', planPath: null });
});

test('what is printed to be typed next keeps the system', async () => {
  const { exitCode, out } = await antecedent('run', 'calm', '--system', 'pluto');
  expect([exitCode, out]).toEqual([0, expect.stringContaining('HELD  calm, seed 1, pluto: every property held.')]);
  expect(out).toContain('antecedent run calm --system pluto --seed 2,');
  expect(out).toContain('antecedent sweep calm --system pluto --for 10s\n');
});

test('a sweep keeps its plans apart from ours, and names only scenarios that v0.4 has a word for', async () => {
  const directory = temporaryDirectory();
  const sweep = ['sweep', '--system', 'pluto', '--out', directory, '--json'];
  const { exitCode, out } = await antecedent(...sweep, 'lossy', 'calm', '--seeds', '1');
  expect(exitCode).toBe(1);
  expect(JSON.parse(out)).toMatchObject({
    ...{ system: 'pluto', runs: 2, failed: 1 },
    failures: [{ scenario: 'lossy', planPath: join(directory, 'pluto-lossy-1.json') }],
  });
  const everything = await antecedent(...sweep, '--for', '1ms');
  const names = catalogueFor('pluto').map(({ name }) => ({ name }));
  expect(JSON.parse(everything.out)).toMatchObject({ scenarios: names });
});

test('the lines of a file reach everybody in a calm run of v0.4 too', async () => {
  const { exitCode, out } = await antecedent('run', 'calm', '--input', 'LICENSE', '--system', 'pluto');
  expect(exitCode).toBe(0);
  expect(out.match(/ 202 lines {2}\w+ {2}equal/g)).toHaveLength(3);
});

test.each([
  [['run', 'twin-names', '--system', 'pluto'], /the scenario twin-names is not for pluto v0\.4: .*knows no twin/],
  [['sweep', 'member-joins', '--system', 'pluto'], /the scenario member-joins is not for pluto v0\.4: joiners: /],
  [
    ['run', '--system', 'saturn'],
    /'--system <name>' argument 'saturn' is invalid. Allowed choices are antecedent, pluto/,
  ],
])('%s is refused', async (args, words) => {
  const { exitCode, err } = await antecedent(...args);
  expect([exitCode, err]).toEqual([2, expect.stringMatching(words)]);
});
