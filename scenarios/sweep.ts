/**
 * A sweep: many seeds of many scenarios, one after the other, and what came of them.
 *
 * Seeds are the outer loop, so that a sweep that is stopped early has tried every scenario about equally often. What a
 * seed gives does not depend on the sweep around it (see `run-seed.ts`); the wall clock only decides when to stop, and is
 * read only between runs.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AntecedentError } from '../core/index.js';
import { failureFileName, runSeed, type RunSeedOptions, type SeedOutcome } from './run-seed.js';
import type { System } from './plan.js';
import { failurePage, type FailurePageInput } from './report/failure-page.js';
import { runPlan } from './run.js';
import type { Scenario } from './scenario.js';
import { SweepTally, type SweepResult } from './sweep-tally.js';

/** Seeds from ... to, both included. */
export interface SeedRange {
  readonly from: number;
  readonly to: number;
}

export type SweepOptions = (
  | { readonly seeds: SeedRange; readonly forMs?: undefined }
  /** Seeds from 1 on, until so much wall time has passed. */
  | { readonly seeds?: undefined; readonly forMs: number }
) & {
  readonly scenarios: readonly Scenario[];
  /** What the nodes are; `antecedent` when absent. */
  readonly system?: System;
  /** Stop at the first failure. */
  readonly bail?: boolean;
  /** Share of the runs that are run twice, to compare their traces; 0.05 when absent. */
  readonly verifyShare?: number;
  /** Directory for the plans of failing runs, made when the first one fails; without it nothing is written. */
  readonly outDir?: string;
  /** What to type to start this program, for the reports; `antecedent` when absent. */
  readonly program?: string;
  /** Called after every run. */
  readonly onProgress?: (progress: SweepProgress) => void;
  /** Ends the sweep after the run that is under way; the result says what was found so far. */
  readonly signal?: AbortSignal;
  /** Other ways to plan and run, for tests. */
  readonly runSeed?: Pick<RunSeedOptions, 'makePlan' | 'runPlan'>;
};

export interface SweepProgress {
  readonly runs: number;
  readonly failed: number;
  readonly events: number;
  readonly elapsedMs: number;
  /** 0 ... 1. */
  readonly fraction: number;
  readonly latest: SeedOutcome;
}

/** Failures of one kind beyond this are counted and listed; their plans can be made again from scenario and seed. */
const plansPerSignatureMax = 10;
/** Others on this thread (progress, signals) get their turn this often. */
const turnMs = 50;

/** Throws `E_CONFIG` without scenarios, and whatever making a plan or writing a file throws. */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const { scenarios, system = 'antecedent', verifyShare = 0.05, program = 'antecedent' } = options;
  if (scenarios.length === 0) throw new AntecedentError('E_CONFIG', 'a sweep without scenarios; name at least one');
  const startedAtMs = performance.now();
  const tally = new SweepTally(scenarios, system);
  let turnEndsAtMs = startedAtMs + turnMs;
  for (const { scenario, seed, fraction } of pairs(options, startedAtMs)) {
    const planPath =
      options.outDir === undefined ? undefined : join(options.outDir, failureFileName(scenario.name, seed, system));
    const outcome = runSeed(scenario, seed, { system, verifyShare, planPath, program, ...options.runSeed });
    tally.add(
      outcome,
      keepFailure(outcome, tally, { planPath, program, runPlan: options.runSeed?.runPlan ?? runPlan }),
    );
    const nowMs = performance.now();
    const elapsedMs = nowMs - startedAtMs;
    options.onProgress?.({ ...tally.counts, elapsedMs, fraction: fraction(nowMs), latest: outcome });
    if (options.bail === true && outcome.failure !== undefined) break;
    if (nowMs >= turnEndsAtMs) {
      await setImmediate();
      turnEndsAtMs = performance.now() + turnMs;
    }
    if (options.signal?.aborted === true) break;
  }
  return tally.result({
    elapsedMs: performance.now() - startedAtMs,
    isInterrupted: options.signal?.aborted === true,
  });
}

interface Pair {
  readonly scenario: Scenario;
  readonly seed: number;
  /** How much of the sweep is done, once this pair is. */
  readonly fraction: (nowMs: number) => number;
}

/** What is run, in order, for as long as the sweep may last. */
function* pairs({ scenarios, seeds, forMs }: SweepOptions, startedAtMs: number): Generator<Pair, void> {
  const from = seeds?.from ?? 1;
  const to = seeds?.to ?? Number.MAX_SAFE_INTEGER;
  const total = (to - from + 1) * scenarios.length;
  let runs = 0;
  for (let seed = from; seed <= to; seed++) {
    for (const scenario of scenarios) {
      if (runs > 0 && forMs !== undefined && performance.now() - startedAtMs >= forMs) return;
      runs += 1;
      const done = runs / total;
      yield {
        scenario,
        seed,
        fraction: (nowMs) => (forMs === undefined ? done : Math.min(1, (nowMs - startedAtMs) / forMs)),
      };
    }
  }
}

/** Writes the plan of a failure and its reports. Returns where the plan is, or undefined when it was not kept. */
function keepFailure(
  { failure }: SeedOutcome,
  tally: SweepTally,
  { planPath, ...how }: Pick<FailurePageInput, 'program' | 'runPlan'> & { readonly planPath: string | undefined },
): string | undefined {
  if (failure === undefined || planPath === undefined) return undefined;
  if (tally.failuresLike(failure.signature) >= plansPerSignatureMax) return undefined;
  mkdirSync(join(planPath, '..'), { recursive: true });
  writeFileSync(planPath, failure.planText);
  writeFileSync(planPath.replace(/\.json$/, '.txt'), failure.reportText);
  writeFileSync(planPath.replace(/\.json$/, '.html'), failurePage({ ...failure, ...how, planPath }));
  return planPath;
}
