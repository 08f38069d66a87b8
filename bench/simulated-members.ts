/**
 * What another member costs where no machine limits it: 10 to 200 members in simulation, all writing the same few lines.
 *
 * Messages and bytes a broadcast are exact, the same on any machine; the events a second are not.
 */
import { lines, makePlan, runPlan, scenario, type Scenario } from '../scenarios/index.js';
import type { BenchResult } from './case.js';

const memberCounts = [10, 20, 50, 100, 200];
const lineCount = 30;
/** Long after all pairs have connected. */
const connectedMs = 500;

/** Throws when a run does not hold. */
export function benchSimulatedMembers(): readonly BenchResult[] {
  return memberCounts.flatMap((members) => {
    const { verdict, events, wallMs, metrics } = runPlan(makePlan(growing(members), '1'));
    if (verdict !== 'pass') throw new Error(`${members} members: ${verdict}`);
    process.stderr.write(`  ${members} members: ${events} events in ${Math.round(wallMs)} ms\n`);
    const point = (curve: string): { curve: string; x: number } => ({ curve, x: members });
    return [
      {
        case: `${members} members in simulation, messages a broadcast`,
        unit: 'messages',
        ours: metrics.messagesPerBroadcast,
        peers: { 'one to each other member': members - 1 },
        point: point('messages a broadcast, by members'),
      },
      {
        case: `${members} members in simulation, bytes a broadcast`,
        unit: 'bytes',
        ours: metrics.bytesPerBroadcast,
        peers: {},
        point: point('bytes a broadcast, by members'),
      },
      {
        case: `${members} members in simulation, delivery p99`,
        unit: 'ms',
        ours: metrics.deliveryMs.p99,
        peers: {},
      },
      { case: `${members} members in simulation`, unit: 'events/s', ours: (events * 1000) / wallMs, peers: {} },
    ];
  });
}

/** They write only after all pairs have connected. */
function growing(members: number): Scenario {
  const workload = lines({ lines: Array.from({ length: lineCount }, (_, index) => `line ${index}`), perSecond: 20 });
  return scenario(`${members}-members`, {
    about: `${members} nodes write ${lineCount} lines.`,
    nodes: members,
    workload: {
      ...workload,
      plan: (context) =>
        workload.plan(context).map((operation) => ({ ...operation, atMs: operation.atMs + connectedMs })),
    },
    link: { latency: { minMs: 1, maxMs: 20 } },
  });
}
