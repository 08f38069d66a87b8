import { describe, expect, test } from 'vitest';
import { nodeName, type Dot } from '../../core/index.js';
import {
  at,
  findScenario,
  lines,
  link,
  makePlan,
  ms,
  runPlan,
  scenario,
  seconds,
  type HistoryEvent,
  type ScenarioBody,
} from '../../scenarios/index.js';
import { DeliveryTimer, MemoryGauge, toMetrics } from '../../scenarios/metrics.js';

const [a, b, c] = [nodeName('a'), nodeName('b'), nodeName('c')];
const payload = new Uint8Array(0);

const dotOfA = (seq: number, incarnation = 1): Dot => ({ origin: a, incarnation, seq });

function broadcast(atMs: number, dot: Dot): HistoryEvent {
  return { type: 'broadcast', atMs, node: dot.origin, dot, payload };
}

function deliver(atMs: number, node: typeof a, dot: Dot, position: number): HistoryEvent {
  return { type: 'deliver', atMs, node, dot, position, payload };
}

function timesOf(...events: readonly HistoryEvent[]): DeliveryTimer['result'] {
  const timer = new DeliveryTimer();
  for (const event of events) timer.observe(event);
  return timer.result;
}

describe('delivery times', () => {
  test('count from the broadcast until another node has applied the message', () => {
    const first = dotOfA(1);
    expect(
      timesOf(broadcast(10, first), deliver(11, a, first, 1), deliver(14.25, b, first, 1), deliver(30, c, first, 1)),
    ).toEqual({ p50: 4.25, p99: 20, max: 20 });
  });

  test('are quantiles of all deliveries', () => {
    const events = Array.from({ length: 200 }, (_, index) => [
      broadcast(1000, dotOfA(index + 1)),
      deliver(1200 - index, b, dotOfA(index + 1), index + 1),
    ]);
    expect(timesOf(...events.flat())).toEqual({ p50: 100, p99: 198, max: 200 });
  });

  test('are 0 when nobody was given anything', () => {
    expect(timesOf(broadcast(1, dotOfA(1)), deliver(5, a, dotOfA(1), 1))).toEqual({ p50: 0, p99: 0, max: 0 });
  });

  test('leave out what a node hands over again', () => {
    const first = dotOfA(1);
    expect(timesOf(broadcast(10, first), deliver(15, b, first, 1), deliver(900, b, first, 1))).toMatchObject({
      max: 5,
    });
  });

  test('count what a dot named last, for each incarnation', () => {
    expect(
      timesOf(
        broadcast(10, dotOfA(1)),
        broadcast(100, dotOfA(1)),
        broadcast(500, dotOfA(1, 2)),
        deliver(103, b, dotOfA(1), 1),
        deliver(507, b, dotOfA(1, 2), 2),
      ),
    ).toEqual({ p50: 3, p99: 7, max: 7 });
  });
});

test('costs count from the first broadcast on, and are shared out among all of them', () => {
  const deliveryMs = { p50: 1, p99: 2, max: 3 };
  const memoryBytes = { max: 6, messages: 3, index: 2, tables: 1 };
  const usageBefore = { writes: 10, writtenBytes: 400, syncs: 6, bufferedBytesMax: 9, diskBytesMax: 70 };
  const usage = { writes: 33, writtenBytes: 1000, syncs: 7, bufferedBytesMax: 12, diskBytesMax: 77 };
  expect(toMetrics({ broadcasts: 3, usage, usageBefore, deliveryMs, memoryBytes })).toEqual({
    messages: 23,
    bytes: 600,
    syncs: 1,
    messagesPerBroadcast: 7.67,
    bytesPerBroadcast: 200,
    syncsPerBroadcast: 0.33,
    deliveryMs,
    linkBufferBytesMax: 12,
    diskBytesMax: 77,
    memoryBytes,
  });
  expect(toMetrics({ broadcasts: 0, usage, usageBefore: undefined, deliveryMs, memoryBytes })).toMatchObject({
    messages: 33,
    messagesPerBroadcast: 0,
    bytesPerBroadcast: 0,
    syncsPerBroadcast: 0,
  });
});

