/** Throughput when all three members broadcast, beside one of them alone: the same number of messages in total. */
import { alternate, type BenchResult } from './case.js';
import { Cluster } from './cluster.js';

const rounds = 5;
const bytes = 100;
/** Of all senders together, in a round of ours and of the bare pipeline. */
const total = 180_000;
const bareTotal = 900_000;
const all = ['a', 'b', 'c'];

/** `keys` holds ca.pem and the certificates and keys of a, b and c. */
export async function benchAllBroadcasting(keys: string): Promise<readonly BenchResult[]> {
  await using cluster = await Cluster.open(keys, all);
  await using bare = await Cluster.open(keys, all, 'bare-member');
  // All are waited for in any case: a round must not begin while somebody still delivers the one before.
  const throughput = async (of: Cluster, senders: readonly string[], count: number): Promise<number> => {
    const load = { senders, receivers: all, count: count / senders.length, bytes };
    return (await of.throughput(load)).messagesPerSecond;
  };
  for (const senders of [['a'], all]) {
    await throughput(cluster, senders, total / 4);
    await throughput(bare, senders, bareTotal / 4);
  }
  const figures = await alternate(rounds, {
    'three nodes, all broadcasting, messages/s': () => throughput(cluster, all, total),
    'one broadcasting, messages/s': () => throughput(cluster, ['a'], total),
    'bare pipeline, all broadcasting, messages/s': () => throughput(bare, all, bareTotal),
  });
  const [ours = Number.NaN, one = Number.NaN, barely = Number.NaN] = Object.values(figures);
  return [
    {
      case: 'three nodes, all broadcasting, 100 B',
      unit: 'messages/s',
      ours,
      peers: { 'one broadcasting': one, 'bare pipeline, all': barely },
    },
  ];
}
