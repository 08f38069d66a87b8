/**
 * A sweep: many seeds of many scenarios, one after the other, and what came of them.
 *
 * Seeds are the outer loop, so that a sweep that is stopped early has tried every scenario about equally often. What a
 * seed gives does not depend on the sweep around it (see `run-seed.ts`); the wall clock only decides when to stop, and is
 * read only between runs.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AntecedentError } from '../core/index.js';
import { readPlan } from './read-plan.js';
import { runRegression, type Regression } from './regressions.js';
import { failureFileName, runSeed, type RunSeedOptions, type SeedOutcome } from './run-seed.js';
import type { Scenario } from './scenario.js';
import { keepShrunk, shrunkPathOf } from './shrink/keep-shrunk.js';
import { shrink, type ShrinkProgress } from './shrink/shrink.js';
import { SweepTally, type SweepFailure, type SweepResult } from './sweep-tally.js';

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
  /** Stop at the first failure. */
  readonly bail?: boolean;
  /** Share of the runs that are run twice, to compare their traces; 0.05 when absent. */
  readonly verifyShare?: number;
  /** Plans of earlier failures, which are run first. */
  readonly regressions?: readonly Regression[];
  /** Look for the smallest plan of the first failure of each kind, where plans are kept; true when absent. */
  readonly shrink?: boolean;
  /** Directory for the plans of failing runs, made when the first one fails; without it nothing is written. */
  readonly outDir?: string;
  /** What to type to start this program, for the reports; `antecedent` when absent. */
  readonly program?: string;
  /** Called after every run. */
  readonly onProgress?: (progress: SweepProgress) => void;
  /** Called after every run that is made to shrink a failure, when all others are done. */
  readonly onShrinkProgress?: (failure: SweepFailure, progress: ShrinkProgress) => void;
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
/** A failure is shrunk for so long, or with so many runs, and all of them together for so long. */
const shrinkForMs = 10_000;
const shrinkRunsMax = 2_000;
const shrinkAllForMs = 30_000;
/** Others on this thread (progress, signals) get their turn this often. */
const turnMs = 50;

/** Throws `E_CONFIG` without scenarios, and whatever making a plan or writing a file throws. */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const { scenarios } = options;
  if (scenarios.length === 0) throw new AntecedentError('E_CONFIG', 'a sweep without scenarios; name at least one');
  const startedAtMs = performance.now();
  const tally = new SweepTally(scenarios);
  const hasHeld = runRegressions(options, tally);
  if (hasHeld || options.bail !== true) await runSeeds(options, tally, startedAtMs);
  const elapsedMs = performance.now() - startedAtMs;
  if (options.shrink !== false) await shrinkFailures(options, tally);
  return tally.result({ elapsedMs, isInterrupted: options.signal?.aborted === true });
}

/** False when one of them violated a property. */
function runRegressions({ regressions = [], runSeed: how, bail, signal }: SweepOptions, tally: SweepTally): boolean {
  let hasHeld = true;
  for (const regression of regressions) {
    const outcome = runRegression(regression, how?.runPlan);
    tally.addRegression(outcome);
    if (outcome.signature !== null) hasHeld = false;
    if ((!hasHeld && bail === true) || signal?.aborted === true) break;
  }
  return hasHeld;
}

async function runSeeds(options: SweepOptions, tally: SweepTally, startedAtMs: number): Promise<void> {
  const { verifyShare = 0.05, program = 'antecedent' } = options;
  let turnEndsAtMs = startedAtMs + turnMs;
  for (const { scenario, seed, fraction } of pairs(options, startedAtMs)) {
    const planPath =
      options.outDir === undefined ? undefined : join(options.outDir, failureFileName(scenario.name, seed));
    const outcome = runSeed(scenario, seed, { verifyShare, planPath, program, ...options.runSeed });
    tally.add(outcome, keepFailure(outcome, tally, planPath));
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
}

async function shrinkFailures(options: SweepOptions, tally: SweepTally): Promise<void> {
  const { signal, program = 'antecedent', runSeed: { runPlan } = {}, onShrinkProgress } = options;
  const endsAtMs = performance.now() + shrinkAllForMs;
  for (const failure of tally.firstFailures) {
    const leftMs = Math.min(shrinkForMs, endsAtMs - performance.now());
    if (failure.planPath === null || leftMs <= 0 || signal?.aborted === true) continue;
    const plan = readPlan(readFileSync(failure.planPath, 'utf8'), failure.planPath);
    const result = await shrink(plan, {
      forMs: leftMs,
      runsMax: shrinkRunsMax,
      onProgress: (progress) => onShrinkProgress?.(failure, progress),
      ...(signal === undefined ? {} : { signal }),
      ...(runPlan === undefined ? {} : { runPlan }),
    });
    if (result.signature !== failure.signature || !result.isReproducible) continue;
    tally.noteShrunk(failure, keepShrunk(result, shrunkPathOf(failure.planPath), program).shrunkPath);
  }
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

/** Writes the plan of a failure and its report. Returns where the plan is, or undefined when it was not kept. */
function keepFailure({ failure }: SeedOutcome, tally: SweepTally, planPath: string | undefined): string | undefined {
  if (failure === undefined || planPath === undefined) return undefined;
  if (tally.failuresLike(failure.signature) >= plansPerSignatureMax) return undefined;
  mkdirSync(join(planPath, '..'), { recursive: true });
  writeFileSync(planPath, failure.planText);
  writeFileSync(planPath.replace(/\.json$/, '.txt'), failure.reportText);
  return planPath;
}
