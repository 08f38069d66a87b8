/** A scenario as a test: which seeds, what comes first, and what a failure says. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatPlan, lines, makePlan, scenario } from '../../scenarios/index.js';
import { chooseSeeds, findFailure, type CheckOptions } from '../../scenarios/scenario-check.js';
import { temporaryDirectory } from '../cli/temporary-directory.js';

const workload = lines({ lines: ['one', 'two', 'three'], perSecond: 100 });
const quick = scenario('quick', { about: 'A few lines.', nodes: 2, workload });

/** Costs too much with every second seed or so. */
const atTimesDear = scenario('at-times-dear', {
  about: 'Some seeds must not cost anything.',
  vary: (streams) => {
    const isDear = streams('dear').chance(0.5);
    return { nodes: 2, workload, expect: isDear ? { messagesPerBroadcast: 0.01 } : {} };
  },
});

function isDear(seed: number): boolean {
  return makePlan(atTimesDear, String(seed)).budgets !== undefined;
}

const firstDear = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10].find(isDear) ?? 0;

function optionsIn(directory: string, changes: Partial<CheckOptions> = {}): CheckOptions {
  return {
    seeds: { from: 1, to: 12 },
    isOne: false,
    regressions: join(directory, 'regressions'),
    outDir: join(directory, 'runs'),
    rerun: "npx vitest run -t 'holds'",
    ...changes,
  };
}

test('a scenario that holds has no failure, and leaves nothing behind', async () => {
  const directory = temporaryDirectory();
  expect(await findFailure(quick, optionsIn(directory))).toBeUndefined();
  expect(readdirSync(directory)).toEqual([]);
});

test('the first failing seed is told with its report and both ways to see it again', async () => {
  const directory = temporaryDirectory();
  const failure = await findFailure(atTimesDear, optionsIn(directory));
  expect(failure).toMatch(new RegExp(`^at-times-dear, seed ${firstDear}: budget violated`));
  expect(failure).toContain(`npx antecedent replay ${join(directory, 'runs', `at-times-dear-${firstDear}.json`)}\n`);
  expect(failure).toMatch(new RegExp(`^ {2}ANTECEDENT_SEED=${firstDear} npx vitest run -t 'holds'$`, 'm'));
  expect(existsSync(join(directory, 'runs', `at-times-dear-${firstDear}.json`))).toBe(true);
});

test('plans that failed once come first, unless one seed is asked for', async () => {
  const directory = temporaryDirectory();
  const options = optionsIn(directory);
  mkdirSync(options.regressions);
  const path = join(options.regressions, 'once.json');
  const { budgets: _, ...plan } = makePlan(quick, '77');
  writeFileSync(path, formatPlan({ ...plan, budgets: { bytesPerBroadcast: 1 } }));
  // Of another scenario: no matter of this test.
  const other = { ...plan, scenario: 'another', budgets: { bytesPerBroadcast: 1 } };
  writeFileSync(join(options.regressions, 'a.json'), formatPlan(other));
  const failure = await findFailure(quick, options);
  expect(failure).toMatch(`${path} has failed before, and fails again\nquick, seed 77: budget violated`);
  expect(failure).toContain(`npx antecedent replay ${path}\n`);
  expect(await findFailure(quick, { ...options, seeds: { from: 3, to: 3 }, isOne: true })).toBeUndefined();
});

test('a regression that is no plan is named', async () => {
  const options = optionsIn(temporaryDirectory());
  mkdirSync(options.regressions);
  writeFileSync(join(options.regressions, 'half.json'), '{"version": 1');
  await expect(findFailure(quick, options)).rejects.toMatchObject({ code: 'E_PLAN' });
});

test('a scenario that does not come to what it promises fails, when it had enough seeds', async () => {
  const promising = scenario('promising', { about: 'Promises much.', goals: ['twin-refused'], nodes: 2, workload });
  const options = optionsIn(temporaryDirectory());
  expect(await findFailure(promising, options)).toBeUndefined();
  expect(await findFailure(promising, { ...options, seeds: { from: 1, to: 100 } })).toMatch(
    /^promising promises "twin-refused", and none of its 100 runs came there: /,
  );
});

test.each([
  [{}, {}, { seeds: { from: 1, to: 100 }, isOne: false }],
  [{ seeds: 7 }, {}, { seeds: { from: 1, to: 7 }, isOne: false }],
  [{ seeds: { from: 5, to: 6 } }, {}, { seeds: { from: 5, to: 6 }, isOne: false }],
  [{ seeds: 7 }, { ANTECEDENT_SEEDS: '5000' }, { seeds: { from: 1, to: 5000 }, isOne: false }],
  [{ seeds: 7 }, { ANTECEDENT_SEEDS: '201..400' }, { seeds: { from: 201, to: 400 }, isOne: false }],
  [{ seeds: 7 }, { ANTECEDENT_SEED: '17' }, { seeds: { from: 17, to: 17 }, isOne: true }],
  [{}, { ANTECEDENT_SEED: '17', ANTECEDENT_SEEDS: '9' }, { seeds: { from: 17, to: 17 }, isOne: true }],
  [{ seeds: 7 }, { ANTECEDENT_SEED: '', ANTECEDENT_SEEDS: '' }, { seeds: { from: 1, to: 7 }, isOne: false }],
])('options %j with %j in the environment', (options, environment, choice) => {
  expect(chooseSeeds(options, environment)).toEqual(choice);
});

test.each([
  [{}, { ANTECEDENT_SEED: 'x' }, 'ANTECEDENT_SEED is "x"; write a whole number, such as 17'],
  [{}, { ANTECEDENT_SEEDS: '9..3' }, 'ANTECEDENT_SEEDS is "9..3"; write how many'],
  [{}, { ANTECEDENT_SEEDS: '1..2..3' }, 'ANTECEDENT_SEEDS is "1..2..3"'],
  [{ seeds: 0 }, {}, 'seeds is "0"; give how many'],
  [{ seeds: { from: 2, to: 1 } }, {}, 'seeds is "2..1"'],
])('options %j with %j in the environment are refused', (options, environment, message) => {
  expect(() => chooseSeeds(options, environment)).toThrow(message);
});
