import { describe, test } from 'vitest';
import { ownBugs } from '../../mutants/index.js';
import { expectFound } from './finding.js';

/** Seeds tried before a mutant counts as not found. */
const seedsMax = 1000;

describe('the simulator finds', () => {
  test.each(ownBugs.map((mutant) => [mutant.about, mutant] as const))('%s', (_about, mutant) =>
    expectFound(mutant, seedsMax),
  );
});
