/** Which failures of a sweep are shrunk; how is tested in `shrink.test.ts`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  findScenario,
  formatPlan,
  makePlan,
  readPlan,
  type runPlan,
  type SeedOutcome,
} from '../../../scenarios/index.js';
import { lostOutcome } from '../../../scenarios/run-seed.js';
import { FailureShrinker } from '../../../scenarios/shrink/failure-shrinker.js';
import { nothingKept } from '../../../scenarios/sweep-tally.js';
import { temporaryDirectory } from '../../cli/temporary-directory.js';
import { failing, violation } from '../pretended-runs.js';

const plan = makePlan(findScenario('calm'), '1');

function failureOf(seed: number, changes: Partial<SeedOutcome> = {}): SeedOutcome {
  const failure = {
    signature: 'calm/causal-order',
    violation,
    planText: formatPlan({ ...plan, seed: String(seed) }),
    planPath: undefined,
    reportText: '',
  };
  return { ...lostOutcome('calm', seed, failure), traceHash: 'some trace', ...changes };
}

/** The seeds of the failures that were shrunk. */
async function shrunkOf(outcomes: readonly SeedOutcome[], run: typeof runPlan): Promise<readonly number[]> {
  const directory = temporaryDirectory();
  const shrinker = new FailureShrinker({ program: 'antecedent', programsFor: () => [], runPlan: run });
  for (const outcome of outcomes) {
    shrinker.note(outcome, { ...nothingKept, planPath: join(directory, `calm-${outcome.seed}.json`) });
  }
  const seeds: number[] = [];
  for await (const { name } of shrinker.shrinkAll()) seeds.push(name.seed);
  return seeds;
}

test('the first of each kind is shrunk', async () => {
  const { runPlan: run } = failing(() => true);
  expect(await shrunkOf([failureOf(3), failureOf(4)], run)).toEqual([3]);
});

test('what hung, what nobody has a plan of and what was another run the next time is not run again', async () => {
  const run = (): never => expect.fail('it was run');
  const failure = failureOf(1).failure;
  const outcomes = [
    failureOf(1, { traceHash: '' }),
    failureOf(2, { isReproducible: false }),
    failureOf(3, { failure: failure && { ...failure, planText: undefined } }),
    failureOf(4, { failure: undefined }),
  ];
  expect(await shrunkOf(outcomes, run)).toEqual([]);
});

test('a failure behind one that hung takes its place', async () => {
  const { runPlan: run } = failing(() => true);
  expect(await shrunkOf([failureOf(1, { traceHash: '' }), failureOf(2)], run)).toEqual([2]);
});

test('what fails in another way by now is left as it is', async () => {
  const { runPlan: run } = failing(() => true, 'integrity');
  expect(await shrunkOf([failureOf(1)], run)).toEqual([]);
});

test('a plan for pluto v0.4 is shrunk as one', async () => {
  const directory = temporaryDirectory();
  const { runPlan: run } = failing(() => true);
  const shrinker = new FailureShrinker({ program: 'antecedent', programsFor: () => [], runPlan: run });
  const outcome = failureOf(1);
  const pluto = { ...plan, system: 'pluto' } as const;
  shrinker.note(
    { ...outcome, failure: outcome.failure && { ...outcome.failure, planText: formatPlan(pluto) } },
    { ...nothingKept, planPath: join(directory, 'pluto-calm-1.json') },
  );
  const paths: string[] = [];
  for await (const { shrunkPath } of shrinker.shrinkAll()) paths.push(shrunkPath);
  expect(paths).toEqual([join(directory, 'pluto-calm-1.shrunk.json')]);
  expect(readPlan(readFileSync(paths[0] ?? '', 'utf8'), 'shrunk')).toMatchObject({ system: 'pluto', operations: [] });
});
