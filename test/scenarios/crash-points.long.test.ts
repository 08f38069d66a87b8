import { expect, test } from 'vitest';
import { crashPoints, findScenario, makePlan } from '../../scenarios/index.js';

test.each(['1', '2'])('every crash point of small-log holds, seed %s', async (seed) => {
  const result = await crashPoints(makePlan(findScenario('small-log'), seed));
  expect(result.failures).toEqual([]);
  expect(result).toMatchObject({ failed: 0, undecided: 0, notReproducible: 0 });
  expect(result.points).toBeGreaterThanOrEqual(5000);
});
