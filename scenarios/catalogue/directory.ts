/** What becomes of data directories: emptied, put back from a backup, copied to a second process with the same name. */
import type { NodeName } from '../../core/index.js';
import type { RandomStream } from '../../transport-sim/index.js';
import { ms, seconds } from '../duration.js';
import { backup, crash, cut, hold, oneWay, powerLoss, restoreBackup, slowDisk, twin, wipe } from '../faults.js';
import { namesOfNodes, scenario, type Scenario } from '../scenario.js';
import { at, randomly, type ScheduledFault, type Span } from '../schedule.js';
import { mailboxes } from '../workloads/mailboxes.js';
import type { Workload } from '../workloads/workload.js';
import { anyApplication } from './process.js';
import { quickTimings, soon } from './timings.js';

const whileWriting = { from: ms(100), until: ms(2300) };

/** Some links are reset, and what one node sends comes late. */
const unrest: readonly ScheduledFault[] = [
  randomly(1, cut('any'), whileWriting),
  randomly(1, hold('from-one', { for: ms(200) }), whileWriting),
];

/** More than two of its peers need to make themselves heard by a node that has just started. */
export const acquaintedMs = 500;

export const wipedDisk: Scenario = scenario('wiped-disk', {
  about:
    'The disk of a node is emptied, and it comes back under its name, knowing nothing: the others give it back what they have.',
  goals: ['incarnation-begun'],
  vary: (streams) => {
    const nodes = namesOfNodes(3);
    const random = streams('wiped-disk');
    const wiped = random.pick(nodes);
    const wipedAtMs = random.between(500, 1200);
    const awayMs = random.pick([5, 100, 400]);
    const isAgain = random.chance(0.3);
    const againAtMs = wipedAtMs + awayMs + acquaintedMs + 200;
    // Who writes before it has heard of anybody, writes under dots that it has used already: see `dot-use.ts`.
    const untilMs = random.chance(0.7) ? wipedAtMs + awayMs + acquaintedMs : wipedAtMs;
    const workload = mailboxes({ perSecond: 40, for: seconds(2.5), durable: 'mixed' });
    return {
      nodes,
      workload: withoutUsersAt(workload, wiped, { from: ms(wipedAtMs), until: ms(untilMs) }),
      faults: [
        ...unrest,
        at(ms(wipedAtMs), wipe(wiped, { for: ms(awayMs) })),
        ...(isAgain ? [at(ms(againAtMs), wipe(wiped, { for: ms(awayMs) }))] : []),
      ],
      application: anyApplication,
      timings: quickTimings,
      expect: soon,
    };
  },
});

export const restoredBackup: Scenario = scenario('restored-backup', {
  about:
    'A node goes back to a backup: marked, it fetches what it has forgotten and goes on; unmarked, it is fenced before it can do harm.',
  goals: ['rollback-noticed'],
  vary: (streams) => {
    const nodes = namesOfNodes(3);
    const random = streams('restored-backup');
    const node = random.pick(nodes);
    const backupAtMs = random.between(200, 900);
    const restoredAtMs = backupAtMs + random.between(20, 900);
    const writing = mailboxes({ perSecond: 40, for: seconds(2.5), durable: 'mixed' });
    const crashing = random.chance(0.3) ? [at(ms(backupAtMs - 20), crash(node, { for: ms(60) }))] : [];
    const restoring = drawRestore(random, node, restoredAtMs);
    const isMarked = restoring.every(({ fault }) => fault.kind !== 'restore-backup' || fault.marked);
    const parting = streams('who hears less');
    const isParted = parting.chance(isMarked ? 0.7 : 0.5);
    return {
      nodes,
      workload: isParted
        ? quietFor(writing, nodes, { from: ms(restoredAtMs), until: ms(restoredAtMs + 900) })
        : writing,
      faults: [
        ...unrest,
        ...crashing,
        at(ms(backupAtMs), backup(node)),
        ...(isParted ? loseTouch(parting, node, nodes, restoredAtMs) : []),
        ...restoring,
      ],
      application: anyApplication,
      timings: quickTimings,
      expect: soon,
    };
  },
});

/**
 * One of the others misses the last that the node writes before, and takes its time to fetch it from the third. Nobody writes
 * meanwhile: that would depend on it.
 */
