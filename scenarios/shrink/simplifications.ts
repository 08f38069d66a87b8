/**
 * What of a plan can be said more simply once nothing can be taken out any more: times, parameters, options.
 *
 * Invariants: those of `cuts.ts`; the order of operations and faults in time stays as it is; nothing gets longer.
 */
import type { Violation } from '../oracles/violation.js';
import type { Plan, PlanOptions, PlannedFault, PlannedOperation } from '../plan.js';
import { usualDisk, usualLink } from '../make-plan.js';
import { endedSoon, isDelicate, withLink, type PlanSearch } from './cuts.js';
import type { Search } from './ddmin.js';

/** A plan that says the same more simply, or undefined where there is nothing to say so. */
type Simplification = (plan: Plan) => Plan | undefined;

/** Simpler times, parameters and options; each on its own, and kept where the plan goes on failing. */
export function* simplify(plan: Plan, violation: Violation): PlanSearch {
  let best = plan;
  const all: readonly Simplification[] = [
    (now) => endedSoon(now),
    ...optionSimplifications(plan, violation),
    ...plan.operations.map((_, index) => operationSimplifications(index)).flat(),
    ...plan.faults.map((_, index) => faultSimplifications(index)).flat(),
    ...timeSimplifications(),
    (now) => endedSoon(now),
  ];
  for (const simplification of all) best = yield* tried(simplification(best), best);
  return best;
}

/** The simpler plan if it fails, the other one if not. */
export function* tried(simpler: Plan | undefined, plan: Plan): Search<Plan, Violation, Plan> {
  if (simpler === undefined || isSame(simpler, plan)) return plan;
  return (yield simpler) === undefined ? plan : simpler;
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

// --- Options ---------------------------------------------------------------------------------------------------------

function optionSimplifications(plan: Plan, { kind, property }: Violation): readonly Simplification[] {
  const { link, applications, limits, timings } = plan.options;
  return [
    // A kinder world first, in one step and then in several.
    (now) => withOptions(now, { link: { ...usualLink, ...ratesOf(link) }, disk: usualDisk, applications: {} }),
    (now) => withLink(now, { ...usualLink, ...ratesOf(link) }),
    (now) => withOptions(now, { disk: usualDisk }),
    (now) => withOptions(now, { applications: {} }),
    ...Object.keys(applications).map(
      (node): Simplification =>
        (now) =>
          withoutApplication(now, node),
    ),
    (now) => withOptions(now, { limits: {} }),
    ...Object.keys(limits).map(
      (key): Simplification =>
        (now) =>
          withOptions(now, { limits: withoutKey(now, 'limits', key) }),
    ),
    // With the usual timings a run takes longer to converge, which is no fault of the program.
    ...(kind === 'safety' ? [((now) => withOptions(now, { timings: {} })) satisfies Simplification] : []),
    ...(kind === 'safety' ? Object.keys(timings) : []).map(
      (key): Simplification =>
        (now) =>
          withOptions(now, { timings: withoutKey(now, 'timings', key) }),
    ),
    ({ budgets, ...rest }) => (budgets === undefined || property === 'budget' ? undefined : rest),
    withoutOption('supervisor'),
    withoutOption('retention'),
  ];
}

function withOptions(plan: Plan, change: Partial<PlanOptions>): Plan {
  return { ...plan, options: { ...plan.options, ...change } };
}

function withoutOption(key: 'supervisor' | 'retention'): Simplification {
  return (plan) => {
    const { [key]: taken, ...options } = plan.options;
    return taken === undefined ? undefined : { ...plan, options };
  };
}

function withoutKey(plan: Plan, group: 'limits' | 'timings', taken: string): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(plan.options[group]).filter(([key]) => key !== taken));
}

function withoutApplication(plan: Plan, node: string): Plan {
  const { [node]: _taken, ...applications } = plan.options.applications;
  return withOptions(plan, { applications });
}

function ratesOf({ loss, duplication, reordering, cut, corruption, splitting }: PlanOptions['link']): object {
  return { loss, duplication, reordering, cut, corruption, splitting };
}

// --- Operations and faults -------------------------------------------------------------------------------------------

