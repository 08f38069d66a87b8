/** Looks for a mutant as `antecedent mutants` does, but for the seed to begin with. */
import { expect } from 'vitest';
import { loadScenarios, search, type Mutant } from '../../mutants/index.js';
import { root } from '../structure/source-tree.js';

/** A run must give the mutant away, by something that it breaks. */
export async function expectFound(mutant: Mutant, seedsMax: number): Promise<void> {
  const scenarios = await loadScenarios(root, mutant);
  const { seed: seedFirst = 1 } = mutant;
  const { discovery } = await search(scenarios, mutant, { seedsMax: Math.max(seedsMax, seedFirst), seedFirst });
  expect(discovery, `${seedsMax} seeds found nothing`).toBeDefined();
  expect(mutant.breaks, discovery?.sentence).toContain(discovery?.symptom);
}
