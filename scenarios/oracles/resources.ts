/**
 * Resources: what a node keeps in memory is bounded, and one that has nothing to do does nothing.
 *
 * Both are measured from outside the protocol: events are counted by the simulation, and what waits is what a node shows
 * an operator. That last part is believed, for nobody else can know it.
 */
import type { Limits, NodeMemory, NodeName, Timings } from '../../core/index.js';
import type { Violation } from './violation.js';

/** What waits in the memory of a node. */
export interface MemoryUse {
  /** Bytes of messages that the application has not been given. */
  readonly undeliveredBytes: number;
  /** Messages that wait for a cause. */
  readonly heldBackMessages: number;
}

/** What a node says of its memory. */
export interface MemoryLook extends MemoryUse {
  readonly memory: NodeMemory;
}

/** What a node may keep at most. */
export interface MemoryBounds {
  readonly limits: Limits;
  readonly members: number;
}

/** At any time. */
export function checkMemory(
  node: NodeName,
  { undeliveredBytes }: MemoryUse,
  { limits, members }: MemoryBounds,
  atMs: number,
): Violation | undefined {
  // A peer is told to stop when the limit is passed, and what is on its way by then still comes, of its own log and of those
  // that it relays. The node's own broadcasts are refused at twice the limit.
  const underWay = limits.windowBytes + Math.max(limits.batchBytesTarget, limits.messageBytesMax);
  const allowed = 2 * (limits.undeliveredBytesMax + members * underWay);
  if (undeliveredBytes <= allowed) return undefined;
  const sentence = `${node} keeps ${undeliveredBytes} undelivered bytes in memory, and at most ${allowed} are allowed.`;
  return { property: 'bounded-memory', kind: 'safety', atMs, sentence, nodes: [node], messages: [] };
}

/** At the end, when every member has been given everything. */
export function checkNothingWaits(
  node: NodeName,
  { undeliveredBytes, heldBackMessages }: MemoryUse,
  atMs: number,
): Violation | undefined {
  if (undeliveredBytes === 0 && heldBackMessages === 0) return undefined;
  const sentence = `${node} still keeps ${undeliveredBytes} undelivered bytes and holds back ${heldBackMessages} messages, though it has been given everything.`;
  return { property: 'bounded-memory', kind: 'liveness', atMs, sentence, nodes: [node], messages: [] };
}

/** What was seen from one heartbeat to the next, when everything was done. */
export interface IdleTime {
  readonly events: number;
  /** Nodes that run, and members that do not. */
  readonly live: number;
  readonly down: number;
  readonly timings: Pick<Timings, 'heartbeatMs' | 'backoffMaxMs' | 'scrubEveryMs'>;
}

/** Events of one node for each peer that is up: a timer, a ping, its answer, an advert. About four in fact. */
const eventsPerPeer = 7;
/** For each that is down: a timer, a dial and its failure. */
const eventsPerDial = 4;
/** Half of the longest wait lies between two dials on average, for the jitter is full; and some luck. */
const dialsPerBackoff = 3;
/** Further ones of each node, for its disk and its own timers. */
const eventsPerNode = 10;
/** While a node scrubs its log it reads a piece every so often, in up to three calls. */
const scrubPauseMs = 25;
const scrubCalls = 3;
/** Who scrubs less often does not do it in a run. */
const scrubsOftenMs = 60_000;

/** At the end, when everybody has been at rest for some time. */
export function checkIdle({ events, live, down, timings }: IdleTime, atMs: number): Violation | undefined {
  const { heartbeatMs, backoffMaxMs, scrubEveryMs } = timings;
  const scrubbing = scrubEveryMs < scrubsOftenMs ? Math.ceil(heartbeatMs / scrubPauseMs) * scrubCalls : 0;
  const dialing = eventsPerDial * (1 + Math.ceil((dialsPerBackoff * heartbeatMs) / Math.max(1, backoffMaxMs)));
  const allowed = live * (eventsPerNode + scrubbing + (live - 1) * eventsPerPeer + down * dialing);
  if (events <= allowed) return undefined;
  const sentence = `Nothing was left to do, and still there were ${events} events at ${live} nodes from one heartbeat to the next, where ${allowed} would do.`;
  return { property: 'idle', kind: 'liveness', atMs, sentence, nodes: [], messages: [] };
}
