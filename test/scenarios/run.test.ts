import { describe, expect, test } from 'vitest';
import type { Delivery } from '../../core/index.js';
import {
  at,
  catalogue,
  crash,
  cut,
  findScenario,
  formatPlan,
  lines,
  link,
  mailboxes,
  makePlan,
  ms,
  partition,
  pause,
  powerLoss,
  randomly,
  readPlan,
  repair,
  restart,
  runPlan,
  scenario,
  seconds,
  slowDisk,
  stop,
  type Application,
  type ApplicationMode,
  type HistoryEvent,
  type ScheduledFault,
  type Workload,
} from '../../scenarios/index.js';

const span = { from: ms(100), until: ms(1900) };
const text = Array.from({ length: 40 }, (_, index) => (index % 7 === 0 ? '' : `line ${index}\r`));

const restless = (application: ApplicationMode) =>
  scenario('restless', {
    about: 'Lines through every way in which a node can go away.',
    nodes: 3,
    workload: lines({ lines: text, perSecond: 20 }),
    faults: [
      randomly(2, crash('any', { for: ms(30) }), span),
      randomly(2, powerLoss('any', { for: ms(50) }), span),
      randomly(1, pause('any', { for: ms(300) }), span),
      randomly(1, slowDisk('any', { for: ms(300) }), span),
    ],
    application,
  });

/** How often each line changed the state of each node. */
function linesApplied(history: readonly HistoryEvent[]): Map<string, string[]> {
  const applied = new Map<string, string[]>();
  for (const event of history) {
    if (event.type !== 'deliver' || event.stateDigest === undefined) continue;
    applied.set(event.node, [...(applied.get(event.node) ?? []), new TextDecoder().decode(event.payload)]);
  }
  return applied;
}

describe.each(catalogue.map((entry) => [entry.name, entry] as const))('%s', (_name, entry) => {
  test('holds, and every message is delivered everywhere', () => {
    for (const seed of ['1', '2']) {
      const plan = makePlan(entry, seed);
      const result = runPlan(plan);
      expect(result.violations, `seed ${seed}`).toEqual([]);
      expect(result.verdict).toBe('pass');
      expect(result.broadcasts).toBeGreaterThan(0);
      expect(result.broadcasts + result.skipped).toBe(plan.operations.length);
      expect(result.deliveries).toBeGreaterThanOrEqual(result.broadcasts);
    }
  });

  test('the plan read back from its text runs to the same trace', () => {
    const plan = makePlan(entry, '1');
    const again = readPlan(formatPlan(plan), 'plan.json');
    expect(runPlan(again, { keepHistory: true, keepTrace: 5 }).traceHash).toBe(runPlan(plan).traceHash);
  });
});

test('faults of the plan are injected and counted', () => {
  const result = runPlan(makePlan(findScenario('power-loss'), '1'));
  expect(result.faults['power-loss']).toBeGreaterThanOrEqual(3);
  expect(runPlan(makePlan(findScenario('slow-peer'), '1')).faults).toMatchObject({ link: 1, 'slow-disk': 1 });
});

test('what changes nothing is not counted, and neither are ends', () => {
  const workload = lines({ lines: ['x'], perSecond: 10 });
  const faults = [
    at(ms(10), link({ loss: 0 })),
    at(ms(20), link({ loss: 0.5 }, { direction: { from: 'a', to: 'b' }, for: ms(100) })),
    at(ms(30), link({ loss: 0.5 }, { direction: { from: 'a', to: 'b' }, for: ms(90) })),
    at(ms(200), link({ loss: 0.5 }, { direction: { from: 'a', to: 'b' } })),
    at(ms(40), slowDisk('a', { for: ms(100) })),
    at(ms(50), slowDisk('a', { for: ms(100), profile: { syncMs: { minMs: 0.5, maxMs: 2 } } })),
    at(ms(60), pause('a', { for: ms(5) })),
    at(ms(61), stop('a', { for: ms(5) })),
  ];
  const result = runPlan(makePlan(scenario('counted', { about: '', nodes: 2, workload, faults }), '1'));
  expect(result.verdict).toBe('pass');
  expect(result.faults).toMatchObject({ link: 2, 'slow-disk': 1, pause: 1 });
  expect(result.faults).not.toHaveProperty('stop');
});

