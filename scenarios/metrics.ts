/**
 * What a run cost, and how quickly messages arrived: the numbers that budgets are set on.
 *
 * All of it is seen from outside, and in simulated time: the same plan and the same code give the same numbers on every
 * machine. Costs count from the first broadcast until everything was delivered everywhere: what it took to start and to
 * connect is not part of them. Everything in between is, with heartbeats, links that are opened again and messages that
 * are sent again, so the costs of a broadcast mean little where little is broadcast.
 */
import type { NodeMemory, NodeName } from '../core/index.js';
import type { Usage } from '../transport-sim/index.js';
import type { HistoryEvent } from './history.js';

export interface RunMetrics {
  /** Writes to links, whatever became of them, and their bytes. */
  readonly messages: number;
  readonly bytes: number;
  /** Syncs of files and directories. */
  readonly syncs: number;
  /** 0 when nothing was broadcast, as in the next two. Rounded to hundredths. */
  readonly messagesPerBroadcast: number;
  readonly bytesPerBroadcast: number;
  readonly syncsPerBroadcast: number;
  /** From the broadcast of a message until another node had applied it. */
  readonly deliveryMs: DeliveryTimes;
  /** Most bytes that waited in the links of one node at once: see `Usage`. */
  readonly linkBufferBytesMax: number;
  /** Most bytes that the log of one node took at any time. */
  readonly diskBytesMax: number;
  readonly memoryBytes: MemoryBytes;
}

/**
 * Most that one node kept in memory, of the moments at which somebody looked: now and then, and at every node in the end. Counted
 * by the node, see `NodeMemory`: what the virtual machine makes of it is several times as much.
 */
export interface MemoryBytes {
  readonly max: number;
  /** What it was made of then. */
  readonly messages: number;
  readonly index: number;
  readonly tables: number;
}

/** All 0 when nothing was delivered. A quantile is the smallest time that so large a share of the deliveries took at most. */
export interface DeliveryTimes {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Of a run of which nothing is known. */
export const emptyMetrics: RunMetrics = {
  messages: 0,
  bytes: 0,
  syncs: 0,
  messagesPerBroadcast: 0,
  bytesPerBroadcast: 0,
  syncsPerBroadcast: 0,
  deliveryMs: { p50: 0, p99: 0, max: 0 },
  linkBufferBytesMax: 0,
  diskBytesMax: 0,
  memoryBytes: { max: 0, messages: 0, index: 0, tables: 0 },
};

export interface RunTotals {
  readonly broadcasts: number;
  readonly usage: Usage;
  /** What it was when the first message was broadcast; undefined when none was. */
  readonly usageBefore: Usage | undefined;
  readonly deliveryMs: DeliveryTimes;
  readonly memoryBytes: MemoryBytes;
}

export function toMetrics({ broadcasts, usage, usageBefore, deliveryMs, memoryBytes }: RunTotals): RunMetrics {
  const messages = usage.writes - (usageBefore?.writes ?? 0);
  const bytes = usage.writtenBytes - (usageBefore?.writtenBytes ?? 0);
  const syncs = usage.syncs - (usageBefore?.syncs ?? 0);
  return {
    messages,
    bytes,
    syncs,
    messagesPerBroadcast: share(messages, broadcasts),
    bytesPerBroadcast: share(bytes, broadcasts),
    syncsPerBroadcast: share(syncs, broadcasts),
    deliveryMs,
    linkBufferBytesMax: usage.bufferedBytesMax,
    diskBytesMax: usage.diskBytesMax,
    memoryBytes,
  };
}

/** `part` for each of `count`, in hundredths; 0 for none. */
export function share(part: number, count: number): number {
  return count === 0 ? 0 : Math.round((100 * part) / count) / 100;
}

/**
 * Measures how long messages take to get to the other nodes.
 *
 * A message counts once for each node, when it is applied for the first time: neither what a node hands over again after a
 * crash nor what an application is given that is built anew. Of several broadcasts under one dot (a crash had wiped the
 * earlier ones out) the last one counts.
 */
export class DeliveryTimer {
  /** When each message was broadcast: by origin and incarnation, in the order of seq. */
  readonly #broadcastMs = new Map<NodeName, Map<number, number[]>>();
  /** The highest position that each node has been seen to apply. */
  readonly #positions = new Map<NodeName, number>();
  /** In milliseconds, in the order of the deliveries. */
  readonly #timesMs: number[] = [];

  observe(event: HistoryEvent): void {
    if (event.type === 'deliver') {
      const { dot, node, position, atMs } = event;
      if (position <= (this.#positions.get(node) ?? 0)) return;
      this.#positions.set(node, position);
      if (dot.origin === node) return;
      const broadcastMs = this.#broadcastMs.get(dot.origin)?.get(dot.incarnation)?.[dot.seq - 1];
      if (broadcastMs !== undefined) this.#timesMs.push(atMs - broadcastMs);
    } else if (event.type === 'broadcast') {
      const { origin, incarnation, seq } = event.dot;
      this.#logOf(origin, incarnation)[seq - 1] = event.atMs;
    }
  }

  /** Whole microseconds. */
  get result(): DeliveryTimes {
    const sorted = Float64Array.from(this.#timesMs).sort();
    const quantile = (fraction: number): number => {
      const timeMs = sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)] ?? 0;
      return Math.round(timeMs * 1000) / 1000;
    };
    return { p50: quantile(0.5), p99: quantile(0.99), max: quantile(1) };
  }

  #logOf(origin: NodeName, incarnation: number): number[] {
    const logs = this.#broadcastMs.get(origin) ?? new Map<number, number[]>();
    const log = logs.get(incarnation) ?? [];
    this.#broadcastMs.set(origin, logs.set(incarnation, log));
    return log;
  }
}

/** Remembers the look at which a node kept most. */
export class MemoryGauge {
  #result: MemoryBytes = { max: 0, messages: 0, index: 0, tables: 0 };

  note({ messageBytes: messages, indexBytes: index, tableBytes: tables }: NodeMemory): void {
    const sum = messages + index + tables;
    if (sum > this.#result.max) this.#result = { max: sum, messages, index, tables };
  }

  /** All 0 when nobody looked. */
  get result(): MemoryBytes {
    return this.#result;
  }
}
