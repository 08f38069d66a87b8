/** What the judge of a run must know of its plan. */
import type { NodeName } from '../core/index.js';
import { expectedStops } from './expected-stops.js';
import type { JudgeOptions } from './oracles/judge.js';
import type { Plan } from './plan.js';

export function judgeOptions(plan: Plan): Required<JudgeOptions> {
  return {
    nodes: membersAtFirst(plan),
    expectedStops: expectedStops(plan),
    demotes: plan.options.retention?.policy === 'demote',
  };
}

export function membersAtFirst({ nodes, joiners = [] }: Plan): readonly NodeName[] {
  return nodes.filter((node) => !joiners.includes(node));
}
