/**
 * Walks through what shrinking would try, as if candidates failed at random: every plan that it can come to is one that a correct
 * program must hold.
 */
import { catalogue, makePlan, type Plan, type Violation } from '../../../scenarios/index.js';
import { searchSmaller } from '../../../scenarios/shrink/search.js';
import { randomStream } from '../../../transport-sim/random.js';

const kinds: readonly Violation['kind'][] = ['safety', 'liveness', 'budget'];

/** The plans on the way of one walk, from a seed of any scenario; each is smaller or simpler than the one before it. */
export function* plansOnTheWay(walk: number): Generator<Plan> {
  const random = randomStream(`walk ${walk}`, 'shrink');
  const scenario = random.pick(catalogue);
  const plan = makePlan(scenario, String(random.below(10_000)));
  const kind = random.pick(kinds);
  const violation: Violation = {
    property: kind === 'safety' ? 'causal-order' : kind === 'liveness' ? 'convergence' : 'budget',
    kind,
    atMs: random.between(Math.ceil(plan.healedAtMs / 3), plan.deadlineMs),
    sentence: '',
    nodes: [],
    messages: [],
  };
  const acceptance = random.pick([0.1, 0.3, 0.6, 0.9]);
  const search = searchSmaller(plan, violation);
  for (let step = search.next(); step.done !== true;) {
    const isTaken = random.chance(acceptance);
    if (isTaken) yield step.value;
    step = search.next(isTaken ? violation : undefined);
  }
}
