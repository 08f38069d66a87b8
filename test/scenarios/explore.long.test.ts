import { expect, test } from 'vitest';
import { explore, findScenario, makePlan, smallPlan } from '../../scenarios/index.js';

test.each([
  { nodes: 2, messages: 2, faults: 1 },
  { nodes: 3, messages: 2, faults: 0 },
])(
  'every order of $messages messages at $nodes nodes with $faults faults holds',
  async ({ nodes, messages, faults }) => {
    const plan = smallPlan(makePlan(findScenario('calm'), '1'), { nodes, messages });
    expect(await explore(plan, { faults })).toMatchObject({ isExhaustive: true, failed: 0 });
  },
);
