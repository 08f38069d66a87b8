/**
 * How many runs a sweep makes: of one size on one core, and of the whole catalogue on two threads beside one.
 *
 * The size is that of a small cluster with something to do: five nodes, some two thousand events. Planning, oracles and the trace hash are part
 * of a run, as in every sweep.
 */
import { catalogue, mailboxes, scenario, seconds, sweep, type Scenario } from '../scenarios/index.js';
import { alternate, type BenchResult } from './case.js';

const rounds = 3;
const sizedSeeds = 300;
const catalogueSeeds = 12;

const fiveNodes: Scenario = scenario('five-nodes', {
  about: 'Five nodes write through nothing worse than latency.',
  nodes: 5,
  workload: mailboxes({ perSecond: 32, for: seconds(2) }),
});

/** Throws when a run does not hold. */
export async function benchSweeps(): Promise<readonly BenchResult[]> {
  let eventsPerRun = 0;
  const figures = await alternate(rounds, {
    'five nodes, runs/s': async () => {
      const { events, perSecond, runs } = await timedSweep([fiveNodes], sizedSeeds);
      eventsPerRun = events / runs;
      return perSecond;
    },
    'catalogue on one thread, runs/s': async () => (await timedSweep(catalogue, catalogueSeeds, 1)).perSecond,
    'catalogue on two threads, runs/s': async () => (await timedSweep(catalogue, catalogueSeeds, 2)).perSecond,
  });
  return [
    {
      case: `sweep, runs of ${Math.round(eventsPerRun)} events, one core`,
      unit: 'runs/s',
      ours: figures['five nodes, runs/s'] ?? Number.NaN,
      peers: {},
    },
    {
      case: 'sweep of the catalogue, two threads',
      unit: 'runs/s',
      ours: figures['catalogue on two threads, runs/s'] ?? Number.NaN,
      peers: { 'one thread': figures['catalogue on one thread, runs/s'] ?? Number.NaN },
    },
  ];
}

interface Timed {
  readonly runs: number;
  readonly events: number;
  readonly perSecond: number;
}

/** On this thread without `jobs`. Threads are started within the time that is taken. */
async function timedSweep(scenarios: readonly Scenario[], seeds: number, jobs?: number): Promise<Timed> {
  const startedAtMs = performance.now();
  const result = await sweep({
    ...{ scenarios, seeds: { from: 1, to: seeds }, shrink: false, verifyShare: 0 },
    ...(jobs === undefined ? {} : { jobs }),
  });
  const { events, failed, runs } = result;
  if (failed > 0) throw new Error(`${failed} of ${runs} runs failed`);
  return { runs, events, perSecond: (runs * 1000) / (performance.now() - startedAtMs) };
}
