import { describe, expect, test } from 'vitest';
import { nodeName } from '../../core/index.js';
import {
  at,
  backup,
  clockDrift,
  clockJump,
  crash,
  describeFault,
  formatPlan,
  mailboxes,
  makePlan,
  ms,
  poison,
  readPlan,
  restoreBackup,
  runPlan,
  scenario,
  seconds,
  timersLate,
  twin,
  wipe,
  type ApplicationMode,
  type Fault,
  type HistoryEvent,
  type NodeFaultBody,
  type Plan,
  type RunResult,
} from '../../scenarios/index.js';

type Timed = readonly (readonly [atMs: number, fault: Fault])[];
type Run = RunResult & { readonly history: readonly HistoryEvent[] };

const timings = { backoffMs: 20, backoffMaxMs: 100, heartbeatMs: 200, probeMs: 50, wantRetryMs: 50 };

/** Three nodes that write for a second and a half, and nobody asks `silent` for anything from `fromMs` on. */
function planOf(
  faults: Timed,
  options: { readonly silent?: string; readonly fromMs?: number; readonly application?: ApplicationMode } = {},
): Plan {
  const { silent, fromMs = 0, application = { memory: 'position' } } = options;
  const users = mailboxes({ perSecond: 60, for: seconds(1.5) });
  const workload = {
    ...users,
    plan: (context: Parameters<typeof users.plan>[0]) =>
      users.plan(context).filter(({ node, atMs }) => node !== silent || atMs < fromMs),
  };
  const scheduled = faults.map(([atMs, fault]) => at(ms(atMs), fault));
  return makePlan(
    scenario('node-faults', { about: '', nodes: 3, workload, faults: scheduled, timings, application }),
    '1',
  );
}

function run(...args: Parameters<typeof planOf>): Run {
  const result = runPlan(planOf(...args), { keepHistory: true });
  return { ...result, history: result.history ?? [] };
}

function eventsOf<Type extends HistoryEvent['type']>(
  { history }: Run,
  type: Type,
  node?: string,
): readonly Extract<HistoryEvent, { readonly type: Type }>[] {
  return history.filter(
    (event): event is Extract<HistoryEvent, { readonly type: Type }> =>
      event.type === type && (node === undefined || event.node === node),
  );
}

const positionsBehind = (all: Run, node: string, atMs: number): readonly number[] =>
  eventsOf(all, 'deliver', node).flatMap((event) => (event.atMs > atMs ? [event.position] : []));

describe('a plan', () => {
  const faults = [
    wipe('all', { for: ms(10) }),
    wipe('a'),
    backup('any'),
    restoreBackup('any'),
    restoreBackup('any', { marked: false, for: ms(10) }),
    twin('any', { for: ms(10) }),
    twin('a', { copy: false }),
    clockJump('minority', { by: ms(10_000) }),
    clockDrift('any', { rate: 0.5, for: ms(10) }),
    timersLate('any', { by: ms(100), for: ms(10) }),
    poison('any', { for: ms(10) }),
    poison('a', { cure: 'skip', among: 1 }),
  ];

  test('of every fault comes back from its text', () => {
    const plan = planOf(faults.map((fault) => [500, fault] as const));
    expect(readPlan(formatPlan(plan), 'plan.json')).toEqual(plan);
    // Clocks and timers are put right by faults of their own.
    expect(plan.faults.length).toBe(faults.length + 2 + 2);
  });

  test('lasts until the last of them has ended', () => {
    expect(planOf([[1400, wipe('a', { for: ms(400) })]]).healedAtMs).toBe(1800);
    expect(planOf([[1400, twin('a', { for: ms(500) })]]).healedAtMs).toBe(1900);
    expect(planOf([[1400, clockDrift('a', { rate: 2, for: ms(600) })]]).healedAtMs).toBe(2000);
    expect(planOf([[1400, poison('a', { for: ms(700) })]]).healedAtMs).toBe(2100);
  });

  test('has the message of a poison drawn among those that were named', () => {
    const drawn = Array.from({ length: 40 }, (_, index) =>
      planOf([[index, poison('a', { among: 3 })]]).faults.map((fault) => (fault.kind === 'poison' ? fault.after : -1)),
    ).flat();
    expect(drawn.every((after) => after >= 0 && after <= 2)).toBe(true);
  });

  test.each([
    ['a clock that stands', () => clockDrift('a', { rate: 0 }), 'clockDrift: a rate of 0'],
    ['a poison among no messages', () => poison('a', { among: 0 }), 'poison: among 0 messages'],
  ])('refuses %s', (_what, make, message) => {
    expect(make).toThrow(message);
  });

  test.each([
    [{ kind: 'clock-drift', node: 'a', rate: 11 }, 'faults[0].rate: 11 is too large; the most is 10'],
    [{ kind: 'clock-jump', node: 'a', byMs: -1 }, 'faults[0].byMs: -1 is too small'],
    [{ kind: 'restore-backup', node: 'a' }, 'faults[0].marked: missing; add it'],
    [{ kind: 'twin', node: 'z', copy: true }, 'faults[0].node: "z" is no node of this plan'],
    [{ kind: 'poison', node: 'a', after: 0.5, cure: 'skip' }, 'faults[0].after: 0.5'],
    [{ kind: 'poison', node: 'a', after: 0, cure: 'any' }, 'faults[0].cure: "any"'],
    [{ kind: 'wipe', node: 'a', forMs: 1 }, 'faults[0]: unknown "forMs"; remove it'],
  ])('that is written by hand is checked: %j', (fault, message) => {
    const text = formatPlan({ ...planOf([]), faults: [] }).replace(
      '"faults": []',
      `"faults": [${JSON.stringify({ atMs: 1, ...fault })}]`,
    );
    expect(() => readPlan(text, 'plan.json')).toThrow(message);
  });
});