function loseTouch(
  random: RandomStream,
  node: NodeName,
  nodes: readonly NodeName[],
  restoredAtMs: number,
): readonly ScheduledFault[] {
  const deaf = random.pick(nodes.filter((other) => other !== node));
  const fromMs = Math.max(0, restoredAtMs - random.between(50, 300));
  return [
    at(ms(fromMs), oneWay({ from: node, to: deaf }, { for: ms(restoredAtMs - fromMs) })),
    at(ms(restoredAtMs), slowDisk(deaf, { profile: { syncMs: { minMs: 200, maxMs: 600 } }, for: ms(1500) })),
  ];
}

/** Marked at once, perhaps dying over it, or only when the operator has seen what became of it without. */
function drawRestore(random: RandomStream, node: NodeName, atMs: number): readonly ScheduledFault[] {
  const lasting = { for: ms(random.pick([5, 100])) };
  const marked = (later: number): ScheduledFault => at(ms(atMs + later), restoreBackup(node, lasting));
  if (random.chance(0.4)) {
    const unmarked = at(ms(atMs), restoreBackup(node, { marked: false, ...lasting }));
    return random.chance(0.5) ? [unmarked] : [unmarked, marked(600)];
  }
  const dies = random.chance(0.5) ? crash : powerLoss;
  const deathAtMs = atMs + lasting.for + random.below(20);
  return [marked(0), ...(random.chance(0.5) ? [at(ms(deathAtMs), dies(node, { for: ms(30) }))] : [])];
}

/**
 * As long as every node hears one of the two, that one keeps the other one out, and then no message gets two bodies. So there are no
 * faults of the network while both could be heard: where one half hears the one and the other half the other one, as through
 * a partition, no protocol without a quorum can prevent it.
 */
export const twinNames: Scenario = scenario('twin-names', {
  about:
    'A second process with the name of a node, and mostly with a copy of its directory, runs beside it or in its place: no message gets two bodies.',
  goals: ['twin-refused'],
  vary: (streams) => {
    const nodes = namesOfNodes(3);
    const random = streams('twin-names');
    const node = random.pick(nodes);
    const twinAtMs = random.between(500, 1000);
    const endMs = twinAtMs + random.between(200, 900);
    const isAlone = random.chance(0.5);
    // What a twin has told some of the others only, when it dies, would be such a half.
    const quiet = isAlone ? [{ from: ms(endMs - 150), until: ms(endMs) }] : [];
    // The operator has found out, and gives up what the one that is left has.
    const wipedAtMs = endMs + random.between(50, 400);
    const awayMs = 50;
    const isWiped = random.chance(0.5);
    const wiped = isWiped ? [{ from: ms(wipedAtMs), until: ms(wipedAtMs + awayMs + acquaintedMs) }] : [];
    const calls = mailboxes({ perSecond: 42, for: seconds(2.5), durable: 'mixed' });
    return {
      nodes,
      workload: [...quiet, ...wiped].reduce((workload, span) => withoutUsersAt(workload, node, span), calls),
      faults: [
        ...(isAlone ? [at(ms(twinAtMs - 10), crash(node, { for: ms(endMs + 20 - twinAtMs) }))] : []),
        at(ms(twinAtMs), twin(node, { copy: random.chance(0.8), for: ms(endMs - twinAtMs) })),
        ...(isWiped ? [at(ms(wipedAtMs), wipe(node, { for: ms(awayMs) }))] : []),
        randomly(1, cut('any'), { from: ms(endMs + 100), until: ms(2300) }),
        randomly(1, hold('from-one', { for: ms(200) }), { from: ms(endMs + 100), until: ms(2300) }),
      ],
      application: anyApplication,
      // Who is let in by one node is heard by the next one later.
      link: random.chance(0.5) ? { latency: { minMs: 1, maxMs: 80 } } : {},
      timings: quickTimings,
      expect: soon,
    };
  },
});

/** Nobody asks anybody for anything in that span. */
function quietFor(workload: Workload, nodes: readonly NodeName[], span: Span): Workload {
  return nodes.reduce((quiet, node) => withoutUsersAt(quiet, node, span), workload);
}

/** Nobody asks `node` for anything in that span. */
export function withoutUsersAt(workload: Workload, node: NodeName, { from, until }: Span): Workload {
  const isAway = (atMs: number): boolean => atMs >= from && atMs < until;
  return {
    ...workload,
    plan: (context) => workload.plan(context).filter((operation) => operation.node !== node || !isAway(operation.atMs)),
  };
}
