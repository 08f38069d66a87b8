/** What a simulated run shows its oracles, beside what applications do. */
import { describe, expect, test } from 'vitest';
import {
  findScenario,
  lines,
  makePlan,
  ms,
  runPlan,
  scenario,
  type HistoryEvent,
  type Plan,
  type RunResult,
} from '../../scenarios/index.js';
import { quickTimings } from '../../scenarios/catalogue/timings.js';

type EventOf<Type extends HistoryEvent['type']> = Extract<HistoryEvent, { readonly type: Type }>;

function isOf<Type extends HistoryEvent['type']>(type: Type): (event: HistoryEvent) => event is EventOf<Type> {
  return (event): event is EventOf<Type> => event.type === type;
}

const calm = (timings: Partial<typeof quickTimings> = {}): Plan =>
  makePlan(
    scenario('quiet', {
      about: '',
      nodes: 3,
      workload: lines({ lines: ['one', 'two', 'three', 'four', 'five', 'six'], perSecond: 20 }),
      timings: { ...quickTimings, ...timings },
    }),
    '1',
  );

/** With every operation durable on so many members. */
const durable = (plan: Plan, copies: number | 'all'): Plan => ({
  ...plan,
  operations: plan.operations.map((operation) => ({ ...operation, durable: copies })),
});

const run = (plan: Plan): RunResult & { readonly history: readonly HistoryEvent[] } => {
  const result = runPlan(plan, { keepHistory: true });
  return { ...result, history: result.history ?? [] };
};

test('a receipt for several copies says how many there were to be, and which disks held them', () => {
  for (const [asked, copies] of [
    [2, 2],
    ['all', 3],
  ] as const) {
    const { history, verdict } = run(durable(calm(), asked));
    expect(verdict).toBe('pass');
    const receipts = history.filter(isOf('accepted'));
    expect(receipts).toHaveLength(6);
    for (const receipt of receipts) {
      expect(receipt.copies).toBe(copies);
      expect(receipt.holders?.length).toBeGreaterThanOrEqual(copies);
      expect(receipt.holders).toContain(receipt.node);
    }
  }
});

test('a receipt for one copy costs no look at the disks', () => {
  const receipts = run(calm()).history.filter(isOf('accepted'));
  expect(receipts).toHaveLength(6);
  for (const receipt of receipts) expect(receipt).not.toHaveProperty('holders');
});

test('every node comes to call everything stable', () => {
  const { history, plan, broadcasts } = run(calm());
  for (const node of plan.nodes) {
    const claim = history.filter(isOf('stable')).findLast((event) => event.node === node);
    expect([...(claim?.clock ?? [])].reduce((sum, [, seq]) => sum + seq, 0)).toBe(broadcasts);
  }
});

test('files that journals drop are shown with what was in them', () => {
  const { history, verdict } = run(makePlan(findScenario('power-loss'), '1'));
  expect(verdict).toBe('pass');
  const ranges = history.filter(isOf('dropped')).flatMap((event) => event.ranges);
  expect(ranges.length).toBeGreaterThan(0);
  for (const { firstSeq, lastSeq } of ranges) expect(lastSeq).toBeGreaterThanOrEqual(firstSeq);
});

describe('when everything is done', () => {
  test('a run goes on for the time of one heartbeat, and then nodes are judged by their rest', () => {
    const { properties, simulatedMs, history } = run(calm({ heartbeatMs: 3000, deadMs: 9000 }));
    expect(properties).toEqual(expect.arrayContaining(['idle', 'bounded-memory']));
    const lastDelivery = history.filter(isOf('deliver')).at(-1)?.atMs ?? 0;
    expect(simulatedMs).toBeGreaterThan(lastDelivery + 3000);
  });

  test('a run that does not come so far is not judged by it', () => {
    const plan = calm();
    const { properties, verdict } = run({ ...plan, deadlineMs: plan.healedAtMs + ms(10) });
    expect(verdict).toBe('pass');
    expect(properties).not.toContain('idle');
  });
});
