import { describe, expect, test } from 'vitest';
import type { NodeName } from '../../core/index.js';
import {
  at,
  bitRot,
  crash,
  cut,
  diskErrors,
  diskFull,
  diskStall,
  every,
  hold,
  isScenario,
  link,
  lyingDisk,
  mailboxes,
  makePlan,
  ms,
  oneWay,
  partition,
  pause,
  powerLoss,
  randomly,
  scenario,
  seconds,
  slowDisk,
  stop,
  swizzle,
  usualDisk,
  usualLink,
  type Fault,
  type LinkSettings,
  type PlannedFault,
  type ScheduledFault,
} from '../../scenarios/index.js';

const workload = mailboxes({ perSecond: 5, for: seconds(1) });

function planOf(nodes: number | readonly string[], faults: readonly ScheduledFault[], seed = '1') {
  return makePlan(scenario('test', { about: '', nodes, workload, faults }), seed);
}

function resolve(nodes: number, fault: Fault, seed = '1'): readonly PlannedFault[] {
  return planOf(nodes, [at(seconds(1), fault)], seed).faults;
}

const seeds = Array.from({ length: 30 }, (_, index) => String(index));

describe('targets', () => {
  test('halves split the nodes evenly', () => {
    for (const seed of seeds) {
      const [fault] = resolve(5, partition('halves'), seed);
      const groups = fault?.kind === 'partition' ? fault.groups : [];
      expect(groups.map((group) => group.length)).toEqual([3, 2]);
      expect(groups.flat().sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    }
  });

  test('a minority is less than half, and at least one', () => {
    for (const nodes of [2, 3, 4, 5, 7]) {
      const sizes = seeds.map((seed) => resolve(nodes, crash('minority'), seed).length);
      expect(Math.min(...sizes)).toBe(1);
      expect(Math.max(...sizes)).toBe(Math.max(1, Math.ceil(nodes / 2) - 1));
    }
  });

  test('any node means every node, over the seeds', () => {
    const chosen = new Set(seeds.map((seed) => JSON.stringify(resolve(3, crash('any'), seed))));
    expect(chosen.size).toBe(3);
  });

  test('every node has its part in a random partition', () => {
    for (const seed of seeds) {
      const [fault] = resolve(4, partition('random'), seed);
      const groups = fault?.kind === 'partition' ? fault.groups : [];
      expect(groups.flat().sort()).toEqual(['a', 'b', 'c', 'd']);
      expect(groups.length).toBeGreaterThanOrEqual(2);
      expect(Math.min(...groups.map((group) => group.length))).toBeGreaterThanOrEqual(1);
    }
  });

  test('a bridge is in both halves, and nobody else is', () => {
    for (const seed of seeds) {
      const [fault] = resolve(5, partition('bridge'), seed);
      const groups = fault?.kind === 'partition' ? fault.groups : [];
      expect(groups.map((group) => group.length)).toEqual([3, 3]);
      expect(groups[0]?.filter((node) => groups[1]?.includes(node))).toHaveLength(1);
      expect([...new Set(groups.flat())].sort()).toEqual(['a', 'b', 'c', 'd', 'e']);
    }
    const [two] = resolve(2, partition('bridge'));
    expect(two?.kind === 'partition' && two.groups.some((group) => group.length === 2)).toBe(true);
  });

  test('nodes that a partition does not name form a group of their own', () => {
    expect(resolve(4, partition([['a'], ['c']]))).toEqual([
      { atMs: 1000, kind: 'partition', groups: [['a'], ['c'], ['b', 'd']] },
    ]);
  });

  test('around one node are the directions to it and from it', () => {
    const [first, second, ...others] = resolve(3, hold('around-one'));
    expect(others).toEqual([]);
    if (first?.kind !== 'hold' || second?.kind !== 'hold') throw new Error('holds expected');
    expect(first.from).toEqual(second.to);
    expect([...first.from, ...first.to].sort()).toEqual(['a', 'b', 'c']);
  });

  test('a cluster of one has no links that could be cut', () => {
    expect(resolve(1, cut('any'))).toEqual([]);
    expect(resolve(1, partition('random'))).toEqual([]);
  });

  test('a name that is not there is an error that tells the names', () => {
    expect(() => resolve(3, crash('z'))).toThrow(
      'a fault names "z", which is no node of the scenario (a, b, c); name one of these',
    );
  });
});

describe('a fault that lasts brings its end, on the same targets', () => {
  test.each<[name: string, fault: Fault, end: (begin: PlannedFault) => unknown]>([
    ['partition', partition('one', { for: ms(200) }), () => ({ kind: 'heal' })],
    ['one-way', oneWay('any', { for: ms(200) }), () => ({ kind: 'heal' })],
    ['hold', hold('any', { for: ms(200) }), (begin) => ({ ...begin, kind: 'release' })],
    ['pause', pause('any', { for: ms(200) }), (begin) => ({ ...begin, kind: 'resume' })],
    [
      'link',
      link({ loss: 0.5, bytesPerMs: 3 }, { direction: 'any', for: ms(200) }),
      (begin) => ({ ...begin, profile: { loss: usualLink.loss, bytesPerMs: 'unlimited' } }),
    ],
    ['slow-disk', slowDisk('any', { for: ms(200) }), (begin) => ({ ...begin, profile: { syncMs: usualDisk.syncMs } })],
  ])('%s', (_name, fault, end) => {
    for (const seed of seeds) {
      const [begin, ending, ...others] = resolve(4, fault, seed);
      expect(others).toEqual([]);
      expect(begin).toMatchObject({ atMs: 1000, kind: fault.kind });
      expect(ending).toEqual({ ...(end(begin as PlannedFault) as object), atMs: 1200 });
    }
  });

  test('crash, power loss and stop restart', () => {
    expect(resolve(2, crash('a', { for: ms(50) }))).toEqual([
      { atMs: 1000, kind: 'crash', node: 'a', restartAfterMs: 50 },
    ]);
    expect(resolve(2, powerLoss('b'))).toEqual([{ atMs: 1000, kind: 'power-loss', node: 'b' }]);
    expect(resolve(2, stop('b', { for: ms(50) }))).toEqual([
      { atMs: 1000, kind: 'stop', node: 'b', restartAfterMs: 50 },
    ]);
  });
});

test('a node that dies for good has no return', () => {
  expect(resolve(2, crash('a', { forGood: true }))).toEqual([{ atMs: 1000, kind: 'crash', node: 'a', forGood: true }]);
  expect(resolve(2, powerLoss('a', { forGood: true }))).toEqual([
    { atMs: 1000, kind: 'power-loss', node: 'a', forGood: true },
  ]);
  expect(resolve(2, crash('a', { forGood: false, for: ms(5) }))).toEqual(resolve(2, crash('a', { for: ms(5) })));
});

describe('a swizzle', () => {
  const drawn = seeds.map((seed) => {
    const faults = resolve(4, swizzle({ for: ms(1000) }), seed);
    const of = (kind: PlannedFault['kind']) =>
      faults.flatMap((fault) =>
        fault.kind === kind && 'from' in fault
          ? [{ atMs: fault.atMs, way: `${fault.from.join()}>${fault.to.join()}` }]
          : [],
      );
    return { faults, holds: of('hold'), releases: of('release') };
  });

  test('clogs some directions one after the other, and then releases the same ones in another order', () => {
    for (const { faults, holds, releases } of drawn) {
      expect(holds.length).toBeGreaterThanOrEqual(3);
      expect(holds.length).toBeLessThanOrEqual(12);
      expect(faults).toHaveLength(holds.length + releases.length);
      expect(new Set(holds.map(({ way }) => way)).size).toBe(holds.length);
      expect(releases.map(({ way }) => way).sort()).toEqual(holds.map(({ way }) => way).sort());
      const times = [...holds, ...releases].map(({ atMs }) => atMs);
      expect(new Set(times).size).toBe(times.length);
      expect(times).toEqual(times.toSorted((one, other) => one - other));
      expect([times[0], times.at(-1)]).toEqual([1000, 2000]);
    }
    const isSameOrder = ({ holds, releases }: (typeof drawn)[number]): boolean =>
      holds.every(({ way }, index) => way === releases[index]?.way);
    expect(drawn.filter(isSameOrder).length).toBeLessThan(drawn.length / 4);
    expect(new Set(drawn.map(({ holds }) => holds.length)).size).toBeGreaterThan(3);
  });

  test('needs links', () => {
    expect(resolve(1, swizzle({ for: ms(1000) }))).toEqual([]);
  });
});

describe('faults of disks', () => {
  test('last as long as they say, and the faults of the plan end after them', () => {
    expect(resolve(2, diskErrors('a', { read: 0.1, sync: 0.2, for: ms(50) }))).toEqual([
      { atMs: 1000, kind: 'disk-errors', node: 'a', read: 0.1, sync: 0.2, forMs: 50 },
    ]);
    expect(resolve(2, diskErrors('a', { write: 1 }))).toEqual([
      { atMs: 1000, kind: 'disk-errors', node: 'a', write: 1 },
    ]);
    expect(resolve(2, diskFull('b', { for: ms(70) }))).toEqual([
      { atMs: 1000, kind: 'disk-full', node: 'b', freeBytes: 0, forMs: 70 },
    ]);
    expect(resolve(2, diskStall('b', { for: ms(70) }))).toEqual([
      { atMs: 1000, kind: 'disk-stall', node: 'b', forMs: 70 },
    ]);
    expect(resolve(2, lyingDisk('a', { phantom: 0.5, misdirected: 0.1, for: ms(20) }))).toEqual([
      { atMs: 1000, kind: 'lying-disk', node: 'a', phantom: 0.5, misdirected: 0.1, forMs: 20 },
    ]);
    expect(planOf(2, [at(seconds(1), diskStall('any', { for: seconds(3) }))]).healedAtMs).toBe(4000);
  });

  test('bits flip where it is said, or at any place, at each node another one', () => {
    expect(resolve(2, bitRot('a', { bits: 3, at: 0.25 }))).toEqual([
      { atMs: 1000, kind: 'bit-rot', node: 'a', at: 0.25, bits: 3 },
    ]);
    const places = seeds.flatMap((seed) =>
      resolve(3, bitRot('all'), seed).map((fault) => (fault.kind === 'bit-rot' ? fault.at : -1)),
    );
    expect(new Set(places).size).toBe(90);
    expect(Math.min(...places)).toBeGreaterThanOrEqual(0);
    expect(Math.min(...places)).toBeLessThan(0.1);
    expect(Math.max(...places)).toBeGreaterThan(0.9);
    expect(Math.max(...places)).toBeLessThan(1);
  });

  test('what no disk can do is refused', () => {
    expect(() => diskErrors('a', { read: 1.5 })).toThrow(
      'diskErrors: read is 1.5, it must be a probability from 0 to 1',
    );
    expect(() => lyingDisk('a', { phantom: -1 })).toThrow('lyingDisk: phantom is -1');
    expect(() => diskFull('a', { freeBytes: -1 })).toThrow('diskFull: -1 free bytes; give a whole number from 0 on');
    expect(() => bitRot('a', { bits: 0 })).toThrow('bitRot: 0 bits; give a whole number from 1 on');
    expect(() => bitRot('a', { at: 2 })).toThrow('bitRot: 2 of the log; give a fraction from 0 to 1');
  });
});

test('a supervisor and what a loss of power leaves stand in the plan only when they are given', () => {
  const define = (body: object) => makePlan(scenario('test', { about: '', nodes: 2, workload, ...body }), '1').options;
  expect(define({})).not.toHaveProperty('supervisor');
  expect(define({}).disk).not.toHaveProperty('powerLoss');
  expect(define({ supervisor: { restartAfterMs: ms(20) } }).supervisor).toEqual({ restartAfterMs: 20 });
  expect(define({ disk: { powerLoss: 'everything' } }).disk.powerLoss).toBe('everything');
});

test('budgets stand in the plan only when they are given', () => {
  const define = (expect: object) => makePlan(scenario('test', { about: '', nodes: 2, workload, expect }), '1');
  expect(define({ convergeWithin: ms(5) })).not.toHaveProperty('budgets');
  expect(define({ messagesPerBroadcast: 8, bytesPerBroadcast: 900.5, deliveryP99: seconds(1) }).budgets).toEqual({
    messagesPerBroadcast: 8,
    bytesPerBroadcast: 900.5,
    deliveryP99Ms: 1000,
  });
  expect(define({ diskBytesMax: 1 << 20 }).budgets).toEqual({ diskBytesMax: 1 << 20 });
  expect(() => define({ messagesPerBroadcast: -1 })).toThrow(
    'expect: messagesPerBroadcast is -1; give a number from 0 on',
  );
  expect(() => define({ bytesPerBroadcast: Number.NaN })).toThrow('bytesPerBroadcast is NaN');
});

describe('times', () => {
  test('every: from the first moment of the span to its last', () => {
    const { faults } = planOf(2, [every(ms(250), crash('any'), { from: ms(500), until: seconds(1) })]);
    expect(faults.map(({ atMs }) => atMs)).toEqual([500, 750, 1000]);
  });

  test('randomly: as many as the rate says, within the span', () => {
    const span = { from: ms(500), until: ms(2500) };
    const counts = seeds.map((seed) => {
      const { faults } = planOf(2, [randomly(1.25, crash('any'), span)], seed);
      for (const { atMs } of faults) {
        expect(atMs).toBeGreaterThanOrEqual(500);
        expect(atMs).toBeLessThanOrEqual(2500);
      }
      return faults.length;
    });
    expect(new Set(counts)).toEqual(new Set([2, 3]));
  });

  test('a span that ends before it begins, a period of nothing, a negative duration are refused', () => {
    expect(() => every(ms(1), crash('any'), { from: ms(2), until: ms(1) })).toThrow('swap the two');
    expect(() => every(ms(0), crash('any'), { from: ms(1), until: ms(2) })).toThrow('at least ms(1)');
    expect(() => ms(-1)).toThrow('not within');
    expect(() => seconds(Number.NaN)).toThrow('not within');
  });
});

describe('scenario', () => {
  test('names its nodes', () => {
    expect(planOf(3, []).nodes).toEqual(['a', 'b', 'c']);
    expect(planOf(30, []).nodes.slice(0, 2)).toEqual(['n001', 'n002']);
    expect(planOf(['berlin', 'oslo'], []).nodes).toEqual(['berlin', 'oslo']);
  });

  test('refuses too few, too many, and the same name twice', () => {
    expect(() => planOf(0, [])).toThrow('a whole number from 1 to 256');
    expect(() => planOf(257, [])).toThrow('a whole number from 1 to 256');
    expect(() => planOf(['a', 'a'], [])).toThrow('names the node a twice');
    expect(() => scenario('Not A Name', { about: '', nodes: 1, workload })).toThrow('is no scenario name');
    expect(() => makePlan(scenario('x', { about: '', nodes: 1, workload }), '')).toThrow('an empty seed');
  });

  test('plans nothing that could not be read again', () => {
    const planned = (link: Partial<LinkSettings>) =>
      makePlan(scenario('mine', { about: '', nodes: 2, workload, link }), '3');
    expect(() => planned({ loss: Number.NaN })).toThrow(/what mine plans for seed 3 .*\n {2}options\.link\.loss: /);
    expect(() => planned({ duplication: 1.5 })).toThrow('options.link.duplication: 1.5 is too large; the most is 1');
    expect(() => planned({ duplication: 1.5 })).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });

  test('has no program of its own under the name of one in the package, for replay would run that', () => {
    const own = { ...workload, createApplication: () => workload.createApplication('a' as NodeName) };
    expect(() => makePlan(scenario('mine', { about: '', nodes: 2, workload: own }), '1')).toThrow(
      'mine: the workload "mailboxes" is not the one of that name in this package',
    );
    expect(makePlan(scenario('mine', { about: '', nodes: 2, workload: { ...own, name: 'mine' } }), '1').workload).toBe(
      'mine',
    );
  });

  test('is told from other values', () => {
    expect(isScenario(scenario('x', { about: '', nodes: 1, workload }))).toBe(true);
    for (const other of [undefined, null, 3, {}, { name: 'x', about: '', body: {} }]) {
      expect(isScenario(other)).toBe(false);
    }
  });
});
