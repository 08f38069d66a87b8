/** Runs that are not made: for tests of what becomes of their results. */
import type { Property, RunMetrics, RunOptions, RunResult, Violation, runPlan } from '../../scenarios/index.js';

export const violation: Violation = {
  property: 'causal-order',
  kind: 'safety',
  atMs: 12,
  sentence: 'b was given a:2 before a:1, which a had broadcast before it.',
  nodes: ['a', 'b'],
  messages: ['a:2', 'a:1'],
};

export const metrics: RunMetrics = {
  messages: 31,
  bytes: 1000,
  syncs: 5,
  messagesPerBroadcast: 15.5,
  bytesPerBroadcast: 500,
  syncsPerBroadcast: 2.5,
  deliveryMs: { p50: 3, p99: 20, max: 40 },
  linkBufferBytesMax: 7,
  diskBytesMax: 4096,
  memoryBytes: { max: 900, messages: 500, index: 100, tables: 300 },
};

export interface PretendedRuns {
  readonly runPlan: typeof runPlan;
}

/** Runs nothing; what `change` says is the outcome. */
export function pretend(change: (scenario: string, seed: number) => Partial<RunResult> = () => ({})): PretendedRuns {
  const run = (plan: RunResult['plan'], _options?: RunOptions): RunResult => ({
    scenario: plan.scenario,
    seed: plan.seed,
    system: 'antecedent',
    on: 'sim',
    verdict: 'pass',
    violations: [],
    traceHash: `${plan.scenario} ${plan.seed}`,
    events: 100,
    broadcasts: 2,
    deliveries: 6,
    skipped: 0,
    simulatedMs: 1500,
    wallMs: 1,
    faults: { crash: 1 },
    metrics,
    goals: [],
    properties: ['integrity'],
    plan,
    ...change(plan.scenario, Number(plan.seed)),
  });
  return { runPlan: run };
}

export function failing(
  condition: (scenario: string, seed: number) => boolean,
  property: Property = 'causal-order',
): PretendedRuns {
  return pretend((scenario, seed) =>
    condition(scenario, seed) ? { verdict: 'safety', violations: [{ ...violation, property }] } : {},
  );
}
