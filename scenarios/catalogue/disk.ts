/** What disks do: tear, rot, run full, fail, hang, and lose their machine in the middle of a recovery. Segments are small, so that they roll. */
import type { NodeName } from '../../core/index.js';
import type { RandomStream } from '../../transport-sim/index.js';
import { ms, seconds } from '../duration.js';
import {
  bitRot,
  crash,
  cut,
  diskErrors,
  diskFull,
  diskStall,
  hold,
  powerLoss,
  repair,
  restart,
  stop,
} from '../faults.js';
import { namesOfNodes, scenario, type Scenario } from '../scenario.js';
import { at, randomly, type ScheduledFault } from '../schedule.js';
import { mailboxes } from '../workloads/mailboxes.js';
import type { Workload } from '../workloads/workload.js';
import { anyApplication } from './process.js';
import { quickTimings, soon } from './timings.js';

const whileWriting = { from: ms(100), until: ms(1900) };

/** Some hundred messages are several of these. */
const smallSegments = { segmentBytesMax: 4 << 10 };

export const tornTail: Scenario = scenario('torn-tail', {
  about: 'Machines lose power in the middle of large appends, and of each un-synced write a part is left.',
  goals: ['torn-tail-cut'],
  nodes: 3,
  workload: mailboxes({ perSecond: 50, for: seconds(2), largeMails: 0.5 }),
  faults: [
    randomly(4, powerLoss('any', { for: ms(60) }), whileWriting),
    at(ms(1300), powerLoss('all', { for: ms(60) })),
  ],
  application: anyApplication,
  disk: { syncMs: { minMs: 20, maxMs: 40 }, tornWrite: 1 },
  limits: { segmentBytesMax: 16 << 10 },
  timings: quickTimings,
  expect: soon,
});

export const bitRotFound: Scenario = scenario('bit-rot', {
  about:
    'Bits flip in the log of one node, which is then restarted: it refuses its log or is right, and the others go on.',
  goals: ['log-refused'],
  vary: (streams) => {
    const nodes = namesOfNodes(3);
    const random = streams('bit-rot');
    const rotten = random.pick(nodes);
    const isAtEnd = random.chance(0.4);
    return {
      nodes,
      workload: withoutUsersAt(mailboxes({ perSecond: 40, for: seconds(2) }), rotten, 1000),
      faults: [
        ...(isAtEnd ? rotAtEnd(random, rotten) : rotBeforeEnd(random, rotten)),
        // In peace, so that whatever it has said has got through to everybody: nobody else could tell it again.
        at(ms(1050), stop(rotten, { for: ms(random.between(20, 200)) })),
        // If what it wrote to was gone, it had stopped before.
        at(ms(1300), restart(rotten)),
      ],
      // With the end of a log its marks may go, and the node would hand over again what was applied.
      application: isAtEnd ? { memory: 'position' } : anyApplication,
      // Damage in a segment that others follow is judged in another way than in the last one.
      limits: random.chance(0.5) ? smallSegments : {},
      timings: quickTimings,
      expect: soon,
    };
  },
});

/** Once, while the node is down: such damage cannot always be told from what a crash leaves. */
function rotAtEnd(random: RandomStream, node: NodeName): readonly ScheduledFault[] {
  const place = 1 - random.below(3000) / 100_000;
  return [at(ms(1068), bitRot(node, { bits: random.pick([1, 40, 400]), at: place }))];
}

/** One to three times, while the node runs or is down, and too far from the end to be taken for anything else. */
function rotBeforeEnd(random: RandomStream, node: NodeName): readonly ScheduledFault[] {
  return Array.from({ length: random.between(1, 3) }, () => {
    const place = random.below(75_000) / 100_000;
    return at(ms(random.between(100, 1068)), bitRot(node, { bits: random.pick([1, 1, 2, 30, 200]), at: place }));
  });
}

/**
 * Nobody asks `node` for anything any more. A node whose last messages rotted away unnoticed cannot know until it hears
 * from a peer; what it broadcasts before would take the dots of those messages, and no protocol could mend that.
 */
function withoutUsersAt(workload: Workload, node: NodeName, fromMs: number): Workload {
  return {
    ...workload,
    plan: (context) => workload.plan(context).filter((operation) => operation.node !== node || operation.atMs < fromMs),
  };
}

export const repairedLog: Scenario = scenario('repaired-log', {
  about:
    'Bits flip in the log of one node, an operator repairs it, and the node fetches back from the others what it has forgotten.',
  goals: ['log-repaired'],
  vary: (streams) => {
    const nodes = namesOfNodes(3);
    const random = streams('repaired-log');
    const rotten = random.pick(nodes);
    // What a repair leaves behind may rot as well.
    const rotsAgain = random.chance(0.7);
    const bits = random.pick([1, 2, 30]);
    return {
      nodes,
      workload: mailboxes({ perSecond: 40, for: seconds(2.5), durable: random.pick(['here', 'mixed'] as const) }),
      faults: [
        ...rotBeforeEnd(random, rotten),
        at(ms(1050), stop(rotten, { for: ms(100) })),
        at(ms(1350), repair(rotten)),
        ...(rotsAgain ? [at(ms(1450), bitRot(rotten, { bits, at: random.below(90_000) / 100_000 }))] : []),
        at(ms(1500), random.chance(0.5) ? crash(rotten) : powerLoss(rotten)),
        at(ms(1600), repair(rotten)),
        // In the middle of the repair, or soon after it.
        at(ms(1600 + random.below(40)), random.chance(0.5) ? crash(rotten) : powerLoss(rotten)),
        at(ms(1800), repair(rotten)),
        at(ms(2300), repair(rotten)),
        randomly(0.5, cut('any'), { from: ms(1100), until: ms(2400) }),
      ],
      // Marks behind the damage are gone: only an application that stores its position can be built anew.
      limits: random.chance(0.7) ? smallSegments : {},
      timings: { ...quickTimings, ...(random.chance(0.5) ? { scrubEveryMs: 200 } : {}) },
      expect: soon,
    };
  },
});

