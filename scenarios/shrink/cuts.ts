/**
 * What can be taken out of a plan: nodes, faults, operations, rates of the network.
 *
 * Invariants:
 * - What comes out is a valid plan: nobody is named who is not there, nothing is empty that must not be.
 * - No cut makes a plan that a correct program could fail. So the time from the end of the faults to the deadline is kept, the
 *   world becomes only kinder, and what a scenario keeps apart (the users and the loss of a disk) is not brought together.
 *   `test/scenarios/shrink/` cuts plans of the whole catalogue at random and sees them hold.
 */
import type { NodeName } from '../../core/index.js';
import { endOf } from '../make-plan.js';
import type { Violation } from '../oracles/violation.js';
import type { FaultKind, LinkSettings, Plan, PlannedFault, PlannedOperation, PlannedStep } from '../plan.js';
import { ddmin, type Search } from './ddmin.js';

export type PlanSearch<T = Plan> = Search<Plan, Violation, T>;

/** The parts of a plan that people count. */
export interface PlanSize {
  readonly nodes: number;
  readonly operations: number;
  readonly faults: number;
}

export function sizeOf({ nodes, operations, faults }: Plan): PlanSize {
  return { nodes: nodes.length, operations: operations.length, faults: faults.length };
}

/** One number, to compare plans by. */
export function weightOf(plan: Plan): number {
  const { nodes, operations, faults } = sizeOf(plan);
  return nodes + operations + faults;
}

// --- After the end ---------------------------------------------------------------------------------------------------

/**
 * Without what comes after a violation that was final when it showed, and with an earlier end of the faults: the run is the same up to
 * there, and those of plans that do not fail are shorter.
 */
export function withoutTail(plan: Plan, { kind, atMs }: Violation): Plan | undefined {
  if (kind !== 'safety') return undefined;
  const isBefore = (item: { readonly atMs: number }): boolean => item.atMs <= atMs;
  const operations = plan.operations.filter(isBefore);
  const faults = plan.faults.filter(isBefore);
  return endedSoon({ ...plan, operations, faults }, atMs);
}

/**
 * The faults end when the last one has ended and the last operation was asked for, and not before `earliestMs`; never later than they did.
 * As much time as before is left from there on.
 */
export function endedSoon(plan: Plan, earliestMs: number = 0): Plan {
  const { operations, faults } = plan;
  const lastMs = Math.max(operations.at(-1)?.atMs ?? 0, faults.at(-1)?.atMs ?? 0);
  const endMs = Math.max(endOf(operations, faults), Math.ceil(earliestMs));
  const healedAtMs = Math.max(Math.ceil(lastMs), Math.min(plan.healedAtMs, endMs));
  return { ...plan, healedAtMs, deadlineMs: healedAtMs + plan.deadlineMs - plan.healedAtMs };
}

// --- Nodes -----------------------------------------------------------------------------------------------------------

/**
 * Fewer nodes: first with what was done at and to the others taken out, then with their operations done elsewhere. (For a budget the
 * second alone: what it allows for each operation says nothing about a run with few.)
 */
export function* cutNodes(plan: Plan, { kind }: Violation): PlanSearch {
  let best = plan;
  for (const operations of kind === 'budget' ? (['move'] as const) : (['drop', 'move'] as const)) {
    if (operations === 'move' && isDelicate(best)) break;
    const whole = best;
    const build = (nodes: readonly NodeName[]): Plan | undefined => restrictTo(whole, nodes, operations);
    best = build(yield* ddmin<NodeName, Plan, Violation>(whole.nodes, build)) ?? whole;
  }
  return best;
}

/**
 * The plan with these nodes alone. Operations of the others are dropped, or moved to those who are left, in turn. Undefined when
 * nobody would be a member.
 */
export function restrictTo(plan: Plan, kept: readonly NodeName[], operations: 'drop' | 'move'): Plan | undefined {
  const { joiners: allJoiners = [], steps, ...rest } = plan;
  const isKept = (node: NodeName): boolean => kept.includes(node);
  const joiners = allJoiners.filter(isKept);
  const members = kept.filter((node) => !joiners.includes(node));
  if (members.length === 0) return undefined;
  if (kept.length === plan.nodes.length) return plan;
  const moved = (operation: PlannedOperation, index: number): readonly PlannedOperation[] => {
    if (isKept(operation.node)) return [operation];
    const node = members[index % members.length];
    return operations === 'drop' || node === undefined ? [] : [{ ...operation, node }];
  };
  return {
    ...rest,
    nodes: plan.nodes.filter(isKept),
    ...(joiners.length === 0 ? {} : { joiners }),
    options: {
      ...plan.options,
      applications: Object.fromEntries(
        Object.entries(plan.options.applications).filter(([node]) => kept.some((name) => name === node)),
      ),
    },
    operations: plan.operations.flatMap(moved).map((operation) => withCopies(operation, kept.length)),
    faults: plan.faults.flatMap((fault) => restrictFault(fault, isKept, members)),
    ...(steps === undefined ? {} : { steps: steps.filter((step) => concerns(step, isKept)) }),
  };
}

