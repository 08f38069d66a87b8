/** What applications do: they cannot apply a message. */
import type { RandomStream } from '../../transport-sim/index.js';
import { ms, seconds } from '../duration.js';
import { crash, cut, poison, powerLoss, stop } from '../faults.js';
import { namesOfNodes, scenario, type Scenario } from '../scenario.js';
import { at, randomly, type ScheduledFault } from '../schedule.js';
import { mailboxes } from '../workloads/mailboxes.js';
import { anyApplication } from './process.js';
import { quickTimings, soon } from './timings.js';

const whileWriting = { from: ms(100), until: ms(1700) };

export const poisonMessage: Scenario = scenario('poison-message', {
  about:
    'Applications are stuck at a message, through restarts, until an operator skips it or they can apply it: everything else arrives.',
  goals: ['delivery-skipped'],
  vary: (streams) => ({
    nodes: namesOfNodes(3),
    workload: mailboxes({ perSecond: 40, for: seconds(2), durable: 'mixed' }),
    faults: [
      ...drawDeaths(streams('deaths about a skip')),
      randomly(1.5, poison('any', { among: 20, for: ms(150) }), whileWriting),
      randomly(0.5, crash('any', { for: ms(50) }), whileWriting),
      randomly(0.5, stop('any', { for: ms(50) }), whileWriting),
      randomly(0.5, cut('any'), whileWriting),
    ],
    application: anyApplication,
    disk: { syncMs: { minMs: 2, maxMs: 20 } },
    timings: quickTimings,
    expect: soon,
  }),
});

/** Nodes die about when the message that they are stuck at is skipped: before it, while that is written, or before the next one comes. */
function drawDeaths(random: RandomStream): readonly ScheduledFault[] {
  const skippedAfterMs = 80;
  return Array.from({ length: 3 }, () => {
    const atMs = random.between(100, 1600);
    const node = random.pick(['a', 'b', 'c']);
    const dies = random.chance(0.5) ? crash : powerLoss;
    return [
      at(ms(atMs), poison(node, { among: 1, cure: 'skip', for: ms(skippedAfterMs) })),
      // The next message comes within some 30 ms.
      at(ms(atMs + skippedAfterMs + random.below(60)), dies(node, { for: ms(30) })),
    ];
  }).flat();
}
