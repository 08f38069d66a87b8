import { describe, expect, test } from 'vitest';
import {
  at,
  bitRot,
  cut,
  diskErrors,
  diskFull,
  diskStall,
  lines,
  lyingDisk,
  makePlan,
  ms,
  powerLoss,
  runPlan,
  scenario,
  stop,
  type Fault,
  type HistoryEvent,
  type Plan,
  type RunResult,
  type ScenarioBody,
} from '../../scenarios/index.js';
import { expectedStops } from '../../scenarios/expected-stops.js';

const text = Array.from({ length: 60 }, (_, index) => `line ${index}`);
const timings = { storageRetryMs: 20, backoffMs: 20, backoffMaxMs: 100 };

/** Two nodes that broadcast a line every 20 ms each, for 600 ms, under faults at these times. */
function planOf(faults: readonly (readonly [atMs: number, fault: Fault])[], body: Partial<ScenarioBody> = {}): Plan {
  const workload = lines({ lines: text, perSecond: 100 });
  const scheduled = faults.map(([atMs, fault]) => at(ms(atMs), fault));
  return makePlan(scenario('disks', { about: '', nodes: 2, workload, faults: scheduled, timings, ...body }), '1');
}

function run(...args: Parameters<typeof planOf>): RunResult & { readonly history: readonly HistoryEvent[] } {
  const result = runPlan(planOf(...args), { keepHistory: true });
  return { ...result, history: result.history ?? [] };
}

const timesOf = (history: readonly HistoryEvent[], type: HistoryEvent['type'], node = 'a'): readonly number[] =>
  history.filter((event) => event.type === type && event.node === node).map(({ atMs }) => atMs);

/** Of the given times, those from one moment up to another. */
const within = (times: readonly number[], fromMs: number, untilMs: number): readonly number[] =>
  times.filter((atMs) => atMs >= fromMs && atMs < untilMs);

describe('disk errors', () => {
  const failing = [[100, diskErrors('a', { sync: 1, for: ms(100) })]] as const;

  test('a node that cannot sync stops, and comes back under a supervisor until it can', () => {
    const { verdict, history, faults } = run(failing, { supervisor: { restartAfterMs: ms(15) } });
    expect(verdict).toBe('pass');
    const stops = timesOf(history, 'stopped');
    expect(stops.length).toBeGreaterThan(1);
    expect(within(stops, 100, 215)).toEqual(stops);
    expect(timesOf(history, 'start').slice(1)).toEqual(stops.map((atMs) => Math.round((atMs + 15) * 1000) / 1000));
    expect(timesOf(history, 'stopped', 'b')).toEqual([]);
    expect(faults).toMatchObject({ 'disk-errors': 1, restart: stops.length });
  });

  test('without a supervisor it is down until the faults end', () => {
    const { verdict, history, plan } = run(failing);
    expect(verdict).toBe('pass');
    expect(timesOf(history, 'stopped')).toHaveLength(1);
    expect(timesOf(history, 'start')).toEqual([0, plan.healedAtMs]);
  });

  test('a supervisor has no power over a machine that is dark', () => {
    const faults = [...failing, [150, powerLoss('a', { for: ms(300) })]] as const;
    const { verdict, history } = run(faults, { supervisor: { restartAfterMs: ms(80) } });
    expect(verdict).toBe('pass');
    expect(within(timesOf(history, 'start'), 1, 450)).toEqual([]);
    expect(within(timesOf(history, 'start'), 450, 460)).toHaveLength(1);
  });

  test('a node that cannot write waits, and accepts everything afterwards', () => {
    const { verdict, history } = run([[100, diskErrors('a', { write: 1, for: ms(200) })]]);
    expect(verdict).toBe('pass');
    expect(timesOf(history, 'stopped')).toEqual([]);
    const accepted = timesOf(history, 'accepted');
    expect(within(accepted, 105, 300)).toEqual([]);
    expect(within(accepted, 300, 600).length).toBeGreaterThan(5);
  });

  test('end with all other faults when no time is given', () => {
    const { verdict, history, plan } = run([
      [100, diskErrors('a', { write: 1 })],
      [300, diskStall('b')],
    ]);
    expect(verdict).toBe('pass');
    expect(within(timesOf(history, 'accepted', 'a'), 105, plan.healedAtMs)).toEqual([]);
    expect(within(timesOf(history, 'accepted', 'b'), 300, plan.healedAtMs)).toEqual([]);
  });

  test('rates of nothing are no fault', () => {
    expect(run([[100, diskErrors('a', { sync: 0 })]]).faults).toEqual({});
  });
});

