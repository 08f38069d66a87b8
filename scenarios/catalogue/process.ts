/** What happens to processes and machines: they die, lose power, stop and go on. */
import type { RandomStream } from '../../transport-sim/index.js';
import { ms, seconds } from '../duration.js';
import { crash, pause, powerLoss } from '../faults.js';
import type { ApplicationMode } from '../plan.js';
import { scenario, type Scenario } from '../scenario.js';
import { at, randomly } from '../schedule.js';
import { mailboxes } from '../workloads/mailboxes.js';
import { quickTimings } from './timings.js';

/** Half of the applications store their position, half leave the mark to the node, and some take their time. */
export function anyApplication(random: RandomStream): ApplicationMode {
  const memory = random.chance(0.5) ? 'position' : 'mark';
  return random.chance(0.3) ? { memory, applyMs: { minMs: 0, maxMs: random.between(1, 20) } } : { memory };
}

const whileWriting = { from: ms(100), until: ms(1900) };

export const crashRestart: Scenario = scenario('crash-restart', {
  about: 'Processes are killed and restarted while everybody writes.',
  nodes: 3,
  workload: mailboxes({ perSecond: 30, for: seconds(2) }),
  faults: [
    randomly(1, crash('any', { for: ms(150) }), whileWriting),
    randomly(1, crash('any', { for: ms(5) }), whileWriting),
    randomly(0.5, pause('any', { for: ms(400) }), whileWriting),
  ],
  application: anyApplication,
  timings: quickTimings,
});

export const powerLossRestart: Scenario = scenario('power-loss', {
  about: 'Machines lose power: what was not synced is gone or torn, and peers notice nothing until they time out.',
  nodes: 3,
  workload: mailboxes({ perSecond: 30, for: seconds(2) }),
  faults: [
    randomly(1.5, powerLoss('any', { for: ms(200) }), whileWriting),
    at(ms(1200), powerLoss('all', { for: ms(100) })),
  ],
  application: anyApplication,
  // Slow syncs, so that there is something to lose nearly always.
  disk: { syncMs: { minMs: 5, maxMs: 40 } },
  limits: { segmentBytesMax: 4 << 10 },
  timings: quickTimings,
});
