import { describe, expect, test } from 'vitest';
import { mutants } from './catalogue.js';
import { loadScenarios } from './mutant.js';

/** Seeds tried before a mutant counts as not found. */
const seedsMax = 1000;

describe('the simulator finds', () => {
  test.each(mutants.map((mutant) => [mutant.about, mutant] as const))(
    '%s',
    { timeout: 120_000 },
    async (_about, mutant) => {
      const { catalogue, findScenario, sweep } = await loadScenarios(mutant);
      const result = await sweep({
        scenarios: mutant.scenario === undefined ? catalogue : [findScenario(mutant.scenario)],
        seeds: { from: 1, to: seedsMax },
        bail: true,
        verifyShare: 0,
      });
      expect(result.failures, `${result.runs} runs found nothing`).toHaveLength(1);
      expect(mutant.breaks).toContain(result.failures[0]?.property);
    },
  );

  test('nothing when nothing is planted', { timeout: 120_000 }, async () => {
    const { catalogue, sweep } = await loadScenarios();
    const result = await sweep({ scenarios: catalogue, seeds: { from: 1, to: 20 }, verifyShare: 0 });
    expect(result.failures).toEqual([]);
  });
});
