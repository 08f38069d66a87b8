import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { nodeName } from '../../core/index.js';
import { momentsOf, placesOf, survivorSetCount, survivorSets } from '../../scenarios/crash-point-sets.js';
import {
  crashPoints,
  findScenario,
  formatPlan,
  makePlan,
  readPlan,
  runPlan,
  type CrashPointsResult,
  type Plan,
  type RunOptions,
  type RunResult,
} from '../../scenarios/index.js';
import { temporaryDirectory } from '../cli/temporary-directory.js';

const a = nodeName('a');
const smallLog = makePlan(findScenario('small-log'), '1');
const calmRun = runPlan(makePlan(findScenario('calm'), '1'));

/** An operation and the pages that are un-synced before it, in the middle of it and after it. */
type Operation = readonly [text: string, bytes: number, before: number, during: number, after: number];

/** A run that does nothing but show these operations of node a, and fails at the crash points that `fails` picks. */
function runOf(operations: readonly Operation[], fails: (point: PointOf) => boolean = () => false): typeof runPlan {
  return (plan: Plan, options?: RunOptions): RunResult => {
    operations.forEach(([text, bytes, unsyncedPages], index) => {
      options?.onDiskOperation?.(a, { index, text, unsyncedPages, bytes });
    });
    const point = pointOf(plan);
    const [, , before, during, after] = operations[point?.operation ?? -1] ?? ['', 0, 0, 0, 0];
    const struck = point === undefined ? [] : [{ unsyncedPages: { before, during, after }[point.when] }];
    const violation = {
      property: 'durability',
      kind: 'safety',
      atMs: 1,
      sentence: 'Lost.',
      nodes: [],
      messages: [],
    } as const;
    const violations = point !== undefined && fails(point) ? [violation] : [];
    return { ...calmRun, plan, struck, violations, verdict: violations.length > 0 ? 'safety' : 'pass' };
  };
}

type PointOf = Extract<Plan['faults'][number], { readonly kind: 'crash-point' }>;

function pointOf(plan: Plan): PointOf | undefined {
  return plan.faults.find((fault) => fault.kind === 'crash-point');
}

/** Every crash point that was run: `0 during power 01`. */
async function pointsRun(
  operations: readonly Operation[],
  options: Parameters<typeof crashPoints>[1] = {},
): Promise<readonly string[]> {
  const points: string[] = [];
  const run = runOf(operations);
  await crashPoints(smallLog, {
    ...options,
    runPlan: (plan, runOptions) => {
      const point = pointOf(plan);
      if (point !== undefined) {
        const { operation, when, power, survivors } = point;
        points.push(`${operation} ${when} ${power ? `power ${survivors?.toString(2)}` : 'process'}`);
      }
      return run(plan, runOptions);
    },
  });
  return points;
}

function withoutTimes(result: CrashPointsResult): object {
  return { ...result, elapsedMs: 0 };
}

describe('what may survive a loss of power', () => {
  test.each([
    [0, [0]],
    [1, [0, 1]],
    [2, [0, 1, 2, 3]],
  ])('%i un-synced pages: every subset', (pages, sets) => {
    expect(survivorSets(pages)).toEqual(sets);
  });

  test.each([0, 1, 2, 7, 8, 9, 12, 30, 40])('%i pages: no set twice, and as many as are announced', (pages) => {
    const sets = survivorSets(pages);
    expect(new Set(sets).size).toBe(sets.length);
    expect(survivorSetCount(pages)).toBe(sets.length);
  });

  test('8 pages: all 256 subsets; 9 pages: none, all, each alone, all but each', () => {
    expect(survivorSets(8)).toHaveLength(256);
    const sizes = survivorSets(9).map((survivors) => survivors.toString(2).replaceAll('0', '').length);
    const ofEach = (pages: number): number[] => Array.from({ length: 9 }, () => pages);
    expect(sizes).toEqual([0, 9, ...ofEach(1), ...ofEach(8)]);
  });

  test('pages beyond those that a crash point can name are always lost', () => {
    expect(Math.max(...survivorSets(40))).toBe(2 ** 30 - 1);
  });
});

test('only a write of two bytes or more has a middle', () => {
  const operation = { index: 0, text: 'write x', unsyncedPages: 0 };
  expect(momentsOf({ ...operation, bytes: 2 })).toEqual(['before', 'during', 'after']);
  expect(momentsOf({ ...operation, bytes: 1 })).toEqual(['before', 'after']);
  expect(momentsOf({ ...operation, bytes: 0 })).toEqual(['before', 'after']);
});

test('what an operation leaves un-synced is what the next one of its node finds', () => {
  const operation = (node: string, index: number, unsyncedPages: number, bytes: number) => ({
    node: nodeName(node),
    operation: { index, text: '', unsyncedPages, bytes },
  });
  const places = placesOf([operation('a', 0, 0, 9), operation('b', 0, 7, 0), operation('a', 1, 2, 0)]);
  expect(places.map(({ node, operation: { index }, when, likelyPages }) => [node, index, when, likelyPages])).toEqual([
    ['a', 0, 'before', 0],
    ['a', 0, 'during', 1],
    ['a', 0, 'after', 2],
    ['b', 0, 'before', 7],
    ['b', 0, 'after', 0],
    ['a', 1, 'before', 2],
    ['a', 1, 'after', 0],
  ]);
});

