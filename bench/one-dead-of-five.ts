/**
 * What one dead member, or one that has stopped answering, costs the others.
 *
 * Four members broadcast and deliver at the same time, in a cluster of five in three settings:
 * - its fifth was killed before the round, and is started again after it;
 * - its fifth was stopped (SIGSTOP) before the round, and goes on after it; the four fill its window first;
 * - all five are at work: the fifth receives too, and shares the cores of the machine with the four.
 * Before each of them the same work is done by a cluster of four, whose processes are therefore as warm and whose logs are as
 * long. A round begins when everybody is connected and has everything; only the four are waited for.
 */
import { alternate, median, type BenchResult } from './case.js';
import { Cluster } from './cluster.js';

const rounds = 7;
const four = ['a', 'b', 'c', 'd'];
const fifth = 'e';
/** Messages of each of the four in a round. */
const count = 25_000;
const bytes = 100;
const load = { senders: four, receivers: four, count, bytes };

interface Sample {
  readonly messagesPerSecond: number;
  /** CPU time of the four together, a message. */
  readonly cpuMicros: number;
}

/** The four of five, and the four of four just before. */
interface Pair {
  readonly ours: Sample;
  readonly alone: Sample;
}

interface Setting {
  readonly name: string;
  readonly before: () => Promise<void> | void;
  readonly after: () => Promise<unknown>;
}

/** `keys` holds ca.pem and the certificates and keys of a to e. */
export async function benchOneDeadOfFive(keys: string): Promise<readonly BenchResult[]> {
  await using small = await Cluster.open(keys, four);
  await using large = await Cluster.open(keys, [...four, fifth]);
  const settings: readonly Setting[] = [
    { name: 'one dead', before: () => large.kill(fifth), after: () => large.start(fifth) },
    {
      name: 'one stopped',
      before: () => large.pause(fifth),
      after: () => {
        large.resume(fifth);
        return large.catchUp(fifth);
      },
    },
    { name: 'all at work', before: () => undefined, after: () => large.catchUp(fifth) },
  ];
  for (const cluster of [small, large]) await cluster.throughput({ ...load, count: count >> 3 });
  await large.catchUp(fifth);
  const pairs = new Map<string, Pair[]>();
  const task = async ({ name, before, after }: Setting): Promise<number> => {
    const alone = await measure(small);
    await before();
    const ours = await measure(large);
    await after();
    pairs.set(name, [...(pairs.get(name) ?? []), { ours, alone }]);
    return (100 * ours.messagesPerSecond) / alone.messagesPerSecond;
  };
  await alternate(
    rounds,
    Object.fromEntries(settings.map((setting) => [`four of five, ${setting.name}, %`, () => task(setting)])),
  );
  return settings.flatMap(({ name }) => compare(name, pairs.get(name) ?? []));
}

async function measure(cluster: Cluster): Promise<Sample> {
  const { messagesPerSecond, cpuMicros } = await cluster.throughput(load);
  return { messagesPerSecond, cpuMicros: four.reduce((sum, name) => sum + (cpuMicros.get(name) ?? 0), 0) };
}

/** Medians beside medians; and the median of the ratios of each pair, because the machine is not the same in every round. */
function compare(name: string, pairs: readonly Pair[]): readonly BenchResult[] {
  const medianOf = (side: keyof Pair, key: keyof Sample): number => median(pairs.map((pair) => pair[side][key]));
  const ratioOf = (key: keyof Sample): number => median(pairs.map(({ ours, alone }) => ours[key] / alone[key]));
  return [
    {
      case: `the four of five, ${name}`,
      unit: 'messages/s',
      ours: medianOf('ours', 'messagesPerSecond'),
      peers: { 'four of four': medianOf('alone', 'messagesPerSecond') },
    },
    { case: `  pair by pair, ${name}`, unit: '%', ours: 100 * ratioOf('messagesPerSecond'), peers: {} },
    {
      case: `CPU of the four of five, ${name}`,
      unit: 'µs/message',
      ours: medianOf('ours', 'cpuMicros'),
      peers: { 'four of four': medianOf('alone', 'cpuMicros') },
    },
    { case: `  pair by pair, CPU, ${name}`, unit: '%', ours: 100 * ratioOf('cpuMicros'), peers: {} },
  ];
}
