/**
 * Regressions: plans of failures that were mended once, kept in a directory and run before anything else.
 *
 * A seed finds a bug again only while scenario, planning and search are what they were; a plan says what happens, and goes on
 * finding it. So every plan kept must hold. They are small (see `shrink/`), and run in the order of their names.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AntecedentError } from '../core/index.js';
import { signatureOf, type Property } from './oracles/violation.js';
import type { Plan } from './plan.js';
import { readPlan } from './read-plan.js';
import { runPlan, type Verdict } from './run.js';
import type { Scenario } from './scenario.js';
import { isBuiltIn } from './workloads/index.js';
import type { Program } from './workloads/workload.js';

export interface Regression {
  readonly path: string;
  readonly plan: Plan;
}

/** What came of it; the last three are null where it held or came to no verdict. */
export interface RegressionOutcome {
  readonly path: string;
  readonly scenario: string;
  readonly seed: string;
  readonly verdict: Verdict;
  readonly signature: string | null;
  readonly property: Property | null;
  readonly sentence: string | null;
}

export interface RunRegressionOptions {
  /** Programs of the user that the plan may need. */
  readonly programs?: readonly Program[];
  /** Another way to run, for tests. */
  readonly runPlan?: typeof runPlan | undefined;
}

/**
 * The plans of a directory: its files `*.json`, in the order of their names. Throws `E_PLAN` for one that is no plan, and `E_CONFIG` for
 * a directory that is not there or cannot be read.
 */
export function readRegressions(directory: string): readonly Regression[] {
  return namesIn(directory)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => {
      const path = join(directory, name);
      return { path, plan: readPlan(readFileSync(path, 'utf8'), path) };
    });
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    const message = `regressions: cannot read the directory ${directory}: ${reason}; name one that holds plans`;
    throw new AntecedentError('E_CONFIG', message, { cause });
  }
}

/** True for a plan that fails again. */
export function hasRegressed({ signature }: RegressionOutcome): boolean {
  return signature !== null;
}

/** True where every program that the plan may need comes with this package or with one of these scenarios. */
export function canRunRegression({ plan }: Regression, scenarios: readonly Scenario[]): boolean {
  return isBuiltIn(plan.workload) || scenarios.some(({ name }) => name === plan.scenario);
}

/** Throws `E_PLAN` for a plan whose workload is neither of this package nor in `programs`. */
export function runRegression(
  { path, plan }: Regression,
  { programs = [], runPlan: run = runPlan }: RunRegressionOptions = {},
): RegressionOutcome {
  const { scenario, seed, verdict, violations } = run(plan, { programs });
  const [violation] = violations;
  return {
    path,
    scenario,
    seed,
    verdict,
    signature: violation === undefined ? null : signatureOf(scenario, violation),
    property: violation?.property ?? null,
    sentence: violation?.sentence ?? null,
  };
}
