/** What monotonic clocks do: jump ahead, run too fast or too slowly, wake their programs late. */
import type { RandomStream } from '../../transport-sim/index.js';
import { ms, seconds } from '../duration.js';
import { clockDrift, clockJump, crash, cut, partition, pause, timersLate } from '../faults.js';
import { namesOfNodes, scenario, type Scenario } from '../scenario.js';
import { at, randomly, type ScheduledFault } from '../schedule.js';
import { mailboxes } from '../workloads/mailboxes.js';
import { anyApplication } from './process.js';
import { quickTimings, soon } from './timings.js';

const whileWriting = { from: ms(100), until: ms(1900) };

export const clockJumps: Scenario = scenario('clock-jump', {
  about:
    'Machines are suspended and their clocks jump, clocks run at half or twice their pace, and timers fire late: nobody loses more than time.',
  vary: (streams) => {
    const nodes = namesOfNodes(3);
    const random = streams('clocks');
    return {
      nodes,
      workload: mailboxes({ perSecond: 40, for: seconds(2) }),
      faults: [
        ...drawJumps(random),
        at(ms(200), clockDrift('any', { rate: random.pick([0.5, 0.8, 1.25, 2]), for: ms(1500) })),
        randomly(1, timersLate('any', { by: ms(random.between(5, 500)), for: ms(600) }), whileWriting),
        randomly(0.5, crash('any', { for: ms(100) }), whileWriting),
        randomly(1, cut('any'), whileWriting),
        randomly(0.5, partition('one', { for: ms(300) }), whileWriting),
      ],
      application: anyApplication,
      timings: quickTimings,
      expect: soon,
    };
  },
});

/** Of one node or of several at once; half of the times the node was suspended meanwhile. */
function drawJumps(random: RandomStream): readonly ScheduledFault[] {
  return Array.from({ length: random.between(2, 5) }, () => {
    const atMs = random.between(100, 1800);
    const node = random.pick(['a', 'b', 'c', 'all']);
    const pauseMs = random.between(1, 300);
    // Longer than any wait of the protocol, too.
    const jump = at(ms(atMs + pauseMs), clockJump(node, { by: ms(random.pick([50, 1000, 10_000, 3_600_000])) }));
    return random.chance(0.5) ? [jump] : [at(ms(atMs), pause(node, { for: ms(pauseMs) })), jump];
  }).flat();
}
