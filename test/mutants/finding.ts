/** Looks for a mutant as a sweep does. */
import { expect } from 'vitest';
import { loadScenarios, type Mutant } from './mutant.js';

/** Sweeps the mutant's scenario, or all of them, up to the first failure, which must be of a property that the mutant breaks. */
export async function expectFound(mutant: Mutant, seedsMax: number): Promise<void> {
  const { catalogue, findScenario, sweep } = await loadScenarios(mutant);
  const scenarios = mutant.scenario === undefined ? catalogue : [findScenario(mutant.scenario)];
  const first = mutant.seed ?? 1;
  const fromFirst = await sweep({ scenarios, seeds: { from: first, to: seedsMax }, bail: true, verifyShare: 0 });
  const isFound = fromFirst.failures.length > 0 || first === 1;
  const result = isFound
    ? fromFirst
    : await sweep({ scenarios, seeds: { from: 1, to: first - 1 }, bail: true, verifyShare: 0 });
  expect(result.failures, `${seedsMax} seeds found nothing`).toHaveLength(1);
  expect(mutant.breaks).toContain(result.failures[0]?.property);
}
