/**
 * Explore: a very small run in every order in which its operations and writes can come, with up to so many faults.
 *
 * A search over states, depth first, without keeping any: each run begins anew, takes the steps that lead to a state it has not seen,
 * and then goes on to where it has not been (see `steps.ts` for what a step is). Where two orders lead to one state, because what they
 * swap concerns different nodes, only one of them is followed: that is the partial-order reduction, and it leaves nothing out. A run
 * that has no step left goes on by itself, and is judged to its end by all oracles like any other; one that comes to where another has
 * been is given up. `docs/decisions/0016-*` says why.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { AntecedentError } from '../core/index.js';
import { usualLink } from './make-plan.js';
import { signatureOf, type Property, type Violation } from './oracles/violation.js';
import { formatPlan, type OperationBody, type Plan, type PlannedStep } from './plan.js';
import { failureText } from './report/text.js';
import { failureFileName } from './run-seed.js';
import { runPlan, type RunResult } from './run.js';
import { restrictTo } from './shrink/cuts.js';
import type { Stepper } from './steps.js';

/** Beyond these there is no end to it. */
export const exploreNodesMax = 3;
export const exploreMessagesMax = 4;
export const exploreFaultsMax = 3;

export interface ExploreOptions {
  /** Most faults of one run: a write lost, doubled or overtaken, a crash. 1 when absent. */
  readonly faults?: number;
  /** Most runs; the result says whether that was all. */
  readonly limit?: number;
  /** Stop at the first failure. */
  readonly bail?: boolean;
  /** Directory for the plans of failing runs, made when the first one fails; without it nothing is written. */
  readonly outDir?: string;
  /** What to type to start this program, for the reports; `antecedent` when absent. */
  readonly program?: string;
  /** Called after every run. */
  readonly onProgress?: (progress: ExploreProgress) => void;
  /** Ends the search after the run that is under way; the result says what was found so far. */
  readonly signal?: AbortSignal;
  /** Another way to run, for tests. */
  readonly runPlan?: typeof runPlan;
}

export interface ExploreProgress {
  readonly runs: number;
  readonly states: number;
  readonly failed: number;
  /** Beginnings of runs that are still to be made, as far as is known: they bring others. */
  readonly waiting: number;
}

export interface ExploreResult {
  readonly scenario: string;
  readonly seed: string;
  readonly nodes: number;
  readonly messages: number;
  readonly faults: number;
  /** Every state that can be reached was. */
  readonly isExhaustive: boolean;
  readonly isInterrupted: boolean;
  readonly runs: number;
  readonly states: number;
  /** Runs that were judged to their end, because no step was left. */
  readonly ends: number;
  /** Most steps of one run. */
  readonly stepsMax: number;
  readonly failed: number;
  readonly failures: readonly ExploreFailure[];
  readonly events: number;
  readonly elapsedMs: number;
  readonly properties: readonly Property[];
}

export interface ExploreFailure {
  readonly signature: string;
  readonly property: Property;
  readonly sentence: string;
  readonly steps: readonly PlannedStep[];
  /** Null when the plan was not kept. */
  readonly planPath: string | null;
  readonly reportPath: string | null;
}

/** Failures of one kind beyond this are listed, but their plans are not kept. */
const plansPerSignatureMax = 3;
/** Others on this thread (progress, signals) get their turn this often. */
const turnMs = 50;
/** By then all are connected, and nobody has anything to do. */
const restMs = 1000;
const roomForStepsMs = 100;

/**
 * A plan small enough to be explored: the first nodes of a larger one, which broadcast its first messages in turn; no faults, and a world
 * in which nothing takes time. Throws `E_CONFIG` where the larger one has less, or more is asked for than can be explored.
 */
