/**
 * Exhaustive crash points: a run is made once to see every disk operation of every node, and then again for each of them,
 * with a crash of that node there. Every run is judged by all oracles.
 *
 * Up to its crash every run is the dry run, event by event, so an operation has the same number in both; a run that does
 * not come to its crash point proves that runs are not reproducible. At each point the death of the process comes first: it
 * shows how many pages are un-synced there, and so which losses of power follow.
 *
 * A crash point is a fault of a plan. Nothing but the plan is needed to see a failure again.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AntecedentError, type NodeName } from '../core/index.js';
import {
  crashPointFault,
  placesOf,
  survivorSetCount,
  survivorSets,
  type CrashMoment,
  type CrashPointFault,
  type CrashPointPlace,
  type NodeOperation,
} from './crash-point-sets.js';
import { failureText } from './report/text.js';
import { propertyMeanings, signatureOf, type Property, type Violation } from './oracles/violation.js';
import { formatPlan, type Plan } from './plan.js';
import { safeInFileName } from './run-seed.js';
import { runPlan, type RunResult } from './run.js';
import type { Program } from './workloads/workload.js';

export interface CrashPointsOptions {
  /** Crash these alone; all nodes of the plan when absent. */
  readonly nodes?: readonly NodeName[];
  /** Stop at the first failure. */
  readonly bail?: boolean;
  /** At most so many crash points, evenly spread over all of them. */
  readonly limit?: number;
  /** Time from a crash to the next start of its node; 20 ms when absent. */
  readonly restartAfterMs?: number;
  /** Directory for the plans of failing runs, made when the first one fails; without it nothing is written. */
  readonly outDir?: string;
  /** What to type to start this program, for the reports; `antecedent` when absent. */
  readonly program?: string;
  /** Called after every run. */
  readonly onProgress?: (progress: CrashPointsProgress) => void;
  /** Ends the enumeration after the run that is under way; the result says what was found so far. */
  readonly signal?: AbortSignal;
  /** Programs of the user, for a plan that names one. */
  readonly programs?: readonly Program[];
  /** Another way to run, for tests. */
  readonly runPlan?: typeof runPlan;
}

export interface CrashPointsProgress {
  readonly points: number;
  readonly failed: number;
  readonly events: number;
  /** 0 ... 1. */
  readonly fraction: number;
  /** In words: `b before sync journal-1.log`. */
  readonly latest: string;
}

export interface CrashPointsResult {
  readonly scenario: string;
  readonly seed: string;
  /** Runs with a crash point. */
  readonly points: number;
  /** About as many there are without a limit, told from the dry run; 0 when that fails. */
  readonly pointsLikely: number;
  readonly failed: number;
  readonly failures: readonly CrashPointFailure[];
  /** Runs that came to no verdict. */
  readonly undecided: number;
  /** Runs that did not come to their crash point, or took another course when they were made again. */
  readonly notReproducible: number;
  readonly isInterrupted: boolean;
  readonly events: number;
  readonly elapsedMs: number;
  readonly nodes: readonly NodeTally[];
  /** What the runs were judged by: all that any of them was, in the order of `propertyMeanings`. */
  readonly properties: readonly Property[];
}

export interface NodeTally {
  readonly node: NodeName;
  /** Disk operations of the dry run. */
  readonly operations: number;
  readonly crashes: number;
  readonly powerLosses: number;
  readonly failed: number;
}

export interface CrashPointFailure {
  /** Null, as all that is about the crash, when the scenario fails without any. */
  readonly node: NodeName | null;
  /** Number of the disk operation, counted from 0 through all lives of the node. */
  readonly operation: number | null;
  /** The operation in words: `sync journal-1.log`. */
  readonly text: string | null;
  readonly when: CrashMoment | null;
  /** True for a loss of power, false for the death of the process. */
  readonly power: boolean | null;
  /** Un-synced pages that survived the loss of power: bit i for the i-th. Null for the death of the process. */
  readonly survivors: number | null;
  readonly property: Property;
  readonly sentence: string;
  readonly signature: string;
  /** Null when the plan was not kept. */
  readonly planPath: string | null;
  readonly reportPath: string | null;
}

/** Failures of one kind beyond this are listed, but their plans are not kept. */
const plansPerSignatureMax = 10;
/** Others on this thread (progress, signals) get their turn this often. */
const turnMs = 50;
const restartAfterMsUsual = 20;

/**
 * Runs every crash point of `plan`. Throws `E_CONFIG` for a node that is not in the plan and for a plan that has crash
 * points of its own, and whatever writing a file throws.
 */
