import { scenario, lines } from '../../scenarios/index.js';
import { scenarioTest } from '../../scenarios/vitest.js';

const quick = scenario('quick', {
  about: 'A few lines.',
  nodes: 2,
  workload: lines({ lines: ['one', 'two', 'three'], perSecond: 100 }),
});

scenarioTest('a scenario that holds is a test that holds', quick, { seeds: 5 });
