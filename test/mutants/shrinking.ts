/**
 * Failures that planted bugs bring about, and the plans that a person would write to show the same: those in `regressions/` that
 * are named after a mutant.
 */
import { join } from 'node:path';
import { expect } from 'vitest';
import { knownBugs, loadScenarios, ownBugs, type Mutant } from '../../mutants/index.js';
import { readRegressions, type Plan, type PlanSize } from '../../scenarios/index.js';
import { root } from '../structure/source-tree.js';

export interface ShrinkingCase {
  readonly mutant: string;
  /** Where the failure is found; seeds after this one are tried as well. */
  readonly scenario: string;
  readonly seed: number;
}

export const shrinkingCases: readonly ShrinkingCase[] = [
  { mutant: 'no-dedupe-after-restart', scenario: 'crash-restart', seed: 1 },
  { mutant: 'one-copy-too-few', scenario: 'member-joins', seed: 1 },
  { mutant: 'hold-back-drops-a-message', scenario: 'partition-heal', seed: 1 },
  { mutant: 'accept-before-sync', scenario: 'power-loss', seed: 1 },
  { mutant: 'acknowledge-before-sync', scenario: 'power-loss', seed: 1 },
  { mutant: 'causal-check-leaves-out-an-entry', scenario: 'partition-heal', seed: 1 },
  { mutant: 'full-disk-is-not-tried-again', scenario: 'disk-full', seed: 1 },
  { mutant: 'mark-is-forgotten', scenario: 'crash-restart', seed: 1 },
  { mutant: 'no-resend-after-reconnect', scenario: 'partition-heal', seed: 1 },
  { mutant: 'repair-from-the-origin-only', scenario: 'minority-dies-for-good', seed: 2 },
  { mutant: 'send-before-sync', scenario: 'power-loss', seed: 1 },
  { mutant: 'twins-are-let-in', scenario: 'twin-names', seed: 19 },
];

/** Of those few that run in every test. */
export const quickCases: readonly ShrinkingCase[] = shrinkingCases.slice(0, 3);

/** Most seeds tried for a failure, and most runs to shrink it: about ten seconds on an idle core, and mostly far less. */
const seedsTried = 300;
const runsMax = 1500;

/** A plan written by hand shows the bug, and shrinking a failure comes to one at most twice as large. */
export async function expectShrunk({ mutant: name, scenario, seed }: ShrinkingCase): Promise<void> {
  const mutant = mutantNamed(name);
  const { findScenario, makePlan, runPlan, shrink, sweep } = await loadScenarios(root, mutant);
  const byHand = planByHand(name);
  expect(mutant.breaks, 'the plan by hand shows nothing').toContain(runPlan(byHand).violations[0]?.property);

  const seeds = { from: seed, to: seed + seedsTried };
  const { failures } = await sweep({ scenarios: [findScenario(scenario)], seeds, bail: true, verifyShare: 0 });
  const [failure] = failures;
  if (failure === undefined) throw new Error(`${seedsTried} seeds of ${scenario} found nothing`);
  const plan = makePlan(findScenario(scenario), String(failure.seed));
  const { smallest, before, after, signature } = await shrink(plan, { runsMax });
  expect(signature).toBe(failure.signature);
  expect(runPlan(smallest.plan).violations[0]?.property).toBe(failure.property);
  expect(weightOf(after), `${JSON.stringify(before)} came to ${JSON.stringify(after)}`).toBeLessThanOrEqual(
    2 * weightOf(sizeOf(byHand)),
  );
}

function mutantNamed(name: string): Mutant {
  const found = [...knownBugs, ...ownBugs].find((mutant) => mutant.name === name);
  if (found === undefined) throw new Error(`there is no mutant ${name}`);
  return found;
}

function planByHand(name: string): Plan {
  const directory = join(root, 'regressions');
  const found = readRegressions(directory).find(({ path }) => path === join(directory, `${name}.json`));
  if (found === undefined) throw new Error(`there is no regressions/${name}.json`);
  return found.plan;
}

function sizeOf({ nodes, operations, faults }: Plan): PlanSize {
  return { nodes: nodes.length, operations: operations.length, faults: faults.length };
}

function weightOf({ nodes, operations, faults }: PlanSize): number {
  return nodes + operations + faults;
}
