/**
 * Joins the results of shards into what one sweep would have found.
 *
 * Not sums are joined but runs: those of all files are taken in again in the order of the sweep, by the code that takes
 * in those of a sweep. So the result is equal to that of the undivided sweep, figure by figure, but for the time it
 * took, and for smaller plans of failures: nobody looks for these here (see `sweep.ts`).
 */
import { isDeepStrictEqual } from 'node:util';
import { AntecedentError } from '../core/index.js';
import { FailureKeeper } from './failure-keeper.js';
import { hasRegressed, type RegressionOutcome } from './regressions.js';
import { differenceOf, type RecordedResults } from './results-file.js';
import type { ResultsHeader } from './results-schema.js';
import type { SeedOutcome } from './run-seed.js';
import { countPairs } from './sweep-order.js';
import { SweepTally, type SweepResult } from './sweep-tally.js';

export interface MergedResults {
  readonly result: SweepResult;
  /** What is not there of the sweep, one sentence each; then the result counts as interrupted. */
  readonly missing: readonly string[];
}

/**
 * `outDir` is where the plans of failures are kept; without it nothing is written. Throws `E_CONFIG` for no results at
 * all, and for results of different sweeps.
 */
export function mergeResults(all: readonly RecordedResults[], outDir?: string): MergedResults {
  const [first, ...others] = all;
  if (first === undefined) throw new AntecedentError('E_CONFIG', 'no results to merge; name at least one file');
  for (const { header, path } of others) checkSame(first, header, path);
  const { header } = first;
  const { system, profile, without } = header;
  const tally = new SweepTally(header.scenarios, { system, ...(profile === null ? {} : { profile }), without });
  const keeper = new FailureKeeper(outDir, { system });
  const regressions = regressionsOf(all);
  for (const outcome of regressions) tally.addRegression(outcome);
  // A sweep that stops at the first failure goes no further.
  if (header.bail && regressions.some(hasRegressed)) return { result: resultOf(tally, all, []), missing: [] };
  let lastTurn: number | undefined;
  for (const { turn, outcome, isSame } of inOrder(header, all)) {
    tally.add(isSame ? outcome : { ...outcome, isReproducible: false }, keeper.keep(outcome));
    if (!header.bail || outcome.failure === undefined) continue;
    // A sweep that stops at the first failure would not have made the others.
    lastTurn = turn;
    break;
  }
  const missing = lastTurn !== undefined && tally.counts.runs === lastTurn + 1 ? [] : findMissing(all);
  return { result: resultOf(tally, all, missing), missing };
}

function resultOf(tally: SweepTally, all: readonly RecordedResults[], missing: readonly string[]): SweepResult {
  // Shards run at the same time: what the whole took is what the longest of them took.
  const elapsedMs = Math.max(0, ...all.map(({ ends }) => ends.reduce((sumMs, end) => sumMs + end.elapsedMs, 0)));
  return tally.result({ elapsedMs, isInterrupted: missing.length > 0 });
}

/** Every one once: of the first shard, for the others run none. */
function regressionsOf(all: readonly RecordedResults[]): readonly RegressionOutcome[] {
  const found = new Map<string, { readonly outcome: RegressionOutcome; readonly source: string }>();
  for (const { path: source, regressions } of all) {
    for (const outcome of regressions) {
      const other = found.get(outcome.path);
      if (other !== undefined && !isDeepStrictEqual(other.outcome, outcome)) {
        const message = `${source} and ${other.source} differ in what came of ${outcome.path}, so they are of different code; merge those of one`;
        throw new AntecedentError('E_CONFIG', message);
      }
      found.set(outcome.path, { outcome, source });
    }
  }
  return [...found.values()].map(({ outcome }) => outcome);
}

interface MergedRun {
  /** Its place in the order of the undivided sweep, counted from 0. */
  readonly turn: number;
  readonly outcome: SeedOutcome;
  /** False when two files have it with different traces. */
  readonly isSame: boolean;
}

/** Every run once, in the order of the undivided sweep. */
function inOrder({ scenarios, seeds }: ResultsHeader, all: readonly RecordedResults[]): readonly MergedRun[] {
  const from = seeds?.from ?? 1;
  const places = new Map(scenarios.map(({ name }, place) => [name, place]));
  const runs = new Map<number, MergedRun>();
  for (const { path, outcomes } of all) {
    for (const outcome of outcomes) {
      const place = places.get(outcome.scenario);
      if (place === undefined || outcome.seed < from || outcome.seed > (seeds?.to ?? Infinity)) {
        const message = `${path} has a run of ${outcome.scenario}, seed ${outcome.seed}, which is no part of its sweep; make it anew`;
        throw new AntecedentError('E_CONFIG', message);
      }
      const turn = (outcome.seed - from) * scenarios.length + place;
      const other = runs.get(turn);
      const isSame = other === undefined || (other.isSame && other.outcome.traceHash === outcome.traceHash);
      runs.set(turn, { turn, outcome: other?.outcome ?? outcome, isSame });
    }
  }
  return [...runs.values()].sort((one, other) => one.turn - other.turn);
}

function checkSame(first: RecordedResults, header: ResultsHeader, path: string): void {
  const difference = differenceOf(header, first.header, false) ?? differentDivision(header, first.header);
  if (difference === undefined) return;
  const message = `${path} and ${first.path} are results of different sweeps: ${difference}; merge those of one`;
  throw new AntecedentError('E_CONFIG', message);
}

function differentDivision(one: ResultsHeader, other: ResultsHeader): string | undefined {
  const [here, there] = [one.shard?.of ?? 1, other.shard?.of ?? 1];
  return here === there ? undefined : `it is one of ${here} shards, not of ${there}`;
}

function findMissing(all: readonly RecordedResults[]): readonly string[] {
  const of = all[0]?.header.shard?.of ?? 1;
  const present = new Set(all.map(({ header }) => header.shard?.index ?? 1));
  const absent = Array.from({ length: of }, (_, index) => index + 1).filter((index) => !present.has(index));
  return [...absent.map((index) => `shard ${index}/${of} is in none of the files`), ...all.flatMap(describeMissing)];
}

function describeMissing({ path, header, outcomes, ends }: RecordedResults): readonly string[] {
  const { seeds, scenarios, shard, bail } = header;
  const remedy = 'give the sweep that wrote it the same --results again';
  if (seeds === null) {
    const last = ends.at(-1);
    return last !== undefined && !last.isInterrupted ? [] : [`the sweep of ${path} was cut short; ${remedy}`];
  }
  const due = countPairs(scenarios.length, seeds, shard ?? undefined);
  const made = new Set(outcomes.map(({ scenario, seed }) => `${scenario}/${seed}`)).size;
  // One that stops at a failure is not to be finished.
  if (made >= due || (bail && outcomes.some(({ failure }) => failure !== undefined))) return [];
  return [`${path} has ${made} of its ${due} runs; ${remedy}`];
}