/** Simplifies the item at `index`; `simpler` gives undefined where there is nothing to simplify. */
function at<K extends 'operations' | 'faults'>(
  list: K,
  index: number,
  simpler: (item: Plan[K][number]) => Plan[K][number] | undefined,
): Simplification {
  return (plan) => {
    const item = plan[list][index];
    const changed = item === undefined ? undefined : simpler(item);
    return changed === undefined
      ? undefined
      : { ...plan, [list]: (plan[list] as readonly unknown[]).with(index, changed) };
  };
}

function operationSimplifications(index: number): readonly Simplification[] {
  const change = (simpler: (operation: PlannedOperation) => PlannedOperation | undefined): Simplification =>
    at('operations', index, simpler);
  return [
    change(({ durable, ...rest }) => (durable === undefined ? undefined : rest)),
    change((operation) =>
      operation.kind === 'append' && operation.bytes > 0 ? { ...operation, bytes: 0 } : undefined,
    ),
    change((operation) => ('pick' in operation && operation.pick > 0 ? { ...operation, pick: 0 } : undefined)),
    change((operation) =>
      operation.kind === 'line' && operation.text !== '' ? { ...operation, text: '' } : undefined,
    ),
    change((operation) => {
      if (!('mailbox' in operation) || operation.mailbox.length <= mailboxLength) return undefined;
      return { ...operation, mailbox: operation.mailbox.slice(0, mailboxLength) };
    }),
  ];
}

/** Of a name that somebody has made long to fill disks with it. */
const mailboxLength = 8;

function faultSimplifications(index: number): readonly Simplification[] {
  const change = (simpler: (fault: PlannedFault) => PlannedFault | undefined): Simplification =>
    at('faults', index, simpler);
  return [
    ...[10, 100, 1000].map((lengthMs) => change((fault) => shorten(fault, lengthMs))),
    change((fault) => (fault.kind === 'power-loss' ? { ...fault, kind: 'crash' } : undefined)),
    change((fault) => (fault.kind === 'bit-rot' && fault.bits > 1 ? { ...fault, bits: 1 } : undefined)),
    change((fault) =>
      'from' in fault && fault.from.length > 1 ? { ...fault, from: fault.from.slice(0, 1) } : undefined,
    ),
    change((fault) => ('to' in fault && fault.to.length > 1 ? { ...fault, to: fault.to.slice(0, 1) } : undefined)),
  ];
}

/** Lasts, or jumps, no longer than so. */
function shorten(fault: PlannedFault, lengthMs: number): PlannedFault | undefined {
  const lengths = Object.entries(fault).filter(
    ([key, value]: [string, unknown]) => lengthKeys.has(key) && typeof value === 'number' && value > lengthMs,
  );
  if (lengths.length === 0) return undefined;
  return { ...fault, ...Object.fromEntries(lengths.map(([key]) => [key, lengthMs])) };
}

const lengthKeys: ReadonlySet<string> = new Set(['restartAfterMs', 'forMs', 'byMs']);

// --- Times -----------------------------------------------------------------------------------------------------------

function timeSimplifications(): readonly Simplification[] {
  return [
    ...[10, 100, 500].map(
      (gapMs): Simplification =>
        (plan) =>
          isDelicate(plan) ? undefined : closeGaps(plan, gapMs),
    ),
    ...[100, 10, 1].map(
      (stepMs): Simplification =>
        (plan) =>
          retimed(plan, (atMs) => Math.round(atMs / stepMs) * stepMs),
    ),
  ];
}

/** Nothing happens for at most `gapMs` between two operations or faults, and before the first. */
function closeGaps(plan: Plan, gapMs: number): Plan {
  const timesMs = [...new Set([...plan.operations, ...plan.faults].map(({ atMs }) => atMs))].sort((a, b) => a - b);
  const newMs = new Map<number, number>();
  let [beforeMs, movedMs] = [0, 0];
  for (const atMs of timesMs) {
    movedMs += Math.min(gapMs, atMs - beforeMs);
    beforeMs = atMs;
    // Whole microseconds: that is the resolution of simulated time.
    newMs.set(atMs, Math.round(movedMs * 1000) / 1000);
  }
  return retimed(plan, (atMs) => newMs.get(atMs) ?? atMs);
}

/** `move` keeps the order of times. */
function retimed(plan: Plan, move: (atMs: number) => number): Plan {
  const moved = <T extends { readonly atMs: number }>(item: T): T => ({ ...item, atMs: move(item.atMs) });
  const operations = plan.operations.map(moved);
  const faults = plan.faults.map(moved);
  return endedSoon({ ...plan, operations, faults });
}
