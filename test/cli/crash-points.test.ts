import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeCrashPoints } from '../../cli/crash-points-text.js';
import { crashPointsDocument, exitCodeOf } from '../../cli/crash-points.js';
import {
  findScenario,
  formatPlan,
  makePlan,
  propertyMeanings,
  runPlan,
  type CrashPointsResult,
  type Plan,
} from '../../scenarios/index.js';
import { antecedent, fakeStream } from './fake-terminal.js';
import { hopelessPlan } from './hopeless-plan.js';
import { temporaryDirectory } from './temporary-directory.js';

interface Document {
  readonly points: number;
  readonly failed: number;
  readonly failures: readonly Readonly<Record<string, unknown>>[];
}

/** One message and hardly more time than it takes, so that who crashes is not back before the end. */
function tightPlan(): Plan {
  const plan = makePlan(findScenario('small-log'), '1');
  const brief: Plan = { ...plan, operations: plan.operations.slice(0, 1), faults: [], healedAtMs: 20 };
  const { history = [] } = runPlan(brief, { keepHistory: true });
  const lastDeliveryMs = history.findLast(({ type }) => type === 'deliver')?.atMs ?? 0;
  return { ...brief, deadlineMs: lastDeliveryMs + 18 };
}

function planFile(plan: Plan): string {
  const path = join(temporaryDirectory(), 'plan.json');
  writeFileSync(path, formatPlan(plan));
  return path;
}

test('crash points of a scenario, in one JSON document', async () => {
  const { exitCode, out } = await antecedent('crash-points', 'small-log', '--limit', '12', '--json');
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toEqual({
    points: 12,
    failed: 0,
    failures: [],
    isInterrupted: false,
    undecided: 0,
    notReproducible: 0,
    limit: 12,
  });
});

describe('an enumeration that was interrupted', () => {
  const held: CrashPointsResult = {
    scenario: 'small-log',
    seed: '1',
    points: 12,
    pointsLikely: 1234,
    failed: 0,
    failures: [],
    undecided: 0,
    notReproducible: 0,
    isInterrupted: true,
    events: 1,
    elapsedMs: 1,
    nodes: [],
    properties: [],
  };

  test('is undecided without a failure, and violated with one', () => {
    expect(exitCodeOf({ ...held, isInterrupted: false })).toBe(0);
    expect(exitCodeOf(held)).toBe(3);
    expect(exitCodeOf({ ...held, failed: 1 })).toBe(1);
  });

  test('says so, as text and as JSON', () => {
    const text = describeCrashPoints(fakeStream(), held, { directory: 'runs', limit: undefined });
    expect(text).toContain('\nUNDECIDED  every property held at 12 crash points (interrupted)\n');
    const document = crashPointsDocument(held, undefined);
    expect(document).toMatchObject({ points: 12, isInterrupted: true });
    expect(Object.keys(document)).not.toContain('limit');
  });
});

test('the summary tells what was crashed, by what it was judged, and what to do next', async () => {
  const directory = join(temporaryDirectory(), 'runs');
  const { exitCode, out } = await antecedent('crash-points', '--limit', '12', '--seed', '3', '--out', directory);
  expect(exitCode).toBe(0);
  expect(out).toContain('Crash points of small-log, seed 3');
  for (const node of ['a', 'b', 'c']) expect(out).toMatch(new RegExp(`│ ${node} +│ +\\d+ │ +\\d+ │ +\\d+ │ +0 │`));
  // This scenario sets no budget.
  const properties = Object.keys(propertyMeanings).filter((property) => property !== 'budget');
  for (const property of properties) expect(out).toContain(property);
  expect(out).toMatch(/^HELD  every property held at 12 of about [\d,]+ crash points$/m);
  expect(out).toContain('crash-points small-log --seed 4');
  expect(existsSync(directory)).toBe(false);
});

test('one node alone', async () => {
  const { out } = await antecedent('crash-points', 'small-log', '--node', 'b', '--limit', '5');
  expect(out).toMatch(/│ b +│/);
  expect(out).not.toMatch(/│ a +│/);
});

describe('a failure', () => {
  test('names its place, and its plan fails in the same way when it is replayed', async () => {
    const directory = join(temporaryDirectory(), 'runs');
    const path = planFile(tightPlan());
    const args = [path, '--node', 'b', '--bail', '--json', '--out', directory];
    const { exitCode, out } = await antecedent('crash-points', ...args);
    expect(exitCode).toBe(1);
    const document = JSON.parse(out) as Document;
    expect(Object.keys(document).slice(0, 3)).toEqual(['points', 'failed', 'failures']);
    expect(document.failed).toBe(1);
    const [failure = {}] = document.failures;
    expect(failure).toMatchObject({
      node: 'b',
      operation: expect.any(Number) as number,
      text: expect.any(String) as string,
      when: expect.stringMatching(/^(before|during|after)$/) as string,
      power: expect.any(Boolean) as boolean,
      sentence: expect.any(String) as string,
    });
    const replay = await antecedent('replay', String(failure['planPath']), '--verify', '--json');
    expect(replay.exitCode).toBe(1);
    expect(JSON.parse(replay.out)).toMatchObject({
      isReproducible: true,
      violations: [{ property: failure['property'], sentence: failure['sentence'] }],
    });
  });

  test('is shown whole, listed, and followed by the command that replays it', async () => {
    const directory = join(temporaryDirectory(), 'runs');
    const args = [planFile(tightPlan()), '--node', 'b', '--bail', '--out', directory];
    const { exitCode, out } = await antecedent('crash-points', ...args);
    expect(exitCode).toBe(1);
    const plan = readdirSync(directory).find((name) => name.endsWith('.json'));
    expect(out).toContain('See it again');
    expect(out).toMatch(/VIOLATED  1 of [\d,]+ crash points? violated a property/);
    expect(out).toMatch(/^  b, operation \d+: (crash|loss of power) (before|during|after) /m);
    expect(out).toContain(`replay ${join(directory, plan ?? '')}`);
  });

  test('of the scenario itself is told from one at a crash point', async () => {
    const directory = join(temporaryDirectory(), 'runs');
    const path = planFile(hopelessPlan());
    const { exitCode, out } = await antecedent('crash-points', path, '--out', directory);
    expect(exitCode).toBe(1);
    expect(out).toContain('the scenario fails without any crash point');
  });
});

test.each<[why: string, args: readonly string[], expected: string]>([
  ['an unknown scenario', ['small-lag'], 'did you mean "small-log"'],
  ['an unknown node', ['small-log', '--node', 'd'], 'd'],
  ['a limit of nothing', ['--limit', '0'], 'write a whole number above 0'],
  ['a seed for a plan', ['plan.json', '--seed', '1'], 'a plan holds its own seed'],
  ['no directory', ['--out', ''], '--out needs the name of a directory'],
  ['an unknown option', ['--depth', '2'], 'unknown option'],
])('%s is bad usage', async (_why, args, expected) => {
  const { exitCode, out, err } = await antecedent('crash-points', ...args);
  expect([exitCode, out]).toEqual([2, '']);
  expect(err).toContain(expected);
});

test('explains itself', async () => {
  const { exitCode, out } = await antecedent('crash-points', '--help');
  expect(exitCode).toBe(0);
  for (const option of ['--seed', '--node', '--limit', '--bail', '--json', '--out']) expect(out).toContain(option);
  expect((await antecedent('--help')).out).toMatch(/^ +crash-points .*disk operation/m);
});
