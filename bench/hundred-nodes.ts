/** A hundred nodes in one process: how fast they are simulated, and what one of them takes of the heap. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { findScenario, makePlan, runPlan } from '../scenarios/index.js';
import type { BenchResult } from './case.js';

const kibibyte = 1024;
/** Disk operations between two looks at the heap. */
const lookEvery = 1000;

export function benchHundredNodes(): readonly BenchResult[] {
  const plan = makePlan(findScenario('hundred-nodes'), '1');
  const nodes = plan.nodes.length;
  const { events, wallMs } = runPlan(plan);
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heapBytes = (): number => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const before = heapBytes();
  let most = before;
  let operations = 0;
  const { metrics } = runPlan(plan, {
    onDiskOperation: () => {
      operations += 1;
      if (operations % lookEvery === 0) most = Math.max(most, heapBytes());
    },
  });
  return [
    { case: 'simulator, hundred nodes', unit: 'events/s', ours: (events * 1000) / wallMs, peers: {} },
    {
      case: 'hundred nodes: heap of the process / 100',
      unit: 'KiB',
      ours: (most - before) / nodes / kibibyte,
      peers: { 'counted by the largest': metrics.memoryBytes.max / kibibyte },
    },
  ];
}
