/** Bugs that show in some order of a very small run: exploring all of them needs no luck. */
import { expect, test } from 'vitest';
import { knownBugs, loadScenarios, ownBugs } from '../../mutants/index.js';
import { root } from '../structure/source-tree.js';

test.each([
  // A message has to overtake its cause: three nodes, two messages, and nothing that fails.
  { name: 'hold-back-drops-a-message', nodes: 3, messages: 2, faults: 0 },
  // A process dies between two deliveries.
  { name: 'no-dedupe-after-restart', nodes: 2, messages: 2, faults: 1 },
  { name: 'no-resend-after-reconnect', nodes: 2, messages: 2, faults: 1 },
])('every order of $messages messages at $nodes nodes shows $name', async ({ name, nodes, messages, faults }) => {
  const mutant = [...knownBugs, ...ownBugs].find((one) => one.name === name);
  if (mutant === undefined) throw new Error(`there is no mutant ${name}`);
  const { explore, findScenario, makePlan, runPlan, smallPlan } = await loadScenarios(root, mutant);
  const plan = smallPlan(makePlan(findScenario('calm'), '1'), { nodes, messages });
  const { failures } = await explore(plan, { faults, bail: true, limit: 500 });
  const [failure] = failures;
  expect(mutant.breaks).toContain(failure?.property);
  // The steps alone are enough to see it again.
  expect(runPlan({ ...plan, steps: failure?.steps ?? [] }).violations[0]?.property).toBe(failure?.property);
});