function concerns(step: PlannedStep, isKept: (node: NodeName) => boolean): boolean {
  return 'node' in step ? isKept(step.node) : isKept(step.from) && isKept(step.to);
}

/** Durable on no more members than there are. */
function withCopies(operation: PlannedOperation, nodes: number): PlannedOperation {
  const { durable } = operation;
  return typeof durable === 'number' && durable > nodes ? { ...operation, durable: nodes } : operation;
}

/** What of a fault concerns these nodes: the fault, a smaller one, or none. */
function restrictFault(
  fault: PlannedFault,
  isKept: (node: NodeName) => boolean,
  members: readonly NodeName[],
): readonly PlannedFault[] {
  switch (fault.kind) {
    case 'heal':
      return [fault];
    case 'partition': {
      const groups = fault.groups.map((group) => group.filter(isKept)).filter((group) => group.length > 0);
      return groups.length < 2 ? [] : [{ ...fault, groups }];
    }
    case 'one-way':
    case 'cut':
    case 'hold':
    case 'release':
    case 'link': {
      const from = fault.from.filter(isKept);
      const to = fault.to.filter(isKept);
      const hasPair = from.some((one) => to.some((other) => one !== other));
      return hasPair ? [{ ...fault, from, to }] : [];
    }
    case 'add-member':
    case 'remove-member': {
      const by = isKept(fault.by) ? fault.by : members.find((node) => node !== fault.node);
      return isKept(fault.node) && by !== undefined ? [{ ...fault, by }] : [];
    }
    default:
      return isKept(fault.node) ? [fault] : [];
  }
}

// --- Faults ----------------------------------------------------------------------------------------------------------

/** Fewer faults: whole kinds, then one by one. */
export function* cutFaults(plan: Plan): PlanSearch {
  const kinds = [...new Set(plan.faults.map(({ kind }) => kind))];
  const ofKinds = (kept: readonly FaultKind[]): Plan => ({
    ...plan,
    faults: plan.faults.filter(({ kind }) => kept.includes(kind)),
  });
  const fewer = ofKinds(yield* ddmin<FaultKind, Plan, Violation>(kinds, ofKinds));
  const build = (faults: readonly PlannedFault[]): Plan => ({ ...fewer, faults });
  return build(yield* ddmin<PlannedFault, Plan, Violation>(fewer.faults, build));
}

type Rate = (typeof rates)[number];
const rates = ['loss', 'duplication', 'reordering', 'cut', 'corruption', 'splitting'] as const;

/** Fewer steps, where the plan says in which order things happen; none of them where the order is not needed. */
export function* cutSteps(plan: Plan): PlanSearch {
  const { steps, ...stepless } = plan;
  if (steps === undefined) return plan;
  if ((yield stepless) !== undefined) return stepless;
  const build = (some: readonly PlannedStep[]): Plan => ({ ...plan, steps: some });
  return build(yield* ddmin<PlannedStep, Plan, Violation>(steps, build));
}

/** What goes wrong on links all the time: less of it. */
export function* cutRates(plan: Plan): PlanSearch {
  const { link } = plan.options;
  const build = (kept: readonly Rate[]): Plan => withLink(plan, without(link, kept));
  return build(
    yield* ddmin<Rate, Plan, Violation>(
      rates.filter((rate) => link[rate] > 0),
      build,
    ),
  );
}

function without(link: LinkSettings, kept: readonly Rate[]): LinkSettings {
  return { ...link, ...Object.fromEntries(rates.map((rate) => [rate, kept.includes(rate) ? link[rate] : 0])) };
}

export function withLink(plan: Plan, link: LinkSettings): Plan {
  return { ...plan, options: { ...plan.options, link } };
}

// --- Operations ------------------------------------------------------------------------------------------------------

/** Fewer operations, unless it is a budget that is violated. */
export function* cutOperations(plan: Plan, { kind }: Violation): PlanSearch {
  if (kind === 'budget') return plan;
  const build = (operations: readonly PlannedOperation[]): Plan => ({ ...plan, operations });
  return build(yield* ddmin<PlannedOperation, Plan, Violation>(plan.operations, build));
}

/**
 * True when operations must stay where and when they are: a node that has lost what it knew may use dots again until it has heard
 * of somebody, and scenarios keep users and other troubles away from it meanwhile.
 */
export function isDelicate({ faults }: Plan): boolean {
  return faults.some(({ kind }) => delicateKinds.has(kind));
}

const delicateKinds: ReadonlySet<FaultKind> = new Set<FaultKind>([
  'wipe',
  'restore-backup',
  'twin',
  'bit-rot',
  'lying-disk',
  'repair',
  'add-member',
  'remove-member',
]);
