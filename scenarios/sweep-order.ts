/**
 * Which runs a sweep makes, and in which order: the one order in which results are counted, listed and compared,
 * whoever made the runs and whenever they came to an end.
 *
 * Invariants:
 * - Seeds are the outer loop, so that a sweep that is stopped early has tried every scenario about equally often.
 * - Every run is in exactly one of `of` shards. Which one moves on by one with each scenario and with each seed, so
 *   each shard has its share of every scenario, the slow ones included.
 */
import type { Scenario } from './scenario.js';

/** Seeds from ... to, both included. */
export interface SeedRange {
  readonly from: number;
  readonly to: number;
}

/** One of several machines that share a sweep: `index` is 1 ... `of`. */
export interface Shard {
  readonly index: number;
  readonly of: number;
}

export interface SweepPair<Named = Scenario> {
  readonly scenario: Named;
  readonly seed: number;
}

/** What is run, in order. Without `seeds` from seed 1 on, without end. */
export function* sweepPairs<Named>(
  scenarios: readonly Named[],
  seeds: SeedRange | undefined,
  shard: Shard = { index: 1, of: 1 },
): Generator<SweepPair<Named>, void> {
  const { from, to } = seeds ?? { from: 1, to: Number.MAX_SAFE_INTEGER };
  for (let seed = from; seed <= to; seed++) {
    for (const [place, scenario] of scenarios.entries()) {
      if ((seed - from + place) % shard.of === shard.index - 1) yield { scenario, seed };
    }
  }
}

/** How many runs `sweepPairs` has for these. */
export function countPairs(scenarios: number, { from, to }: SeedRange, shard: Shard = { index: 1, of: 1 }): number {
  const seeds = to - from + 1;
  // Of every `of` seeds in a row each scenario has one in each shard; the rest is counted.
  const rounds = Math.floor(seeds / shard.of);
  let rest = 0;
  for (let seed = rounds * shard.of; seed < seeds; seed++) {
    for (let place = 0; place < scenarios; place++) {
      if ((seed + place) % shard.of === shard.index - 1) rest += 1;
    }
  }
  return rounds * scenarios + rest;
}
