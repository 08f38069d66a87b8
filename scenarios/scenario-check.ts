/**
 * A scenario as a test: plans that failed once, then seeds; and what to say when one of them fails.
 *
 * Kept apart from the test runner (`vitest.ts`), so that others can be served as well, and so that this can be tested.
 */
import { existsSync, readFileSync } from 'node:fs';
import { AntecedentError } from '../core/index.js';
import { goalMeanings } from './goals.js';
import { programsFor } from './make-plan.js';
import type { Violation } from './oracles/violation.js';
import { readRegressions, type Regression, type RegressionOutcome } from './regressions.js';
import { failureText } from './report/text.js';
import { runPlan } from './run.js';
import type { Scenario } from './scenario.js';
import { sweep } from './sweep.js';
import type { SeedRange } from './sweep-order.js';
import type { SweepResult } from './sweep-tally.js';

export interface ScenarioTestOptions {
  /** How many seeds, from 1 on, or which; 100 when absent. */
  readonly seeds?: number | SeedRange;
  /**
   * Folder of plans that failed once: those of this scenario are run first. `regressions` when absent; it need not
   * exist.
   */
  readonly regressions?: string;
  /** Where the plan and the report of a failure are kept; `runs` when absent. */
  readonly outDir?: string;
  /** Real time after which the test is given up; five minutes when absent. */
  readonly timeoutMs?: number;
}

/** What the environment makes of the options. */
export interface SeedChoice {
  readonly seeds: SeedRange;
  /** One seed was asked for, and nothing else. */
  readonly isOne: boolean;
}

const seedsUsual = 100;

/**
 * `ANTECEDENT_SEED=17` for that seed alone, without regressions; `ANTECEDENT_SEEDS=5000` or `=201..400` in the place of
 * what the options say. Throws `E_CONFIG` for anything else in them.
 */
export function chooseSeeds(
  { seeds = seedsUsual }: ScenarioTestOptions,
  environment: Readonly<Record<string, string | undefined>>,
): SeedChoice {
  const { ANTECEDENT_SEED: one, ANTECEDENT_SEEDS: many } = environment;
  if (one !== undefined && one !== '') {
    const seed = wholeNumber(one) ?? refuse('ANTECEDENT_SEED', one, 'write a whole number, such as 17');
    return { seeds: { from: seed, to: seed }, isOne: true };
  }
  if (many !== undefined && many !== '') {
    const [first = '', last, ...rest] = many.split('..');
    const from = last === undefined ? 1 : wholeNumber(first);
    const to = wholeNumber(last ?? first);
    if (rest.length === 0 && from !== undefined && to !== undefined && from <= to) {
      return { seeds: { from, to }, isOne: false };
    }
    return refuse('ANTECEDENT_SEEDS', many, 'write how many, such as 5000, or which, such as 201..400');
  }
  const range = typeof seeds === 'number' ? { from: 1, to: seeds } : seeds;
  if (Number.isSafeInteger(range.from) && Number.isSafeInteger(range.to) && range.from <= range.to) {
    return { seeds: range, isOne: false };
  }
  const text = typeof seeds === 'number' ? String(seeds) : `${seeds.from}..${seeds.to}`;
  return refuse('seeds', text, 'give how many, such as 200, or { from, to }');
}

function wholeNumber(text: string): number | undefined {
  const value = Number(text);
  return /^\d+$/.test(text) && Number.isSafeInteger(value) ? value : undefined;
}

function refuse(name: string, value: string, remedy: string): never {
  throw new AntecedentError('E_CONFIG', `${name} is ${JSON.stringify(value)}; ${remedy}`);
}

export interface CheckOptions extends SeedChoice {
  readonly regressions: string;
  readonly outDir: string;
  /** What to type to run this test again, in front of which the environment can be set. */
  readonly rerun: string;
  readonly signal?: AbortSignal;
}

const program = 'npx antecedent';

/**
 * Why the scenario does not hold, in at most a screen; undefined when it does. Throws `E_PLAN` for a regression that is
 * no plan.
 */
export async function findFailure(scenario: Scenario, options: CheckOptions): Promise<string | undefined> {
  const { seeds, isOne, outDir, signal } = options;
  const regressions = isOne ? [] : regressionsOf(scenario, options.regressions);
  const result = await sweep({
    scenarios: [scenario],
    seeds,
    regressions,
    bail: true,
    // Whoever waits for a test wants to know whether it holds; a plan that was kept can be shrunk later.
    shrink: false,
    outDir,
    program,
    // Whoever asks for one seed wants to know all about it.
    ...(isOne ? { verifyShare: 1 } : {}),
    ...(signal === undefined ? {} : { signal }),
  });
  const regressed = result.regressions.find(({ verdict }) => verdict !== 'pass');
  return regressed === undefined
    ? describeFailure(result, options.rerun)
    : describeRegression(scenario, regressed, regressions);
}

/** The plans of the folder that were made from this scenario; none where there is no such folder. */
function regressionsOf(scenario: Scenario, folder: string): readonly Regression[] {
  if (!existsSync(folder)) return [];
  return readRegressions(folder).filter(({ plan }) => plan.scenario === scenario.name);
}

function describeRegression(
  scenario: Scenario,
  { path, verdict }: RegressionOutcome,
  regressions: readonly Regression[],
): string {
  if (verdict === 'undecided') return `${path}, which has failed before, came to no verdict\n`;
  const headline = `${path} has failed before, and fails again\n`;
  const plan = regressions.find((regression) => regression.path === path)?.plan;
  if (plan === undefined) return headline;
  const { violations, history = [] } = runPlan(plan, { programs: programsFor(plan, [scenario]), keepHistory: true });
  const [violation] = violations;
  return violation === undefined
    ? headline
    : `${headline}${failureText({ plan, violation, history, planPath: path, program })}`;
}

function describeFailure(
  { failures, notReproducible, undecidedRuns, missedGoals }: SweepResult,
  rerun: string,
): string | undefined {
  const [failure] = failures;
  const again = (seed: number): string => `  ANTECEDENT_SEED=${seed} ${rerun}\n`;
  if (failure !== undefined) {
    const { scenario, seed, property, sentence, reportPath } = failure;
    const text = reportPath === null ? tell(scenario, seed, { property, sentence }) : readFileSync(reportPath, 'utf8');
    return `${text}${again(seed)}`;
  }
  const [different] = notReproducible;
  if (different !== undefined) {
    const { scenario, seed } = different;
    return `${scenario}, seed ${seed}: two runs of the same plan took different courses\n${again(seed)}`;
  }
  const [undecided] = undecidedRuns;
  if (undecided !== undefined) {
    const { scenario, seed } = undecided;
    return `${scenario}, seed ${seed}: the run was given up before it came to an end\n${again(seed)}`;
  }
  const [missed] = missedGoals;
  if (missed === undefined) return undefined;
  return `${missed.scenario} promises "${missed.goal}", and none of its ${missed.runs} runs came there: ${goalMeanings[missed.goal]}\n`;
}

function tell(
  scenario: string,
  seed: number,
  { property, sentence }: Pick<Violation, 'property' | 'sentence'>,
): string {
  return `${scenario}, seed ${seed}: ${property} violated\n  ${sentence}\n`;
}
