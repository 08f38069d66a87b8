import { test } from 'vitest';
import { largeScenarios } from '../../../scenarios/index.js';
import { expectHeld } from './share.js';

// One of their runs takes as long as a hundred others.
test.each(largeScenarios.map((scenario) => [scenario.name, scenario] as const))(
  '%s holds for seeds 1 to 20',
  async (_name, scenario) => expectHeld(scenario, { from: 1, to: 20 }),
);