export function smallPlan(plan: Plan, size: { readonly nodes: number; readonly messages: number }): Plan {
  checkNumber('nodes', size.nodes, 1, exploreNodesMax);
  checkNumber('messages', size.messages, 1, exploreMessagesMax);
  const { joiners = [], system = 'antecedent' } = plan;
  if (system !== 'antecedent') {
    const message = `explore: ${plan.scenario} is a plan for ${system}, whose nodes do not say when they are done with a step; give one for ours`;
    throw new AntecedentError('E_CONFIG', message);
  }
  const nodes = plan.nodes.filter((node) => !joiners.includes(node)).slice(0, size.nodes);
  const smaller = restrictTo({ ...plan, faults: [], operations: plan.operations.filter(broadcasts) }, nodes, 'move');
  const operations = smaller?.operations.slice(0, size.messages) ?? [];
  if (smaller === undefined || nodes.length < size.nodes || operations.length < size.messages) {
    const message = `${plan.scenario} has no ${size.nodes} nodes and ${size.messages} messages; ask for fewer, or take another scenario`;
    throw new AntecedentError('E_CONFIG', message);
  }
  const { budgets: _budgets, ...rest } = smaller;
  const atOnce = { minMs: 0, maxMs: 0 };
  return {
    ...rest,
    options: {
      ...rest.options,
      link: { ...usualLink, latency: atOnce },
      disk: { syncMs: atOnce, writeMs: atOnce, readMs: atOnce, tornWrite: 0 },
      applications: {},
    },
    operations: operations.map((operation, index) => ({
      ...operation,
      atMs: restMs,
      node: nodes[index % nodes.length] ?? operation.node,
    })),
    healedAtMs: restMs + roomForStepsMs,
    deadlineMs: restMs + roomForStepsMs + plan.deadlineMs - plan.healedAtMs,
  };
}

/** What surely comes to a broadcast, whatever the state: it takes nothing that must be there already. */
function broadcasts({ kind }: Plan['operations'][number]): boolean {
  return !needy.has(kind);
}

const needy: ReadonlySet<OperationBody['kind']> = new Set<OperationBody['kind']>([
  'delete',
  'rename',
  'expunge',
  'store',
  'copy',
]);

function checkNumber(name: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  throw new AntecedentError('E_CONFIG', `explore: ${name} is ${value}; give a whole number from ${least} to ${most}`);
}

/** Throws `E_CONFIG` for numbers out of range, and whatever writing a file throws. */
export async function explore(plan: Plan, options: ExploreOptions = {}): Promise<ExploreResult> {
  checkNumber('faults', options.faults ?? 1, 0, exploreFaultsMax);
  if (options.limit !== undefined) checkNumber('limit', options.limit, 1, Number.MAX_SAFE_INTEGER);
  return await new Exploration(plan, options).toEnd();
}

class Exploration {
  readonly #plan: Plan;
  readonly #options: ExploreOptions;
  readonly #faultsMax: number;
  readonly #startedAtMs = performance.now();
  /** States that somebody has come to, or will. */
  readonly #known = new Set<string>();
  /** Beginnings of runs that are still to be made; the last one is next. */
  readonly #waiting: (readonly PlannedStep[])[] = [[]];
  readonly #failures: ExploreFailure[] = [];
  readonly #signatures = new Map<string, number>();
  readonly #properties = new Set<Property>();
  #runs = 0;
  #ends = 0;
  #stepsMax = 0;
  #events = 0;
  #turnEndsAtMs = this.#startedAtMs + turnMs;

  constructor(plan: Plan, options: ExploreOptions) {
    this.#plan = plan;
    this.#options = options;
    this.#faultsMax = options.faults ?? 1;
  }