describe('a node that is closed', () => {
  const rolling = (application: ApplicationMode) =>
    scenario('rolling', {
      about: '',
      nodes: 3,
      workload: lines({ lines: text, perSecond: 20 }),
      disk: { syncMs: { minMs: 1, maxMs: 30 } },
      faults: ['a', 'b', 'c', 'a'].map((name, index) => at(ms(200 + 400 * index), stop(name, { for: ms(100) }))),
      application,
    });

  test.each<ApplicationMode>([
    { memory: 'position' },
    { memory: 'mark' },
    { memory: 'mark', applyMs: { minMs: 1, maxMs: 15 } },
  ])('loses nothing, with the application %j', (application) => {
    for (const seed of ['1', '2', '3']) {
      const {
        violations,
        faults,
        history = [],
        plan,
      } = runPlan(makePlan(rolling(application), seed), {
        keepHistory: true,
      });
      expect(violations, `seed ${seed}`).toEqual([]);
      expect(faults).toEqual({ stop: 4, restart: 4 });
      expect(history.filter(({ type }) => type === 'closed')).toHaveLength(4);
      const applied = linesApplied(history);
      for (const node of plan.nodes) expect(applied.get(node)?.sort(), `seed ${seed}`).toEqual([...text].sort());
    }
  });

  test('stays down until the faults end when no time is given', () => {
    const faults = [at(ms(100), stop('a')), at(seconds(1), cut('any'))];
    const plan = makePlan(
      scenario('gone', { about: '', nodes: 2, workload: lines({ lines: text, perSecond: 50 }), faults }),
      '1',
    );
    const { history = [], verdict } = runPlan(plan, { keepHistory: true });
    expect(verdict).toBe('pass');
    const starts = history.filter(({ type, node }) => type === 'start' && node === 'a').map(({ atMs }) => atMs);
    expect(starts).toEqual([0, plan.healedAtMs]);
  });
});

describe('a node that dies for good', () => {
  const doomed = (faults: readonly ScheduledFault[], nodes = 3) =>
    makePlan(
      scenario('doomed', { about: '', nodes, workload: mailboxes({ perSecond: 30, for: seconds(1) }), faults }),
      '1',
    );

  test('is started by nobody, and the others hold without it', () => {
    const result = runPlan(
      doomed([
        at(ms(300), crash('a', { forGood: true })),
        at(ms(400), restart('a')),
        at(ms(450), repair('a')),
        at(ms(500), crash('a', { for: ms(10) })),
      ]),
      { keepHistory: true },
    );
    expect(result.verdict).toBe('pass');
    expect(result.faults).toEqual({ crash: 1, 'gone-for-good': 1 });
    const last = (node: string): number => result.history?.findLast((event) => event.node === node)?.atMs ?? 0;
    expect(last('a')).toBe(300);
    expect(last('b')).toBeGreaterThan(900);
  });

  test('does not come back from an earlier crash either', () => {
    const result = runPlan(
      doomed([at(ms(300), crash('a', { for: ms(200) })), at(ms(400), crash('a', { forGood: true }))]),
    );
    expect(result.verdict).toBe('pass');
    expect(result.faults).toEqual({ crash: 1, 'gone-for-good': 1 });
  });

  test('takes nobody along: all others must agree, and are waited for', () => {
    const plan = doomed([at(ms(300), powerLoss('a', { forGood: true })), at(ms(400), partition([['b']]))]);
    expect(runPlan({ ...plan, deadlineMs: plan.healedAtMs + 1 }).verdict).toBe('liveness');
    expect(runPlan(plan).verdict).toBe('pass');
  });
});

test('the slow peer falls behind, and has caught up before its line and its disk are well again', () => {
  for (const seed of ['1', '2', '3', '4', '5', '6']) {
    const { plan, history = [] } = runPlan(makePlan(findScenario('slow-peer'), seed), { keepHistory: true });
    const lastOf = (type: HistoryEvent['type'], node?: string): number =>
      Math.max(
        ...history
          .filter((event) => event.type === type && (node ?? event.node) === event.node)
          .map(({ atMs }) => atMs),
      );
    expect(lastOf('deliver', 'a'), `seed ${seed}`).toBeGreaterThan(lastOf('deliver', 'b'));
    expect(lastOf('deliver', 'a'), `seed ${seed}`).toBeLessThan(plan.healedAtMs);
  }
});

test('power losses take away what was not synced, from the middle of a write too', () => {
  const wanted: readonly string[] = ['lost-write', 'torn-write', 'scattered-write'];
  const seen = new Set<string>();
  for (let seed = 1; seed <= 40 && !wanted.every((kind) => seen.has(kind)); seed++) {
    const { faults } = runPlan(makePlan(findScenario('power-loss'), String(seed)));
    for (const [kind, count] of Object.entries(faults)) if (count > 0) seen.add(kind);
  }
  expect([...seen]).toEqual(expect.arrayContaining([...wanted]));
});

describe.each<ApplicationMode>([
  { memory: 'position' },
  { memory: 'position', applyMs: { minMs: 1, maxMs: 15 } },
  { memory: 'mark' },
  { memory: 'mark', applyMs: { minMs: 1, maxMs: 15 } },
])('with the application %j', (application) => {
  test('every node is given every line exactly once, through crashes', () => {
    for (const seed of ['1', '2', '3', '4', '5']) {
      const result = runPlan(makePlan(restless(application), seed), { keepHistory: true });
      expect(result.violations, `seed ${seed}`).toEqual([]);
      const applied = linesApplied(result.history ?? []);
      for (const node of result.plan.nodes) {
        expect(applied.get(node)?.sort(), `seed ${seed}, ${node}`).toEqual([...text].sort());
      }
    }
  });
});