export async function crashPoints(plan: Plan, options: CrashPointsOptions = {}): Promise<CrashPointsResult> {
  checkPlan(plan, options);
  return await new Enumeration(plan, options).toEnd();
}

function checkPlan(plan: Plan, { nodes, limit }: CrashPointsOptions): void {
  const stranger = nodes?.find((node) => !plan.nodes.includes(node));
  if (stranger !== undefined) {
    const message = `${stranger} is no node of ${plan.scenario}; name one of ${plan.nodes.join(', ')}`;
    throw new AntecedentError('E_CONFIG', message);
  }
  if (limit !== undefined && !(Number.isSafeInteger(limit) && limit >= 1)) {
    throw new AntecedentError('E_CONFIG', `a limit of ${limit} crash points; give a whole number above 0`);
  }
  if (plan.faults.some(({ kind }) => kind === 'crash-point')) {
    const message = `the plan of ${plan.scenario} has a crash point already; replay it, or take the fault out`;
    throw new AntecedentError('E_CONFIG', message);
  }
}

type Growing<T> = { -readonly [K in keyof T]: T[K] };

class Enumeration {
  readonly #plan: Plan;
  readonly #options: CrashPointsOptions;
  readonly #run: typeof runPlan;
  readonly #startedAtMs = performance.now();
  readonly #nodes = new Map<NodeName, Growing<NodeTally>>();
  readonly #failures: CrashPointFailure[] = [];
  readonly #signatures = new Map<string, number>();
  readonly #properties = new Set<Property>();
  #points = 0;
  #undecided = 0;
  #notReproducible = 0;
  #events = 0;
  /** Points there are, as far as is known. */
  #likely = 0;
  /** Points there will be, as far as is known. */
  #expected = 0;
  #turnEndsAtMs = this.#startedAtMs + turnMs;

  constructor(plan: Plan, options: CrashPointsOptions) {
    this.#plan = plan;
    this.#options = options;
    const { programs = [], runPlan: run = runPlan } = options;
    this.#run = (each, how) => run(each, { programs, ...how });
    for (const node of options.nodes ?? plan.nodes) {
      this.#nodes.set(node, { node, operations: 0, crashes: 0, powerLosses: 0, failed: 0 });
    }
  }

  async toEnd(): Promise<CrashPointsResult> {
    const operations = this.#dryRun();
    // Nothing that a crash shows would mean anything in a scenario that fails without one.
    if (this.#failures.length === 0 && this.#undecided === 0) await this.#crashEverywhere(operations);
    return this.#result();
  }

  /** The disk operations of the nodes in question, in the order in which they completed. */
  #dryRun(): readonly NodeOperation[] {
    const operations: NodeOperation[] = [];
    const onDiskOperation = (node: NodeName, operation: NodeOperation['operation']): void => {
      const tally = this.#nodes.get(node);
      if (tally === undefined) return;
      tally.operations += 1;
      operations.push({ node, operation });
    };
    this.#judge(this.#run(this.#plan, { onDiskOperation }), undefined);
    return operations;
  }

