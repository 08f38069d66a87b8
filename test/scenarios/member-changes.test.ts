import { describe, expect, test } from 'vitest';
import {
  addMember,
  at,
  crash,
  formatPlan,
  mailboxes,
  makePlan,
  ms,
  partition,
  readPlan,
  removeMember,
  runPlan,
  scenario,
  seconds,
  type Fault,
  type HistoryEvent,
  type Plan,
  type RunResult,
} from '../../scenarios/index.js';

type Timed = readonly (readonly [atMs: number, fault: Fault])[];

const timings = { backoffMs: 20, backoffMaxMs: 100, heartbeatMs: 200, probeMs: 50, wantRetryMs: 50 };

/** Three members and a joiner, all of whom users ask for something for a second. */
function planOf(faults: Timed): Plan {
  const workload = mailboxes({ perSecond: 80, for: seconds(1) });
  const scheduled = faults.map(([atMs, fault]) => at(ms(atMs), fault));
  return makePlan(
    scenario('members', { about: '', nodes: 3, joiners: ['d'], workload, faults: scheduled, timings }),
    '1',
  );
}

function run(faults: Timed): RunResult & { readonly history: readonly HistoryEvent[] } {
  const result = runPlan(planOf(faults), { keepHistory: true });
  expect(result.violations).toEqual([]);
  return { ...result, history: result.history ?? [] };
}

const timesOf = (history: readonly HistoryEvent[], type: HistoryEvent['type'], node: string): readonly number[] =>
  history.flatMap((event) => (event.type === type && event.node === node ? [event.atMs] : []));

test('a plan with joiners and changes is read back as it was written', () => {
  const plan = planOf([
    [100, addMember('d', { by: 'b' })],
    [200, removeMember('a')],
  ]);
  expect(plan).toMatchObject({ nodes: ['a', 'b', 'c', 'd'], joiners: ['d'] });
  expect(plan.faults[0]).toEqual({ atMs: 100, kind: 'add-member', node: 'd', by: 'b' });
  expect(readPlan(formatPlan(plan), 'test')).toEqual(plan);
});

describe('a joiner', () => {
  test('that nobody adds is not there', () => {
    const { history, skipped } = run([]);
    expect(history.filter(({ node }) => node === 'd')).toEqual([]);
    expect(skipped).toBeGreaterThan(10);
  });

  test('is started once it was added, and writes', () => {
    const { faults, history } = run([[200, addMember('d')]]);
    expect(faults['add-member']).toBe(1);
    expect(history.find(({ node }) => node === 'd')).toMatchObject({ type: 'joined' });
    expect(timesOf(history, 'start', 'd')).toHaveLength(1);
    expect(timesOf(history, 'broadcast', 'd').length).toBeGreaterThan(3);
  });

  test('is added by another one when the one that should is down', () => {
    const { history } = run([
      [190, crash('a', { for: ms(500) })],
      [200, addMember('d', { by: 'a' })],
    ]);
    expect(timesOf(history, 'joined', 'd')[0]).toBeLessThan(300);
  });

  test('is added though the one that was asked dies over it', () => {
    const { history } = run([
      [200, addMember('d', { by: 'a' })],
      [200.05, crash('a', { for: ms(500) })],
    ]);
    expect(timesOf(history, 'joined', 'd')[0]).toBeLessThan(300);
  });
});

describe('a member', () => {
  test('that is removed goes on until it is told', () => {
    const { history } = run([[500, removeMember('c')]]);
    expect(timesOf(history, 'removed', 'c')).toEqual([500]);
    expect(history).toContainEqual(expect.objectContaining({ type: 'alarm', node: 'c', code: 'E_REMOVED' }));
    expect(Math.max(...timesOf(history, 'broadcast', 'c'))).toBeLessThan(600);
  });

  test('is removed once', () => {
    const { faults } = run([
      [400, removeMember('c', { by: 'a' })],
      [400, removeMember('c', { by: 'b' })],
    ]);
    expect(faults['remove-member']).toBe(1);
  });

  test('is removed when the others know whom it has added, and not before', () => {
    const { history } = run([
      [
        100,
        partition(
          [
            ['a', 'd'],
            ['b', 'c'],
          ],
          { for: ms(300) },
        ),
      ],
      [150, addMember('d', { by: 'a' })],
      [200, removeMember('a', { by: 'b' })],
    ]);
    expect(timesOf(history, 'joined', 'd')[0]).toBeLessThan(400);
    expect(timesOf(history, 'removed', 'a')[0]).toBeGreaterThan(400);
    expect(timesOf(history, 'broadcast', 'd').length).toBeGreaterThan(3);
  });

  test('is removed when the others know whom it has removed, and not before', () => {
    const { history } = run([
      [50, addMember('d', { by: 'b' })],
      [150, partition([['a'], ['b', 'c', 'd']], { for: ms(300) })],
      [200, removeMember('d', { by: 'a' })],
      [220, removeMember('a', { by: 'b' })],
    ]);
    expect(timesOf(history, 'removed', 'd')[0]).toBe(200);
    expect(timesOf(history, 'removed', 'a')[0]).toBeGreaterThan(450);
  });

  test('is removed though nobody can tell the others any more whom it has added', () => {
    const plan = planOf([
      [
        100,
        partition(
          [
            ['a', 'd'],
            ['b', 'c'],
          ],
          { for: ms(600) },
        ),
      ],
      [150, addMember('d', { by: 'a' })],
      [250, crash('a', { forGood: true })],
      [400, removeMember('a', { by: 'b' })],
    ]);
    const { faults } = runPlan(plan, { keepHistory: true });
    expect(faults['remove-member']).toBe(1);
  });

  test('may be added again, and begins with nothing', () => {
    const { faults, history } = run([
      [300, removeMember('c')],
      [500, addMember('c')],
    ]);
    expect(faults['disk-wiped']).toBe(1);
    const incarnations = history.flatMap((event) => {
      return event.type === 'broadcast' && event.node === 'c' ? [event.dot.incarnation] : [];
    });
    expect(incarnations.at(0)).toBe(1);
    expect(incarnations.at(-1)).toBeGreaterThan(1);
  });

  test('that died for good is replaced', () => {
    const { history } = run([
      [300, crash('c', { forGood: true })],
      [350, removeMember('c')],
      [500, addMember('c')],
    ]);
    expect(timesOf(history, 'start', 'c')).toHaveLength(2);
  });
});