test('what an application with a mark is handed again after a crash is reported, and not applied again', () => {
  const again = ['1', '2', '3', '4', '5', '6'].flatMap((seed) => {
    const mode: ApplicationMode = { memory: 'mark', applyMs: { minMs: 5, maxMs: 15 } };
    const { history = [] } = runPlan(makePlan(restless(mode), seed), { keepHistory: true });
    return history.filter((event) => event.type === 'deliver' && event.stateDigest === undefined);
  });
  expect(again.length).toBeGreaterThan(0);
});

test('a history begins with the starts and keeps the order of times', () => {
  const { history = [] } = runPlan(makePlan(findScenario('crash-restart'), '1'), { keepHistory: true });
  expect(history.slice(0, 3).map(({ type }) => type)).toEqual(['start', 'start', 'start']);
  const times = history.map(({ atMs }) => atMs);
  expect(times).toEqual([...times].sort((a, b) => a - b));
});

test('keeps neither history nor trace unless asked', () => {
  const result = runPlan(makePlan(findScenario('calm'), '1'));
  expect('history' in result).toBe(false);
  expect('trace' in result).toBe(false);
});

test('a run that is cut short while it gets things done is undecided', () => {
  expect(runPlan(makePlan(findScenario('calm'), '1'), { eventsMax: 150 })).toMatchObject({
    verdict: 'undecided',
    violations: [],
  });
});

/** A program of a user: everybody sends its own name. */
function greetings(createApplication: () => Application): Workload {
  return {
    name: 'greetings',
    whenDown: 'skip',
    createApplication,
    plan: ({ nodes }) =>
      nodes.map((node, index) => ({
        atMs: 100 + 10 * index,
        node,
        kind: 'custom',
        name: 'greet',
        data: { to: 'all' },
      })),
  };
}

const greet = (workload: Workload) =>
  makePlan(scenario('greetings', { about: '', nodes: 3, workload, faults: [at(ms(115), crash('c'))] }), '1');

test('a program of a user runs, and its plan needs it', () => {
  const workload = greetings(() => ({
    perform: () => new Uint8Array([1]),
    deliver: () => undefined,
    stateDigest: () => 0,
  }));
  const plan = greet(workload);
  expect(readPlan(formatPlan(plan), 'plan.json')).toEqual(plan);
  expect(runPlan(plan, { programs: [workload] })).toMatchObject({ verdict: 'pass', broadcasts: 2, skipped: 1 });
  expect(() => runPlan(plan)).toThrow('workload: "greetings" is unknown; use one of lines, mailboxes');
});

test('a program whose state depends on the order of concurrent messages is caught', () => {
  const lastWins = (): Application => {
    let last = 0;
    return {
      perform: (operation) => new Uint8Array([operation.node.charCodeAt(0)]),
      deliver: (delivery: Delivery) => void (last = delivery.payload[0] ?? 0),
      stateDigest: () => last,
    };
  };
  const workload: Workload = {
    ...greetings(lastWins),
    plan: ({ nodes }) => nodes.map((node) => ({ atMs: 1000, node, kind: 'custom', name: 'greet', data: null })),
  };
  const plan = makePlan(
    scenario('last-wins', { about: '', nodes: 3, workload, link: { latency: { minMs: 50, maxMs: 60 } } }),
    '1',
  );
  const result = runPlan(plan, { programs: [workload] });
  expect(result.verdict).toBe('safety');
  expect(result.violations[0]?.property).toBe('state-convergence');
});

test('an error of a program ends the run as a finding, with its message', () => {
  const workload = greetings(() => ({
    perform: () => new Uint8Array(1),
    deliver: () => {
      throw new Error('cannot apply');
    },
    stateDigest: () => 0,
  }));
  const result = runPlan(greet(workload), { programs: [workload] });
  expect(result.violations[0]).toMatchObject({ property: 'no-unexpected-stop', kind: 'safety' });
  expect(result.violations[0]?.sentence).toContain('cannot apply');
});

test('a cluster of one needs nobody', () => {
  const plan = makePlan(
    scenario('alone', {
      about: '',
      nodes: 1,
      workload: lines({ lines: ['x', 'y'], perSecond: 10 }),
      faults: [at(ms(50), crash('a', { for: seconds(1) }))],
    }),
    '1',
  );
  expect(runPlan(plan)).toMatchObject({ verdict: 'pass', broadcasts: 2, deliveries: 2 });
});
