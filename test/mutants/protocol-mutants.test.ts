import { describe, test } from 'vitest';
import { expectFound } from './finding.js';
import { protocolMutants } from './protocol-mutants.js';

/** Seeds of its own scenario tried before a mutant counts as not found. */
const seedsMax = 60;

describe('the scenario made for it finds', () => {
  test.each(protocolMutants.map((mutant) => [mutant.about, mutant] as const))('%s', (_about, mutant) =>
    expectFound(mutant, seedsMax),
  );
});
