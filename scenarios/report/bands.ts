/**
 * What was wrong, and from when to when: the faults of a plan as spans of time, and when nodes were down.
 *
 * A plan says what was tried (a crash of a node that is down does nothing); when a node was really down is taken from the
 * history. Faults without an end of their own last until the faults end. What takes no time is a span of no length.
 */
import type { HistoryEvent } from '../history.js';
import type { Direction, Plan, PlannedFault } from '../plan.js';
import { describeFault } from './fault-text.js';
import type { Story } from './story.js';

export type BandKind = 'network' | 'down' | 'pause' | 'node';

export interface Band {
  readonly kind: BandKind;
  readonly fromMs: number;
  readonly toMs: number;
  /** Undefined for a fault of the network. */
  readonly node: string | undefined;
  readonly text: string;
}

/** In the order of their beginnings. */
export function bandsOf(story: Story): readonly Band[] {
  const { plan, endMs } = story;
  const planned = plan === undefined ? [] : plan.faults.flatMap((fault, index) => plannedBand(plan, fault, index));
  return [...planned, ...downBands(story)]
    .filter(({ fromMs }) => fromMs <= endMs)
    .map((band) => ({ ...band, toMs: Math.min(band.toMs, endMs) }))
    .sort((one, other) => one.fromMs - other.fromMs);
}

function plannedBand(plan: Plan, fault: PlannedFault, index: number): readonly Band[] {
  const toMs = endOf(plan, fault, index);
  if (toMs === undefined) return [];
  const node = 'node' in fault ? fault.node : undefined;
  const kind = fault.kind === 'pause' ? 'pause' : node === undefined ? 'network' : 'node';
  return [{ kind, fromMs: fault.atMs, toMs, node, text: describeFault(fault) }];
}

/** Undefined for what only ends another fault: the end of the other one's span shows it. */
function endOf(plan: Plan, fault: PlannedFault, index: number): number | undefined {
  const next = (ends: (other: PlannedFault) => boolean): number =>
    plan.faults.slice(index + 1).find(ends)?.atMs ?? plan.healedAtMs;
  switch (fault.kind) {
    case 'partition':
      return next(({ kind }) => kind === 'heal' || kind === 'partition');
    case 'one-way':
      return next(({ kind }) => kind === 'heal');
    case 'hold':
      return next((other) => other.kind === 'release' && isSameDirection(fault, other));
    case 'link':
      return isUsual(plan.options.link, fault.profile)
        ? undefined
        : next((other) => other.kind === 'link' && isSameDirection(fault, other));
    case 'slow-disk':
      return isUsual(plan.options.disk, fault.profile)
        ? undefined
        : next((other) => other.kind === 'slow-disk' && other.node === fault.node);
    case 'pause':
      return next((other) => other.kind === 'resume' && other.node === fault.node);
    case 'clock-drift':
      return fault.rate === 1 ? undefined : next((other) => other.kind === 'clock-drift' && other.node === fault.node);
    case 'timers-late':
      return fault.byMs === 0 ? undefined : next((other) => other.kind === 'timers-late' && other.node === fault.node);
    case 'disk-errors':
    case 'disk-full':
    case 'disk-stall':
    case 'lying-disk':
    case 'twin':
    case 'poison':
      return fault.forMs === undefined ? plan.healedAtMs : fault.atMs + fault.forMs;
    case 'heal':
    case 'release':
    case 'resume':
    case 'restart':
      return undefined;
    default:
      return fault.atMs;
  }
}

function isSameDirection(one: Direction, other: Direction): boolean {
  return one.from.join() === other.from.join() && one.to.join() === other.to.join();
}

/** True when the change makes nothing other than it is at the beginning. */
function isUsual(usual: object, change: object): boolean {
  const values = new Map<string, unknown>(Object.entries(usual));
  return Object.entries(change).every(([key, value]) => JSON.stringify(values.get(key)) === JSON.stringify(value));
}

const endings: Partial<Record<HistoryEvent['type'], string>> = {
  crash: 'down after a crash',
  closed: 'closed',
  stopped: 'stopped by itself',
};

function downBands({ nodes, history, endMs }: Story): readonly Band[] {
  const bands: Band[] = [];
  const started = new Set(history.flatMap(({ type, node }): readonly string[] => (type === 'start' ? [node] : [])));
  const down = new Map<string, { readonly fromMs: number; readonly text: string }>();
  // Whoever recorded a history may not have seen the starts.
  for (const node of nodes) if (started.has(node)) down.set(node, { fromMs: 0, text: 'not started yet' });
  const end = (node: string, toMs: number): void => {
    const open = down.get(node);
    if (open !== undefined && toMs > open.fromMs) bands.push({ kind: 'down', node, toMs, ...open });
    down.delete(node);
  };
  for (const event of history) {
    const text = endings[event.type];
    if (text !== undefined) down.set(event.node, { fromMs: event.atMs, text });
    else if (event.type === 'start') end(event.node, event.atMs);
  }
  for (const node of [...down.keys()]) end(node, endMs);
  return bands;
}