describe('the enumeration', () => {
  const operations: readonly Operation[] = [
    ['write x', 5000, 0, 1, 2],
    ['sync x', 0, 2, 2, 0],
  ];
  const points = [
    ...['0 before process', '0 before power 0'],
    ...['0 during process', '0 during power 0', '0 during power 1'],
    ...['0 after process', ...['0', '1', '10', '11'].map((pages) => `0 after power ${pages}`)],
    ...['1 before process', ...['0', '1', '10', '11'].map((pages) => `1 before power ${pages}`)],
    ...['1 after process', '1 after power 0'],
  ];

  test('crashes before, during and after every operation, with every set of pages that are un-synced just then', async () => {
    expect(await pointsRun(operations)).toEqual(points);
  });

  test('of a limit takes at most as many points, spread over all of them', async () => {
    const some = await pointsRun(operations, { limit: 6 });
    expect([5, 6]).toContain(some.length);
    expect(some[0]).toBe(points[0]);
    expect(some.filter((point) => point.startsWith('1 ')).length).toBeGreaterThan(1);
    expect(points).toEqual(expect.arrayContaining([...some]));
  });

  test('leaves out nodes that are not asked for', async () => {
    expect(await pointsRun(operations, { nodes: [nodeName('b')] })).toEqual([]);
  });

  test('stops at the first failure when told to', async () => {
    const fails = ({ operation }: PointOf): boolean => operation === 1;
    const all = await crashPoints(smallLog, { runPlan: runOf(operations, fails) });
    expect(all).toMatchObject({ points: 17, failed: 7, notReproducible: 0 });
    expect(all.nodes[0]).toEqual({ node: 'a', operations: 2, crashes: 5, powerLosses: 12, failed: 7 });
    const bailed = await crashPoints(smallLog, { runPlan: runOf(operations, fails), bail: true });
    expect(bailed).toMatchObject({ points: 11, failed: 1 });
    expect(bailed.failures[0]).toMatchObject({ node: 'a', operation: 1, when: 'before', power: false, text: 'sync x' });
  });

  test('ends after the run under way when it is interrupted', async () => {
    const interruption = new AbortController();
    const result = await crashPoints(smallLog, {
      runPlan: runOf(operations),
      signal: interruption.signal,
      onProgress: ({ points }) => {
        if (points === 3) interruption.abort();
      },
    });
    expect(result).toMatchObject({ points: 3, isInterrupted: true });
  });

  test('says how far it has come', async () => {
    const fractions: number[] = [];
    await crashPoints(smallLog, {
      runPlan: runOf(operations),
      onProgress: ({ fraction }) => fractions.push(fraction),
    });
    expect(fractions).toEqual([...fractions].sort((one, other) => one - other));
    expect(fractions.at(-1)).toBeGreaterThan(0.8);
    expect(Math.max(...fractions)).toBeLessThanOrEqual(1);
  });

  test('a run that does not come to its crash point is not reproducible', async () => {
    const run = runOf(operations);
    const result = await crashPoints(smallLog, { runPlan: (plan, options) => ({ ...run(plan, options), struck: [] }) });
    expect(result).toMatchObject({ points: 10, failed: 0, notReproducible: 10 });
  });

  test('runs that come to no verdict are counted', async () => {
    const run = runOf(operations);
    const result = await crashPoints(smallLog, {
      runPlan: (plan, options) => ({
        ...run(plan, options),
        verdict: pointOf(plan) === undefined ? 'pass' : 'undecided',
      }),
    });
    expect(result).toMatchObject({ failed: 0, undecided: 17 });
  });
});

describe('refuses', () => {
  test('a node that is not there', async () => {
    await expect(crashPoints(smallLog, { nodes: [nodeName('z')] })).rejects.toThrow('z is no node of small-log');
  });

  test('a plan with a crash point of its own', async () => {
    const [fault] = smallLog.faults;
    const point = {
      atMs: 0,
      kind: 'crash-point',
      node: a,
      operation: 3,
      when: 'after',
      power: false,
      restartAfterMs: 1,
    } as const;
    const plan = { ...smallLog, faults: fault === undefined ? [] : [point, fault] };
    await expect(crashPoints(plan)).rejects.toThrow('has a crash point already');
  });

  test.each([0, -1, 1.5])('a limit of %d', async (limit) => {
    await expect(crashPoints(smallLog, { limit })).rejects.toThrow('give a whole number above 0');
  });
});

