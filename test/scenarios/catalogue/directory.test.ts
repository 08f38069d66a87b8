/** That the scenarios about directories, clocks and poison reach what they are about; that they hold is tested with all others. */
import { expect, test } from 'vitest';
import { formatDot } from '../../../core/index.js';
import { findScenario, makePlan, runPlan, type HistoryEvent, type RunResult } from '../../../scenarios/index.js';

type Run = RunResult & { readonly history: readonly HistoryEvent[] };
type EventOf<Type extends HistoryEvent['type']> = Extract<HistoryEvent, { readonly type: Type }>;

function runs(name: string, seeds: number): readonly Run[] {
  return Array.from({ length: seeds }, (_, index) => {
    const result = runPlan(makePlan(findScenario(name), String(index + 1)), { keepHistory: true });
    expect(result.violations, `seed ${index + 1}`).toEqual([]);
    return { ...result, history: result.history ?? [] };
  });
}

function eventsOf<Type extends HistoryEvent['type']>({ history }: Run, type: Type): readonly EventOf<Type>[] {
  return history.filter((event): event is EventOf<Type> => event.type === type);
}

/** Of the runs, how many are such. */
function count(all: readonly Run[], is: (run: Run) => boolean): number {
  return all.filter(is).length;
}

/** The node that the scenario is about goes on writing, as another incarnation. */
const goesOn = (run: Run): boolean => eventsOf(run, 'broadcast').some(({ dot }) => dot.incarnation > 1);
const isFenced = (run: Run): boolean => eventsOf(run, 'alarm').some((alarm) => alarm.isFenced === true);

/** Two messages were given out under one dot. */
function hasRivals(run: Run): boolean {
  const bodies = new Map<string, string>();
  return eventsOf(run, 'broadcast').some(({ dot, payload }) => {
    const text = Buffer.from(payload).toString('latin1');
    const before = bodies.get(formatDot(dot));
    bodies.set(formatDot(dot), text);
    return before !== undefined && before !== text;
  });
}

test('wiped-disk: the node begins anew, mostly as another incarnation, and sometimes writes before it knows', () => {
  const all = runs('wiped-disk', 12);
  for (const run of all) expect(run.faults['disk-wiped']).toBeGreaterThan(0);
  expect(count(all, goesOn)).toBeGreaterThan(6);
  expect(count(all, (run) => run.faults['disk-wiped'] === 2)).toBeGreaterThan(0);
});

test('restored-backup: the node goes on, or is fenced', () => {
  const all = runs('restored-backup', 12);
  for (const run of all) expect(run.faults).toMatchObject({ backup: 1 });
  expect(count(all, goesOn)).toBeGreaterThan(4);
  expect(count(all, isFenced)).toBeGreaterThan(0);
});

test('twin-names: one of the two is fenced, and both use the same dots now and then', () => {
  const all = runs('twin-names', 24);
  expect(count(all, (run) => run.faults['twin'] === 1)).toBe(24);
  expect(count(all, isFenced)).toBeGreaterThan(8);
  expect(count(all, hasRivals)).toBeGreaterThan(0);
  expect(count(all, (run) => eventsOf(run, 'broadcast').some(({ node, dot }) => node !== dot.origin))).toBeGreaterThan(
    4,
  );
});

test('clock-jump: every kind of clock fault comes, and jumps longer than any wait', () => {
  const all = runs('clock-jump', 6);
  for (const run of all) expect(run.faults).toMatchObject({ 'clock-drift': 1 });
  expect(count(all, (run) => (run.faults['timers-late'] ?? 0) > 0)).toBeGreaterThan(0);
  const jumps = all.flatMap(({ plan }) =>
    plan.faults.flatMap((fault) => (fault.kind === 'clock-jump' ? [fault.byMs] : [])),
  );
  expect(Math.max(...jumps)).toBe(3_600_000);
});

test('poison-message: messages are skipped and applied after all, some of them after a crash', () => {
  const all = runs('poison-message', 8);
  const struck = all.reduce((sum, { faults }) => sum + (faults['poison'] ?? 0), 0);
  const skipped = all.reduce((sum, run) => sum + eventsOf(run, 'skipped').length, 0);
  expect(skipped).toBeGreaterThan(8);
  expect(struck).toBeGreaterThan(skipped);
});
