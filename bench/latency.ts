/**
 * How long a message of 100 bytes takes from `broadcast` to the application of a peer: one at a time, and at a tenth and a half of
 * the throughput that was measured just before.
 *
 * One message at a time cannot be faster than two syncs, one after the other, and one way: it is persisted before it is sent, and
 * before it is delivered. Both are measured in the same rounds. Rounds are joined: percentiles are those of all messages.
 */
import { alternate, percentile, type BenchResult } from './case.js';
import { Cluster } from './cluster.js';
import { rawSyncMs } from './raw-disk.js';
import { rawTlsWayMs } from './raw-tls.js';

const rounds = 5;
const bytes = 100;
/** A batch of one message, as it is written and sent. */
const rawBytes = 256;
const oneAtATimeCount = 200;
const loadedSeconds = 1;
const throughputCount = 200_000;
const names = ['a', 'b', 'c'];
const [sender, receivers] = ['a', ['b', 'c']];

/** `keys` holds ca.pem and the certificates and keys of a, b and c. */
export async function benchLatency(keys: string): Promise<readonly BenchResult[]> {
  await using cluster = await Cluster.open(keys, names);
  await using bare = await Cluster.open(keys, names, 'bare-member');
  const load = { senders: [sender], receivers, bytes };
  await cluster.throughput({ ...load, count: throughputCount });
  await bare.throughput({ ...load, count: throughputCount });
  const { messagesPerSecond } = await cluster.throughput({ ...load, count: throughputCount });
  const collected = new Map<string, number[]>();
  const sample = async (name: string, of: Cluster, perSecond?: number): Promise<number> => {
    const count = perSecond === undefined ? oneAtATimeCount : Math.round(perSecond * loadedSeconds);
    const latenciesMs = await of.latenciesMs({ sender, receivers, count, bytes, perSecond });
    collected.set(name, [...(collected.get(name) ?? []), ...latenciesMs]);
    return percentile(latenciesMs, 0.5);
  };
  const limits = await alternate(rounds, {
    'one at a time, p50 in ms': () => sample('one at a time', cluster),
    'bare pipeline, one at a time, p50 in ms': () => sample('bare, one at a time', bare),
    'fdatasync, p50 in ms': () => rawSyncMs(rawBytes),
    'one TLS way, p50 in ms': () => rawTlsWayMs(keys, rawBytes),
    'at 10 % of the throughput, p50 in ms': () => sample('at 10 %', cluster, 0.1 * messagesPerSecond),
    'bare pipeline at that rate, p50 in ms': () => sample('bare, at 10 %', bare, 0.1 * messagesPerSecond),
    'at 50 % of the throughput, p50 in ms': () => sample('at 50 %', cluster, 0.5 * messagesPerSecond),
    'bare pipeline at that rate too, p50 in ms': () => sample('bare, at 50 %', bare, 0.5 * messagesPerSecond),
  });
  const limitMs = 2 * (limits['fdatasync, p50 in ms'] ?? Number.NaN) + (limits['one TLS way, p50 in ms'] ?? Number.NaN);
  const result = (name: string, share: number, limit: Readonly<Record<string, number>>): BenchResult => ({
    case: `latency ${name}, 100 B, p${share * 100}`,
    unit: 'ms',
    ours: percentile(collected.get(name) ?? [], share),
    peers: { ...limit, 'bare pipeline': percentile(collected.get(`bare, ${name}`) ?? [], share) },
  });
  return [
    result('one at a time', 0.5, { '2 fdatasync + 1 TLS way': limitMs }),
    result('one at a time', 0.99, {}),
    ...['at 10 %', 'at 50 %'].flatMap((name) => [0.5, 0.99].map((share) => result(name, share, {}))),
  ];
}
