import { describe, expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { findScenario, formatPlan, makePlan, readPlan, runPlan, type Plan } from '../../../scenarios/index.js';
import { restrictTo, withoutTail } from '../../../scenarios/shrink/cuts.js';
import { plansOnTheWay } from './walk.js';

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => nodeName(name)) as [Name, Name, Name, Name];
type Name = ReturnType<typeof nodeName>;

const plan: Plan = {
  ...makePlan(findScenario('calm'), '1'),
  nodes: [a, b, c, d],
  joiners: [d],
  operations: [
    { atMs: 1, node: a, kind: 'line', text: 'one', durable: 3 },
    { atMs: 2, node: b, kind: 'line', text: 'two' },
    { atMs: 3, node: c, kind: 'line', text: 'three' },
  ],
  faults: [
    { atMs: 1, kind: 'partition', groups: [[a, c], [b]] },
    { atMs: 2, kind: 'cut', from: [a, b], to: [b, c] },
    { atMs: 3, kind: 'add-member', node: d, by: b },
    { atMs: 4, kind: 'crash', node: b },
    { atMs: 5, kind: 'heal' },
  ],
  healedAtMs: 10,
  deadlineMs: 1000,
};

describe('fewer nodes', () => {
  test('faults lose those who are gone, and end where nobody is left for them', () => {
    const smaller = restrictTo(plan, [a, c, d], 'drop');
    expect(smaller?.nodes).toEqual([a, c, d]);
    expect(smaller?.faults).toEqual([
      { atMs: 2, kind: 'cut', from: [a], to: [c] },
      { atMs: 3, kind: 'add-member', node: d, by: a },
      { atMs: 5, kind: 'heal' },
    ]);
  });

  test('operations go with their nodes, or to those who are left', () => {
    expect(restrictTo(plan, [a, d], 'drop')?.operations).toEqual([
      { atMs: 1, node: a, kind: 'line', text: 'one', durable: 2 },
    ]);
    expect(restrictTo(plan, [a, d], 'move')?.operations.map(({ node }) => node)).toEqual([a, a, a]);
  });

  test('somebody must be a member', () => {
    expect(restrictTo(plan, [d], 'drop')).toBeUndefined();
    expect(restrictTo(plan, [], 'drop')).toBeUndefined();
    expect(restrictTo(plan, [a], 'drop')).not.toHaveProperty('joiners');
  });
});

test('what comes after a violation goes only where the violation was final', () => {
  const violation = {
    property: 'causal-order',
    kind: 'safety',
    atMs: 2,
    sentence: '',
    nodes: [],
    messages: [],
  } as const;
  const shorter = withoutTail(plan, violation);
  expect(shorter?.operations).toHaveLength(2);
  expect(shorter?.faults).toHaveLength(2);
  expect(withoutTail(plan, { ...violation, kind: 'liveness' })).toBeUndefined();
});

describe('whatever shrinking comes to', () => {
  const walks = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

  test.each(walks)('is a valid plan, with as much time to converge as before: walk %i', (walk) => {
    let roomMs: number | undefined;
    for (const smaller of plansOnTheWay(walk)) {
      expect(readPlan(formatPlan(smaller), 'smaller.json')).toEqual(smaller);
      roomMs ??= smaller.deadlineMs - smaller.healedAtMs;
      expect(smaller.deadlineMs - smaller.healedAtMs).toBeCloseTo(roomMs, 3);
    }
  });

  test.each(walks.slice(0, 6))('holds, as the whole plan did: walk %i', (walk) => {
    const plans = [...plansOnTheWay(walk)];
    // The first, the last, and some between.
    for (const smaller of plans.filter((_, index) => index % Math.ceil(plans.length / 5) === 0)) {
      expect(runPlan(smaller).violations, formatPlan(smaller)).toEqual([]);
    }
  });
});