test('of all looks at memory, that at which a node kept most counts', () => {
  const gauge = new MemoryGauge();
  expect(gauge.result).toEqual({ max: 0, messages: 0, index: 0, tables: 0 });
  gauge.note({ messageBytes: 100, indexBytes: 10, tableBytes: 1 });
  gauge.note({ messageBytes: 50, indexBytes: 60, tableBytes: 70 });
  gauge.note({ messageBytes: 170, indexBytes: 0, tableBytes: 0 });
  expect(gauge.result).toEqual({ max: 180, messages: 50, index: 60, tables: 70 });
});

test('the same plan gives the same numbers', () => {
  const plan = makePlan(findScenario('lossy'), '3');
  expect(runPlan(plan, { keepHistory: true }).metrics).toEqual(runPlan(plan).metrics);
});

describe('in a run', () => {
  const define = (body: Partial<ScenarioBody>) =>
    makePlan(
      scenario('measured', {
        about: '',
        nodes: 2,
        workload: lines({ lines: Array.from({ length: 20 }, (_, index) => `line ${index}`), perSecond: 20 }),
        link: { latency: { minMs: 40, maxMs: 40 } },
        disk: { syncMs: { minMs: 10, maxMs: 10 }, writeMs: { minMs: 0, maxMs: 0 } },
        ...body,
      }),
      '1',
    );

  test('a message takes the syncs of both nodes and the way between them', () => {
    const { metrics } = runPlan(define({}));
    // One way, and two syncs, each of which may have to wait for the one before.
    expect(metrics.deliveryMs.p50).toBeGreaterThanOrEqual(60);
    expect(metrics.deliveryMs.p50).toBeLessThanOrEqual(80);
    expect(metrics.messagesPerBroadcast).toBeGreaterThanOrEqual(2);
    expect(metrics.messagesPerBroadcast).toBeLessThan(8);
    expect(metrics.syncsPerBroadcast).toBeGreaterThanOrEqual(2);
    expect(metrics.linkBufferBytesMax).toBe(0);
    expect(metrics.diskBytesMax).toBeGreaterThan(500);
  });

  test('a thin line makes bytes wait, and messages slow', () => {
    const thin = runPlan(define({ faults: [at(ms(300), link({ bytesPerMs: 0.5 }, { for: seconds(1) }))] })).metrics;
    expect(thin.linkBufferBytesMax).toBeGreaterThan(0);
    expect(thin.deliveryMs.max).toBeGreaterThan(runPlan(define({})).metrics.deliveryMs.max);
  });

  test('what exceeds a budget ends the verdict, not the run', () => {
    const within = runPlan(define({ expect: { messagesPerBroadcast: 8, deliveryP99: seconds(1) } }));
    expect(within.verdict).toBe('pass');
    expect(within.properties).toContain('budget');
    for (const expected of [
      { messagesPerBroadcast: 1.5 },
      { bytesPerBroadcast: 20 },
      { messagesPerBroadcast: 8, deliveryP99: ms(60) },
    ]) {
      const beyond = runPlan(define({ expect: expected }));
      expect(beyond.verdict).toBe('budget');
      expect(beyond.violations).toMatchObject([{ property: 'budget', kind: 'budget' }]);
      expect(beyond.traceHash).toBe(within.traceHash);
    }
    expect(runPlan(define({})).properties).not.toContain('budget');
  });

  test('a run that goes wrong in another way is not judged by its budget', () => {
    const plan = { ...define({ expect: { messagesPerBroadcast: 0 } }), deadlineMs: 1000, healedAtMs: 990 };
    const cutShort = { ...plan, operations: plan.operations.map((operation) => ({ ...operation, atMs: 989 })) };
    const { verdict, properties } = runPlan(cutShort);
    expect(verdict).toBe('liveness');
    expect(properties).not.toContain('budget');
  });
});
