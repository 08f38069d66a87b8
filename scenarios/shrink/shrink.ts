/**
 * Makes a failing plan smaller, for as long as it goes on failing in the same way: with the same signature.
 *
 * What is tried, and in which order, is in `search.ts`. Here it is run, within a budget: the wall clock decides when to stop and
 * nothing else, and is read only between runs. No plan is run twice.
 */
import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { AntecedentError } from '../../core/index.js';
import { signatureOf, type Violation } from '../oracles/violation.js';
import { formatPlan, type Plan } from '../plan.js';
import { runPlan, type RunResult } from '../run.js';
import type { Program } from '../workloads/workload.js';
import { sizeOf, type PlanSearch, type PlanSize } from './cuts.js';
import { searchSmaller } from './search.js';

export interface ShrinkOptions {
  /** Stop after so much wall time; 10 s when neither this nor `runsMax` is given. */
  readonly forMs?: number;
  /** Stop after so many runs: the same number gives the same plan. */
  readonly runsMax?: number;
  /** Called after every run. */
  readonly onProgress?: (progress: ShrinkProgress) => void;
  /** Ends the search after the run that is under way; the result is the smallest plan so far. */
  readonly signal?: AbortSignal;
  /** Programs of the user, for plans that name one. */
  readonly programs?: readonly Program[];
  /** Another way to run, for tests. */
  readonly runPlan?: typeof runPlan;
}

export interface ShrinkProgress {
  readonly runs: number;
  readonly elapsedMs: number;
  /** 0 ... 1, of the budget. */
  readonly fraction: number;
  readonly size: PlanSize;
}

export interface ShrinkResult {
  /** What the plan as it was given came to. There is nothing to shrink unless it violates a property. */
  readonly original: RunResult;
  /** What the smallest plan came to, with its history; `original` when nothing smaller fails. */
  readonly smallest: RunResult;
  /** Of both; undefined when the original holds. */
  readonly signature: string | undefined;
  readonly before: PlanSize;
  readonly after: PlanSize;
  readonly runs: number;
  readonly elapsedMs: number;
  /** Nothing is left to try: no single part can be taken out. */
  readonly isMinimal: boolean;
  readonly isInterrupted: boolean;
  /** False when the original, run twice, had two traces: then nothing was tried. */
  readonly isReproducible: boolean;
}

const shrinkForMsUsual = 10_000;
/** Enough for any cluster to start and connect. */
const eventsForStarts = 20_000;
/** Others on this thread (progress, signals) get their turn this often. */
const turnMs = 50;

/** Throws `E_CONFIG` for a budget that is not above 0, and `E_PLAN` for a plan whose workload is unknown. */
export async function shrink(plan: Plan, options: ShrinkOptions = {}): Promise<ShrinkResult> {
  const { forMs, runsMax } = options;
  for (const [key, value] of Object.entries({ forMs, runsMax })) {
    if (value === undefined || value > 0) continue;
    throw new AntecedentError('E_CONFIG', `shrink: ${key} is ${value}; give a number above 0`);
  }
  return await new Shrinking(plan, options).toEnd();
}

class Shrinking {
  readonly #options: ShrinkOptions;
  readonly #run: typeof runPlan;
  readonly #forMs: number;
  readonly #runsMax: number;
  readonly #startedAtMs = performance.now();
  readonly #original: Plan;
  /** What came of each plan, by the digest of its text. */
  readonly #known = new Map<string, Violation | undefined>();
  #smallest: Plan;
  #eventsMax: number | undefined;
  #runs = 0;
  #turnEndsAtMs = this.#startedAtMs + turnMs;

  constructor(plan: Plan, options: ShrinkOptions) {
    const { forMs, runsMax } = options;
    this.#original = plan;
    this.#smallest = plan;
    this.#options = options;
    this.#run = options.runPlan ?? runPlan;
    this.#forMs = forMs ?? (runsMax === undefined ? shrinkForMsUsual : Infinity);
    this.#runsMax = runsMax ?? Infinity;
  }

