/** Throughput of three members of which one broadcasts, beside the limits that TLS and the disk set. */
import { alternate, type BenchResult } from './case.js';
import { rawSyncsPerSecond } from './raw-disk.js';
import { rawTlsBytesPerSecond } from './raw-tls.js';
import { TlsCluster, type Throughput } from './tls-cluster.js';

const rounds = 5;
/** Payload sizes and how many messages a round broadcasts: each a second or two of work. */
const workloads = [
  { bytes: 100, count: 200_000, name: '100 B' },
  { bytes: 1024, count: 60_000, name: '1 KiB' },
  { bytes: 64 << 10, count: 2_000, name: '64 KiB' },
] as const;
const receivers = ['b', 'c'];

/** `keys` holds ca.pem and the certificates and keys of a, b and c. */
export async function benchThreeNodes(keys: string): Promise<readonly BenchResult[]> {
  await using cluster = await TlsCluster.open(keys, ['a', ...receivers]);
  const results: BenchResult[] = [];
  for (const { bytes, count, name } of workloads) {
    const load = { senders: ['a'], receivers, count, bytes };
    await cluster.throughput({ ...load, count: count >> 3 });
    const runs: Throughput[] = [];
    const figures = await alternate(rounds, {
      [`three nodes, ${name}, messages/s`]: async () => {
        const run = await cluster.throughput(load);
        runs.push(run);
        return run.messagesPerSecond;
      },
      'raw TLS, 64 KiB writes, bytes/s': () => rawTlsBytesPerSecond(keys),
      'raw fdatasync of 64 KiB, syncs/s': () => rawSyncsPerSecond(64 << 10),
    });
    const [ours = Number.NaN, tls = Number.NaN, syncs = Number.NaN] = Object.values(figures);
    const peers = { 'raw TLS': tls / bytes, 'raw disk': (syncs * (64 << 10)) / bytes, 'one sync a message': syncs };
    results.push({ case: `three nodes over TLS, all synced, ${name}`, unit: 'messages/s', ours, peers });
    const last = runs.at(-1);
    if (bytes !== 100 || last === undefined) continue;
    const [sender = Number.NaN, ...received] = ['a', ...receivers].map((member) => last.cpuMicros.get(member) ?? 0);
    results.push({ case: 'CPU of the sender, 100 B', unit: 'µs/message', ours: sender, peers: {} });
    results.push({ case: 'CPU of a receiver, 100 B', unit: 'µs/message', ours: Math.max(...received), peers: {} });
  }
  return results;
}
