/** Looks for a mutant as `antecedent mutants` does, but for the run in which it was seen before. */
import { expect } from 'vitest';
import { loadScenarios, search, type Mutant } from '../../mutants/index.js';
import { root } from '../structure/source-tree.js';

/** A run must give the mutant away, by something that it breaks. */
export async function expectFound(mutant: Mutant, seedsMax: number): Promise<void> {
  const scenarios = await loadScenarios(root, mutant);
  const { shows } = mutant;
  const known =
    shows === undefined
      ? undefined
      : await search(scenarios, { scenario: shows.scenario }, { seeds: { from: shows.seed, to: shows.seed } });
  const discovery =
    known?.discovery ?? (await search(scenarios, mutant, { seeds: { from: 1, to: seedsMax } })).discovery;
  expect(discovery, `${seedsMax} seeds found nothing`).toBeDefined();
  expect(mutant.breaks, discovery?.sentence).toContain(discovery?.symptom);
}
