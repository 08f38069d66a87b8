/**
 * What a sweep has found so far. Sums of fractions depend on the order in which they are added, and lists on the order
 * of what they list, so whoever adds keeps to the order of the sweep; then the same runs give the same tally, wherever
 * they were made.
 */
import type { FaultSwitch } from './fault-switches.js';
import { goalNames, type Goal } from './goals.js';
import { share, type RunMetrics } from './metrics.js';
import { propertyMeanings, type Property } from './oracles/violation.js';
import type { System } from './plan.js';
import type { Profile, Variation } from './profile.js';
import type { RegressionOutcome } from './regressions.js';
import type { SeedOutcome } from './run-seed.js';
import type { Scenario } from './scenario.js';

/** The document that `sweep --json` prints. Rates are per second of wall time, of all jobs together. */
export interface SweepResult {
  /** What the nodes were. */
  readonly system: System;
  readonly runs: number;
  readonly passed: number;
  readonly failed: number;
  /** Runs that came to no verdict. */
  readonly undecided: number;
  /** Runs that were run twice, to compare their traces. */
  readonly verified: number;
  readonly isInterrupted: boolean;
  readonly elapsedMs: number;
  readonly simulatedMs: number;
  readonly eventsPerSecond: number;
  readonly runsPerSecond: number;
  /** Seconds simulated in a second of wall time. */
  readonly simulatedToWall: number;
  readonly events: number;
  readonly broadcasts: number;
  readonly deliveries: number;
  /** Injected faults by kind, in the order of their names. */
  readonly faults: Readonly<Record<string, number>>;
  /** How the runs differed from their scenarios: null and none when they did not. */
  readonly profile: Profile | null;
  readonly without: readonly FaultSwitch[];
  /** How many runs came to each rare moment, in the order of `goalMeanings`. */
  readonly goals: Readonly<Record<Goal, number>>;
  /** Goals that a scenario promises, and that none of its runs came to, though there were enough of them. */
  readonly missedGoals: readonly MissedGoal[];
  /** What the runs were judged by: all that any of them was, in the order of `propertyMeanings`. */
  readonly properties: readonly Property[];
  readonly scenarios: readonly ScenarioTally[];
  readonly failures: readonly SweepFailure[];
  /** The plans that were kept of earlier failures: run first, and counted nowhere else. */
  readonly regressions: readonly RegressionOutcome[];
  readonly notReproducible: readonly SeedName[];
  readonly undecidedRuns: readonly SeedName[];
}

export interface ScenarioTally {
  readonly name: string;
  readonly about: string;
  readonly runs: number;
  readonly failed: number;
  readonly events: number;
  readonly broadcasts: number;
  readonly deliveries: number;
  readonly simulatedMs: number;
  readonly metrics: ScenarioMetrics;
}

/** Over all runs of a scenario; the ratios are those of the sums. */
export interface ScenarioMetrics extends Omit<RunMetrics, 'deliveryMs' | 'memoryBytes'> {
  /** Of all deliveries of all runs. */
  readonly deliveryMsMax: number;
  /** Of the slowest run. */
  readonly deliveryP99MsMax: number;
  /** Most that a node was counted to keep in memory in any run. */
  readonly memoryBytesMax: number;
}

export interface MissedGoal {
  readonly scenario: string;
  readonly goal: Goal;
  /** In how many runs it was not reached. */
  readonly runs: number;
}

export interface SeedName {
  readonly scenario: string;
  readonly seed: number;
}

export interface SweepFailure extends SeedName, KeptFiles {
  readonly signature: string;
  readonly property: Property;
  readonly sentence: string;
  /**
   * The smallest plan that fails like this. Null when nobody looked for it: that is done for the first failure of each
   * kind, where the sweep keeps plans, is whole and keeps no results (see `sweep.ts`).
   */
  readonly shrunkPath: string | null;
}

/** Where a failure is told about. */
export interface KeptFiles {
  /** Null when the plan was not kept; it can be made again from scenario and seed. */
  readonly planPath: string | null;
  readonly reportPath: string | null;
  /** The same as a page for the browser, with a diagram. Null also where it cannot be drawn: see `FailureKeeper`. */
  readonly htmlPath: string | null;
}

export const nothingKept: KeptFiles = { planPath: null, reportPath: null, htmlPath: null };

