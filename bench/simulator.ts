/**
 * How fast the simulator is on one core: a clean run of the catalogue with real encoding, oracles and trace hash, beside
 * the bare engine carrying bytes between two programs that do nothing.
 */
import { nodeName } from '../core/index.js';
import { catalogue, makePlan, runPlan } from '../scenarios/index.js';
import { Simulation, type Process } from '../transport-sim/index.js';
import { alternate, type BenchResult } from './case.js';

const rounds = 5;
const seedsPerRound = 15;
const pingPongs = 100_000;

export async function benchSimulator(): Promise<readonly BenchResult[]> {
  let nextSeed = 1;
  let runsPerSecond = 0;
  let simulatedToWall = 0;
  const figures = await alternate(rounds, {
    'antecedent events/s': () => {
      const firstSeed = nextSeed;
      nextSeed += seedsPerRound;
      let events = 0;
      let runs = 0;
      let simulatedMs = 0;
      const startedAtMs = performance.now();
      for (let seed = firstSeed; seed < nextSeed; seed++) {
        for (const scenario of catalogue) {
          const result = runPlan(makePlan(scenario, String(seed)));
          if (result.verdict !== 'pass') throw new Error(`${scenario.name}, seed ${seed}: ${result.verdict}`);
          events += result.events;
          simulatedMs += result.simulatedMs;
          runs += 1;
        }
      }
      const wallMs = performance.now() - startedAtMs;
      runsPerSecond = Math.max(runsPerSecond, (runs * 1000) / wallMs);
      simulatedToWall = Math.max(simulatedToWall, simulatedMs / wallMs);
      return (events * 1000) / wallMs;
    },
    'bare engine events/s': bareEngine,
  });
  const bare = { 'bare engine': figures['bare engine events/s'] ?? Number.NaN };
  return [
    {
      case: 'simulator, catalogue, one core',
      unit: 'events/s',
      ours: figures['antecedent events/s'] ?? Number.NaN,
      peers: bare,
    },
    { case: 'simulator, catalogue, one core (best round)', unit: 'runs/s', ours: runsPerSecond, peers: {} },
    { case: 'simulator, catalogue, one core (best round)', unit: 'simulated s/s', ours: simulatedToWall, peers: {} },
  ];
}

/** Two programs that throw a few bytes back and forth. */
function bareEngine(): number {
  const [left, right] = [nodeName('left'), nodeName('right')];
  const simulation = new Simulation({ seed: 'bench' });
  const ball = new Uint8Array(100);
  let count = 0;
  const player: Process = {
    start: ({ links, name }) => {
      links.listen(
        (link) => ({ onBytes: () => link.write(ball), onDrain: () => undefined, onClose: () => undefined }),
        () => {
          if (name !== left) return;
          links.dial(
            right,
            (link) => {
              link.write(ball);
              const onBytes = (): void => {
                count += 1;
                if (count < pingPongs) link.write(ball);
              };
              return { onBytes, onDrain: () => undefined, onClose: () => undefined };
            },
            (error) => {
              throw error;
            },
          );
        },
      );
    },
  };
  simulation.addNode(left, player);
  simulation.addNode(right, player);
  simulation.start(right);
  simulation.start(left);
  const startedAtMs = performance.now();
  simulation.run({ untilMs: Number.MAX_SAFE_INTEGER / 1e6 });
  if (count !== pingPongs) throw new Error(`the ball came back ${count} times, not ${pingPongs}`);
  return (simulation.events * 1000) / (performance.now() - startedAtMs);
}
