import { describe, expect, test } from 'vitest';
import { idOf, knownBugs, loadScenarios } from '../../mutants/index.js';
import { root } from '../structure/source-tree.js';
import { expectFound } from './finding.js';

/** Seeds tried before a mutant counts as not found. */
const seedsMax = 1000;

test('there are forty, each with a number of its own', () => {
  const numbers = Array.from({ length: 40 }, (_, index) => `M${String(index + 1).padStart(2, '0')}`);
  expect(knownBugs.map(idOf)).toEqual(numbers);
});

describe('the simulator finds', () => {
  test.each(knownBugs.map((mutant) => [idOf(mutant), mutant.about, mutant] as const))('%s: %s', (_id, _about, mutant) =>
    expectFound(mutant, seedsMax),
  );

  test('nothing when nothing is planted', async () => {
    const { catalogue, sweep } = await loadScenarios(root);
    // Shows that the bundle is sound. Many seeds of the sources as they are: `test/scenarios/seeds`.
    const result = await sweep({ scenarios: catalogue, seeds: { from: 1, to: 2 }, verifyShare: 0 });
    expect(result.failures).toEqual([]);
  });
});
