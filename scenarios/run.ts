/**
 * Runs a plan in the simulation and judges it.
 *
 * Order of a run: all members start at 0 · operations and faults at their times · at `healedAtMs` every fault ends · from
 * then on the run is checked at short, regular intervals, until everything is delivered everywhere and nobody owes
 * anything, twice in a row; then it is watched for the time between two heartbeats, six times at most, until in one of them
 * nothing has happened but these, and ends. Otherwise it ends at `deadlineMs`. The first violation ends it at once.
 *
 * The same plan and the same code give the same trace hash. Real time is read before and after, never inside.
 */
import { performance } from 'node:perf_hooks';
import { AntecedentError, defaultLimits, defaultTimings, type NodeName } from '../core/index.js';
import { Simulation, type DiskOperation, type Usage } from '../transport-sim/index.js';
import { GoalWatch, type Goal } from './goals.js';
import type { HistoryEvent } from './history.js';
import { FaultInjector, type StruckCrashPoint } from './inject.js';
import { judgeOptions, membersAtFirst } from './judge-options.js';
import { DeliveryTimer, MemoryGauge, toMetrics, type RunMetrics } from './metrics.js';
import { checkBudgets } from './oracles/budget.js';
import type { End } from './oracles/convergence.js';
import { Judge } from './oracles/judge.js';
import { checkIdle, checkMemory, checkNothingWaits, type MemoryLook } from './oracles/resources.js';
import type { Property, Violation } from './oracles/violation.js';
import { numbered, toLinkProfile, type Plan, type System } from './plan.js';
import { runDigests } from './run-digests.js';
import { SimCluster } from './sim-cluster.js';
import { plannedStepper, Stepping, type Stepper } from './steps.js';
import { findProgram } from './workloads/index.js';
import type { Program } from './workloads/workload.js';

export type Verdict = 'pass' | 'safety' | 'liveness' | 'budget' | 'undecided';

export interface RunOptions {
  readonly keepHistory?: boolean;
  /** How many of the last lines of the trace to keep for people. */
  readonly keepTrace?: number;
  /** The run is given up after so many events; by default far more than any plan of its size needs. */
  readonly eventsMax?: number;
  /** Hears of every disk operation just before it takes effect. Must not change anything. */
  readonly onDiskOperation?: (node: NodeName, operation: DiskOperation) => void;
  /** Programs of the user, for plans that name one. */
  readonly programs?: readonly Program[];
  /** Decides what happens next, in place of the steps of the plan: see `steps.ts`. */
  readonly stepper?: Stepper;
}

export interface RunResult {
  readonly scenario: string;
  readonly seed: string;
  readonly system: System;
  readonly on: 'sim';
  readonly verdict: Verdict;
  /** None, or the first one. */
  readonly violations: readonly Violation[];
  readonly traceHash: string;
  readonly events: number;
  readonly broadcasts: number;
  readonly deliveries: number;
  /** Operations that came to nothing: the node was not there, or they did not apply. */
  readonly skipped: number;
  readonly simulatedMs: number;
  readonly wallMs: number;
  /** Injected faults, by kind. */
  readonly faults: Readonly<Record<string, number>>;
  readonly metrics: RunMetrics;
  /** Rare moments that it came to. */
  readonly goals: readonly Goal[];
  /** What it was judged by, as far as it came. */
  readonly properties: readonly Property[];
  /** The crash points of the plan that nodes have come to; absent when there were none. */
  readonly struck?: readonly StruckCrashPoint[];
  readonly plan: Plan;
  readonly history?: readonly HistoryEvent[];
  /** With the history, when the run came to its end: not when a violation or an error cut it short. */
  readonly end?: End;
  readonly trace?: readonly string[];
}

/** Time between two looks at whether the run is over. */
const checkEveryMs = 50;
/**
 * Looks from one heartbeat to the next. Before the last one, what was sent again, and its acknowledgements, may have been under
 * way: with a slow disk and a link that loses much that takes a while. What never comes to rest is found all the same.
 */
const idleWindows = 6;
/** Every so many events of the history the memory of a node is looked at. */
const memoryCheckEvery = 50;
/** More events than this a second and node, without any progress, is no waiting. */
const idleEventsPerSecond = 2000;
/** At most so many a node and second are heartbeats and dials alone: nobody does anything. */
const restEventsPerSecond = 200;

