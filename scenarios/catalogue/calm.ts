/** Nothing goes wrong: what any fault is compared with. */
import { ms, seconds } from '../duration.js';
import { scenario, type Scenario } from '../scenario.js';
import { mailboxes } from '../workloads/mailboxes.js';
import { quickTimings } from './timings.js';

export const calm: Scenario = scenario('calm', {
  about: 'Three nodes write, and nothing goes wrong.',
  nodes: 3,
  workload: mailboxes({ perSecond: 30, for: seconds(2) }),
  timings: quickTimings,
  // A third more than any of a few hundred seeds takes; a message goes to two others, who each acknowledge it.
  expect: { convergeWithin: seconds(1), messagesPerBroadcast: 11, bytesPerBroadcast: 650, deliveryP99: ms(40) },
});
