/** That the large scenarios, and those with much to catch up with, reach what they are about. */
import { expect, test } from 'vitest';
import { eventsOf, runOf, runs } from './runs.js';

test('long-backlog: the one who was away gets some dozens of messages late, and others write meanwhile', () => {
  for (const run of runs('long-backlog')) {
    const late = eventsOf(run, 'deliver').filter(({ node, dot, atMs }) => {
      const sent = eventsOf(run, 'broadcast').find(
        (event) => event.dot.origin === dot.origin && event.dot.seq === dot.seq,
      );
      return dot.origin !== node && atMs - (sent?.atMs ?? 0) > 300;
    });
    const lateAt = run.plan.nodes.map((name) => late.filter(({ node }) => node === name));
    const caughtUp = lateAt.toSorted((one, other) => other.length - one.length)[0] ?? [];
    const away = caughtUp[0]?.node;
    expect(caughtUp.length).toBeGreaterThan(30);
    const firstMs = Math.min(...caughtUp.map(({ atMs }) => atMs));
    const newMessages = eventsOf(run, 'broadcast').filter(({ node, atMs }) => node !== away && atMs > firstMs);
    expect(newMessages.length).toBeGreaterThan(3);
    expect(run.metrics.diskBytesMax).toBeGreaterThan(3 * (run.plan.options.limits.segmentBytesMax ?? Infinity));
  }
});

test('long-backlog: what is far behind is read back from the journal', () => {
  for (let seed = 1; seed <= 4; seed++) {
    let reads = 0;
    runOf('long-backlog', seed, {
      onDiskOperation: (_node, { text }) => {
        if (text.startsWith('read ')) reads += 1;
      },
    });
    expect(reads).toBeGreaterThan(40);
  }
});

test('hundred-nodes holds, and every line is delivered by every node', () => {
  const { verdict, violations, broadcasts, deliveries, metrics, faults } = runOf('hundred-nodes', 1);
  expect(violations).toEqual([]);
  expect(verdict).toBe('pass');
  expect([broadcasts, deliveries]).toEqual([30, 3000]);
  expect(faults).toMatchObject({ crash: 2, restart: 2 });
  // Each other node once, and not much more.
  expect(metrics.messagesPerBroadcast).toBeGreaterThan(99);
  expect(metrics.messagesPerBroadcast).toBeLessThan(1000);
  // What each of 100 members has said of each of 30 logs, and nothing that grows faster.
  const { memoryBytes } = metrics;
  expect(memoryBytes.tables).toBeGreaterThan(8 * 100 * 30);
  expect(memoryBytes.max).toBeLessThan(1 << 20);
});
