/**
 * Makes the plan of a scenario for a seed: the same two always give the same plan.
 *
 * Every concern draws from a stream of its own, named after it: each scheduled fault, the workload, the applications.
 * Removing one fault from a scenario therefore leaves the rest of its plans as they were.
 */
import { AntecedentError, type NodeName } from '../core/index.js';
import { Simulation } from '../transport-sim/index.js';
import {
  operationsMax,
  originalSeed,
  planVersion,
  type ApplicationMode,
  type Budgets,
  type DiskSettings,
  type LinkSettings,
  type Plan,
  type PlannedFault,
  type PlannedOperation,
} from './plan.js';
import { parsePlan } from './read-plan.js';
import { resolveFault } from './resolve-fault.js';
import { namesOfNodes, type Scenario, type ScenarioBody, type Streams } from './scenario.js';
import { timesOf } from './schedule.js';
import { isBuiltIn } from './workloads/index.js';
import { isPartOfPackage, type Program } from './workloads/workload.js';

/** Links within a data centre, nothing wrong with them. */
export const usualLink: LinkSettings = {
  latency: { minMs: 1, maxMs: 5 },
  loss: 0,
  duplication: 0,
  reordering: 0,
  reorderDelayMs: 20,
  cut: 0,
  corruption: 0,
  splitting: 0,
  bytesPerMs: 'unlimited',
};

/** A good SSD. Torn writes show only when power is lost. */
export const usualDisk: DiskSettings = {
  syncMs: { minMs: 0.5, maxMs: 2 },
  writeMs: { minMs: 0.02, maxMs: 0.1 },
  readMs: { minMs: 0.05, maxMs: 0.2 },
  tornWrite: 0.5,
};

/**
 * Half-open links take 15 s to be noticed and waits between dials grow to 30 s, so a minute is fair to every timing.
 */
export const convergeWithinMs = 60_000;

/** A plan, and the program that its nodes run: that of the scenario's workload, which may be the user's own. */
export interface Preparation {
  readonly plan: Plan;
  readonly program: Program;
}

/** Throws `E_CONFIG` for a scenario that contradicts itself, or makes a plan that cannot be run. */
export function makePlan(scenario: Scenario, seed: string): Plan {
  return prepareRun(scenario, seed).plan;
}

/** As `makePlan`, for who runs the plan at once: the name of a program alone leads to those that come with the package. */
export function prepareRun(scenario: Scenario, seed: string): Preparation {
  if (seed === '') throw new AntecedentError('E_CONFIG', 'an empty seed; give any text, such as a number');
  const streams = streamsOf(seed);
  const body = scenario.body(streams);
  const members = namesOfNodes(body.nodes);
  const { joiners = [] } = body;
  const nodes = joiners.length === 0 ? members : namesOfNodes([...members, ...joiners]);
  const link = { ...usualLink, ...body.link };
  const disk = { ...usualDisk, ...body.disk };
  refuseBorrowedName(scenario, body.workload);
  const operations = body.workload.plan({ random: streams('workload'), nodes });
  if (operations.length > operationsMax) {
    const message = `${scenario.name} has ${operations.length} operations; a plan has at most ${operationsMax}`;
    throw new AntecedentError('E_CONFIG', message);
  }
  const faults = planFaults(body, nodes, { link, disk }, streams);
  const healedAtMs = endOf(operations, faults);
  const plan: Plan = {
    version: planVersion,
    scenario: scenario.name,
    seed,
    nodes,
    ...(joiners.length === 0 ? {} : { joiners: nodes.slice(members.length) }),
    workload: body.workload.name,
    options: {
      link,
      disk,
      limits: body.limits ?? {},
      timings: body.timings ?? {},
      applications: planApplications(body, nodes, streams),
      ...(body.supervisor === undefined ? {} : { supervisor: body.supervisor }),
      ...(body.retention === undefined ? {} : { retention: body.retention }),
    },
    operations,
    faults,
    healedAtMs,
    deadlineMs: healedAtMs + Math.max(1, body.expect?.convergeWithin ?? convergeWithinMs),
    ...planBudgets(body.expect ?? {}),
  };
  checkPlan(plan);
  return { plan, program: body.workload };
}

