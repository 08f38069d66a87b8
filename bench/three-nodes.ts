/** Throughput of three members of which one broadcasts, beside the limits that TLS, the disk and the work itself set. */
import { alternate, median, type BenchResult } from './case.js';
import { Cluster, type Throughput } from './cluster.js';
import { rawSyncsPerSecond } from './raw-disk.js';
import { rawTlsBytesPerSecond } from './raw-tls.js';

const defaultRounds = 5;
const names = ['a', 'b', 'c'];
const receivers = ['b', 'c'];

/** Payload sizes, and how many messages ours and the bare pipeline broadcast in a round: each a second or so of work. */
export interface Workload {
  readonly name: string;
  readonly bytes: number;
  readonly count: number;
  readonly bareCount: number;
}

export const workloads: readonly Workload[] = [
  { name: '100 B', bytes: 100, count: 200_000, bareCount: 1_000_000 },
  { name: '1 KiB', bytes: 1024, count: 60_000, bareCount: 150_000 },
  { name: '64 KiB', bytes: 64 << 10, count: 1_500, bareCount: 2_500 },
];

/** `keys` holds ca.pem and the certificates and keys of a, b and c. */
export async function benchThreeNodes(keys: string): Promise<readonly BenchResult[]> {
  await using cluster = await Cluster.open(keys, names);
  const results: BenchResult[] = [];
  for (const workload of workloads) results.push(...(await benchWorkload(keys, cluster, workload, defaultRounds)));
  return results;
}

/** One size of payload on a cluster of a, b and c; throughput first. */
export async function benchWorkload(
  keys: string,
  cluster: Cluster,
  { name, bytes, count, bareCount }: Workload,
  rounds: number,
): Promise<readonly BenchResult[]> {
  // Anew for each size: its logs only grow.
  await using bare = await Cluster.open(keys, names, 'bare-member');
  const load = { senders: ['a'], receivers, bytes };
  await cluster.throughput({ ...load, count: count >> 2 });
  await bare.throughput({ ...load, count: bareCount >> 2 });
  const [runs, bareRuns]: [Throughput[], Throughput[]] = [[], []];
  const figures = await alternate(rounds, {
    [`three nodes, ${name}, messages/s`]: async () => {
      runs.push(await cluster.throughput({ ...load, count }));
      return runs.at(-1)?.messagesPerSecond ?? Number.NaN;
    },
    'bare pipeline, messages/s': async () => {
      bareRuns.push(await bare.throughput({ ...load, count: bareCount }));
      return bareRuns.at(-1)?.messagesPerSecond ?? Number.NaN;
    },
    'raw TLS, 64 KiB writes, bytes/s': () => rawTlsBytesPerSecond(keys),
    'raw fdatasync of 64 KiB, syncs/s': () => rawSyncsPerSecond(64 << 10),
  });
  const [ours = Number.NaN, barely = Number.NaN, tls = Number.NaN, syncs = Number.NaN] = Object.values(figures);
  const peers = {
    'bare pipeline': barely,
    'raw TLS': tls / bytes,
    'raw disk': (syncs * (64 << 10)) / bytes,
    'one sync a message': syncs,
  };
  const cpu = (who: string, members: readonly string[]): BenchResult => ({
    case: `CPU of ${who}, ${name}`,
    unit: 'µs/message',
    ours: cpuMicros(runs, members),
    peers: { 'bare pipeline': cpuMicros(bareRuns, members) },
  });
  return [
    { case: `three nodes over TLS, all synced, ${name}`, unit: 'messages/s', ours, peers },
    cpu('the sender', ['a']),
    cpu('a receiver', receivers),
  ];
}

/** Of whoever of these members used most; the median of the runs. */
export function cpuMicros(runs: readonly Throughput[], members: readonly string[]): number {
  return median(runs.map((run) => Math.max(...members.map((member) => run.cpuMicros.get(member) ?? Number.NaN))));
}