/** Throws `E_PLAN` for a plan whose workload is unknown. */
export function runPlan(plan: Plan, options: RunOptions = {}): RunResult {
  const program = findProgram(plan.workload, options.programs ?? []);
  const startedMs = performance.now();
  const run = new Run(plan, program, options);
  const violation = run.toEnd();
  const wallMs = performance.now() - startedMs;
  return run.result(violation, wallMs);
}

class Run {
  readonly #plan: Plan;
  readonly #options: RunOptions;
  readonly #simulation: Simulation;
  readonly #judge: Judge;
  readonly #cluster: SimCluster;
  readonly #injector: FaultInjector;
  readonly #history: HistoryEvent[] = [];
  readonly #deliveryTimer = new DeliveryTimer();
  readonly #memoryGauge = new MemoryGauge();
  readonly #goals: GoalWatch;
  /** Before anything was broadcast, and when everything was delivered everywhere. */
  #usageBefore: Usage | undefined;
  #usageAfter: Usage | undefined;
  #violation: Violation | undefined;
  /** When an application last got something done, in events and in time. */
  #progress: { events: number; atMs: number } = { events: 0, atMs: 0 };
  #isGivenUp = false;
  /** What was wrong between the last two heartbeats that were watched. */
  #restless: Violation | undefined;
  #isOver = false;
  #end: End | undefined;
  #hasRestJudged = false;
  #observed = 0;
  #hasBudgetsJudged = false;