/** Programs of the user that a plan of one of these scenarios may need. */
export function programsFor(plan: Plan, scenarios: readonly Scenario[]): readonly Program[] {
  const scenario = scenarios.find(({ name }) => name === plan.scenario);
  return scenario === undefined ? [] : [prepareRun(scenario, originalSeed(plan.seed)).program];
}

/** A plan names its program, so replay would run ours in place of the user's. Throws `E_CONFIG`. */
function refuseBorrowedName(scenario: Scenario, program: Program): void {
  if (!isBuiltIn(program.name) || isPartOfPackage(program)) return;
  const message = `${scenario.name}: the workload "${program.name}" is not the one of that name in this package; give yours a name of its own`;
  throw new AntecedentError('E_CONFIG', message);
}

/** A scenario is code: what it asks for may be anything, while a plan is kept and has to be readable again. Throws `E_CONFIG`. */
function checkPlan(plan: Plan): void {
  try {
    parsePlan(plan, `what ${plan.scenario} plans for seed ${plan.seed}`);
  } catch (cause) {
    if (!(cause instanceof AntecedentError)) throw cause;
    throw new AntecedentError('E_CONFIG', cause.message, { cause });
  }
}

/** Throws `E_CONFIG` for less than nothing. */
function planBudgets(expected: NonNullable<ScenarioBody['expect']>): Pick<Plan, 'budgets'> {
  const { messagesPerBroadcast, bytesPerBroadcast, deliveryP99, diskBytesMax } = expected;
  for (const [key, most] of Object.entries({ messagesPerBroadcast, bytesPerBroadcast, diskBytesMax })) {
    if (most === undefined || (most >= 0 && Number.isFinite(most))) continue;
    throw new AntecedentError('E_CONFIG', `expect: ${key} is ${most}; give a number from 0 on`);
  }
  const budgets: Budgets = {
    ...(messagesPerBroadcast === undefined ? {} : { messagesPerBroadcast }),
    ...(bytesPerBroadcast === undefined ? {} : { bytesPerBroadcast }),
    ...(deliveryP99 === undefined ? {} : { deliveryP99Ms: deliveryP99 }),
    ...(diskBytesMax === undefined ? {} : { diskBytesMax }),
  };
  return Object.keys(budgets).length === 0 ? {} : { budgets };
}

/** The streams from which everything is drawn that a seed decides before the run. */
export function streamsOf(seed: string): Streams {
  // Only its streams are used. The prefix keeps them apart from those of the run, which has the same seed.
  const simulation = new Simulation({ seed });
  return (concern) => simulation.random(`plan/${concern}`);
}

function planFaults(
  body: ScenarioBody,
  nodes: readonly NodeName[],
  usual: { readonly link: LinkSettings; readonly disk: DiskSettings },
  streams: Streams,
): readonly PlannedFault[] {
  const faults = (body.faults ?? []).flatMap((scheduled, index) => {
    const random = streams(`fault ${index} ${scheduled.fault.kind}`);
    return timesOf(scheduled, random).flatMap((atMs) =>
      resolveFault(atMs, scheduled.fault, { nodes, random, ...usual }),
    );
  });
  // A stable sort: faults of the same time stay in the order of the scenario.
  return faults.sort((one, other) => one.atMs - other.atMs);
}

function planApplications(
  body: ScenarioBody,
  nodes: readonly NodeName[],
  streams: Streams,
): Readonly<Record<string, ApplicationMode>> {
  const { application } = body;
  if (application === undefined) return {};
  const random = streams('applications');
  return Object.fromEntries(
    nodes.map((node) => [node, typeof application === 'function' ? application(random, node) : application]),
  );
}

/**
 * When the last operation has been asked for and the last fault has ended, restarts included; a whole number of
 * milliseconds.
 */
export function endOf(operations: readonly PlannedOperation[], faults: readonly PlannedFault[]): number {
  const endsMs = faults.map((fault) => fault.atMs + lengthOf(fault));
  return Math.ceil(endsMs.reduce((latest, endMs) => Math.max(latest, endMs), operations.at(-1)?.atMs ?? 0));
}

function lengthOf(fault: PlannedFault): number {
  if ('restartAfterMs' in fault) return fault.restartAfterMs ?? 0;
  return ('forMs' in fault ? fault.forMs : undefined) ?? 0;
}
