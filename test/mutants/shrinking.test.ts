import { test } from 'vitest';
import { expectShrunk, quickCases } from './shrinking.js';

test.each(quickCases.map((one) => [one.mutant, one] as const))(
  'a failure of %s comes to at most twice what a person would write',
  async (_id, one) => {
    await expectShrunk(one);
  },
);
