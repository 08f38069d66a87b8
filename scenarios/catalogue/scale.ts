/** Much of something: of messages to catch up with, of nodes. */
import { ms, seconds, type Milliseconds } from '../duration.js';
import { crash, cut, partition, powerLoss, stop } from '../faults.js';
import { namesOfNodes, scenario, type Scenario } from '../scenario.js';
import { at, randomly } from '../schedule.js';
import { lines } from '../workloads/lines.js';
import { mailboxes } from '../workloads/mailboxes.js';
import type { Workload } from '../workloads/workload.js';
import { anyApplication } from './process.js';
import { quickTimings, soon } from './timings.js';

export const longBacklog: Scenario = scenario('long-backlog', {
  about: 'One node is away while the others fill several segments, and reads them back while they go on writing.',
  goals: ['held-back', 'segment-dropped'],
  vary: (streams) => {
    const random = streams('long-backlog');
    const nodes = namesOfNodes(4);
    const away = random.pick(nodes);
    const length = { for: ms(2500) };
    return {
      nodes,
      workload: mailboxes({ perSecond: 30, for: seconds(3.5), mailBytesMax: 800 }),
      faults: [
        at(
          ms(200),
          random.pick([stop(away, length), crash(away, length), powerLoss(away, length), partition([[away]], length)]),
        ),
      ],
      // What is not in memory any more is read from the journal, a few messages at a time.
      limits: { cacheBytesMax: 1 << 10, windowBytes: 1 << 10, segmentBytesMax: 4 << 10 },
      timings: quickTimings,
      expect: soon,
    };
  },
});

export const boundedLog: Scenario = scenario('bounded-log', {
  about:
    'Everybody soon has everything, so logs give up what nobody needs: none outgrows a few segments, however much is written.',
  nodes: 3,
  workload: mailboxes({ perSecond: 40, for: seconds(2.5), mailBytesMax: 800 }),
  faults: [
    randomly(1, cut('any'), { from: ms(100), until: ms(2800) }),
    randomly(0.5, crash('any', { for: ms(50) }), { from: ms(100), until: ms(2800) }),
  ],
  application: anyApplication,
  limits: { segmentBytesMax: 4 << 10, cacheBytesMax: 4 << 10 },
  timings: quickTimings,
  // All the messages take 57 KiB and more; of 300 seeds none needs more than 31.
  expect: { ...soon, diskBytesMax: 40 << 10 },
});

/** Long after all pairs have connected. */
const connected = ms(500);

const someLines = Array.from({ length: 30 }, (_, index) => `line ${index}`);

export const hundredNodes: Scenario = scenario('hundred-nodes', {
  about: 'A hundred nodes write a line now and then, while two of them crash and come back.',
  nodes: 100,
  workload: later(connected, lines({ lines: someLines, perSecond: 20 })),
  faults: [at(ms(800), crash('any', { for: ms(400) })), at(ms(1300), crash('any', { for: ms(300) }))],
  link: { latency: { minMs: 1, maxMs: 20 } },
  expect: {
    convergeWithin: seconds(20),
    messagesPerBroadcast: 600,
    bytesPerBroadcast: 70_000,
    deliveryP99: ms(250),
  },
});

/** The same operations, all of them so much later. */
function later(by: Milliseconds, workload: Workload): Workload {
  return {
    ...workload,
    plan: (context) => workload.plan(context).map((operation) => ({ ...operation, atMs: operation.atMs + by })),
  };
}
