/** What sweeps find, made up for the reports. */
import { goalMeanings, type SweepFailure, type SweepResult } from '../../../scenarios/index.js';

const noGoals = Object.fromEntries(Object.keys(goalMeanings).map((goal) => [goal, 0])) as SweepResult['goals'];

export function failureAt(scenario: string, seed: number, changes: Partial<SweepFailure> = {}): SweepFailure {
  return {
    scenario,
    seed,
    signature: `${scenario}/causal-order`,
    property: 'causal-order',
    sentence: 'b was given a:2 before a:1.',
    planPath: `runs/${scenario}-${seed}.json`,
    reportPath: `runs/${scenario}-${seed}.txt`,
    htmlPath: `runs/${scenario}-${seed}.html`,
    shrunkPath: null,
    ...changes,
  };
}

/** `runs` of each scenario, by name. */
export function resultOf(runs: Readonly<Record<string, number>>, changes: Partial<SweepResult> = {}): SweepResult {
  const { failures = [], undecidedRuns = [] } = changes;
  const total = Object.values(runs).reduce((sum, count) => sum + count, 0);
  const none = { events: 0, broadcasts: 0, deliveries: 0, simulatedMs: 0 };
  const metrics = {
    ...{ messages: 0, bytes: 0, syncs: 0, messagesPerBroadcast: 0, bytesPerBroadcast: 0, syncsPerBroadcast: 0 },
    ...{ deliveryMsMax: 0, deliveryP99MsMax: 0, linkBufferBytesMax: 0, diskBytesMax: 0, memoryBytesMax: 0 },
  };
  return {
    system: 'antecedent',
    runs: total,
    passed: total - failures.length - undecidedRuns.length,
    failed: failures.length,
    undecided: undecidedRuns.length,
    verified: 0,
    isInterrupted: false,
    elapsedMs: 1500,
    ...none,
    eventsPerSecond: 0,
    runsPerSecond: 0,
    simulatedToWall: 0,
    faults: {},
    properties: ['causal-order'],
    scenarios: Object.entries(runs).map(([name, count]) => ({
      name,
      about: '',
      runs: count,
      failed: failures.filter(({ scenario }) => scenario === name).length,
      ...none,
      metrics,
    })),
    failures,
    regressions: [],
    notReproducible: [],
    undecidedRuns,
    ...{ goals: noGoals, missedGoals: [], profile: null, without: [] },
    ...changes,
  };
}