const node = nodeName('b');
test.each<[fault: NodeFaultBody, text: string]>([
  [{ kind: 'wipe', node, restartAfterMs: 5 }, 'wipe the disk of b, back after 5 ms'],
  [{ kind: 'backup', node }, 'back up the disk of b'],
  [
    { kind: 'restore-backup', node, marked: true },
    'restore the backup of b as a new incarnation, down until the faults end',
  ],
  [
    { kind: 'restore-backup', node, marked: false, restartAfterMs: 5 },
    'restore the backup of b unmarked, back after 5 ms',
  ],
  [{ kind: 'twin', node, copy: true, forMs: 20 }, 'a twin of b with a copy of its directory, for 20 ms'],
  [{ kind: 'twin', node, copy: false }, 'a twin of b with nothing, until the faults end'],
  [{ kind: 'clock-jump', node, byMs: 100 }, 'clock of b jumps ahead by 100 ms'],
  [{ kind: 'clock-drift', node, rate: 0.5 }, 'clock of b runs at 0.5 times its pace'],
  [{ kind: 'clock-drift', node, rate: 1 }, 'clock of b runs as it should'],
  [{ kind: 'timers-late', node, byMs: 9 }, 'timers of b fire up to 9 ms late'],
  [{ kind: 'timers-late', node, byMs: 0 }, 'timers of b fire in time'],
  [
    { kind: 'poison', node, after: 3, cure: 'skip', forMs: 9 },
    'poison for b: the message after the next 3, which is skipped after 9 ms',
  ],
  [
    { kind: 'poison', node, after: 0, cure: 'retry' },
    'poison for b: the message after the next 0, which can be applied when the faults end',
  ],
])('in words: %j', (fault, text) => {
  expect(describeFault({ atMs: 1, ...fault })).toBe(text);
});

describe('a disk that is wiped', () => {
  const wiped = [[400, wipe('a', { for: ms(100) })]] as const;

  test('leaves a node that begins anew, is given everything, and broadcasts as another incarnation', () => {
    const all = run(wiped);
    const late = run([...wiped, [1500, crash('b', { for: ms(1) })]], { silent: 'a', fromMs: 400 });
    for (const { verdict, faults } of [all, late]) {
      expect(verdict).toBe('pass');
      expect(faults).toMatchObject({ 'disk-wiped': 1, restart: expect.any(Number) as number });
    }
    expect(eventsOf(late, 'set-back', 'a')).toMatchObject([{ position: 0, isKnown: true }]);
    expect(eventsOf(late, 'start', 'a').map(({ position }) => position)).toEqual([0, 0]);
    const again = positionsBehind(late, 'a', 500);
    expect(again).toEqual(again.map((_, index) => index + 1));
    expect(again).toHaveLength(late.broadcasts);
  });

  test('is none when there was nothing on it, or when the node is gone', () => {
    expect(run([[0, wipe('a')]]).faults).not.toHaveProperty('disk-wiped');
    const gone = run([
      [300, crash('a', { forGood: true })],
      [400, wipe('a', { for: ms(10) })],
    ]);
    expect(gone.faults).not.toHaveProperty('disk-wiped');
    expect(eventsOf(gone, 'start', 'a')).toHaveLength(1);
  });
});

