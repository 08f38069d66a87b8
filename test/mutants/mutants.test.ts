import { describe, expect, test } from 'vitest';
import { mutants } from './catalogue.js';
import { expectFound } from './finding.js';
import { loadScenarios } from './mutant.js';

/** Seeds tried before a mutant counts as not found. */
const seedsMax = 1000;

describe('the simulator finds', () => {
  test.each(mutants.map((mutant) => [mutant.about, mutant] as const))('%s', (_about, mutant) =>
    expectFound(mutant, seedsMax),
  );

  test('nothing when nothing is planted', async () => {
    const { catalogue, sweep } = await loadScenarios();
    // Shows that the bundle is sound. Many seeds of the sources as they are: `test/scenarios/seeds`.
    const result = await sweep({ scenarios: catalogue, seeds: { from: 1, to: 2 }, verifyShare: 0 });
    expect(result.failures).toEqual([]);
  });
});
