import { expect, test } from 'vitest';
import { formatPlan, runPlan } from '../../../scenarios/index.js';
import { plansOnTheWay } from './walk.js';

test.each(Array.from({ length: 100 }, (_, index) => index * 10))('what ten walks from %i come to holds', (first) => {
  for (let walk = first; walk < first + 10; walk++) {
    for (const plan of plansOnTheWay(walk)) expect(runPlan(plan).violations, formatPlan(plan)).toEqual([]);
  }
});
