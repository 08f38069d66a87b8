/**
 * How fast a member that was away gets what it has missed: a million messages of 100 bytes, from the moment when it is connected
 * again until it has delivered the last one. Beside it, the throughput of the same cluster before the member went.
 */
import { alternate, type BenchResult } from './case.js';
import { Cluster } from './cluster.js';

const rounds = 3;
const bytes = 100;
const missed = 1_000_000;
const steadyCount = 300_000;
const absent = 'c';

/** `keys` holds ca.pem and the certificates and keys of a, b and c. */
export async function benchCatchUp(keys: string): Promise<readonly BenchResult[]> {
  await using cluster = await Cluster.open(keys, ['a', 'b', absent]);
  const steady = { senders: ['a'], receivers: ['b', absent], bytes };
  await cluster.throughput({ ...steady, count: steadyCount >> 2 });
  const figures = await alternate(rounds, {
    'steady state, messages/s': async () =>
      (await cluster.throughput({ ...steady, count: steadyCount })).messagesPerSecond,
    'catch-up of 10^6 messages, messages/s': async () => {
      await cluster.kill(absent);
      await cluster.throughput({ ...steady, receivers: ['b'], count: missed });
      return cluster.start(absent);
    },
  });
  const [steadily = Number.NaN, ours = Number.NaN] = Object.values(figures);
  return [
    {
      case: 'catch-up of 10^6 messages of 100 B',
      unit: 'messages/s',
      ours,
      peers: { 'steady state': steadily },
    },
  ];
}
