/**
 * Whether cost grows: messages a second in runs of 10^4 to 10^6 messages, and with 2, 3, 5 and 9 members, all on this machine.
 *
 * Each run has a cluster of its own with empty logs, which would else be those of the runs before; all are warmed up alike. `long` adds
 * 10^7. With more members there is more work and the same number of cores: the CPU time of all members, a message and a receiver, says what
 * another member costs.
 */
import { alternate, type BenchResult } from './case.js';
import { Cluster, type MemberProgram, type Throughput } from './cluster.js';

const rounds = 3;
const bytes = 100;
const runLengths = [10_000, 30_000, 100_000, 300_000, 1_000_000];
const longRunLength = 10_000_000;
const memberCounts = [2, 3, 5, 9];
const countPerMembers = 100_000;
const warmUpCount = 100_000;
const sender = 'a';
const letters = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'];

/** `keys` holds ca.pem and the certificates and keys of a to i. */
export async function benchGrowth(keys: string, { long }: { readonly long: boolean }): Promise<readonly BenchResult[]> {
  const lengths = long ? [...runLengths, longRunLength] : runLengths;
  const byLength = await alternate(
    rounds,
    Object.fromEntries(
      lengths.map((count) => [
        `run of ${count} messages, messages/s`,
        async () => (await runOnce(keys, 3, count, 'tls-member')).messagesPerSecond,
      ]),
    ),
  );
  const figures = Object.values(byLength);
  return [
    ...lengths.map((count, index) => ({
      case: `a run of ${count} messages of 100 B`,
      unit: 'messages/s',
      ours: figures[index] ?? Number.NaN,
      peers: {},
      point: { curve: 'messages/s by length of the run', x: count },
    })),
    ...(await benchMembers(keys)),
  ];
}

async function benchMembers(keys: string): Promise<readonly BenchResult[]> {
  const results: BenchResult[] = [];
  for (const members of memberCounts) {
    let cpuMicros = Number.NaN;
    const figures = await alternate(rounds, {
      [`${members} members, messages/s`]: async () => {
        const run = await runOnce(keys, members, countPerMembers, 'tls-member');
        cpuMicros = [...run.cpuMicros.values()].reduce((sum, cpu) => sum + cpu, 0) / (members - 1);
        return run.messagesPerSecond;
      },
      [`bare pipeline, ${members} members, messages/s`]: async () =>
        (await runOnce(keys, members, 2 * countPerMembers, 'bare-member')).messagesPerSecond,
    });
    const [ours = Number.NaN, barely = Number.NaN] = Object.values(figures);
    results.push(
      {
        case: `${members} members on this machine, 100 B`,
        unit: 'messages/s',
        ours,
        peers: { 'bare pipeline': barely },
        point: { curve: 'messages/s by members', x: members },
      },
      {
        case: `CPU of all ${members}, a receiver`,
        unit: 'µs/message',
        ours: cpuMicros,
        peers: {},
        point: { curve: 'CPU µs a message and receiver, by members', x: members },
      },
    );
  }
  return results;
}

async function runOnce(keys: string, members: number, count: number, program: MemberProgram): Promise<Throughput> {
  const names = letters.slice(0, members);
  await using cluster = await Cluster.open(keys, names, program);
  const load = { senders: [sender], receivers: names.slice(1), bytes };
  await cluster.throughput({ ...load, count: warmUpCount });
  return await cluster.throughput({ ...load, count });
}