  constructor(plan: Plan, program: Program, options: RunOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#goals = new GoalWatch(plan.nodes);
    this.#simulation = new Simulation({
      seed: plan.seed,
      link: toLinkProfile(plan.options.link),
      disk: plan.options.disk,
      keepTrace: options.keepTrace ?? 0,
      digests: runDigests,
      onLog: (node, _level, event, fields) => this.#goals.handleLog(node, event, fields, this.#simulation.nowMs),
    });
    this.#judge = new Judge(judgeOptions(plan));
    this.#cluster = new SimCluster(plan, program, this.#simulation, (event) => this.#observe(event));
    this.#injector = new FaultInjector(plan, this.#simulation, this.#cluster);
    this.#schedule();
  }

  /** Runs to the end; returns the violation, if there is one. */
  toEnd(): Violation | undefined {
    const { nodes, operations, deadlineMs } = this.#plan;
    const eventsMax = this.#options.eventsMax ?? 200_000 + operations.length * nodes.length * 1000;
    const thrown = this.#runEvents(deadlineMs, eventsMax);
    if (this.#violation === undefined && thrown !== undefined) {
      this.#violation = describeThrown(thrown, this.#simulation.nowMs);
    }
    if (this.#violation === undefined) this.#violation = this.#finish(eventsMax);
    return this.#violation;
  }

  result(violation: Violation | undefined, wallMs: number): RunResult {
    const { scenario, seed } = this.#plan;
    const simulation = this.#simulation;
    return {
      scenario,
      seed,
      system: this.#plan.system ?? 'antecedent',
      on: 'sim',
      verdict: violation !== undefined ? violation.kind : this.#isGivenUp ? 'undecided' : 'pass',
      violations: violation === undefined ? [] : [violation],
      traceHash: simulation.traceHash,
      events: simulation.events,
      broadcasts: this.#judge.broadcasts,
      deliveries: this.#judge.deliveries,
      skipped: this.#cluster.skipped,
      simulatedMs: simulation.nowMs,
      wallMs,
      faults: { ...Object.fromEntries(simulation.faults), ...this.#injector.changes },
      metrics: this.#metrics(),
      goals: this.#goals.reached,
      properties: [
        ...this.#judge.properties,
        ...(this.#hasRestJudged ? (['bounded-memory', 'idle'] as const) : []),
        ...(this.#hasBudgetsJudged ? (['budget'] as const) : []),
      ],
      ...(this.#injector.struck.length === 0 ? {} : { struck: this.#injector.struck }),
      plan: this.#plan,
      ...(this.#options.keepHistory === true ? { history: this.#history } : {}),
      ...(this.#options.keepHistory === true && this.#end !== undefined ? { end: this.#end } : {}),
      ...(this.#options.keepTrace === undefined ? {} : { trace: simulation.trace }),
    };
  }

  #metrics(): RunMetrics {
    return toMetrics({
      broadcasts: this.#judge.broadcasts,
      usageBefore: this.#usageBefore,
      usage: this.#usageAfter ?? this.#simulation.usage,
      deliveryMs: this.#deliveryTimer.result,
      memoryBytes: this.#memoryGauge.result,
    });
  }

  #schedule(): void {
    const { nodes, operations, faults, healedAtMs } = this.#plan;
    const simulation = this.#simulation;
    const { onDiskOperation } = this.#options;
    if (onDiskOperation !== undefined) {
      for (const node of nodes) simulation.disk(node).onOperation = (operation) => onDiskOperation(node, operation);
    }
    for (const node of membersAtFirst(this.#plan)) simulation.at(0, () => this.#cluster.start(node));
    const stepper = this.#stepper;
    if (stepper !== undefined) this.#scheduleSteps(stepper);
    else {
      for (const operation of numbered(operations)) {
        simulation.at(operation.atMs, () => this.#cluster.perform(operation));
      }
    }
    for (const fault of faults) simulation.at(fault.atMs, () => this.#injector.inject(fault));
    simulation.at(healedAtMs, () => {
      this.#injector.endAll();
      this.#checkLater(false);
    });
  }

  get #stepper(): Stepper | undefined {
    const { steps } = this.#plan;
    return this.#options.stepper ?? (steps === undefined ? undefined : plannedStepper(steps));
  }

  #scheduleSteps(stepper: Stepper): void {
    const onStop = (): void => {
      this.#isGivenUp = true;
      this.#simulation.stop();
    };
    new Stepping({
      plan: this.#plan,
      simulation: this.#simulation,
      cluster: this.#cluster,
      stepper,
      onStop,
    }).schedule();
  }

  #checkLater(wasDone: boolean): void {
    this.#simulation.at(this.#simulation.nowMs + checkEveryMs, () => {
      if (!this.#isDone) this.#checkLater(false);
      else if (!wasDone) this.#checkLater(true);
      else this.#watchIdle();
    });
  }

  get #isDone(): boolean {
    return (
      this.#cluster.unfinished === undefined &&
      !this.#injector.awaitsRestart &&
      this.#judge.converged(this.#cluster.live)
    );
  }

  /** Looks at `windows` times between two heartbeats at most: in the first ones something may still be on its way. */
  #watchIdle(windows = idleWindows): void {
    const simulation = this.#simulation;
    const { nodes, options } = this.#plan;
    const timings = { ...defaultTimings, ...options.timings };
    const before = { events: simulation.events, progress: this.#progress };
    if (windows === idleWindows) this.#usageAfter = { ...simulation.usage };
    simulation.at(simulation.nowMs + timings.heartbeatMs, () => {
      // Somebody was not at rest after all.
      if (this.#progress !== before.progress || !this.#isDone) {
        this.#checkLater(false);
        return;
      }
      // This look is one as well.
      const events = simulation.events - before.events - 1;
      const live = this.#cluster.live.length;
      // Who is fenced goes on dialling the others, who go on proving that it has forgotten something.
      const restless = this.#cluster.hasFenced
        ? undefined
        : checkIdle({ events, live, down: nodes.length - live, timings }, simulation.nowMs);
      this.#restless = restless;
      if (restless !== undefined && windows > 1) {
        this.#watchIdle(windows - 1);
        return;
      }
      this.#violation ??= restless ?? this.#findWaiting();
      this.#hasRestJudged = true;
      this.#isOver = true;
      this.#end = { atMs: simulation.nowMs, live: this.#cluster.live, busy: false };
      simulation.stop();
    });
  }

  /** What still waits somewhere, when everything is delivered. */
  #findWaiting(): Violation | undefined {
    const { live } = this.#cluster;
    const looks = live.map((node) => ({ node, memory: this.#lookAt(node) }));
    // What waits for a cause that is lost waits for ever.
    if (!this.#judge.isWhole(live)) return undefined;
    for (const { node, memory } of looks) {
      const violation = memory && checkNothingWaits(node, memory, this.#simulation.nowMs);
      if (violation !== undefined) return violation;
    }
    return undefined;
  }

  /** Looks at a node now and then, for a look costs more than an event. */
  #checkMemory({ node, atMs }: HistoryEvent): Violation | undefined {
    this.#observed += 1;
    if (this.#observed % memoryCheckEvery !== 0) return undefined;
    const memory = this.#lookAt(node);
    const { nodes, options } = this.#plan;
    const bounds = { limits: { ...defaultLimits, ...options.limits }, members: nodes.length };
    return memory && checkMemory(node, memory, bounds, atMs);
  }

  #lookAt(node: NodeName): MemoryLook | undefined {
    const look = this.#cluster.memoryOf(node);
    if (look === undefined) return undefined;
    this.#memoryGauge.note(look.memory);
    this.#goals.handleLook(look);
    return look;
  }

  #observe(event: HistoryEvent): void {
    if (this.#violation !== undefined) return;
    this.#injector.reportLies();
    if (this.#options.keepHistory === true) this.#history.push(event);
    const simulation = this.#simulation;
    if (event.type === 'deliver') simulation.note('deliver', event.position, event.dot.seq);
    else if (event.type === 'broadcast' || event.type === 'accepted') {
      simulation.note(event.type, event.dot.incarnation, event.dot.seq);
    } else simulation.note(event.type);
    this.#deliveryTimer.observe(event);
    this.#goals.observe(event);
    if (event.type === 'broadcast') this.#usageBefore ??= { ...simulation.usage };
    // What a node says of itself, without anybody asking, is nothing that gets done.
    if (event.type !== 'stable') this.#progress = { events: simulation.events, atMs: simulation.nowMs };
    this.#violation = this.#judge.observe(event) ?? this.#checkMemory(event);
    if (this.#violation !== undefined) simulation.stop();
  }

  /** Returns what was thrown on the way: an assertion of the core, or an error of a program. */
  #runEvents(untilMs: number, eventsMax: number): Error | undefined {
    try {
      this.#simulation.run({ untilMs, eventsMax });
      return undefined;
    } catch (error) {
      // Our own refusals (a plan the simulation cannot carry out) are no finding.
      if (error instanceof AntecedentError && (error.code === 'E_PLAN' || error.code === 'E_CONFIG')) throw error;
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** The verdict of a run that nothing ended before its time. */
  #finish(eventsMax: number): Violation | undefined {
    if (this.#isGivenUp) return undefined;
    const simulation = this.#simulation;
    const quietEvents = simulation.events - this.#progress.events;
    const quietMs = Math.max(1, simulation.nowMs - this.#progress.atMs);
    const isOutOfEvents = simulation.events >= eventsMax;
    // Much was still getting done when the events ran out: too small a limit, and no finding.
    if (isOutOfEvents && quietEvents * 10 < eventsMax) {
      this.#isGivenUp = true;
      return undefined;
    }
    const limit = (idleEventsPerSecond * this.#plan.nodes.length * quietMs) / 1000;
    const busy = isOutOfEvents || quietEvents > Math.max(limit, 10_000) || this.#cluster.isSpinning;
    const idle = quietEvents <= (restEventsPerSecond * this.#plan.nodes.length * quietMs) / 1000;
    const end = { atMs: simulation.nowMs, live: this.#cluster.live, busy, idle };
    this.#end = end;
    const violation =
      this.#judge.finish(end) ??
      (this.#isOver ? undefined : (describeUnfinished(this.#cluster.unfinished, end) ?? this.#restless));
    return violation ?? this.#judgeBudgets();
  }

  #judgeBudgets(): Violation | undefined {
    const { budgets } = this.#plan;
    if (budgets === undefined) return undefined;
    this.#hasBudgetsJudged = true;
    return checkBudgets(budgets, this.#metrics(), this.#simulation.nowMs);
  }
}

/** Everything is delivered, but a node has not come to rest: it does not become ready, or owes a receipt. */
function describeUnfinished(
  unfinished: { readonly node: NodeName; readonly what: string } | undefined,
  end: { readonly atMs: number; readonly busy: boolean },
): Violation | undefined {
  if (unfinished === undefined) return undefined;
  const { node, what } = unfinished;
  return {
    property: end.busy ? 'livelock' : 'deadlock',
    kind: 'liveness',
    atMs: end.atMs,
    sentence: `${node} ${what}, though every fault has ended.`,
    nodes: [node],
    messages: [],
  };
}

/** An error that nobody caught would have ended the process of a node. */
function describeThrown(error: Error, atMs: number): Violation {
  const place = error.stack?.split('\n').find((line) => line.trimStart().startsWith('at ')) ?? '';
  return {
    property: 'no-unexpected-stop',
    kind: 'safety',
    atMs,
    sentence: `An error ended the run: ${error.name}: ${error.message}${place === '' ? '' : ` (${place.trim()})`}.`,
    nodes: [],
    messages: [],
  };
}
