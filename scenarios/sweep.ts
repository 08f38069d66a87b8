/**
 * A sweep: many seeds of many scenarios, on this thread or on several, and what came of them.
 *
 * Invariants:
 * - Results are taken in in one order (see `sweep-order.ts`), however many runs are made at once and whichever ends
 *   first; so counts, sums, lists and kept plans do not depend on `jobs`.
 * - What a seed gives does not depend on the sweep around it (see `run-seed.ts`); the wall clock only decides when to
 *   stop, and is read only between runs.
 * - What a results file holds is not run again, and what is run is in it as soon as it is taken in.
 * - What came of a shard, and what a results file holds, is the same on every machine, so that shards can be merged. A
 *   search for smaller plans ends when its time is up, so there is none in these: a plan that was kept can be shrunk
 *   later.
 *
 * Plans of earlier failures come first, on this thread: they are few and small. Of several shards the first one runs
 * them.
 */
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AntecedentError } from '../core/index.js';
import { FailureKeeper } from './failure-keeper.js';
import { programsFor } from './make-plan.js';
import type { Variation } from './profile.js';
import { hasRegressed, runRegression, type Regression } from './regressions.js';
import type { ResultsFile } from './results-file.js';
import { failureFileName, runSeed, type RunSeedOptions, type SeedOutcome } from './run-seed.js';
import type { Scenario } from './scenario.js';
import { checkPortable, SeedPool } from './seed-pool.js';
import { FailureShrinker } from './shrink/failure-shrinker.js';
import type { ShrinkProgress } from './shrink/shrink.js';
import { countPairs, sweepPairs, type SeedRange, type Shard, type SweepPair } from './sweep-order.js';
import { SweepTally, type SeedName, type SweepResult } from './sweep-tally.js';
import type { SeedSettings } from './worker-messages.js';

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
  /** Plans of earlier failures, which are run first; only the first shard runs them. */
  readonly regressions?: readonly Regression[];
  /**
   * Look for the smallest plan of the first failure of each kind, where plans are kept; true when absent. Never done with
   * `shard` or `results`.
   */
  readonly shrink?: boolean;
  /** Directory for the plans of failing runs, made when the first one fails; without it nothing is written. */
  readonly outDir?: string;
  /** What to type to start this program, for the reports; `antecedent` when absent. */
  readonly program?: string;
  /**
   * Worker threads; everything happens on this one when absent. Only threads can tell a run that hangs or dies from one
   * that takes long, and they know only scenarios of the catalogue and of files (`loadScenarios`).
   */
  readonly jobs?: number;
  /** Real time after which a run on a worker thread counts as hanging; a minute when absent. */
  readonly runLimitMs?: number;
  /** Makes the runs of this shard alone. */
  readonly shard?: Shard;
  /** How the runs differ from their scenarios: then goals that these promise are counted, and not asked for. */
  readonly variation?: Variation;
  /** Takes what it holds from there, and adds what is new. Closed by whoever opened it. */
  readonly results?: ResultsFile;
  /** Called after every run of a seed. */
  readonly onProgress?: (progress: SweepProgress) => void;
  /** Called after every run that is made to shrink a failure, when all others are done. */
  readonly onShrinkProgress?: (failure: SeedName, progress: ShrinkProgress) => void;
  /**
   * Ends the sweep: on this thread after the run that is under way, on worker threads at once. The result says what was
   * found so far.
   */
  readonly signal?: AbortSignal;
  /** Another way to run, for tests. Only without `jobs`. */
  readonly runSeed?: Pick<RunSeedOptions, 'runPlan'>;
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

/** Others on this thread (progress, signals) get their turn this often. */
const turnMs = 50;
const runLimitMsUsual = 60_000;
const jobsMax = 1024;

/** Throws `E_CONFIG` for options that make no sense, and whatever making a plan or writing a file throws. */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  checkOptions(options);
  return await new Sweep(options).toEnd();
}

