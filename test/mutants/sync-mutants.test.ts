import { describe, expect, test } from 'vitest';
import type { Plan } from '../../scenarios/index.js';
import { loadScenarios, type Mutant } from './mutant.js';
import { syncMutants } from './sync-mutants.js';

/** What is found first in the plan that `change` makes of the scenario for crash points. */
async function firstFailure(mutant: Mutant | undefined, change: (plan: Plan) => Plan) {
  const { crashPoints, findScenario, makePlan } = await loadScenarios(mutant);
  const plan = change(makePlan(findScenario('small-log'), '1'));
  return (await crashPoints(plan, { bail: true })).failures[0];
}

describe('crash points find', () => {
  test.each(syncMutants.map((mutant) => [mutant.about, mutant] as const))(
    '%s',
    { timeout: 120_000 },
    async (_about, mutant) => {
      const found = await firstFailure(mutant, (plan) => plan);
      expect(mutant.breaks).toContain(found?.property);
      // The faults of the scenario show some of these bugs by themselves. Crash points show them without.
      if (found?.node !== null) return;
      const byCrashPoint = await firstFailure(mutant, (plan) => ({ ...plan, faults: [] }));
      expect(byCrashPoint?.node).toEqual(expect.any(String));
      expect(mutant.breaks).toContain(byCrashPoint?.property);
    },
  );
});
