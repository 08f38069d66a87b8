/** Bugs that show in some order of a very small run: exploring all of them needs no luck. */
import { expect, test } from 'vitest';
import { mutants } from './catalogue.js';
import { loadScenarios } from './mutant.js';

test.each([
  // A message has to overtake its cause: three nodes, two messages, and nothing that fails.
  { id: 'hold-back-drops-a-message', nodes: 3, messages: 2, faults: 0 },
  // A process dies between two deliveries.
  { id: 'no-dedupe-after-restart', nodes: 2, messages: 2, faults: 1 },
  { id: 'no-resend-after-reconnect', nodes: 2, messages: 2, faults: 1 },
])('every order of $messages messages at $nodes nodes shows $id', async ({ id, nodes, messages, faults }) => {
  const mutant = mutants.find((one) => one.id === id);
  if (mutant === undefined) throw new Error(`there is no mutant ${id}`);
  const { explore, findScenario, makePlan, runPlan, smallPlan } = await loadScenarios(mutant);
  const plan = smallPlan(makePlan(findScenario('calm'), '1'), { nodes, messages });
  const { failures } = await explore(plan, { faults, bail: true, limit: 500 });
  const [failure] = failures;
  expect(mutant.breaks).toContain(failure?.property);
  // The steps alone are enough to see it again.
  expect(runPlan({ ...plan, steps: failure?.steps ?? [] }).violations[0]?.property).toBe(failure?.property);
});