describe('a backup', () => {
  const restored = (marked: boolean): Timed => [
    [300, backup('a')],
    [500, restoreBackup('a', { marked, for: ms(20) })],
  ];

  test.each<ApplicationMode>([{ memory: 'position' }, { memory: 'mark' }])(
    'that is put back and marked is an earlier moment, from which the node goes on as another incarnation: %j',
    (application) => {
      const all = run(restored(true), { application });
      expect(all.verdict).toBe('pass');
      expect(all.faults).toMatchObject({ backup: 1, 'disk-restored': 1, crash: 1, restart: 1 });
      const given = eventsOf(all, 'deliver', 'a').filter(({ atMs }) => atMs <= 300).length;
      expect(eventsOf(all, 'set-back', 'a')).toMatchObject([{ position: given, isKnown: true }]);
      const own = eventsOf(all, 'broadcast', 'a').filter(({ atMs }) => atMs > 500);
      expect(own.length).toBeGreaterThan(3);
      expect(new Set(own.map(({ dot }) => dot.incarnation))).toEqual(new Set([2]));
    },
  );

  test('that is put back twice does not make one incarnation of two', () => {
    const all = run([...restored(true), [1000, restoreBackup('a', { for: ms(20) })]]);
    expect(all.verdict).toBe('pass');
    const used = eventsOf(all, 'broadcast', 'a').map(({ dot }) => dot.incarnation);
    expect([...new Set(used)]).toEqual([1, 2, 3]);
  });

  test('that is put back unmarked gets the node fenced', () => {
    const all = run(restored(false));
    expect(all.verdict).toBe('pass');
    expect(eventsOf(all, 'alarm', 'a')).toMatchObject([{ code: 'E_ROLLED_BACK', isFenced: true }, {}]);
    const own = eventsOf(all, 'broadcast', 'a').filter(({ atMs }) => atMs > 600);
    expect(own).toEqual([]);
  });

  test('that was never made cannot be put back', () => {
    const { verdict, faults } = run([[500, restoreBackup('a', { for: ms(20) })]]);
    expect(verdict).toBe('pass');
    expect(faults).toEqual({});
  });
});

describe('a twin', () => {
  test('begins with a copy, takes part under its own name here, and is gone in the end', () => {
    const all = run([[300, twin('a', { for: ms(900) })]]);
    expect(all.verdict).toBe('pass');
    expect(all.faults).toMatchObject({ twin: 1, crash: 1 });
    const [began] = eventsOf(all, 'twin');
    expect(began).toMatchObject({ node: 'a.twin', of: 'a', atMs: 300 });
    expect(began?.position).toBe(eventsOf(all, 'deliver', 'a').filter(({ atMs }) => atMs <= 300).length);
    expect(eventsOf(all, 'start', 'a.twin')).toMatchObject([{ position: began?.position }]);
    expect(eventsOf(all, 'crash', 'a.twin').map(({ atMs }) => atMs)).toEqual([1200]);
    // As soon as the other one has broadcast, it is known for what it is.
    expect(eventsOf(all, 'alarm', 'a.twin').some(({ isFenced }) => isFenced)).toBe(true);
  });

  test('is one at a time, and without an end is gone with all faults', () => {
    const all = run([
      [300, twin('a', { copy: false })],
      [400, twin('a')],
    ]);
    expect(all.verdict).toBe('pass');
    expect(eventsOf(all, 'twin')).toHaveLength(1);
    expect(eventsOf(all, 'twin')[0]?.position).toBe(0);
    expect(eventsOf(all, 'crash', 'a.twin').map(({ atMs }) => atMs)).toEqual([all.plan.healedAtMs]);
  });

  test('takes the place of a node that is down, which then finds that it has fallen behind', () => {
    const all = run([
      [290, crash('a', { for: ms(410) })],
      [300, twin('a', { for: ms(380) })],
    ]);
    expect(all.verdict).toBe('pass');
    const given = eventsOf(all, 'deliver', 'b').filter(
      ({ dot, atMs }) => dot.origin === 'a' && atMs > 300 && atMs < 680,
    );
    expect(given.length).toBeGreaterThan(0);
    const own = eventsOf(all, 'broadcast', 'a.twin');
    expect(new Set(own.map(({ dot }) => dot.origin))).toEqual(new Set(['a']));
    expect(own.length).toBeGreaterThanOrEqual(given.length);
    expect(eventsOf(all, 'alarm', 'a').some(({ isFenced }) => isFenced)).toBe(true);
  });
});

