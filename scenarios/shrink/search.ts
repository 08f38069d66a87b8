/**
 * In which order smaller plans are tried: large cuts first, for each one makes all later attempts quicker.
 *
 * 1. What comes after the violation, nodes, whole kinds of faults, faults, operations, rates of links; over and over until nothing
 *    more can go.
 * 2. The same once more with other seeds: what is left to chance (latencies, which write is lost) may have failed by luck alone
 *    before, and something smaller fails with other luck.
 * 3. Simpler times, parameters and options, which are not counted but read.
 *
 * The sequence depends on the plan and on what came of the attempts alone: the same number of attempts gives the same plan.
 */
import type { Violation } from '../oracles/violation.js';
import { originalSeed, type Plan } from '../plan.js';
import {
  cutFaults,
  cutNodes,
  cutOperations,
  cutRates,
  cutSteps,
  restrictTo,
  weightOf,
  withoutTail,
  type PlanSearch,
} from './cuts.js';
import { simplify, tried } from './simplifications.js';

/** Seeds tried for a plan with one part less. */
const seedsTried = 8;
/** With more parts than this, other seeds would be tried for ever. */
const partsForSeedsMax = 60;

/** Smaller plans than `plan`, which violates `violation`. Returns the smallest one when nothing is left to try. */
export function* searchSmaller(plan: Plan, violation: Violation): PlanSearch {
  let best: Found = { plan, violation };
  for (;;) {
    best = yield* cutAll(best);
    const lucky = yield* cutWithOtherSeeds(best);
    if (lucky === undefined) break;
    best = lucky;
  }
  const simple = yield* simplify(best.plan, best.violation);
  // In a simpler world something more may be needless.
  return (yield* cutAll({ plan: simple, violation: best.violation })).plan;
}

interface Found {
  readonly plan: Plan;
  /** Of the plan, or of a larger one: only its kind, its property and an upper bound of its time matter. */
  readonly violation: Violation;
}

function* cutAll({ plan, violation }: Found): PlanSearch<Found> {
  let best = plan;
  for (;;) {
    const before = weightOf(best);
    const tailless = withoutTail(best, violation);
    best = yield* tried(tailless, best);
    best = yield* cutNodes(best, violation);
    best = yield* cutFaults(best);
    best = yield* cutOperations(best, violation);
    best = yield* cutRates(best);
    best = yield* cutSteps(best);
    if (weightOf(best) === before) return { plan: best, violation };
  }
}

/** A plan with one part less that fails with another seed; undefined when there is none. */
function* cutWithOtherSeeds({ plan, violation }: Found): PlanSearch<Found | undefined> {
  if (weightOf(plan) > partsForSeedsMax) return undefined;
  const seeds = Array.from({ length: seedsTried }, (_, index) => `${originalSeed(plan.seed)}/${index + 1}`);
  for (const smaller of withOnePartLess(plan, violation)) {
    for (const seed of seeds) {
      if (seed === plan.seed) continue;
      const candidate = { ...smaller, seed };
      const found = yield candidate;
      if (found !== undefined) return { plan: candidate, violation: found };
    }
  }
  return undefined;
}

function* withOnePartLess(plan: Plan, { kind }: Violation): Iterable<Plan> {
  for (const node of plan.nodes) {
    const others = plan.nodes.filter((other) => other !== node);
    const smaller = kind === 'budget' ? undefined : restrictTo(plan, others, 'drop');
    if (smaller !== undefined) yield smaller;
  }
  for (const index of plan.faults.keys()) yield { ...plan, faults: plan.faults.toSpliced(index, 1) };
  if (kind === 'budget') return;
  for (const index of plan.operations.keys()) yield { ...plan, operations: plan.operations.toSpliced(index, 1) };
}
