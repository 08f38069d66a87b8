/**
 * One seed, one trace: on every version of Node, machine and time zone.
 *
 * A change of the protocol, the plans or the engine changes these hashes, and should; a change of anything else must not.
 * `npx vitest run test/scenarios/golden-traces.test.ts -u` writes the new ones.
 */
import { expect, test } from 'vitest';
import { catalogue, makePlan, runPlan } from '../../scenarios/index.js';

test.each(catalogue.map((scenario) => [scenario.name, scenario] as const))('%s', (name, scenario) => {
  const { events, traceHash } = runPlan(makePlan(scenario, '1'));
  expect(`${name} ${events} events ${traceHash}`).toMatchSnapshot();
});