describe('a full disk', () => {
  test('stops nobody, takes what fits, and goes on when there is room', () => {
    const { verdict, history, faults } = run([[100, diskFull('a', { freeBytes: 400, for: ms(250) })]]);
    expect(verdict).toBe('pass');
    expect(timesOf(history, 'stopped')).toEqual([]);
    const accepted = timesOf(history, 'accepted');
    expect(within(accepted, 100, 160).length).toBeGreaterThan(0);
    expect(within(accepted, 200, 350)).toEqual([]);
    expect(within(accepted, 350, 600).length).toBeGreaterThan(5);
    expect(faults['disk-full']).toBeGreaterThan(1);
  });

  test('of two at once the later one counts, and there is room when both have ended', () => {
    const { verdict, history } = run([
      [100, diskFull('a', { for: ms(250) })],
      [150, diskFull('a', { freeBytes: 100_000, for: ms(50) })],
      [400, diskFull('a', { freeBytes: 100_000, for: ms(100) })],
      [420, diskFull('a', { for: ms(200) })],
    ]);
    expect(verdict).toBe('pass');
    const accepted = timesOf(history, 'accepted');
    expect(within(accepted, 105, 150)).toEqual([]);
    expect(within(accepted, 150, 205).length).toBeGreaterThan(0);
    expect(within(accepted, 210, 350)).toEqual([]);
    expect(within(accepted, 350, 420).length).toBeGreaterThan(0);
    expect(within(accepted, 425, 620)).toEqual([]);
  });

  test('a node that is closed does not wait for room: it stops, and who closed it starts it again', () => {
    const { verdict, history } = run([
      [100, diskFull('a', { for: ms(400) })],
      [200, stop('a', { for: ms(350) })],
    ]);
    expect(verdict).toBe('pass');
    const stopped = history.find((event) => event.type === 'stopped');
    expect(stopped).toMatchObject({ node: 'a', code: 'E_DISK_FULL', phase: 'closing' });
    const [, again] = timesOf(history, 'start');
    expect(again).toBeCloseTo((stopped?.atMs ?? 0) + 350, 3);
  });
});

describe('a disk that hangs', () => {
  test('answers nothing, then everything', () => {
    const { verdict, history, faults } = run([[100, diskStall('a', { for: ms(200) })]]);
    expect(verdict).toBe('pass');
    expect(within(timesOf(history, 'accepted'), 100, 300)).toEqual([]);
    expect(within(timesOf(history, 'accepted'), 300, 310).length).toBeGreaterThan(0);
    expect(within(timesOf(history, 'accepted', 'b'), 100, 300).length).toBeGreaterThan(5);
    expect(faults).toEqual({ 'disk-stall': 1 });
  });

  test('hangs until the last of two has ended', () => {
    const { history } = run([
      [100, diskStall('a', { for: ms(150) })],
      [200, diskStall('a', { for: ms(200) })],
    ]);
    expect(within(timesOf(history, 'accepted'), 100, 400)).toEqual([]);
    expect(within(timesOf(history, 'accepted'), 400, 410).length).toBeGreaterThan(0);
  });
});

describe('damage', () => {
  test('bits that flip are reported at once, and a node that is then restarted refuses its log', () => {
    const { verdict, history, faults } = run([
      [300, bitRot('a', { at: 0.5 })],
      [320, bitRot('a', { at: 0.2, bits: 3 })],
      [605, stop('a', { for: ms(20) })],
      [700, cut('any')],
    ]);
    expect(verdict).toBe('pass');
    expect(timesOf(history, 'disk-damaged')).toEqual([300, 320]);
    expect(timesOf(history, 'disk-damaged', 'b')).toEqual([]);
    const stops = history.filter((event) => event.type === 'stopped');
    expect(stops.map(({ code, phase }) => `${code} ${phase ?? ''}`)).toEqual(Array(2).fill('E_LOG_CORRUPT starting'));
    expect(faults).toMatchObject({ 'bit-rot': 2 });
  });

  test('a disk without a log has nothing that could rot', () => {
    expect(timesOf(run([[0, bitRot('a')]]).history, 'disk-damaged')).toEqual([]);
  });

  test('a disk that lies is reported when it has lied, before anything follows from it', () => {
    const { verdict, history, faults } = run([
      [570, lyingDisk('a', { phantom: 1, for: ms(85) })],
      [570, lyingDisk('b', { phantom: 0, misdirected: 0, for: ms(10) })],
      [660, stop('a', { for: ms(20) })],
    ]);
    expect(verdict).toBe('pass');
    const [atMs = 0] = timesOf(history, 'disk-damaged');
    expect(within([atMs], 570, 600)).toHaveLength(1);
    expect(timesOf(history, 'disk-damaged', 'b')).toEqual([]);
    expect(timesOf(history, 'stopped')[0]).toBeGreaterThan(atMs);
    expect(faults).toMatchObject({ 'lying-disk': 1 });
    expect(faults['phantom-write']).toBeGreaterThan(0);
  });

  test('a disk that has had nothing to lie about is as it was', () => {
    const { history } = run([[900, lyingDisk('a', { misdirected: 1, for: ms(50) })]]);
    expect(timesOf(history, 'disk-damaged')).toEqual([]);
  });
});

test('expected stops are those of the faults, at their nodes', () => {
  const stopsOf = (...faults: readonly Fault[]): readonly string[] =>
    expectedStops(planOf(faults.map((fault) => [1, fault] as const))).map(
      ({ node, code, phases }) => `${node} ${code} ${phases.join(' ')}`,
    );
  expect(stopsOf(diskErrors('a', { read: 0.1, write: 0.1 }))).toEqual(['a E_STORAGE starting running closing']);
  expect(stopsOf(diskErrors('a', { sync: 0.1 }))).toEqual(['a E_STORAGE starting running closing']);
  expect(stopsOf(diskErrors('b', { write: 0.1 }))).toEqual(['b E_STORAGE starting closing']);
  expect(stopsOf(diskErrors('b', { sync: 0 }))).toEqual([]);
  expect(stopsOf(diskFull('all'))).toEqual(['a E_DISK_FULL starting closing', 'b E_DISK_FULL starting closing']);
  expect(stopsOf(diskStall('a'), bitRot('a'), lyingDisk('a', { phantom: 1 }))).toEqual([]);
});
