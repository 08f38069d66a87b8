/** Who is a member: nodes are added and removed while everybody writes, and are given states in place of messages. */
import type { NodeName } from '../../core/index.js';
import type { RandomStream } from '../../transport-sim/index.js';
import { ms, seconds } from '../duration.js';
import {
  addMember,
  crash,
  cut,
  diskStall,
  hold,
  oneWay,
  partition,
  powerLoss,
  removeMember,
  wipe,
  type Fault,
} from '../faults.js';
import { namesOfNodes, scenario, type Scenario, type ScenarioBody } from '../scenario.js';
import { at, randomly, type ScheduledFault } from '../schedule.js';
import { mailboxes } from '../workloads/mailboxes.js';
import type { Workload } from '../workloads/workload.js';
import { acquaintedMs, withoutUsersAt } from './directory.js';
import { anyApplication } from './process.js';
import { quickTimings, soon } from './timings.js';

const whileWriting = { from: ms(100), until: ms(2300) };
const workload = mailboxes({ perSecond: 40, for: seconds(2.5), durable: 'mixed' });

export const memberJoins: Scenario = scenario('member-joins', {
  about:
    'One or two nodes are added, at times by different members at once, while all write and the network or a process fails.',
  goals: ['member-joined'],
  vary: (streams) => {
    const random = streams('member-joins');
    const nodes = namesOfNodes(3);
    const [one = '', other = ''] = random.shuffle(nodes);
    const atMs = random.between(200, 1500);
    const laterMs = random.pick([0, 0, 2, 300]);
    const isTwo = random.chance(0.6);
    return {
      nodes,
      joiners: isTwo ? ['d', 'e'] : ['d'],
      workload,
      faults: [
        at(ms(atMs), addMember('d', { by: one })),
        ...(isTwo ? [at(ms(atMs + laterMs), addMember('e', { by: other }))] : []),
        ...[1, 2].map(() =>
          at(ms(Math.max(0, atMs + random.between(-100, 400))), drawTrouble(random, [...nodes, 'd'])),
        ),
        ...dieOverAdding(streams('deaths of who adds'), one, atMs),
        randomly(0.5, crash('any', { for: ms(100) }), whileWriting),
        randomly(0.5, cut('any'), whileWriting),
      ],
      application: anyApplication,
      disk: random.chance(0.5) ? { syncMs: { minMs: 2, maxMs: 20 } } : {},
      timings: quickTimings,
      expect: soon,
    };
  },
});

/** Who adds a member may lose power before it, or anybody else, has that on its disk. */
function dieOverAdding(random: RandomStream, node: string, addedAtMs: number): readonly ScheduledFault[] {
  if (!random.chance(0.5)) return [];
  return [at(ms(addedAtMs + random.below(5)), powerLoss(node, { for: ms(random.between(5, 400)) }))];
}

/** Something that keeps some from hearing what others know. */
function drawTrouble(random: RandomStream, nodes: readonly string[]): Fault {
  const lasting = { for: ms(random.between(50, 800)) };
  const node = random.pick(nodes);
  switch (random.below(6)) {
    case 0:
      return partition('halves', lasting);
    case 1:
      return partition([[node]], lasting);
    case 2:
      return crash(node, lasting);
    case 3:
      return powerLoss(node, lasting);
    case 4:
      return oneWay('from-one', lasting);
    default:
      return hold('from-one', lasting);
  }
}

export const memberLeaves: Scenario = scenario('member-leaves', {
  about:
    'Of five members one or two are removed while they write: alive, cut off, half heard, or dead for good; and some come again.',
  goals: ['member-removed'],
  vary: (streams) => {
    const random = streams('member-leaves');
    const nodes = namesOfNodes(5);
    const [first = nodes[0], second = nodes[1], ...staying] = random.shuffle(nodes);
    const isTwo = random.chance(0.4);
    const atMs = random.between(500, 1400);
    const leaving = [first, ...(isTwo ? [second] : [])].flatMap((node) => node ?? []);
    const others = nodes.filter((node) => !leaving.includes(node));
    const returnAtMs = atMs + random.between(100, 700);
    return {
      nodes,
      workload,
      faults: [
        ...leaving.flatMap((node, index) => [
          ...partFrom(random, node, others, atMs),
          at(ms(atMs + index * random.pick([0, 3, 200])), removeMember(node, { by: staying[index] ?? 'any' })),
        ]),
        ...(random.chance(0.4) ? [at(ms(returnAtMs), addMember(leaving[0] ?? ''))] : []),
        ...(random.chance(0.4) ? [at(ms(atMs + random.between(-50, 300)), drawTrouble(random, others))] : []),
        randomly(0.5, crash('any', { for: ms(100) }), whileWriting),
        randomly(0.5, cut('any'), whileWriting),
      ],
      application: anyApplication,
      disk: random.chance(0.5) ? { syncMs: { minMs: 2, maxMs: random.pick([20, 100]) } } : {},
      timings: quickTimings,
      expect: soon,
    };
  },
});

