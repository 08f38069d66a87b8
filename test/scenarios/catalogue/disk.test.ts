/** That the scenarios about disks reach what they are about; that they hold is tested with all others. */
import { expect, test } from 'vitest';
import { findScenario, makePlan, runPlan, type HistoryEvent, type RunResult } from '../../../scenarios/index.js';

type Run = RunResult & { readonly history: readonly HistoryEvent[] };

function runs(name: string, seeds = 8): readonly Run[] {
  return Array.from({ length: seeds }, (_, index) => {
    const result = runPlan(makePlan(findScenario(name), String(index + 1)), { keepHistory: true });
    expect(result.violations, `seed ${index + 1}`).toEqual([]);
    return { ...result, history: result.history ?? [] };
  });
}

function count(all: readonly Run[], fault: string): number {
  return all.reduce((sum, { faults }) => sum + (faults[fault] ?? 0), 0);
}

function stopsOf({ history }: Run): readonly string[] {
  return history.flatMap((event) => (event.type === 'stopped' ? [`${event.code} ${event.phase ?? ''}`] : []));
}

/** How long each life of a node was, for those that a crash ended. */
function livesMs({ history }: Run): readonly number[] {
  const startedMs = new Map<string, number>();
  return history.flatMap(({ type, node, atMs }) => {
    if (type === 'start') startedMs.set(node, atMs);
    return type === 'crash' ? [atMs - (startedMs.get(node) ?? 0)] : [];
  });
}

test('torn-tail tears nearly every write that a loss of power finds, large ones in the middle too', () => {
  const all = runs('torn-tail');
  expect(count(all, 'scattered-write')).toBeGreaterThan(0);
  expect(count(all, 'torn-write')).toBeGreaterThan(8);
  expect(count(all, 'lost-write')).toBe(0);
});

test('bit-rot leaves one node out, and the others go on without it', () => {
  const all = runs('bit-rot', 20);
  for (const run of all) {
    const rotten = run.history.find(({ type }) => type === 'disk-damaged');
    expect(rotten).toBeDefined();
    const isRefusing = run.history.some((event) => event.type === 'stopped' && event.node === rotten?.node);
    const last = run.history.findLast(({ type, node }) => type === 'deliver' && node !== rotten?.node);
    expect(last?.atMs).toBeGreaterThan(1500);
    expect(
      isRefusing ||
        run.history.some(({ type, node, atMs }) => type === 'deliver' && node === rotten?.node && atMs > 1500),
    ).toBe(true);
  }
  const stops = new Set(all.flatMap(stopsOf));
  expect(stops).toContain('E_LOG_CORRUPT starting');
  expect(stops).toContain('E_POSITION starting');
});

test('disk-full strikes everywhere and stops nobody', () => {
  for (const run of runs('disk-full')) {
    expect(run.faults['disk-full']).toBeGreaterThan(2);
    expect(run.faults).not.toHaveProperty('restart');
    expect(stopsOf(run)).toEqual([]);
  }
});

test('fsync-fails stops nodes while they run and while they recover, and takes away what the syncs had dropped', () => {
  const all = runs('fsync-fails');
  const stops = new Set(all.flatMap(stopsOf));
  expect(stops).toContain('E_STORAGE running');
  expect(stops).toContain('E_STORAGE starting');
  expect(count(all, 'lost-write')).toBeGreaterThan(8);
  expect(count(all, 'write-error')).toBeGreaterThan(8);
});

test('disk-stall keeps a node from accepting anything for longer than a silent peer is waited for', () => {
  for (const { history, plan } of runs('disk-stall')) {
    const gapsMs = plan.nodes.map((name) => {
      const times = history.filter(({ type, node }) => type === 'accepted' && node === name).map(({ atMs }) => atMs);
      return Math.max(...times.map((atMs, index) => atMs - (times[index - 1] ?? 0)));
    });
    expect(Math.max(...gapsMs)).toBeGreaterThan(plan.options.timings.deadMs ?? Infinity);
  }
});

test('crash-during-recovery ends most lives within milliseconds', () => {
  for (const run of runs('crash-during-recovery')) {
    const lives = livesMs(run);
    const short = lives.filter((lengthMs) => lengthMs <= 20);
    expect(short.length).toBeGreaterThan(4);
    expect(short.length).toBeGreaterThan(lives.length / 2);
  }
});