  async toEnd(): Promise<ExploreResult> {
    const { limit = Infinity, bail, signal, onProgress } = this.#options;
    while (this.#waiting.length > 0 && this.#runs < limit && signal?.aborted !== true) {
      if (bail === true && this.#failures.length > 0) break;
      this.#walk(this.#waiting.pop() ?? []);
      const failed = this.#failures.length;
      onProgress?.({ runs: this.#runs, states: this.#known.size, failed, waiting: this.#waiting.length });
      if (performance.now() < this.#turnEndsAtMs) continue;
      await setImmediate();
      this.#turnEndsAtMs = performance.now() + turnMs;
    }
    return this.#result();
  }

  /** Makes the run that begins with these steps, and goes on from there to where nobody has been. */
  #walk(beginning: readonly PlannedStep[]): void {
    const path: PlannedStep[] = [];
    const stepper: Stepper = {
      next: (enabled, stateAfter) => {
        const planned = beginning[path.length];
        const step = planned ?? this.#chooseNext(path, enabled, stateAfter);
        if (step !== undefined && step !== 'stop') path.push(step);
        return step;
      },
    };
    const run = this.#options.runPlan ?? runPlan;
    const result = run(this.#plan, { stepper });
    this.#runs += 1;
    this.#events += result.events;
    this.#stepsMax = Math.max(this.#stepsMax, path.length);
    for (const property of result.properties) this.#properties.add(property);
    if (result.verdict !== 'undecided') this.#ends += 1;
    const [violation] = result.violations;
    if (violation !== undefined) this.#keep({ ...this.#plan, steps: path }, violation);
  }

  /** A step to a state that nobody knows; others like it are left for later. */
  #chooseNext(
    path: readonly PlannedStep[],
    enabled: readonly PlannedStep[],
    stateAfter: (step: PlannedStep) => string,
  ): PlannedStep | 'stop' | undefined {
    const faultsLeft = this.#faultsMax - path.filter(isFault).length;
    const news = enabled.filter((step) => {
      if (isFault(step) && faultsLeft <= 0) return false;
      // Fewer faults left are less to come.
      const state = `${faultsLeft - (isFault(step) ? 1 : 0)}|${stateAfter(step)}`;
      if (this.#known.has(state)) return false;
      this.#known.add(state);
      return true;
    });
    const mustGoOn = enabled.some((step) => !isFault(step));
    const first = mustGoOn ? news[0] : undefined;
    const later = mustGoOn ? news.slice(1) : news;
    // The last one in is the first one out.
    for (const step of later.toReversed()) this.#waiting.push([...path, step]);
    return first ?? (mustGoOn ? 'stop' : undefined);
  }

  #keep(plan: Plan, violation: Violation): void {
    const signature = signatureOf(plan.scenario, violation);
    const known = this.#signatures.get(signature) ?? 0;
    this.#signatures.set(signature, known + 1);
    const planPath = known < plansPerSignatureMax ? this.#write(plan, violation) : undefined;
    this.#failures.push({
      signature,
      property: violation.property,
      sentence: violation.sentence,
      steps: plan.steps ?? [],
      planPath: planPath ?? null,
      reportPath: planPath?.replace(/\.json$/, '.txt') ?? null,
    });
  }

  #write(plan: Plan, violation: Violation): string | undefined {
    const { outDir, program = 'antecedent', runPlan: run = runPlan } = this.#options;
    if (outDir === undefined) return undefined;
    const { history = [] }: RunResult = run(plan, { keepHistory: true });
    const planPath = join(outDir, failureFileName(plan.scenario, `${plan.seed}-explored-${this.#failures.length + 1}`));
    mkdirSync(dirname(planPath), { recursive: true });
    writeFileSync(planPath, formatPlan(plan));
    writeFileSync(planPath.replace(/\.json$/, '.txt'), failureText({ plan, violation, history, planPath, program }));
    return planPath;
  }

  #result(): ExploreResult {
    const { scenario, seed, nodes, operations } = this.#plan;
    return {
      scenario,
      seed,
      nodes: nodes.length,
      messages: operations.length,
      faults: this.#faultsMax,
      isExhaustive: this.#waiting.length === 0,
      isInterrupted: this.#options.signal?.aborted === true,
      runs: this.#runs,
      states: this.#known.size,
      ends: this.#ends,
      stepsMax: this.#stepsMax,
      failed: this.#failures.length,
      failures: this.#failures,
      events: this.#events,
      elapsedMs: Math.round(performance.now() - this.#startedAtMs),
      properties: [...this.#properties],
    };
  }
}

function isFault({ kind }: PlannedStep): boolean {
  return kind === 'drop' || kind === 'duplicate' || kind === 'overtake' || kind === 'crash';
}
