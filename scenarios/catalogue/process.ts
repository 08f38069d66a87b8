/** What happens to processes and machines: they die, lose power, stop and go on. */
import type { NodeName } from '../../core/index.js';
import type { RandomStream } from '../../transport-sim/index.js';
import { ms, seconds } from '../duration.js';
import { crash, hold, oneWay, pause, powerLoss, stop } from '../faults.js';
import type { ApplicationMode } from '../plan.js';
import { namesOfNodes, scenario, type Scenario } from '../scenario.js';
import { at, randomly, type ScheduledFault } from '../schedule.js';
import { mailboxes } from '../workloads/mailboxes.js';
import { quickTimings, soon } from './timings.js';

/** Some applications store their position, others leave the mark to the node, and half of them take their time. */
export function anyApplication(random: RandomStream): ApplicationMode {
  const memory = random.chance(0.4) ? 'position' : 'mark';
  return random.chance(0.5) ? { memory, applyMs: { minMs: 0, maxMs: random.between(1, 30) } } : { memory };
}

const whileWriting = { from: ms(100), until: ms(1900) };

/**
 * What one node sends comes late, so that what another one broadcasts after a restart may overtake its causes, if that has
 * forgotten them.
 */
const late = randomly(2, hold('from-one', { for: ms(400) }), whileWriting);

export const crashRestart: Scenario = scenario('crash-restart', {
  about:
    'Processes are killed and restarted, and closed one after the other, while everybody writes and one is heard late.',
  goals: ['delivered-again', 'crashed-before-receipt'],
  nodes: 3,
  workload: mailboxes({ perSecond: 30, for: seconds(2) }),
  faults: [
    randomly(1, crash('any', { for: ms(150) }), whileWriting),
    randomly(1, crash('any', { for: ms(5) }), whileWriting),
    randomly(0.5, pause('any', { for: ms(400) }), whileWriting),
    late,
    at(ms(700), stop('a', { for: ms(50) })),
    at(ms(1100), stop('b', { for: ms(50) })),
    at(ms(1500), stop('c', { for: ms(50) })),
  ],
  application: anyApplication,
  disk: { syncMs: { minMs: 5, maxMs: 40 } },
  timings: quickTimings,
  expect: soon,
});

export const powerLossRestart: Scenario = scenario('power-loss', {
  about: 'Machines lose power: what was not synced is gone or torn, and peers notice nothing until they time out.',
  goals: ['torn-tail-cut', 'crashed-before-receipt'],
  nodes: 3,
  workload: mailboxes({ perSecond: 50, for: seconds(2), largeMails: 0.6 }),
  faults: [
    randomly(3, powerLoss('any', { for: ms(100) }), whileWriting),
    late,
    at(ms(1200), powerLoss('all', { for: ms(100) })),
  ],
  application: anyApplication,
  // Slow syncs, so that there is something to lose nearly always, and appends of several pages, so that some may be missing
  // from the middle.
  disk: { syncMs: { minMs: 20, maxMs: 40 } },
  limits: { segmentBytesMax: 16 << 10 },
  timings: quickTimings,
  expect: soon,
});

export const pauseAndResume: Scenario = scenario('pause-and-resume', {
  about: 'Processes stand still for longer than their peers wait for a sign of life: one, two, and all at once.',
  vary: (streams) => {
    const nodes = namesOfNodes(4);
    const [one = '', other = '', third = ''] = streams('pause-and-resume').shuffle(nodes);
    return {
      nodes,
      workload: mailboxes({ perSecond: 10, for: seconds(6) }),
      faults: [
        at(ms(200), pause(one, { for: ms(1700) })),
        at(ms(2000), pause(other, { for: ms(1400) })),
        at(ms(2300), pause(third, { for: ms(1500) })),
        at(ms(4000), pause('all', { for: ms(1300) })),
      ],
      timings: quickTimings,
      expect: soon,
    };
  },
});

export const minorityDies: Scenario = scenario('minority-dies-for-good', {
  about: 'One or two of five are heard by some of the others only, and then die for good: what one has, all must get.',
  goals: ['held-back'],
  vary: (streams) => {
    const random = streams('minority');
    const nodes = namesOfNodes(5);
    const shuffled = random.shuffle(nodes);
    const deaths = random.between(1, 2);
    return {
      nodes,
      workload: mailboxes({ perSecond: 22, for: seconds(2.2) }),
      faults: shuffled.slice(0, deaths).flatMap((doomed) => dieHalfHeard(random, doomed, shuffled.slice(deaths))),
      timings: quickTimings,
      expect: soon,
    };
  },
});

/**
 * Between one survivor and all but one hear nothing any more of what it writes, for a while. Then it is gone, and mostly
 * what they did not hear as well; held back on the way, it comes from the grave when the faults end.
 */
function dieHalfHeard(
  random: RandomStream,
  doomed: NodeName,
  survivors: readonly NodeName[],
): readonly ScheduledFault[] {
  const deaf = random.shuffle(survivors).slice(0, random.between(1, survivors.length - 1));
  const fromMs = random.between(400, 800);
  const direction = { from: doomed, to: deaf };
  const die = random.chance(0.5) ? crash : powerLoss;
  return [
    at(ms(fromMs), random.chance(0.75) ? oneWay(direction) : hold(direction)),
    at(ms(fromMs + random.between(300, 800)), die(doomed, { forGood: true })),
  ];
}
