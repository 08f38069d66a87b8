/** That the scenarios about members reach what they are about; that they hold is tested with all others. */
import { expect, test } from 'vitest';
import { eventsOf, runs, type Run } from './runs.js';

const nodesOf = (events: readonly { readonly node: string }[]): ReadonlySet<string> =>
  new Set(events.map(({ node }) => node));

test('member-joins: who is added is given everything and writes, also when two add others at once', () => {
  const all = runs('member-joins', 16);
  const writes = all.flatMap((run) => {
    const joiners = run.plan.joiners ?? [];
    expect(nodesOf(eventsOf(run, 'joined'))).toEqual(new Set(joiners));
    return joiners.map((joiner) => nodesOf(eventsOf(run, 'broadcast')).has(joiner));
  });
  // Some have nothing to do, such as to expunge a mail where there is none.
  expect(writes.filter(Boolean).length).toBeGreaterThan(0.9 * writes.length);
  const atOnce = all.filter(({ plan }) => {
    const added = plan.faults.filter(({ kind }) => kind === 'add-member');
    return added.length === 2 && added[0]?.atMs === added[1]?.atMs;
  });
  expect(atOnce.length).toBeGreaterThan(2);
});

/** Messages that a node had broadcast and not everybody else had been given when it was removed, and that all were given in the end. */
function savedOf(run: Run): number {
  const removals = eventsOf(run, 'removed');
  const given = eventsOf(run, 'deliver');
  const staying = run.plan.nodes.filter((node) => !nodesOf(removals).has(node));
  return removals.flatMap(({ node, atMs }) => {
    const seqs = new Set(given.flatMap(({ dot }) => (dot.origin === node ? [dot.seq] : [])));
    return [...seqs].filter((seq) => {
      const deliveries = given.filter(({ dot, node: to }) => {
        return dot.origin === node && dot.incarnation === 1 && dot.seq === seq && staying.includes(to);
      });
      const timely = deliveries.filter((delivery) => delivery.atMs <= atMs);
      return timely.length < staying.length && nodesOf(deliveries).size === staying.length;
    });
  }).length;
}

test('member-leaves: who lives is told, what some had heard reaches all, and some come again', () => {
  const all = runs('member-leaves', 24);
  for (const run of all) {
    const removals = eventsOf(run, 'removed');
    const told = nodesOf(eventsOf(run, 'alarm').filter(({ code }) => code === 'E_REMOVED'));
    const again = nodesOf(eventsOf(run, 'joined'));
    const dead = nodesOf(run.plan.faults.flatMap((fault) => ('forGood' in fault ? [fault] : [])));
    for (const { node } of removals) expect(told.has(node) || again.has(node) || dead.has(node)).toBe(true);
  }
  expect(all.filter((run) => eventsOf(run, 'alarm').some(({ code }) => code === 'E_REMOVED')).length).toBeGreaterThan(
    8,
  );
  expect(all.filter((run) => savedOf(run) > 0).length).toBeGreaterThan(8);
  expect(all.filter((run) => eventsOf(run, 'removed').length === 2).length).toBeGreaterThan(4);
  const returned = all.filter((run) => {
    const again = nodesOf(eventsOf(run, 'joined'));
    return eventsOf(run, 'broadcast').some(({ node, dot }) => again.has(node) && dot.incarnation > 1);
  });
  expect(returned.length).toBeGreaterThan(4);
});

test('snapshot-join: who joins, was wiped, or was given up is given a state, mostly', () => {
  const all = runs('snapshot-join', 24);
  const given = all.filter((run) => eventsOf(run, 'joined').some(({ state }) => state !== undefined));
  expect(given.length).toBeGreaterThan(16);
  const why = (run: Run): string =>
    run.plan.joiners !== undefined ? 'joined' : run.faults['disk-wiped'] === undefined ? 'given up' : 'wiped';
  expect(new Set(given.map(why))).toEqual(new Set(['joined', 'wiped', 'given up']));
});