export const diskFullAndBack: Scenario = scenario('disk-full', {
  about: 'Disks run full again and again, and room comes back: nobody restarts, and nothing is lost.',
  goals: ['storage-blocked', 'storage-recovered'],
  nodes: 3,
  workload: mailboxes({ perSecond: 50, for: seconds(2), largeMails: 0.05 }),
  faults: [
    randomly(1, diskFull('any', { for: ms(300) }), whileWriting),
    randomly(1, diskFull('any', { freeBytes: 300, for: ms(300) }), whileWriting),
    randomly(1, diskFull('minority', { freeBytes: 2500, for: ms(400) }), whileWriting),
    at(ms(1500), diskFull('all', { freeBytes: 700, for: ms(250) })),
    randomly(1, cut('any'), whileWriting),
  ],
  application: anyApplication,
  limits: smallSegments,
  timings: quickTimings,
  expect: soon,
});

export const syncFails: Scenario = scenario('fsync-fails', {
  about:
    'Syncs and writes fail: nodes stop and are started again, sometimes after a loss of power that takes what the sync had dropped.',
  goals: ['stopped-by-itself'],
  vary: (streams) => {
    const nodes = namesOfNodes(3);
    return {
      nodes,
      workload: mailboxes({ perSecond: 50, for: seconds(2), largeMails: 0.1 }),
      faults: [
        ...drawFailures(streams('failing syncs'), nodes),
        randomly(1, diskErrors('any', { write: 0.3, for: ms(250) }), whileWriting),
        randomly(0.5, diskErrors('any', { read: 0.2, for: ms(250) }), whileWriting),
      ],
      application: anyApplication,
      supervisor: { restartAfterMs: ms(60) },
      limits: { ...smallSegments, cacheBytesMax: 4 << 10 },
      timings: quickTimings,
      expect: soon,
    };
  },
});

/** Half of the times the power goes soon after, before or after the supervisor has started the node again. */
function drawFailures(random: RandomStream, nodes: readonly NodeName[]): readonly ScheduledFault[] {
  return Array.from({ length: random.between(3, 6) }, () => {
    const atMs = random.between(100, 1800);
    const node = random.pick(nodes);
    const failures = at(ms(atMs), diskErrors(node, { sync: random.pick([0.1, 0.5, 1]), for: ms(150) }));
    if (random.chance(0.5)) return [failures];
    return [failures, at(ms(atMs + random.between(10, 200)), powerLoss(node, { for: ms(80) }))];
  }).flat();
}

export const diskStalls: Scenario = scenario('disk-stall', {
  about:
    'A disk hangs in the middle of a sync, for longer than a silent peer is waited for, then goes on as if nothing was.',
  nodes: 3,
  workload: mailboxes({ perSecond: 40, for: seconds(2) }),
  faults: [
    at(ms(300), diskStall('any', { for: ms(1600) })),
    randomly(0.5, diskStall('any', { for: ms(1400) }), whileWriting),
    randomly(1, diskStall('minority', { for: ms(100) }), whileWriting),
  ],
  application: anyApplication,
  // Syncs nearly all the time: a disk that hangs, hangs in one.
  disk: { syncMs: { minMs: 15, maxMs: 30 } },
  limits: smallSegments,
  timings: quickTimings,
  expect: soon,
});

export const crashDuringRecovery: Scenario = scenario('crash-during-recovery', {
  about:
    'Processes die and machines lose power again and again within milliseconds of their start, before they have read their logs.',
  goals: ['torn-tail-cut'],
  vary: (streams) => {
    const nodes = namesOfNodes(3);
    return {
      nodes,
      workload: mailboxes({ perSecond: 50, for: seconds(2), largeMails: 0.2 }),
      faults: [
        ...drawBursts(streams('bursts of crashes'), nodes),
        // So that what a node forgot could be overtaken by what others made of it.
        randomly(1, hold('from-one', { for: ms(300) }), whileWriting),
      ],
      application: anyApplication,
      // A recovery takes tens of milliseconds.
      disk: { syncMs: { minMs: 2, maxMs: 20 }, writeMs: { minMs: 0.2, maxMs: 2 }, readMs: { minMs: 0.5, maxMs: 3 } },
      limits: smallSegments,
      timings: quickTimings,
      expect: soon,
    };
  },
});

/** Three to six bursts of two to eight crashes, each 0 to 20 ms after the start behind the one before. */
function drawBursts(random: RandomStream, nodes: readonly NodeName[]): readonly ScheduledFault[] {
  const faults: ScheduledFault[] = [];
  for (let bursts = random.between(3, 6); bursts > 0; bursts--) {
    const node = random.pick(nodes);
    let atUs = random.between(200_000, 1_700_000);
    for (let crashes = random.between(2, 8); crashes > 0; crashes--) {
      const restartAfterMs = random.between(1, 20);
      const fault = random.chance(0.5) ? crash : powerLoss;
      faults.push(at(ms(atUs / 1000), fault(node, { for: ms(restartAfterMs) })));
      atUs += restartAfterMs * 1000 + random.between(0, 20_000);
    }
  }
  return faults;
}