  async #crashEverywhere(operations: readonly NodeOperation[]): Promise<void> {
    const places = placesOf(operations);
    const estimate = places.reduce((sum, { likelyPages }) => sum + 1 + survivorSetCount(likelyPages), 0);
    const { limit = estimate } = this.#options;
    this.#likely = estimate;
    const chosen = new EvenChoice(Math.min(1, limit / estimate));
    this.#expected = Math.min(limit, estimate);
    for (const place of places) {
      // A limit may leave out the death of the process, which would show them.
      let pages = place.likelyPages;
      if (chosen.next()) pages = this.#crash(place, { power: false });
      if (await this.#isOver()) return;
      for (const survivors of survivorSets(pages)) {
        if (chosen.next()) this.#crash(place, { power: true, survivors });
        if (await this.#isOver()) return;
      }
    }
  }

  /** Makes the run of one crash point; returns how many pages were un-synced there. */
  #crash(place: CrashPointPlace, how: { readonly power: boolean; readonly survivors?: number }): number {
    const fault = crashPointFault(place, how, this.#options.restartAfterMs ?? restartAfterMsUsual);
    const plan = { ...this.#plan, faults: [fault, ...this.#plan.faults] };
    const result = this.#run(plan);
    const tally = this.#nodes.get(place.node);
    this.#points += 1;
    if (tally !== undefined) tally[how.power ? 'powerLosses' : 'crashes'] += 1;
    const [struck] = result.struck ?? [];
    if (struck === undefined) this.#notReproducible += 1;
    const isFailure = this.#judge(result, { ...fault, text: place.operation.text });
    if (isFailure && tally !== undefined) tally.failed += 1;
    this.#options.onProgress?.({
      points: this.#points,
      failed: this.#failures.length,
      events: this.#events,
      fraction: Math.min(1, this.#points / this.#expected),
      latest: `${place.node} ${place.when} ${place.operation.text}`,
    });
    return struck?.unsyncedPages ?? 0;
  }

  async #isOver(): Promise<boolean> {
    const { bail, limit, signal } = this.#options;
    if (performance.now() >= this.#turnEndsAtMs) {
      await setImmediate();
      this.#turnEndsAtMs = performance.now() + turnMs;
    }
    return (bail === true && this.#failures.length > 0) || this.#points === limit || signal?.aborted === true;
  }

  /** Enters the outcome of a run; true for a failure. */
  #judge(result: RunResult, point: StruckPoint | undefined): boolean {
    this.#events += result.events;
    for (const property of result.properties) this.#properties.add(property);
    if (result.verdict === 'undecided') this.#undecided += 1;
    const [violation] = result.violations;
    if (violation === undefined) return false;
    const signature = signatureOf(result.scenario, violation);
    const known = this.#signatures.get(signature) ?? 0;
    this.#signatures.set(signature, known + 1);
    const planPath = known < plansPerSignatureMax ? this.#confirm(result, violation, point) : undefined;
    this.#failures.push({
      node: point?.node ?? null,
      operation: point?.operation ?? null,
      text: point?.text ?? null,
      when: point?.when ?? null,
      power: point?.power ?? null,
      survivors: point?.survivors ?? null,
      property: violation.property,
      sentence: violation.sentence,
      signature,
      planPath: planPath ?? null,
      reportPath: planPath?.replace(/\.json$/, '.txt') ?? null,
    });
    return true;
  }

  /** Runs a failure again and writes its plan and its report. Returns where the plan is, or undefined when nothing is kept. */
  #confirm({ plan, traceHash }: RunResult, violation: Violation, point: StruckPoint | undefined): string | undefined {
    // The report needs the history, and a failure that does not repeat is another kind of bug.
    const { traceHash: hashOfSecond, history = [] } = this.#run(plan, { keepHistory: true });
    if (hashOfSecond !== traceHash) this.#notReproducible += 1;
    const { outDir, program = 'antecedent' } = this.#options;
    if (outDir === undefined) return undefined;
    const planPath = join(outDir, fileName(plan, point));
    mkdirSync(dirname(planPath), { recursive: true });
    writeFileSync(planPath, formatPlan(plan));
    writeFileSync(planPath.replace(/\.json$/, '.txt'), failureText({ plan, violation, history, planPath, program }));
    return planPath;
  }

  #result(): CrashPointsResult {
    const { scenario, seed } = this.#plan;
    return {
      scenario,
      seed,
      points: this.#points,
      pointsLikely: this.#likely,
      failed: this.#failures.length,
      failures: this.#failures,
      undecided: this.#undecided,
      notReproducible: this.#notReproducible,
      isInterrupted: this.#options.signal?.aborted === true,
      events: this.#events,
      elapsedMs: Math.round(performance.now() - this.#startedAtMs),
      nodes: [...this.#nodes.values()],
      properties: (Object.keys(propertyMeanings) as Property[]).filter((property) => this.#properties.has(property)),
    };
  }
}

type StruckPoint = CrashPointFault & { readonly text: string };

/** `small-log-1-b-17-during-power-5.json`. */
function fileName({ scenario, seed }: Plan, point: StruckPoint | undefined): string {
  const parts: (string | number)[] = [safeInFileName(scenario), safeInFileName(seed)];
  if (point !== undefined) {
    const { node, operation, when, power, survivors } = point;
    parts.push(node, operation, when, power ? 'power' : 'process');
    if (survivors !== undefined) parts.push(survivors);
  }
  return `${parts.join('-')}.json`;
}

/** Takes an even share of what it is asked about, from the first on. */
class EvenChoice {
  readonly #share: number;
  #due = 1;

  constructor(share: number) {
    this.#share = share;
  }

  next(): boolean {
    const isChosen = this.#due >= 1;
    if (isChosen) this.#due -= 1;
    this.#due += this.#share;
    return isChosen;
  }
}