test('clocks jump, drift and wake late, and are as they should be in the end', () => {
  const all = run([
    [200, clockJump('a', { by: ms(3_600_000) })],
    [300, clockDrift('b', { rate: 2 })],
    [300, timersLate('c', { by: ms(300), for: ms(200) })],
  ]);
  expect(all.verdict).toBe('pass');
  expect(all.faults).toEqual({ 'clock-jump': 1, 'clock-drift': 1, 'timers-late': 1 });
});

describe('a message that cannot be applied', () => {
  test.each<ApplicationMode>([
    { memory: 'position' },
    { memory: 'mark' },
    { memory: 'position', applyMs: { minMs: 1, maxMs: 5 } },
  ])('holds up everything behind it, until it is skipped: %j', (application) => {
    const all = run([[300, poison('a', { cure: 'skip', for: ms(200) })]], { application });
    expect(all.verdict).toBe('pass');
    expect(all.faults).toEqual({ poison: 1 });
    const [skipped] = eventsOf(all, 'skipped');
    if (skipped === undefined) throw new Error('nothing was skipped');
    expect(skipped.node).toBe('a');
    const { position, dot, atMs } = skipped;
    expect(eventsOf(all, 'deliver', 'a').some((event) => event.position === position)).toBe(false);
    expect(eventsOf(all, 'deliver', 'a').filter((event) => event.atMs > atMs - 190 && event.atMs < atMs)).toEqual([]);
    expect(eventsOf(all, 'deliver', 'a').some((event) => event.position === position + 1)).toBe(true);
    expect(
      eventsOf(all, 'deliver', 'b').some((event) => event.dot.seq === dot.seq && event.dot.origin === dot.origin),
    ).toBe(true);
  });

  test('is applied after all, in its place', () => {
    const all = run([[300, poison('a', { cure: 'retry', for: ms(200) })]]);
    expect(all.verdict).toBe('pass');
    expect(eventsOf(all, 'skipped')).toEqual([]);
    const positions = eventsOf(all, 'deliver', 'a').map(({ position }) => position);
    expect(positions).toEqual(positions.map((_, index) => index + 1));
    const times = eventsOf(all, 'deliver', 'a').map(({ atMs }) => atMs);
    expect(Math.max(...times.map((atMs, index) => atMs - (times[index - 1] ?? 0)))).toBeGreaterThanOrEqual(200);
  });

  test.each(['skip', 'retry'] as const)(
    'comes again after a crash, until the end of the faults brings the cure: %s',
    (cure) => {
      const all = run([
        [300, poison('a', { cure, among: 1 })],
        [500, crash('a', { for: ms(20) })],
        [700, crash('a', { for: ms(20) })],
      ]);
      expect(all.verdict).toBe('pass');
      const { healedAtMs } = all.plan;
      expect(eventsOf(all, 'deliver', 'a').filter(({ atMs }) => atMs > 400 && atMs < healedAtMs)).toEqual([]);
      expect(eventsOf(all, 'skipped')).toHaveLength(cure === 'skip' ? 1 : 0);
    },
  );

  test('is one at a time, and one that never came did no harm', () => {
    const two = run([
      [300, poison('a', { among: 1, cure: 'skip', for: ms(300) })],
      [350, poison('a', { among: 1, cure: 'skip', for: ms(300) })],
    ]);
    expect(two.faults).toEqual({ poison: 1 });
    const never = run([[1490, poison('a', { among: 1, cure: 'skip' })]], { silent: 'a' });
    expect(never.verdict).toBe('pass');
    expect((never.faults['poison'] ?? 0) === eventsOf(never, 'skipped').length).toBe(true);
  });
});

test('one plan takes one course', () => {
  const plan = planOf([
    [200, backup('a')],
    [300, twin('b', { for: ms(200) })],
    [400, clockDrift('c', { rate: 1.5 })],
    [500, timersLate('all', { by: ms(20) })],
    [600, restoreBackup('a', { for: ms(10) })],
    [700, poison('c', { for: ms(50) })],
    [800, wipe('b', { for: ms(10) })],
  ]);
  expect(runPlan(plan).traceHash).toBe(runPlan(readPlan(formatPlan(plan), 'plan.json'), { keepTrace: 3 }).traceHash);
});