function checkOptions({ scenarios, jobs, shard, runSeed: hook }: SweepOptions): void {
  if (scenarios.length === 0) throw new AntecedentError('E_CONFIG', 'a sweep without scenarios; name at least one');
  const twice = scenarios.find(({ name }, index) => scenarios.findIndex((other) => other.name === name) < index);
  if (twice !== undefined) {
    const message = `two scenarios of the sweep are called "${twice.name}", and nobody could tell their failures apart; rename one`;
    throw new AntecedentError('E_CONFIG', message);
  }
  if (shard !== undefined && !(isCount(shard.of) && isCount(shard.index) && shard.index <= shard.of)) {
    throw new AntecedentError(
      'E_CONFIG',
      `shard ${shard.index} of ${shard.of}; give one from 1 to the number of shards`,
    );
  }
  if (jobs === undefined) return;
  if (!isCount(jobs) || jobs > jobsMax) {
    throw new AntecedentError('E_CONFIG', `${jobs} jobs; give a whole number from 1 to ${jobsMax}`);
  }
  if (hook !== undefined) throw new AntecedentError('E_CONFIG', 'worker threads have one way to run; leave out "jobs"');
  for (const scenario of scenarios) checkPortable(scenario);
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 1;
}

/** A run that is to be taken in `turn`-th, counted from 0. */
interface Due {
  readonly turn: number;
  readonly pair: SweepPair;
}

class Sweep {
  readonly #options: SweepOptions;
  readonly #tally: SweepTally;
  readonly #keeper: FailureKeeper;
  /** Undefined when failures are kept as they are. */
  readonly #shrinker: FailureShrinker | undefined;
  readonly #startedAtMs = performance.now();
  readonly #pairs: Generator<SweepPair, void>;
  readonly #total: number;
  /** Ends what runs on worker threads: an interrupt, a failure with `bail`, an error. */
  readonly #stop = new AbortController();
  /** Scenarios of which a recorded run was made again. */
  readonly #probed = new Set<string>();
  #turns = 0;
  /** Runs that have ended before others that come first, by turn. */
  readonly #waiting = new Map<number, SeedOutcome>();
  #taken = 0;
  #fresh = 0;
  #isOver = false;
  #turnEndsAtMs = this.#startedAtMs + turnMs;

