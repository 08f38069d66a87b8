import { test } from 'vitest';
import { largeScenarios } from '../../../scenarios/index.js';
import { expectHeld } from './share.js';

// One of their runs has as many events as a hundred others: these are as many as 10,000 seeds of another scenario.
test.each(largeScenarios.map((scenario) => [scenario.name, scenario] as const))(
  '%s holds for seeds 1 to 100',
  async (_name, scenario) => expectHeld(scenario, { from: 1, to: 100 }),
);
