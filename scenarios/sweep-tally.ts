/**
 * What a sweep has found so far. Adding is commutative apart from the order of the lists, so the tallies of shards can be
 * joined into that of the whole.
 */
import { share, type RunMetrics } from './metrics.js';
import { propertyMeanings, type Property } from './oracles/violation.js';
import type { RegressionOutcome } from './regressions.js';
import type { SeedOutcome } from './run-seed.js';

/** The document that `sweep --json` prints. Rates are per second of wall time on one core. */
export interface SweepResult {
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

export interface SeedName {
  readonly scenario: string;
  readonly seed: number;
}

export interface SweepFailure extends SeedName {
  readonly signature: string;
  readonly property: Property;
  readonly sentence: string;
  /** Null when the plan was not kept; it can be made again from scenario and seed. */
  readonly planPath: string | null;
  readonly reportPath: string | null;
  /** The smallest plan that fails like this; null when nobody looked for it: that is done for the first failure of a kind. */
  readonly shrunkPath: string | null;
}

/** Grows with every run. */
interface Tally {
  readonly name: string;
  readonly about: string;
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

export class SweepTally {
  readonly #scenarios = new Map<string, Tally>();
  readonly #faults = new Map<string, number>();
  readonly #failures: SweepFailure[] = [];
  readonly #regressions: RegressionOutcome[] = [];
  readonly #notReproducible: SeedName[] = [];
  readonly #undecided: SeedName[] = [];
  readonly #properties = new Set<Property>();
  readonly #signatures = new Map<string, number>();
  #runs = 0;
  #verified = 0;
  #events = 0;
  #broadcasts = 0;

  constructor(scenarios: readonly { readonly name: string; readonly about: string }[]) {
    for (const { name, about } of scenarios) this.#scenarios.set(name, emptyTally(name, about));
  }

  get counts(): { readonly runs: number; readonly failed: number; readonly events: number } {
    return { runs: this.#runs, failed: this.#failures.length, events: this.#events };
  }

  /** How many failures with this signature there were. */
  failuresLike(signature: string): number {
    return this.#signatures.get(signature) ?? 0;
  }

  /** `planPath` is where the plan of a failure was kept. */
  add(outcome: SeedOutcome, planPath: string | undefined): void {
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
    if (failure !== undefined) this.#addFailure({ scenario, seed }, failure, planPath);
    const tally = this.#scenarios.get(scenario);
    if (tally === undefined) return;
    tally.runs += 1;
    tally.events += outcome.events;
    tally.broadcasts += outcome.broadcasts;
    tally.deliveries += outcome.deliveries;
    tally.simulatedMs += outcome.simulatedMs;
    addMetrics(tally, outcome.metrics);
    if (failure !== undefined) tally.failed += 1;
  }

  #addFailure(
    name: SeedName,
    { signature, violation }: NonNullable<SeedOutcome['failure']>,
    planPath: string | undefined,
  ): void {
    this.#signatures.set(signature, this.failuresLike(signature) + 1);
    const failure: SweepFailure = {
      ...name,
      signature,
      property: violation.property,
      sentence: violation.sentence,
      planPath: planPath ?? null,
      reportPath: planPath?.replace(/\.json$/, '.txt') ?? null,
      shrunkPath: null,
    };
    this.#failures.push(failure);
  }

  addRegression(outcome: RegressionOutcome): void {
    this.#regressions.push(outcome);
  }

  /** The first failure of each kind. */
  get firstFailures(): readonly SweepFailure[] {
    const first = new Map<string, SweepFailure>();
    for (const failure of this.#failures) if (!first.has(failure.signature)) first.set(failure.signature, failure);
    return [...first.values()];
  }

  /** A smaller plan was found of a failure. */
  noteShrunk(failure: SweepFailure, shrunkPath: string): void {
    this.#failures.splice(this.#failures.indexOf(failure), 1, { ...failure, shrunkPath });
  }

  result({ elapsedMs, isInterrupted }: { readonly elapsedMs: number; readonly isInterrupted: boolean }): SweepResult {
    const seconds = Math.max(elapsedMs, 1) / 1000;
    const scenarios = [...this.#scenarios.values()].map(toScenarioTally);
    const simulatedMs = scenarios.reduce((sum, tally) => sum + tally.simulatedMs, 0);
    return {
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
      faults: Object.fromEntries([...this.#faults].sort(([a], [b]) => (a < b ? -1 : 1))),
      properties: (Object.keys(propertyMeanings) as Property[]).filter((property) => this.#properties.has(property)),
      scenarios,
      failures: this.#failures,
      regressions: this.#regressions,
      notReproducible: this.#notReproducible,
      undecidedRuns: this.#undecided,
    };
  }
}

function emptyTally(name: string, about: string): Tally {
  return {
    name,
    about,
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