  constructor(options: SweepOptions) {
    const { scenarios, seeds, shard, outDir, program = 'antecedent', variation, results } = options;
    const run = options.runSeed?.runPlan;
    this.#options = options;
    this.#tally = new SweepTally(scenarios, variation);
    this.#keeper = new FailureKeeper(outDir, {
      ...{ program, system: variation?.system, runPlan: run },
    });
    const mayShrink = options.shrink !== false && shard === undefined && results === undefined;
    this.#shrinker = mayShrink
      ? new FailureShrinker({
          program,
          programsFor: (plan) => programsFor(plan, scenarios),
          signal: options.signal,
          onProgress: options.onShrinkProgress,
          runPlan: run,
        })
      : undefined;
    this.#pairs = sweepPairs(scenarios, seeds, shard);
    this.#total = seeds === undefined ? Infinity : countPairs(scenarios.length, seeds, shard);
  }

  async toEnd(): Promise<SweepResult> {
    const { jobs, signal, results } = this.#options;
    await this.#runRegressions();
    if (jobs === undefined) await this.#runHere();
    else if (!this.#isOver) await this.#runOnThreads(jobs);
    const isInterrupted = signal?.aborted === true;
    // Those behind a run that was cut off are results as good as any.
    for (const turn of [...this.#waiting.keys()].sort((one, other) => one - other)) {
      if (isInterrupted && !this.#isOver) this.#takeIn(turn);
    }
    const elapsedMs = performance.now() - this.#startedAtMs;
    results?.end({ elapsedMs, isInterrupted });
    for await (const { name, shrunkPath } of this.#shrinker?.shrinkAll() ?? []) {
      this.#tally.noteShrunk(name, shrunkPath);
    }
    return this.#tally.result({ elapsedMs, isInterrupted });
  }

  async #runRegressions(): Promise<void> {
    const { regressions = [], scenarios, shard, bail, results, signal, runSeed: how } = this.#options;
    if (shard !== undefined && shard.index !== 1) return;
    for (const regression of regressions) {
      if (this.#isOver || signal?.aborted === true) return;
      const programs = programsFor(regression.plan, scenarios);
      const outcome = runRegression(regression, { programs, runPlan: how?.runPlan });
      this.#tally.addRegression(outcome);
      results?.addRegression(outcome);
      this.#isOver = bail === true && hasRegressed(outcome);
      if (performance.now() >= this.#turnEndsAtMs) await this.#yieldTurn();
    }
  }

  async #runHere(): Promise<void> {
    for (let due = this.#next(); due !== undefined; due = this.#next()) {
      const { scenario, seed } = due.pair;
      const recorded = this.#recorded(due);
      this.#handleOutcome(
        due,
        recorded ?? runSeed(scenario, seed, { ...this.#settings(due), ...this.#options.runSeed }),
      );
      if (performance.now() >= this.#turnEndsAtMs) await this.#yieldTurn();
    }
  }

  async #runOnThreads(jobs: number): Promise<void> {
    const { signal, runLimitMs = runLimitMsUsual } = this.#options;
    const stop = (): void => this.#stop.abort();
    const pool = await SeedPool.open({ jobs, runLimitMs, signal: this.#stop.signal });
    signal?.addEventListener('abort', stop);
    try {
      await Promise.all(Array.from({ length: Math.min(jobs, this.#total) }, () => this.#runOn(pool)));
    } finally {
      signal?.removeEventListener('abort', stop);
      await pool.close();
    }
  }

  /** One run after the other; as many of these at once as there are jobs. */
  async #runOn(pool: SeedPool): Promise<void> {
    try {
      for (let due = this.#next(); due !== undefined; due = this.#next()) {
        const recorded = this.#recorded(due);
        this.#handleOutcome(due, recorded ?? (await pool.run(due.pair, this.#settings(due))));
        if (recorded !== undefined && performance.now() >= this.#turnEndsAtMs) await this.#yieldTurn();
      }
    } catch (error) {
      // Whoever stopped the sweep cut this run off. The first error stops it.
      if (this.#stop.signal.aborted) return;
      this.#isOver = true;
      this.#stop.abort();
      throw error;
    }
  }

  #next(): Due | undefined {
    const { signal, forMs } = this.#options;
    if (this.#isOver || signal?.aborted === true) return undefined;
    // At least one run, however little time there is.
    const isLate = forMs !== undefined && performance.now() - this.#startedAtMs >= forMs;
    if (isLate && this.#fresh > 0) return undefined;
    const next = this.#pairs.next();
    return next.done === true ? undefined : { turn: this.#turns++, pair: next.value };
  }

  /**
   * What the results file has of it, but for the first run of every scenario: that is made again, for results of
   * different code must not be mixed.
   */
  #recorded({ pair: { scenario, seed } }: Due): SeedOutcome | undefined {
    const recorded = this.#options.results?.find(scenario.name, seed);
    if (recorded === undefined) this.#fresh += 1;
    // What hung once would hang again.
    if (recorded === undefined || recorded.traceHash === '' || this.#probed.has(scenario.name)) return recorded;
    this.#probed.add(scenario.name);
    return undefined;
  }

  #settings({ pair }: Due): SeedSettings {
    const { verifyShare = 0.05, program = 'antecedent', variation = {}, outDir } = this.#options;
    const { scenario, seed } = pair;
    const file = failureFileName(scenario.name, seed, variation.system);
    const planPath = outDir === undefined ? undefined : join(outDir, file);
    return { verifyShare, planPath, program, variation };
  }

  #handleOutcome({ turn }: Due, outcome: SeedOutcome): void {
    this.#options.results?.checkAgain(outcome);
    this.#waiting.set(turn, outcome);
    while (!this.#isOver && this.#waiting.has(this.#taken)) {
      this.#takeIn(this.#taken);
      this.#taken += 1;
    }
  }

  #takeIn(turn: number): void {
    const outcome = this.#waiting.get(turn);
    if (outcome === undefined) return;
    this.#waiting.delete(turn);
    const { results, bail, onProgress } = this.#options;
    const kept = this.#keeper.keep(outcome);
    this.#tally.add(outcome, kept);
    this.#shrinker?.note(outcome, kept);
    results?.add(outcome);
    const elapsedMs = performance.now() - this.#startedAtMs;
    onProgress?.({ ...this.#tally.counts, elapsedMs, fraction: this.#fraction(elapsedMs), latest: outcome });
    if (bail !== true || outcome.failure === undefined) return;
    this.#isOver = true;
    this.#stop.abort();
  }

  #fraction(elapsedMs: number): number {
    const { forMs } = this.#options;
    return forMs === undefined ? this.#tally.counts.runs / this.#total : Math.min(1, elapsedMs / forMs);
  }

  async #yieldTurn(): Promise<void> {
    await setImmediate();
    this.#turnEndsAtMs = performance.now() + turnMs;
  }
}