describe('small-log', () => {
  test('holds at crash points of all kinds, and twice in the same way', async () => {
    const once = await crashPoints(smallLog, { limit: 80 });
    expect(once).toMatchObject({ failed: 0, undecided: 0, notReproducible: 0 });
    expect(once.points).toBeGreaterThan(55);
    expect(once.points).toBeLessThanOrEqual(80);
    for (const { crashes, powerLosses } of once.nodes) expect(Math.min(crashes, powerLosses)).toBeGreaterThan(0);
    expect(withoutTimes(await crashPoints(smallLog, { limit: 80 }))).toEqual(withoutTimes(once));
  });

  test('has 5,000 crash points or more on three nodes', () => {
    let points = 0;
    runPlan(smallLog, {
      onDiskOperation: (_node, operation) => {
        points += momentsOf(operation).length + 2 * survivorSetCount(operation.unsyncedPages);
      },
    });
    expect(smallLog.nodes).toHaveLength(3);
    expect(points).toBeGreaterThanOrEqual(5000);
  });

  test('has applications of both memories', () => {
    const { applications } = smallLog.options;
    expect(applications).toEqual({ a: { memory: 'position' }, b: { memory: 'mark' }, c: { memory: 'position' } });
  });

  test('has a write with every subset of eight pages, a torn tail and recoveries among its operations', () => {
    const pages: number[] = [];
    const texts: string[] = [];
    runPlan(smallLog, {
      onDiskOperation: (_node, { unsyncedPages, text }) => {
        pages.push(unsyncedPages);
        texts.push(text);
      },
    });
    expect(Math.max(...pages)).toBe(8);
    expect(texts.some((text) => text.startsWith('truncate '))).toBe(true);
    expect(texts.filter((text) => text.startsWith('read ')).length).toBeGreaterThan(3);
  });
});

describe('a failure', () => {
  /** One message, and no more time than it takes: a node that crashes on the way is not back before the end. */
  const brief: Plan = { ...smallLog, operations: smallLog.operations.slice(0, 1), faults: [], healedAtMs: 20 };
  const { history = [] } = runPlan(brief, { keepHistory: true });
  const lastDeliveryMs = history.findLast(({ type }) => type === 'deliver')?.atMs ?? 0;
  const tight: Plan = { ...brief, deadlineMs: lastDeliveryMs + 1 };

  test('is kept as a plan that shows it again', async () => {
    const outDir = join(temporaryDirectory(), 'runs');
    expect(runPlan(tight).verdict).toBe('pass');
    const options = { nodes: [nodeName('b')], bail: true, restartAfterMs: 2 };
    const result = await crashPoints(tight, { ...options, outDir, program: 'npx antecedent' });
    expect(result.failed).toBe(1);
    const [failure] = result.failures;
    expect(failure).toMatchObject({ node: 'b', power: false, survivors: null });
    const path = failure?.planPath ?? '';
    expect(readdirSync(outDir).map((name) => join(outDir, name))).toEqual([path, failure?.reportPath]);
    const plan = readPlan(readFileSync(path, 'utf8'), path);
    const again = runPlan(plan);
    expect(again.violations[0]).toMatchObject({ property: failure?.property, sentence: failure?.sentence });
    expect(again.faults).toMatchObject({ 'crash-point': 1 });
    const report = readFileSync(failure?.reportPath ?? '', 'utf8');
    expect(report).toContain(`of ${failure?.node} ${failure?.when} disk operation ${failure?.operation}`);
    expect(report).toContain(`npx antecedent replay ${path}`);
  });

  test('without any crash point says so, and nothing else is run', async () => {
    const hopeless = { ...smallLog, deadlineMs: smallLog.healedAtMs + 1 };
    const result = await crashPoints(hopeless);
    expect(result).toMatchObject({ points: 0, failed: 1 });
    expect(result.failures[0]).toMatchObject({ node: null, operation: null, when: null, planPath: null });
  });
});

test('a crash point is a fault like any other: read from a plan, counted, and over when its node is back', () => {
  const point = {
    atMs: 0,
    kind: 'crash-point',
    node: a,
    operation: 9,
    when: 'during',
    power: true,
    survivors: 1,
    restartAfterMs: 20,
  } as const;
  const plan = readPlan(formatPlan({ ...smallLog, faults: [point, ...smallLog.faults] }), 'plan.json');
  const { verdict, faults, struck } = runPlan(plan);
  expect(verdict).toBe('pass');
  expect(faults).toMatchObject({ 'crash-point': 1, 'power-loss': 4 });
  expect(struck).toHaveLength(1);
});

test('a crash in the last operation of a run is waited for', () => {
  let last = 0;
  const { simulatedMs } = runPlan(smallLog, {
    onDiskOperation: (node, { index }) => {
      if (node === a) last = index;
    },
  });
  const point = {
    atMs: 0,
    kind: 'crash-point',
    node: a,
    operation: last,
    when: 'after',
    power: true,
    restartAfterMs: 500,
  } as const;
  const result = runPlan({ ...smallLog, faults: [point, ...smallLog.faults] }, { keepHistory: true });
  expect(result.verdict).toBe('pass');
  expect(result.simulatedMs).toBeGreaterThan(simulatedMs + 400);
  expect(result.history?.filter((event) => event.type === 'start' && event.node === a)).toHaveLength(3);
});
