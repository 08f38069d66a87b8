/** Nothing goes wrong: what any fault is compared with. */
import { seconds } from '../duration.js';
import { scenario, type Scenario } from '../scenario.js';
import { mailboxes } from '../workloads/mailboxes.js';
import { quickTimings } from './timings.js';

export const calm: Scenario = scenario('calm', {
  about: 'Three nodes write, and nothing goes wrong.',
  nodes: 3,
  workload: mailboxes({ perSecond: 30, for: seconds(2) }),
  timings: quickTimings,
  expect: { convergeWithin: seconds(1) },
});
