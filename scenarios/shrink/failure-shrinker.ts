/**
 * Looks for the smallest plan of the first failure of each kind that a sweep has kept, once its runs are made.
 *
 * Each has a budget, and all of them together, for somebody waits. What hung, took its thread with it or came to another
 * end when it was run again is left alone: to shrink it is to run it over and over, on this thread.
 */
import type { Plan } from '../plan.js';
import { readPlan } from '../read-plan.js';
import type { runPlan } from '../run.js';
import type { SeedOutcome } from '../run-seed.js';
import type { KeptFiles, SeedName } from '../sweep-tally.js';
import type { Program } from '../workloads/workload.js';
import { keepShrunk, shrunkPathOf } from './keep-shrunk.js';
import { shrink, type ShrinkProgress } from './shrink.js';

const forMsMax = 10_000;
const runsMax = 2_000;
const allForMs = 30_000;

export interface FailureShrinkerOptions {
  /** What to type to start this program. */
  readonly program: string;
  /** Programs of the user that a plan may need. */
  readonly programsFor: (plan: Plan) => readonly Program[];
  /** Ends the search; what was found by then is kept. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((failure: SeedName, progress: ShrinkProgress) => void) | undefined;
  /** Another way to run, for tests. */
  readonly runPlan?: typeof runPlan | undefined;
}

interface Candidate {
  readonly name: SeedName;
  readonly signature: string;
  readonly planText: string;
  readonly planPath: string;
}

export interface ShrunkFailure {
  readonly name: SeedName;
  readonly shrunkPath: string;
}

export class FailureShrinker {
  readonly #options: FailureShrinkerOptions;
  /** By signature. */
  readonly #candidates = new Map<string, Candidate>();

  constructor(options: FailureShrinkerOptions) {
    this.#options = options;
  }

  /** Takes note of a run, if it is a failure that can be shrunk and the first of its kind. */
  note({ scenario, seed, traceHash, isReproducible, failure }: SeedOutcome, { planPath }: KeptFiles): void {
    if (failure?.planText === undefined || planPath === null || traceHash === '' || !isReproducible) return;
    const { signature, planText } = failure;
    if (this.#candidates.has(signature)) return;
    this.#candidates.set(signature, { name: { scenario, seed }, signature, planText, planPath });
  }

  /** Writes the smallest plans beside the others, one after the other, and tells of each. */
  async *shrinkAll(): AsyncGenerator<ShrunkFailure, void> {
    const endsAtMs = performance.now() + allForMs;
    for (const candidate of this.#candidates.values()) {
      const forMs = Math.min(forMsMax, endsAtMs - performance.now());
      if (forMs <= 0 || this.#options.signal?.aborted === true) return;
      const shrunkPath = await this.#tryToShrink(candidate, forMs);
      if (shrunkPath !== undefined) yield { name: candidate.name, shrunkPath };
    }
  }

  /** What was found counts, also where a program throws when it is planned or run again: that costs its smallest plan alone. */
  async #tryToShrink(candidate: Candidate, forMs: number): Promise<string | undefined> {
    try {
      return await this.#shrink(candidate, forMs);
    } catch {
      return undefined;
    }
  }

  /** Undefined when the plan does not fail as it did. */
  async #shrink({ name, signature, planText, planPath }: Candidate, forMs: number): Promise<string | undefined> {
    const { program, programsFor, signal, onProgress, runPlan: run } = this.#options;
    const plan = readPlan(planText, planPath);
    const result = await shrink(plan, {
      forMs,
      runsMax,
      programs: programsFor(plan),
      onProgress: (progress) => onProgress?.(name, progress),
      ...(signal === undefined ? {} : { signal }),
      ...(run === undefined ? {} : { runPlan: run }),
    });
    if (result.signature !== signature || !result.isReproducible) return undefined;
    return keepShrunk(result, shrunkPathOf(planPath), program).shrunkPath;
  }
}
