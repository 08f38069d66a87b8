import { expect, test } from 'vitest';
import { nodeName, type ErrorCode, type NodeName } from '../../core/index.js';
import { Supervisor } from '../../scenarios/supervisor.js';
import { Simulation } from '../../transport-sim/index.js';

const a = nodeName('a');
const b = nodeName('b');

interface Bench {
  readonly simulation: Simulation;
  readonly supervisor: Supervisor;
  /** What was started, as `40 a`, by the time given. */
  started(untilMs: number): readonly string[];
}

function bench(restartAfterMs: number | undefined): Bench {
  const simulation = new Simulation({ seed: '1' });
  const started: string[] = [];
  const start = (node: NodeName): void => void started.push(`${simulation.nowMs} ${node}`);
  const supervisor = new Supervisor(simulation, restartAfterMs, start);
  return {
    simulation,
    supervisor,
    started: (untilMs) => {
      simulation.run({ untilMs });
      return started;
    },
  };
}

const failed = { code: 'E_STORAGE', phase: 'running' } as const;

test('starts a node again so long after it has stopped', () => {
  const { simulation, supervisor, started } = bench(30);
  simulation.at(10, () => supervisor.handleStopped(a, failed));
  simulation.at(20, () => supervisor.handleStopped(b, { code: 'E_STORAGE', phase: 'starting' }));
  simulation.at(60, () => supervisor.handleStopped(a, failed));
  expect(started(1000)).toEqual(['40 a', '50 b', '90 a']);
});

test.each<ErrorCode>(['E_LOG_CORRUPT', 'E_LOG_FOREIGN', 'E_LOG_VERSION', 'E_POSITION'])(
  'leaves a node alone that refused its log at the start: %s',
  (code) => {
    const { simulation, supervisor, started } = bench(30);
    supervisor.handleStopped(a, { code, phase: 'starting' });
    simulation.at(100, () => supervisor.handleStopped(a, { code, phase: 'starting' }));
    // What a running node finds is for its next start to judge.
    simulation.at(200, () => supervisor.handleStopped(a, { code, phase: 'running' }));
    expect(started(1000)).toEqual(['230 a']);
  },
);

test('without power nothing is started', () => {
  const { simulation, supervisor, started } = bench(30);
  supervisor.handleStopped(a, failed);
  supervisor.handleStopped(b, failed);
  simulation.at(20, () => supervisor.handlePowerLoss(a));
  expect(started(1000)).toEqual(['30 b']);
});

test('goes on after the end of the faults, but for what was due by then', () => {
  const { simulation, supervisor, started } = bench(30);
  supervisor.handleStopped(a, failed);
  simulation.at(20, () => supervisor.endFaults());
  simulation.at(100, () => supervisor.handleStopped(a, failed));
  simulation.at(200, () => supervisor.handleStopped(a, failed));
  expect(started(1000)).toEqual(['130 a', '230 a']);
});

test('a plan without supervisor starts nobody, but who was just stopping when the faults ended, once', () => {
  const { simulation, supervisor, started } = bench(undefined);
  supervisor.handleStopped(a, failed);
  simulation.at(20, () => supervisor.endFaults());
  for (const atMs of [30, 40]) simulation.at(atMs, () => supervisor.handleStopped(a, failed));
  simulation.at(50, () => supervisor.handleStopped(b, { code: 'E_LOG_CORRUPT', phase: 'starting' }));
  expect(started(1000)).toEqual(['30 a']);
});
