import { describe, test } from 'vitest';
import { expectFound } from './finding.js';
import { stateMutants } from './state-mutants.js';

/** Seeds of its own scenario tried before a mutant counts as not found. */
const seedsMax = 300;

describe('the scenario made for it finds', () => {
  test.each(stateMutants.map((mutant) => [mutant.about, mutant] as const))('%s', (_about, mutant) =>
    expectFound(mutant, seedsMax),
  );
});