/** Grows with every run. */
interface Tally {
  readonly name: string;
  readonly about: string;
  readonly promised: readonly Goal[];
  readonly reached: Map<Goal, number>;
  runs: number;
  failed: number;
  events: number;
  broadcasts: number;
  deliveries: number;
  simulatedMs: number;
  messages: number;
  bytes: number;
  syncs: number;
  deliveryMsMax: number;
  deliveryP99MsMax: number;
  linkBufferBytesMax: number;
  diskBytesMax: number;
  memoryBytesMax: number;
}

/** Fewer runs than this may miss what happens now and then. */
const runsForGoals = 100;

/** What a tally must know of a scenario. */
export type TalliedScenario = Pick<Scenario, 'name' | 'about' | 'goals'>;

export class SweepTally {
  readonly #system: System;
  readonly #scenarios = new Map<string, Tally>();
  readonly #faults = new Map<string, number>();
  readonly #failures: SweepFailure[] = [];
  readonly #regressions: RegressionOutcome[] = [];
  readonly #notReproducible: SeedName[] = [];
  readonly #undecided: SeedName[] = [];
  readonly #properties = new Set<Property>();
  readonly #profile: Profile | null;
  readonly #without: readonly FaultSwitch[];
  #runs = 0;
  #verified = 0;
  #events = 0;
  #broadcasts = 0;

  constructor(scenarios: readonly TalliedScenario[], { system, profile, without = [] }: Variation = {}) {
    this.#system = system ?? 'antecedent';
    this.#profile = profile ?? null;
    this.#without = without;
    for (const scenario of scenarios) this.#scenarios.set(scenario.name, emptyTally(scenario));
  }

  get counts(): { readonly runs: number; readonly failed: number; readonly events: number } {
    return { runs: this.#runs, failed: this.#failures.length, events: this.#events };
  }

  /** `kept` is what was kept of a failure. */
  add(outcome: SeedOutcome, kept: KeptFiles = nothingKept): void {
    const { scenario, seed, failure } = outcome;
    this.#runs += 1;
    if (outcome.isVerified) this.#verified += 1;
    this.#events += outcome.events;
    this.#broadcasts += outcome.broadcasts;
    for (const [kind, count] of Object.entries(outcome.faults)) {
      this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + count);
    }
    for (const property of outcome.properties) this.#properties.add(property);
    if (!outcome.isReproducible) this.#notReproducible.push({ scenario, seed });
    if (outcome.verdict === 'undecided') this.#undecided.push({ scenario, seed });
    if (failure !== undefined) this.#addFailure({ scenario, seed }, failure, kept);
    const tally = this.#scenarios.get(scenario);
    if (tally === undefined) return;
    tally.runs += 1;
    tally.events += outcome.events;
    tally.broadcasts += outcome.broadcasts;
    tally.deliveries += outcome.deliveries;
    tally.simulatedMs += outcome.simulatedMs;
    addMetrics(tally, outcome.metrics);
    for (const goal of outcome.goals) tally.reached.set(goal, (tally.reached.get(goal) ?? 0) + 1);
    if (failure !== undefined) tally.failed += 1;
  }

