/**
 * What caused what in a history: Lamport's happened-before, made of two kinds of steps.
 *
 * An event follows the one before it on the line of its node, also across crashes; and what a node is given follows the
 * broadcast of it. Whoever begins with the state of another follows what that one was last given in that state. A line is one
 * process as a person thinks of it, so it goes on where an application begins anew: what happened there has happened.
 */
import { formatDot, type Dot, type NodeName } from '../../core/index.js';
import type { HistoryEvent } from '../history.js';

/** Indices into the history, by the index of an event; -1 for none. */
export interface Causes {
  /** The event before it on the same line. */
  readonly before: Int32Array;
  /** The event on a line, another or the same, whose message or state arrived. */
  readonly source: Int32Array;
}

export function traceCauses(history: readonly HistoryEvent[]): Causes {
  const before = new Int32Array(history.length).fill(-1);
  const source = new Int32Array(history.length).fill(-1);
  const last = new Map<string, number>();
  const broadcasts = new Map<string, number[]>();
  const positions = new Map<string, number>();
  const giver = (node: NodeName, position: number): number => positions.get(`${node}:${position}`) ?? -1;
  for (const [index, event] of history.entries()) {
    before[index] = last.get(event.node) ?? -1;
    last.set(event.node, index);
    if (event.type === 'broadcast') {
      const name = formatDot(event.dot);
      broadcasts.set(name, [...(broadcasts.get(name) ?? []), index]);
    } else if (event.type === 'deliver' || event.type === 'skipped') {
      source[index] = findBroadcast(history, broadcasts, event);
      positions.set(`${event.node}:${event.position}`, index);
    } else if (event.type === 'joined' && event.state !== undefined) {
      source[index] = giver(event.state.node, event.state.position);
    } else if (event.type === 'twin') source[index] = giver(event.of, event.position);
  }
  return { before, source };
}

/** A dot may be used again after a crash, or by a twin: then the bytes tell which broadcast it was, as far as they differ. */
function findBroadcast(
  history: readonly HistoryEvent[],
  broadcasts: ReadonlyMap<string, readonly number[]>,
  { dot, ...event }: { readonly dot: Dot; readonly payload?: Uint8Array },
): number {
  const candidates = broadcasts.get(formatDot(dot)) ?? [];
  const { payload } = event;
  const same = candidates.findLast((index) => {
    const candidate = history[index];
    return payload !== undefined && candidate?.type === 'broadcast' && areEqual(candidate.payload, payload);
  });
  return same ?? candidates.at(-1) ?? -1;
}

function areEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** The vector clock of each event, in the order of the history: how many events of each line are at or before it. */
export function* vectorClocks(
  history: readonly HistoryEvent[],
): Generator<readonly [event: HistoryEvent, clock: ReadonlyMap<string, number>], void> {
  const { source } = traceCauses(history);
  const sources = new Set(source);
  const current = new Map<string, Map<string, number>>();
  const kept = new Map<number, ReadonlyMap<string, number>>();
  for (const [index, event] of history.entries()) {
    const clock = current.get(event.node) ?? new Map<string, number>();
    current.set(event.node, clock);
    for (const [node, count] of kept.get(source[index] ?? -1) ?? []) {
      clock.set(node, Math.max(count, clock.get(node) ?? 0));
    }
    clock.set(event.node, (clock.get(event.node) ?? 0) + 1);
    const copy = new Map(clock);
    if (sources.has(index)) kept.set(index, copy);
    yield [event, copy];
  }
}
