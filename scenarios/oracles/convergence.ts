/**
 * The end of a run: every live node has every message it must have.
 *
 * A node that never comes back takes to its grave what nobody else has, so it is not asked for, and neither is what a
 * damaged disk has taken; one that is fenced for it counts as gone (see `damage.ts`). What must be everywhere
 * is what any live node was given, everything accepted or delivered anywhere of a live origin, which has it on disk, and what
 * was accepted as being on more members than are gone (see `copies.ts`). Nothing is asked of a node that was removed, nor
 * for its sake.
 *
 * A message that its origin accepted, lost in a crash and never was given again is a broken promise (durability, safety);
 * so is one that its origin had been told to broadcast when it was closed in peace.
 * Anything else that is missing is liveness, named by what was going on: much, nothing, or too little.
 */
import { formatDot, type Dot, type NodeName } from '../../core/index.js';
import { requireCopies } from './copies.js';
import { promisedSeq } from './damage.js';
import { countIn, hasDelivered, type GroundTruth, type NodeTruth, type OriginLog } from './ground-truth.js';
import type { Property, Violation } from './violation.js';

/** The moment after which nothing more is expected. */
export interface End {
  readonly atMs: number;
  /** The nodes that run, in any order. */
  readonly live: readonly NodeName[];
  /** Many events without progress. */
  readonly busy: boolean;
  /** No event at all, or none but heartbeats. */
  readonly idle?: boolean;
}

interface Gap {
  readonly node: NodeTruth;
  readonly log: OriginLog;
  readonly seq: number;
  readonly holders: readonly NodeTruth[];
}

/** True when every live node has every message it must have. O(live nodes times origins). */
export function isConverged(truth: GroundTruth, live: readonly NodeName[]): boolean {
  return findGap(truth, liveNodes(truth, live)) === undefined;
}

export function checkConvergence(truth: GroundTruth, end: End): Violation | undefined {
  const live = liveNodes(truth, end.live);
  const gap = findGap(truth, live);
  if (gap === undefined) return undefined;
  const lost = live.flatMap((node) => (node.isDamaged ? [] : node.logs)).find((log) => isLost(log, live));
  return lost === undefined ? describeGap(truth, gap, end) : describeLoss(lost, live, end.atMs);
}

function liveNodes(truth: GroundTruth, names: readonly NodeName[]): readonly NodeTruth[] {
  return names.map((name) => truth.node(name)).filter(({ isFenced, isMember }) => !isFenced && isMember);
}

/** Highest seq of each log that every live node must have. */
function requiredSeqs(truth: GroundTruth, live: readonly NodeTruth[]): Int32Array {
  const required = Int32Array.from(truth.logs, (log) => requiredSeq(log, live));
  requireCopies(truth, live, required);
  return required;
}

/** Without what the number of its copies alone tells. */
function requiredSeq(log: OriginLog, live: readonly NodeTruth[]): number {
  let required = 0;
  for (const node of live) {
    if (node.name === log.origin) required = Math.max(required, promisedSeq(node, log));
    else required = Math.max(required, countIn(node.delivered, log.index));
  }
  return required;
}

function findGap(truth: GroundTruth, live: readonly NodeTruth[]): Gap | undefined {
  const required = requiredSeqs(truth, live);
  for (const log of truth.logs) {
    for (const node of live) {
      if (hasDelivered(node, log, countIn(required, log.index))) continue;
      const seq = countIn(node.delivered, log.index) + 1;
      return { node, log, seq, holders: live.filter((other) => hasDelivered(other, log, seq)) };
    }
  }
  return undefined;
}

/** True when the origin promised a message, ended, and neither it nor any other live node has it. */
function isLost(log: OriginLog, live: readonly NodeTruth[]): boolean {
  return log.promisedAtEnd > 0 && !live.some((node) => hasDelivered(node, log, log.promisedAtEnd));
}

function describeLoss(log: OriginLog, live: readonly NodeTruth[], atMs: number): Violation {
  const had = Math.max(...live.map((node) => countIn(node.delivered, log.index)));
  const name = formatDot(dotAt(log, had + 1));
  const promise =
    had < log.accepted ? `accepted ${name} before it crashed` : `was closed after it had broadcast ${name}`;
  return {
    property: 'durability',
    kind: 'safety',
    atMs,
    sentence: `${log.origin} ${promise}, and at the end no live node has been given it.`,
    nodes: [log.origin],
    messages: [name],
  };
}

function describeGap(truth: GroundTruth, gap: Gap, end: End): Violation {
  const { node, log, seq, holders } = gap;
  const name = formatDot(dotAt(log, seq));
  const property: Property = end.busy ? 'livelock' : end.idle === true ? 'deadlock' : 'convergence';
  const activity: Record<string, string> = {
    livelock: 'though events went on without progress',
    deadlock: 'and nothing is going on any more',
    convergence: 'though it had the time',
  };
  const copies = log.acceptedOn.findLastIndex((accepted) => accepted >= seq);
  const having =
    holders.length === 0
      ? `${log.origin} has accepted it${copies > 1 ? ` as durable on ${copies} members` : ''} and given it to nobody`
      : `${listNames(holders.map((holder) => holder.name))} ${holders.length === 1 ? 'has' : 'have'} it`;
  const members = truth.nodes.filter(({ isMember }) => isMember);
  const absent = members.filter(({ name: member }) => !end.live.includes(member)).length;
  const down = absent === 0 ? '' : ` (${absent} of ${members.length} nodes are down)`;
  return {
    property,
    kind: 'liveness',
    atMs: end.atMs,
    sentence: `${node.name} was never given ${name}, ${activity[property] ?? ''}; ${having}${down}.`,
    nodes: [...new Set([node.name, log.origin])],
    messages: [name],
  };
}

function dotAt(log: OriginLog, seq: number): Dot {
  return { origin: log.origin, incarnation: log.incarnation, seq };
}

/** At most three names, then how many more. */
function listNames(names: readonly string[]): string {
  if (names.length <= 3) return names.join(', ');
  return `${names.slice(0, 2).join(', ')} and ${names.length - 2} others`;
}