  #addFailure(name: SeedName, { signature, violation }: NonNullable<SeedOutcome['failure']>, kept: KeptFiles): void {
    this.#failures.push({
      ...name,
      signature,
      property: violation.property,
      sentence: violation.sentence,
      ...kept,
      shrunkPath: null,
    });
  }

  addRegression(outcome: RegressionOutcome): void {
    this.#regressions.push(outcome);
  }

  /** A smaller plan was found of a failure. */
  noteShrunk({ scenario, seed }: SeedName, shrunkPath: string): void {
    const index = this.#failures.findIndex((failure) => failure.scenario === scenario && failure.seed === seed);
    const failure = this.#failures[index];
    if (failure !== undefined) this.#failures[index] = { ...failure, shrunkPath };
  }

  result({ elapsedMs, isInterrupted }: { readonly elapsedMs: number; readonly isInterrupted: boolean }): SweepResult {
    const seconds = Math.max(elapsedMs, 1) / 1000;
    const scenarios = [...this.#scenarios.values()].map(toScenarioTally);
    const simulatedMs = scenarios.reduce((sum, tally) => sum + tally.simulatedMs, 0);
    return {
      system: this.#system,
      runs: this.#runs,
      passed: this.#runs - this.#failures.length - this.#undecided.length,
      failed: this.#failures.length,
      undecided: this.#undecided.length,
      verified: this.#verified,
      isInterrupted,
      elapsedMs: Math.round(elapsedMs),
      simulatedMs: Math.round(simulatedMs),
      eventsPerSecond: Math.round(this.#events / seconds),
      runsPerSecond: Math.round((10 * this.#runs) / seconds) / 10,
      simulatedToWall: Math.round(simulatedMs / 1000 / seconds),
      events: this.#events,
      broadcasts: this.#broadcasts,
      deliveries: scenarios.reduce((sum, tally) => sum + tally.deliveries, 0),
      profile: this.#profile,
      without: this.#without,
      goals: this.#goals(),
      missedGoals: this.#missedGoals(),
      faults: Object.fromEntries([...this.#faults].sort(([a], [b]) => (a < b ? -1 : 1))),
      properties: (Object.keys(propertyMeanings) as Property[]).filter((property) => this.#properties.has(property)),
      scenarios,
      failures: this.#failures,
      regressions: this.#regressions,
      notReproducible: this.#notReproducible,
      undecidedRuns: this.#undecided,
    };
  }

  #goals(): Readonly<Record<Goal, number>> {
    const tallies = [...this.#scenarios.values()];
    const counts = goalNames.map((goal) => [
      goal,
      tallies.reduce((sum, { reached }) => sum + (reached.get(goal) ?? 0), 0),
    ]);
    return Object.fromEntries(counts) as Record<Goal, number>;
  }

  /** None when faults were taken out or brought in: scenarios promise what they come to as they are. */
  #missedGoals(): readonly MissedGoal[] {
    if (this.#profile !== null || this.#without.length > 0) return [];
    return [...this.#scenarios.values()].flatMap(({ name, runs, promised, reached }) => {
      if (runs < runsForGoals) return [];
      return promised.filter((goal) => !reached.has(goal)).map((goal) => ({ scenario: name, goal, runs }));
    });
  }
}

function emptyTally({ name, about, goals = [] }: TalliedScenario): Tally {
  return {
    name,
    about,
    promised: goals,
    reached: new Map(),
    runs: 0,
    failed: 0,
    events: 0,
    broadcasts: 0,
    deliveries: 0,
    simulatedMs: 0,
    messages: 0,
    bytes: 0,
    syncs: 0,
    deliveryMsMax: 0,
    deliveryP99MsMax: 0,
    linkBufferBytesMax: 0,
    diskBytesMax: 0,
    memoryBytesMax: 0,
  };
}

function addMetrics(tally: Tally, metrics: RunMetrics): void {
  tally.messages += metrics.messages;
  tally.bytes += metrics.bytes;
  tally.syncs += metrics.syncs;
  tally.deliveryMsMax = Math.max(tally.deliveryMsMax, metrics.deliveryMs.max);
  tally.deliveryP99MsMax = Math.max(tally.deliveryP99MsMax, metrics.deliveryMs.p99);
  tally.linkBufferBytesMax = Math.max(tally.linkBufferBytesMax, metrics.linkBufferBytesMax);
  tally.diskBytesMax = Math.max(tally.diskBytesMax, metrics.diskBytesMax);
  tally.memoryBytesMax = Math.max(tally.memoryBytesMax, metrics.memoryBytes.max);
}

function toScenarioTally(tally: Tally): ScenarioTally {
  const { name, about, runs, failed, events, broadcasts, deliveries, simulatedMs } = tally;
  const { messages, bytes, syncs, deliveryMsMax, deliveryP99MsMax, linkBufferBytesMax, diskBytesMax, memoryBytesMax } =
    tally;
  return {
    name,
    about,
    runs,
    failed,
    events,
    broadcasts,
    deliveries,
    simulatedMs,
    metrics: {
      messages,
      bytes,
      syncs,
      messagesPerBroadcast: share(messages, broadcasts),
      bytesPerBroadcast: share(bytes, broadcasts),
      syncsPerBroadcast: share(syncs, broadcasts),
      deliveryMsMax,
      deliveryP99MsMax,
      linkBufferBytesMax,
      diskBytesMax,
      memoryBytesMax,
    },
  };
}