  async toEnd(): Promise<ShrinkResult> {
    const original = this.#runOnce(this.#original);
    const [violation] = original.violations;
    if (violation === undefined) return this.#result(original, original, { isMinimal: false, isReproducible: true });
    const again = this.#runOnce(this.#original, true);
    const isReproducible = again.traceHash === original.traceHash;
    if (!isReproducible) return this.#result(original, again, { isMinimal: false, isReproducible });
    // What shows at an event shows early in a smaller plan, or never. What shows at the end needs a whole run.
    if (violation.kind === 'safety') this.#eventsMax = 2 * original.events + eventsForStarts;
    const signature = signatureOf(this.#original.scenario, violation);
    const isMinimal = await this.#follow(searchSmaller(this.#original, violation), signature);
    const smallest = this.#smallest === this.#original ? again : this.#runOnce(this.#smallest, true);
    return this.#result(original, smallest, { isMinimal, isReproducible });
  }

  /** Makes the runs that the search asks for. True when it came to its end, false when the budget did. */
  async #follow(search: PlanSearch, signature: string): Promise<boolean> {
    for (let step = search.next(); step.done !== true;) {
      if (await this.#isOver()) return false;
      const candidate = step.value;
      const found = this.#attempt(candidate, signature);
      if (found !== undefined) this.#smallest = candidate;
      step = search.next(found);
    }
    return true;
  }

  /** The violation of a plan that fails with this signature. */
  #attempt(plan: Plan, signature: string): Violation | undefined {
    const digest = createHash('sha256').update(formatPlan(plan)).digest('base64');
    if (this.#known.has(digest)) return this.#known.get(digest);
    const [violation] = this.#violationsOf(plan);
    const found =
      violation !== undefined && signatureOf(plan.scenario, violation) === signature ? violation : undefined;
    this.#known.set(digest, found);
    return found;
  }

  #violationsOf(plan: Plan): readonly Violation[] {
    try {
      return this.#runOnce(plan).violations;
    } catch (error) {
      // What a run refuses is no failure of the program.
      if (error instanceof AntecedentError && (error.code === 'E_PLAN' || error.code === 'E_CONFIG')) return [];
      throw error;
    }
  }

  #runOnce(plan: Plan, keepHistory: boolean = false): RunResult {
    const { programs = [], onProgress } = this.#options;
    const eventsMax = this.#eventsMax;
    const result = this.#run(plan, {
      programs,
      ...(keepHistory ? { keepHistory } : {}),
      ...(eventsMax === undefined ? {} : { eventsMax }),
    });
    this.#runs += 1;
    const elapsedMs = performance.now() - this.#startedAtMs;
    const fraction = Math.min(1, Math.max(elapsedMs / this.#forMs, this.#runs / this.#runsMax));
    onProgress?.({ runs: this.#runs, elapsedMs, fraction, size: sizeOf(this.#smallest) });
    return result;
  }

  async #isOver(): Promise<boolean> {
    const nowMs = performance.now();
    if (nowMs >= this.#turnEndsAtMs) {
      await setImmediate();
      this.#turnEndsAtMs = performance.now() + turnMs;
    }
    const isSpent = this.#runs >= this.#runsMax || nowMs - this.#startedAtMs >= this.#forMs;
    return isSpent || this.#options.signal?.aborted === true;
  }

  #result(
    original: RunResult,
    smallest: RunResult,
    how: Pick<ShrinkResult, 'isMinimal' | 'isReproducible'>,
  ): ShrinkResult {
    const [violation] = original.violations;
    return {
      original,
      smallest,
      signature: violation === undefined ? undefined : signatureOf(original.scenario, violation),
      before: sizeOf(this.#original),
      after: sizeOf(this.#smallest),
      runs: this.#runs,
      elapsedMs: Math.round(performance.now() - this.#startedAtMs),
      ...how,
      isInterrupted: this.#options.signal?.aborted === true,
    };
  }
}
