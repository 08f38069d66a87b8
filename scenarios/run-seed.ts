/**
 * One seed of one scenario, from plan to outcome: the unit of a sweep.
 *
 * Scenario and seed decide everything in it but the wall time, so it does not matter which process runs it, when, or after what;
 * also whether it is verified (run a second time, to compare the traces) depends on these two alone. The outcome is
 * plain data that can be sent between threads and written to files.
 */
import type { Goal } from './goals.js';
import type { HistoryEvent } from './history.js';
import { prepareRun, type makePlan, type Preparation } from './make-plan.js';
import { emptyMetrics, type RunMetrics } from './metrics.js';
import { failureText } from './report/text.js';
import { signatureOf, type Property, type Violation } from './oracles/violation.js';
import { formatPlan, type Plan, type System } from './plan.js';
import { varyPlan, type Variation } from './profile.js';
import { runPlan, type RunResult } from './run.js';
import type { Scenario } from './scenario.js';

export type Verdict = RunResult['verdict'];

export interface SeedOutcome {
  readonly scenario: string;
  readonly seed: number;
  readonly verdict: Verdict;
  readonly events: number;
  readonly broadcasts: number;
  readonly deliveries: number;
  readonly simulatedMs: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly metrics: RunMetrics;
  /** Rare moments that it came to. */
  readonly goals: readonly Goal[];
  /** What it was judged by. */
  readonly properties: readonly Property[];
  readonly traceHash: string;
  /** It was run twice. */
  readonly isVerified: boolean;
  /** False when the second run had another trace than the first. */
  readonly isReproducible: boolean;
  readonly failure: SeedFailure | undefined;
}

/** What is kept of a run that violated a property. */
export interface SeedFailure {
  readonly signature: string;
  readonly violation: Violation;
  /** As `replay` reads it; undefined when not even the plan could be made. */
  readonly planText: string | undefined;
  /** Where the report says that the plan is kept. */
  readonly planPath: string | undefined;
  readonly reportText: string;
}

export interface RunSeedOptions {
  /** Share of the seeds that are run twice: 0 ... 1. */
  readonly verifyShare: number;
  /** Where the plan of a failure will be kept, for its report. */
  readonly planPath: string | undefined;
  /** What to type to start this program, for its report. */
  readonly program?: string;
  /** How the run differs from its scenario. */
  readonly variation?: Variation;
  /** Another way to make the plan. */
  readonly makePlan?: typeof makePlan;
  /** Another way to run, for tests. */
  readonly runPlan?: typeof runPlan;
}

export function runSeed(scenario: Scenario, seed: number, options: RunSeedOptions): SeedOutcome {
  const { plan, program } = prepareSeed(scenario, seed, options);
  const run = options.runPlan ?? runPlan;
  const programs = [program];
  const result = run(plan, { programs });
  const violation = result.violations[0];
  // A failure is always run again: its report needs the history, and a failure that does not repeat is another kind of bug.
  const isVerified = violation !== undefined || isChosen(scenario.name, seed, options.verifyShare);
  const again = isVerified ? run(plan, { programs, keepHistory: violation !== undefined }) : undefined;
  return {
    scenario: scenario.name,
    seed,
    verdict: result.verdict,
    events: result.events,
    broadcasts: result.broadcasts,
    deliveries: result.deliveries,
    simulatedMs: result.simulatedMs,
    faults: result.faults,
    metrics: result.metrics,
    goals: result.goals,
    properties: result.properties,
    traceHash: result.traceHash,
    isVerified,
    isReproducible: again === undefined || again.traceHash === result.traceHash,
    failure:
      violation === undefined ? undefined : describeFailure(scenario, plan, violation, again?.history ?? [], options),
  };
}

/**
 * The outcome of a run that did not live to have one: it hung, or it took its thread with it. Whoever noticed that says in
 * `violation` what happened. Throws what making the plan throws.
 */
export function lostSeed(
  scenario: Scenario,
  seed: number,
  violation: Violation,
  options: Pick<RunSeedOptions, 'planPath' | 'program' | 'variation'>,
): SeedOutcome {
  const { plan } = prepareSeed(scenario, seed, options);
  return lostOutcome(scenario.name, seed, describeFailure(scenario, plan, violation, [], options));
}

/** As `lostSeed`, for who can tell the failure without the plan. */
export function lostOutcome(scenario: string, seed: number, failure: SeedFailure): SeedOutcome {
  return {
    scenario,
    seed,
    verdict: failure.violation.kind,
    events: 0,
    broadcasts: 0,
    deliveries: 0,
    simulatedMs: 0,
    faults: {},
    metrics: emptyMetrics,
    goals: [],
    properties: [failure.violation.property],
    traceHash: '',
    // It was made twice, and came to the same end.
    isVerified: true,
    isReproducible: true,
    failure,
  };
}

function prepareSeed(
  scenario: Scenario,
  seed: number,
  { variation = {}, ...how }: Pick<RunSeedOptions, 'variation' | 'makePlan'>,
): Preparation {
  const { plan, program } = prepareRun(scenario, String(seed));
  const made = how.makePlan?.(scenario, String(seed)) ?? plan;
  return { plan: varyPlan(made, variation), program };
}

/** Where the plan of a failing seed is kept, within its directory. */
export function failureFileName(scenario: string, seed: number | string, system: System = 'antecedent'): string {
  const name = `${safeInFileName(scenario)}-${safeInFileName(String(seed))}.json`;
  return system === 'antecedent' ? name : `${system}-${name}`;
}

/** Scenario and seed of a plan that somebody wrote may be any text: what could lead out of a directory is replaced. */
export function safeInFileName(text: string): string {
  return text
    .slice(0, 100)
    .replaceAll(/[^A-Za-z0-9._-]/g, '_')
    .replaceAll('..', '_');
}

function describeFailure(
  { file: scenarioFile }: Scenario,
  plan: Plan,
  violation: Violation,
  history: readonly HistoryEvent[],
  { planPath, program = 'antecedent' }: Pick<RunSeedOptions, 'planPath' | 'program'>,
): SeedFailure {
  return {
    signature: signatureOf(plan.scenario, violation),
    violation,
    planText: formatPlan(plan),
    planPath,
    reportText: failureText({ plan, violation, history, planPath, scenarioFile, program }),
  };
}

/** A share of all (scenario, seed) pairs, the same ones in every sweep. */
function isChosen(scenario: string, seed: number, share: number): boolean {
  // FNV-1a, 32 bits, then the finalizer of MurmurHash3, for FNV alone leaves neighbouring seeds close together.
  let hash = 0x811c9dc5;
  for (const character of `${scenario}/${seed}`) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32 < share;
}
