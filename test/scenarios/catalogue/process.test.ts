/** That the scenarios about processes reach what they are about; that they hold is tested with all others. */
import { expect, test } from 'vitest';
import { eventsOf, runOf, runs, type Run } from './runs.js';

test('pause-and-resume: pauses outlast the patience of peers, and once nobody moves at all', () => {
  for (const run of runs('pause-and-resume')) {
    const { plan, history, faults } = run;
    const deadMs = plan.options.timings.deadMs ?? Infinity;
    expect(faults['pause']).toBe(3 + plan.nodes.length);
    const times = [0, ...history.map(({ atMs }) => atMs)];
    const gapsMs = times.slice(1).map((atMs, index) => atMs - (times[index] ?? 0));
    expect(Math.max(...gapsMs)).toBeGreaterThan(deadMs);
    expect(eventsOf(run, 'start')).toHaveLength(plan.nodes.length);
  }
});

/** When each node that dies for good did so. */
function deathsOf({ plan }: Run): ReadonlyMap<string, number> {
  return new Map(plan.faults.flatMap((fault) => ('forGood' in fault ? [[fault.node, fault.atMs]] : [])));
}

/** Messages of a node that some survivors had been given, and others had not, when it died. */
function halfDelivered(run: Run, doomed: string, diedAtMs: number): number {
  const survivors = run.plan.nodes.length - deathsOf(run).size;
  const given = new Map<number, number>();
  for (const { node, dot, atMs } of eventsOf(run, 'deliver')) {
    if (dot.origin !== doomed || atMs > diedAtMs || deathsOf(run).has(node)) continue;
    given.set(dot.seq, (given.get(dot.seq) ?? 0) + 1);
  }
  return [...given.values()].filter((count) => count < survivors).length;
}

test('minority-dies-for-good: most who die leave messages that only some have, and nobody comes back', () => {
  const all = Array.from({ length: 12 }, (_, index) => runOf('minority-dies-for-good', index + 1));
  const halves = all.map((run) => {
    const deaths = deathsOf(run);
    expect(run.faults['gone-for-good']).toBe(deaths.size);
    expect(eventsOf(run, 'start')).toHaveLength(run.plan.nodes.length);
    return [...deaths].reduce((sum, [node, atMs]) => sum + halfDelivered(run, node, atMs), 0);
  });
  expect(halves.filter((count) => count > 0).length).toBeGreaterThan(8);
  expect(new Set(all.map((run) => deathsOf(run).size))).toEqual(new Set([1, 2]));
});
