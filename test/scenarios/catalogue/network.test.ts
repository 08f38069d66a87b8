/** That the scenarios about networks reach what they are about; that they hold is tested with all others. */
import { expect, test } from 'vitest';
import { formatDot } from '../../../core/index.js';
import type { HistoryEvent, PlannedFault } from '../../../scenarios/index.js';
import { eventsOf, runs, type Run } from './runs.js';

type FaultOf<Kind extends PlannedFault['kind']> = Extract<PlannedFault, { readonly kind: Kind }>;

/** Of what the halves wrote while they were apart: from how many of them the bridge was given some, and what crossed it. */
function crossings(run: Run): { readonly halves: number; readonly across: number } {
  const partition = run.plan.faults.find((fault): fault is FaultOf<'partition'> => fault.kind === 'partition');
  const healedAtMs = run.plan.faults.find(({ kind }) => kind === 'heal')?.atMs ?? 0;
  const [first = [], second = []] = partition?.groups ?? [];
  const bridge = first.find((node) => second.includes(node));
  const isDuring = ({ atMs }: HistoryEvent): boolean => atMs > (partition?.atMs ?? Infinity) && atMs < healedAtMs;
  const written = new Set(
    eventsOf(run, 'broadcast')
      .filter(isDuring)
      .map(({ dot }) => formatDot(dot)),
  );
  const given = eventsOf(run, 'deliver').filter(
    (event) => isDuring(event) && event.dot.origin !== bridge && written.has(formatDot(event.dot)),
  );
  const toBridge = given.filter(({ node }) => node === bridge);
  const toOthers = given.filter(({ node }) => node !== bridge);
  return {
    halves: new Set(toBridge.map(({ dot }) => first.includes(dot.origin))).size,
    across: toOthers.filter(({ node, dot }) => first.includes(node) !== first.includes(dot.origin)).length,
  };
}

test('bridge: both halves reach the node between, and each other through it, while they are apart', () => {
  for (const run of runs('bridge')) {
    const { across, halves } = crossings(run);
    expect(halves).toBe(2);
    expect(across).toBeGreaterThan(0);
    expect(run.faults['unreachable-write']).toBeGreaterThan(10);
  }
});

test('flapping: every partition parts somebody, links are reset, and messages arrive all the time', () => {
  for (const run of runs('flapping')) {
    expect(run.faults['partition']).toBe(7);
    expect(run.faults['cut']).toBeGreaterThan(5);
    const seconds = new Set(eventsOf(run, 'deliver').map(({ atMs }) => Math.floor(atMs / 1000)));
    expect(seconds).toContain(0);
    expect(seconds).toContain(1);
    expect(seconds).toContain(2);
  }
});

test('swizzle: many directions are clogged at once, and messages come late and out of turn', () => {
  for (const run of runs('swizzle')) {
    let clogged = 0;
    const levels = run.plan.faults.map(({ kind }) => (clogged += kind === 'hold' ? 1 : kind === 'release' ? -1 : 0));
    expect(Math.max(...levels)).toBeGreaterThan(3);
    expect(levels.at(-1)).toBe(0);
    expect(run.metrics.deliveryMs.max).toBeGreaterThan(200);
  }
});
