/**
 * Swarm: each seed gets a random subset of all faults, with random rates, on a random cluster.
 *
 * Leaving faults out finds more than having all of them always: a fault can hide what another one would show (Groce et
 * al., "Swarm Testing", ISSTA 2012). Every choice has a stream of its own, so that one does not shift the next.
 */
import type { Limits } from '../../core/index.js';
import type { RandomStream } from '../../transport-sim/index.js';
import { ms, type Milliseconds } from '../duration.js';
import {
  crash,
  cut,
  diskErrors,
  diskFull,
  diskStall,
  hold,
  link,
  oneWay,
  partition,
  pause,
  powerLoss,
  slowDisk,
  stop,
  swizzle,
  type DirectionTarget,
  type Fault,
} from '../faults.js';
import type { DiskErrorRates, LinkSettings } from '../plan.js';
import { scenario, type Scenario, type ScenarioBody, type Streams } from '../scenario.js';
import { randomly, type ScheduledFault } from '../schedule.js';
import { mailboxes } from '../workloads/mailboxes.js';
import { anyApplication } from './process.js';
import { quickTimings, soon } from './timings.js';

const lastsMs = 2500;
const span = { from: ms(50), until: ms(lastsMs - 300) };

const anyDirection: readonly DirectionTarget[] = ['any', 'from-one', 'to-one', 'around-one', 'all'];

/**
 * Every fault that takes nothing away for good, each with a random extent. A disk that rots or lies may leave a message at
 * one peer of its node alone, from where it gets to nobody else.
 */
const faultKinds: Readonly<Record<string, (random: RandomStream, thinnest: number) => Fault>> = {
  partition: (random) =>
    partition(random.pick(['halves', 'one', 'minority', 'random', 'bridge'] as const), { for: short(random, 1500) }),
  'one-way': (random) => oneWay(random.pick(anyDirection), { for: short(random, 1500) }),
  cut: (random) => cut(random.pick(anyDirection)),
  hold: (random) => hold(random.pick(anyDirection), { for: short(random, 800) }),
  swizzle: (random) => swizzle({ for: short(random, 1000) }),
  crash: (random) => crash(random.pick(['any', 'any', 'minority', 'all']), { for: short(random, 500) }),
  'crash-until-the-end': () => crash('any'),
  'power-loss': (random) => powerLoss(random.pick(['any', 'any', 'minority', 'all']), { for: short(random, 500) }),
  stop: (random) => stop('any', { for: short(random, 300) }),
  pause: (random) => pause(random.pick(['any', 'minority']), { for: short(random, 1000) }),
  'slow-disk': (random) =>
    slowDisk('any', { for: short(random, 1000), profile: { syncMs: { minMs: 5, maxMs: random.between(10, 100) } } }),
  'disk-errors': (random) => diskErrors('any', { ...drawErrors(random), for: short(random, 600) }),
  'disk-full': (random) =>
    diskFull(random.pick(['any', 'any', 'minority', 'all']), {
      freeBytes: random.pick([0, 200, 3000]),
      for: short(random, 800),
    }),
  'disk-stall': (random) => diskStall(random.pick(['any', 'any', 'minority', 'all']), { for: short(random, 1800) }),
  link: (random, thinnest) =>
    link(drawLink(random, 0.5, thinnest), { direction: random.pick(anyDirection), for: short(random, 1000) }),
};

export const swarm: Scenario = scenario('swarm', {
  about: 'A random subset of all faults, at random rates, on two to five nodes with random limits.',
  vary: drawBody,
});

function drawBody(streams: Streams): ScenarioBody {
  const shape = streams('swarm shape');
  const largeMails = shape.pick([0, 0, 0, 0.2]);
  // A frame must get through before its link is given up for dead, also one of several mails.
  const thinnest = largeMails > 0 ? 100 : 20;
  return {
    nodes: shape.between(2, 5),
    workload: mailboxes({
      perSecond: shape.between(6, 24),
      for: ms(lastsMs),
      mailBytesMax: shape.pick([20, 200, 2000]),
      largeMails,
      durable: shape.pick(['here', 'here', 'mixed']),
    }),
    faults: drawFaults(streams, thinnest),
    disk: largeMails > 0 || shape.chance(0.4) ? { syncMs: { minMs: 10, maxMs: shape.between(20, 150) } } : {},
    link: shape.chance(0.5) ? drawLink(streams('swarm link'), 0.1, thinnest) : {},
    application: anyApplication,
    supervisor: { restartAfterMs: short(streams('swarm supervisor'), 200) },
    limits: shape.chance(0.5) ? drawLimits(streams('swarm limits')) : {},
    timings: quickTimings,
    expect: soon,
  };
}

function drawFaults(streams: Streams, thinnest: number): readonly ScheduledFault[] {
  const faults: ScheduledFault[] = [];
  for (const [kind, draw] of Object.entries(faultKinds)) {
    const random = streams(`swarm fault ${kind}`);
    if (!random.chance(0.4)) continue;
    const perSecond = random.between(2, 15) / 10;
    faults.push(randomly(perSecond, draw(random, thinnest), span));
  }
  return faults;
}

/** Losses and the like, each up to `most`; a line that is thin carries at least `thinnest` bytes a millisecond. */
function drawLink(random: RandomStream, most: number, thinnest: number): Partial<LinkSettings> {
  const drawRate = (): number => (random.chance(0.4) ? (most * random.between(1, 100)) / 100 : 0);
  const latencyMs = random.pick([2, 5, 50]);
  return {
    latency: { minMs: 0.2, maxMs: latencyMs },
    loss: drawRate(),
    duplication: drawRate(),
    reordering: drawRate(),
    cut: drawRate() / 4,
    corruption: drawRate() / 4,
    splitting: drawRate(),
    ...(random.chance(0.2) ? { bytesPerMs: thinnest * random.between(1, 5) } : {}),
  };
}

/**
 * Small limits, so that rare paths run: several segments, reads back from the journal, full windows, batches of one, room
 * for hardly more than the message under way. All nodes have the same ones. The largest mail fits in every message limit.
 */
function drawLimits(random: RandomStream): Partial<Limits> {
  return {
    segmentBytesMax: random.pick([1 << 10, 4 << 10, 1 << 20]),
    cacheBytesMax: random.pick([0, 1 << 10, 1 << 20]),
    windowBytes: random.pick([1 << 10, 8 << 10, 1 << 20]),
    batchBytesTarget: random.pick([1, 512, 64 << 10]),
    messageBytesMax: random.pick([32 << 10, 1 << 20]),
    pendingBytesMax: random.pick([1, 4 << 10, 8 << 20]),
    undeliveredBytesMax: random.pick([1, 4 << 10, 64 << 20]),
    heldBackBytesMax: random.pick([1, 4 << 10, 64 << 20]),
    linkBufferBytesMax: random.pick([1, 4 << 10, 1 << 20]),
  };
}

/** Some kinds of calls fail, at rates up to a half. */
function drawErrors(random: RandomStream): DiskErrorRates {
  const drawRate = (): number => (random.chance(0.5) ? random.between(1, 50) / 100 : 0);
  return { read: drawRate(), write: drawRate(), sync: drawRate() };
}

function short(random: RandomStream, mostMs: number): Milliseconds {
  return ms(random.between(5, mostMs));
}
