/**
 * Looks for a mutant as somebody would who does not know what was planted: seeds 1, 2, 3, ... in their order, each with every
 * scenario of the catalogue in its order, until a run gives the bug away. A mutant may name the one scenario made for it.
 *
 * A run gives it away by violating a property, any, for the sources as they are violate none; or by being another one when it is
 * made again, which is looked at in as many runs as in a sweep.
 */
import { setImmediate } from 'node:timers/promises';
import type { Plan, SeedRange } from '../scenarios/index.js';
import type { Scenarios } from './load-scenarios.js';
import type { Mutant, Symptom } from './mutant.js';

export interface SearchOptions {
  /** Seeds tried before it counts as not found. */
  readonly seeds: SeedRange;
  /** What becomes of every plan before it is run. */
  readonly alter?: (plan: Plan) => Plan;
  /** Ends the search after the run that is under way. */
  readonly signal?: AbortSignal;
  /** Called after every run. */
  readonly onRun?: (seed: number, scenario: string) => void;
}

/** The run that gave a mutant away. */
export interface Discovery {
  readonly scenario: string;
  readonly seed: number;
  readonly symptom: Symptom;
  readonly sentence: string;
  readonly plan: Plan;
}

export interface SearchResult {
  /** Undefined when it was not found. */
  readonly discovery: Discovery | undefined;
  /** Seeds tried, that of the discovery included. */
  readonly seeds: number;
  readonly runs: number;
}

/** As many runs are made twice in a sweep. */
const verifyShare = 0.05;
/** Others on this thread (progress, signals) get their turn this often. */
const turnMs = 50;

/** What a search needs of the scenarios package. */
export type Searched = Pick<Scenarios, 'catalogue' | 'findScenario' | 'makePlan' | 'runPlan' | 'runSeed'>;

/** `scenarios` has the mutant in it. */
export async function search(
  scenarios: Searched,
  mutant: Pick<Mutant, 'scenario'>,
  options: SearchOptions,
): Promise<SearchResult> {
  const { catalogue, findScenario, makePlan, runPlan, runSeed } = scenarios;
  const searched = mutant.scenario === undefined ? catalogue : [findScenario(mutant.scenario)];
  const {
    seeds: { from, to },
    alter = (plan) => plan,
    signal,
    onRun,
  } = options;
  let turnEndsAtMs = performance.now() + turnMs;
  let seeds = 0;
  let runs = 0;
  for (let seed = from; seed <= to; seed++) {
    seeds += 1;
    for (const scenario of searched) {
      const plan = alter(makePlan(scenario, String(seed)));
      const outcome = runSeed(scenario, seed, { verifyShare, planPath: undefined, makePlan: () => plan, runPlan });
      runs += 1;
      onRun?.(seed, scenario.name);
      const { failure, isReproducible } = outcome;
      const found = { scenario: scenario.name, seed, plan };
      if (failure !== undefined) {
        const { property: symptom, sentence } = failure.violation;
        return { discovery: { ...found, symptom, sentence }, seeds, runs };
      }
      if (!isReproducible) {
        const sentence = 'The same plan gave two different runs.';
        return { discovery: { ...found, symptom: 'reproducibility', sentence }, seeds, runs };
      }
      if (performance.now() >= turnEndsAtMs) {
        await setImmediate();
        turnEndsAtMs = performance.now() + turnMs;
      }
      if (signal?.aborted === true) return { discovery: undefined, seeds, runs };
    }
  }
  return { discovery: undefined, seeds, runs };
}