/** What becomes of a node before it is removed: mostly only some of the others have heard its last messages. */
function partFrom(
  random: RandomStream,
  node: NodeName,
  others: readonly NodeName[],
  removedAtMs: number,
): readonly ScheduledFault[] {
  const fromMs = removedAtMs - random.between(50, 400);
  const deaf = random.shuffle(others).slice(0, random.between(1, others.length - 1));
  const isHalfHeard = at(ms(fromMs), random.pick([oneWay, hold])({ from: node, to: deaf }, { for: ms(1200) }));
  const dies = at(ms(removedAtMs - random.between(0, 40)), random.pick([crash, powerLoss])(node, { forGood: true }));
  switch (random.below(5)) {
    case 0:
      return [];
    case 1:
      return [isHalfHeard];
    case 2:
      return [isHalfHeard, dies];
    case 3:
      return [at(ms(fromMs), partition([[node]], { for: ms(1000) }))];
    default:
      return [dies];
  }
}

const segmentBytesMax = 4 << 10;

export const snapshotJoin: Scenario = scenario('snapshot-join', {
  about:
    'Journals have dropped their beginning when a node joins, is wiped, or returns after it was given up: it is given a state, though donors die.',
  goals: ['snapshot-installed'],
  vary: (streams) => {
    const random = streams('snapshot-join');
    const kind = random.pick(['joins', 'wiped', 'returns', 'returns'] as const);
    const nodes = namesOfNodes(3);
    const isLarge = random.chance(0.5);
    const body = drawNewcomer(random, kind, nodes, isLarge);
    const { newcomer, arrivesAtMs } = body;
    const donors = nodes.filter((node) => node !== newcomer);
    const deaths = random.below(4);
    const { workload, hanging } = drawHanging(streams('hanging disk'), donors, body.body.workload);
    return {
      nodes,
      ...body.body,
      workload,
      faults: [
        ...(body.body.faults ?? []),
        ...Array.from({ length: deaths }, () => {
          const target = random.chance(0.3) ? newcomer : random.pick(donors);
          const die = random.pick([crash, powerLoss]);
          return at(ms(arrivesAtMs + random.between(10, isLarge ? 800 : 300)), die(target, { for: ms(100) }));
        }),
        ...hanging,
        randomly(0.3, cut('any'), whileWriting),
      ],
      application: anyApplication,
      limits: { segmentBytesMax, cacheBytesMax: 4 << 10 },
      // A piece takes a tenth of a second.
      link: isLarge ? { bytesPerMs: 600 } : {},
      timings: quickTimings,
      expect: { convergeWithin: seconds(10) },
    };
  },
});

/**
 * The disk of one node may hang, while another one fills segments with what it must keep for it: nothing of its own, which is
 * acknowledged to itself.
 */
function drawHanging(
  random: RandomStream,
  nodes: readonly NodeName[],
  writing: Workload,
): { readonly workload: Workload; readonly hanging: readonly ScheduledFault[] } {
  const [hung = '', silent] = random.shuffle(nodes);
  if (silent === undefined || random.chance(0.4)) return { workload: writing, hanging: [] };
  const fromMs = random.between(300, 2300);
  return {
    workload: withoutUsersAt(writing, silent, { from: ms(fromMs - 100), until: ms(fromMs + 1200) }),
    hanging: [at(ms(fromMs), diskStall(hung, { for: ms(1100) }))],
  };
}

/** Who will need a state, from when on, and why. */
function drawNewcomer(
  random: RandomStream,
  kind: 'joins' | 'wiped' | 'returns',
  nodes: readonly NodeName[],
  isLarge: boolean,
): { readonly newcomer: string; readonly arrivesAtMs: number; readonly body: Omit<ScenarioBody, 'nodes'> } {
  const writing = isLarge
    ? longMails(mailboxes({ perSecond: 70, for: seconds(3.5), durable: 'mixed' }), random.between(2000, 6000))
    : mailboxes({ perSecond: 100, for: seconds(3.5), durable: 'mixed' });
  const arrivesAtMs = random.between(1200, 1800);
  const node = random.pick(nodes);
  switch (kind) {
    case 'joins': {
      const faults = [at(ms(arrivesAtMs), addMember('d', { by: node }))];
      return { newcomer: 'd', arrivesAtMs, body: { joiners: ['d'], workload: writing, faults } };
    }
    case 'wiped': {
      // Who writes before it has heard of anybody, writes under dots that it has used already: see `dot-use.ts`.
      const span = { from: ms(arrivesAtMs - 50), until: ms(arrivesAtMs + acquaintedMs) };
      const faults = [at(span.from, wipe(node, { for: ms(50) }))];
      return { newcomer: node, arrivesAtMs, body: { workload: withoutUsersAt(writing, node, span), faults } };
    }
    case 'returns': {
      // Longer than members are waited for that have just not been heard of for a while.
      const leftAtMs = random.between(100, 400);
      const returnsAtMs = leftAtMs + random.between(1500, 2500);
      const faults = [at(ms(leftAtMs), random.pick([crash, powerLoss])(node, { for: ms(returnsAtMs - leftAtMs) }))];
      const retention = { policy: 'demote', bytesMax: 8 << 10 } as const;
      return { newcomer: node, arrivesAtMs: returnsAtMs, body: { workload: writing, faults, retention } };
    }
  }
}

/** Mails are long and stay where they are, so that the state is long. */
function longMails(writing: Workload, bytes: number): Workload {
  return {
    ...writing,
    plan: (context) =>
      writing.plan(context).flatMap((operation) => (operation.kind === 'append' ? { ...operation, bytes } : [])),
  };
}
