/**
 * What networks do: parts that cannot reach each other, writes lost, doubled and overtaken, a peer that is too slow.
 */
import { ms, seconds } from '../duration.js';
import { cut, hold, link, oneWay, partition, slowDisk, swizzle } from '../faults.js';
import { namesOfNodes, scenario, type Scenario } from '../scenario.js';
import { at, every, randomly } from '../schedule.js';
import { mailboxes } from '../workloads/mailboxes.js';
import { quickTimings, soon } from './timings.js';

/** Each end says HELLO and WELCOME first. A link is refused when these are doubled, and nothing else would happen. */
const handshakeWrites = 2;

const whileWriting = { from: ms(200), until: seconds(2) };

export const partitionHeal: Scenario = scenario('partition-heal', {
  about: 'Two halves go on writing through a partition, then heal.',
  goals: ['relayed'],
  nodes: 5,
  workload: mailboxes({ perSecond: 8, for: seconds(3) }),
  faults: [at(ms(500), partition('halves', { for: ms(1800) })), randomly(0.5, cut('any'), whileWriting)],
  timings: quickTimings,
  expect: soon,
});

export const bridge: Scenario = scenario('bridge', {
  about: 'Two halves go on writing while they reach each other only through one node, then heal.',
  goals: ['relayed'],
  nodes: 5,
  workload: mailboxes({ perSecond: 8, for: seconds(3) }),
  faults: [at(ms(500), partition('bridge', { for: ms(1800) })), randomly(0.5, cut('any'), whileWriting)],
  timings: quickTimings,
  expect: soon,
});

export const flapping: Scenario = scenario('flapping', {
  about: 'Partitions come and go every few hundred milliseconds, and links are reset again and again.',
  goals: ['relayed'],
  nodes: 4,
  workload: mailboxes({ perSecond: 10, for: seconds(3) }),
  faults: [
    every(ms(400), partition('random', { for: ms(250) }), { from: ms(200), until: ms(2600) }),
    randomly(6, cut('any'), { from: ms(200), until: ms(2800) }),
  ],
  timings: quickTimings,
  expect: soon,
});

export const swizzleClog: Scenario = scenario('swizzle', {
  about: 'Directions clog one after the other in one random order, and come free in another.',
  goals: ['held-back'],
  nodes: 4,
  workload: mailboxes({ perSecond: 14, for: seconds(3) }),
  faults: [every(ms(1000), swizzle({ for: ms(900) }), { from: ms(100), until: ms(2100) })],
  timings: quickTimings,
  expect: soon,
});

export const oneWayBlock: Scenario = scenario('one-way', {
  about: 'A node is heard and hears nothing, then another is silent and hears everything.',
  goals: ['relayed'],
  vary: (streams) => {
    const nodes = namesOfNodes(4);
    const [deaf = '', mute = ''] = streams('one-way nodes').shuffle(nodes);
    return {
      nodes,
      workload: mailboxes({ perSecond: 12, for: seconds(3) }),
      faults: [
        at(ms(300), oneWay({ from: nodes, to: deaf }, { for: ms(1200) })),
        at(ms(1800), oneWay({ from: mute, to: nodes }, { for: ms(1000) })),
      ],
      timings: quickTimings,
      expect: soon,
    };
  },
});

export const reorderStorm: Scenario = scenario('reorder-storm', {
  about: 'Writes overtake each other all the time, and whole directions clog and then arrive at once.',
  goals: ['held-back'],
  nodes: 4,
  workload: mailboxes({ perSecond: 18, for: seconds(2) }),
  link: { latency: { minMs: 1, maxMs: 20 }, reordering: 0.2, reorderDelayMs: 40, sparedWrites: handshakeWrites },
  faults: [randomly(2, hold('any', { for: ms(300) }), whileWriting)],
  timings: quickTimings,
  expect: soon,
});

export const duplicateStorm: Scenario = scenario('duplicate-storm', {
  about: 'Every third write after a handshake arrives twice, and links are reset, so that much is sent again.',
  nodes: 4,
  workload: mailboxes({ perSecond: 18, for: seconds(2) }),
  link: { duplication: 0.33, sparedWrites: handshakeWrites },
  faults: [randomly(3, cut('any'), whileWriting)],
  timings: quickTimings,
  expect: soon,
});

export const lossy: Scenario = scenario('lossy', {
  about: 'Writes vanish or are damaged while their links live on, and some cut their link at a random byte.',
  goals: ['held-back', 'relayed'],
  nodes: 4,
  workload: mailboxes({ perSecond: 16, for: seconds(2) }),
  link: { loss: 0.05, cut: 0.01, corruption: 0.01, splitting: 0.1 },
  faults: [at(ms(800), link({ loss: 0.3 }, { direction: 'around-one', for: ms(600) }))],
  timings: quickTimings,
  expect: soon,
});

/** Twice as long as anybody writes. */
const slowFor = seconds(4.5);

export const slowPeer: Scenario = scenario('slow-peer', {
  about:
    'One node has a thin line and a slow disk: it falls behind while the others write, and catches up as slow as it is.',
  goals: ['held-back'],
  nodes: 4,
  workload: mailboxes({ perSecond: 20, for: seconds(2), mailBytesMax: 900 }),
  faults: [
    at(
      ms(100),
      link(
        { bytesPerMs: 3, latency: { minMs: 40, maxMs: 120 } },
        { direction: { from: ['b', 'c', 'd'], to: 'a' }, for: slowFor },
      ),
    ),
    at(ms(100), slowDisk('a', { profile: { syncMs: { minMs: 40, maxMs: 120 } }, for: slowFor })),
  ],
  application: (random) =>
    random.chance(0.25) ? { memory: 'position', applyMs: { minMs: 5, maxMs: 30 } } : { memory: 'position' },
  limits: { windowBytes: 4 << 10, cacheBytesMax: 8 << 10 },
  timings: quickTimings,
  expect: soon,
});
