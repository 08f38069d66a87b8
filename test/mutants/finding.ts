/** Looks for a mutant as a sweep does. */
import { expect } from 'vitest';
import { loadScenarios, type Mutant } from './mutant.js';

/** Sweeps the mutant's scenario, or all of them, up to the first failure, which must be of a property that the mutant breaks. */
export async function expectFound(mutant: Mutant, seedsMax: number): Promise<void> {
  const { catalogue, findScenario, sweep } = await loadScenarios(mutant);
  const result = await sweep({
    scenarios: mutant.scenario === undefined ? catalogue : [findScenario(mutant.scenario)],
    seeds: { from: 1, to: seedsMax },
    bail: true,
    verifyShare: 0,
  });
  expect(result.failures, `${result.runs} runs found nothing`).toHaveLength(1);
  expect(mutant.breaks).toContain(result.failures[0]?.property);
}
