/**
 * What is excused for a node whose disk was damaged, and for nobody else.
 *
 * A disk that drops or changes what it had promised to keep takes away what no program can bring back. Whose disk has done
 * so is known from what was done to it (`disk-damaged`), never from what a node says. Of such a node:
 * - It may stop, with an error about its log or its disk, and refuse to start (`mayStop`), until its log is repaired.
 * - Others may find that it has forgotten what it had acknowledged, and it may find so itself (`isExcusedAlarm`). In the
 *   second case it is fenced: it broadcasts nothing any more and is cut off from those who know better, so nothing is asked
 *   of it at the end. One whose directory was emptied, put back or repaired with its knowledge finds so only once it has broadcast
 *   something: before, it begins a new incarnation.
 * - Messages of its own that nobody was given may be lost, accepted or not: they need not arrive (`promisedSeq`), and their
 *   dots may be used again (`mayForget`).
 *
 * A node that was removed may say that it is told so, and any node that somebody who is away holds back its journal.
 *
 * Everything else is judged as ever. Whatever it delivers, delivers again, or gives out is held against causal order,
 * duplication, integrity and position order; what any other live node was given of its messages must reach all of them;
 * and what became of the messages of others, at others, has nothing to do with it.
 */
import type { HistoryEvent } from '../history.js';
import { durableSeq, type GroundTruth, type NodeTruth, type OriginLog } from './ground-truth.js';

type Alarm = Extract<HistoryEvent, { readonly type: 'alarm' }>;

const stopCodes: ReadonlySet<string> = new Set(['E_LOG_CORRUPT', 'E_LOG_VANISHED', 'E_POSITION', 'E_STORAGE']);

/** True when the node may stop by itself with this error. */
export function mayStop(node: NodeTruth, code: string): boolean {
  return node.mayRefuse && stopCodes.has(code);
}

/** True when the one who has forgotten something, by this alarm, has a disk that was damaged; or when it is as removed as it says. */
export function isExcusedAlarm(truth: GroundTruth, { node, code, peer, isFenced }: Alarm): boolean {
  if (code === 'E_REMOVED') return !truth.node(node).isMember;
  if (code === 'E_RETENTION' || code === 'E_STUCK') return true;
  // Nothing keeps it from beginning a new incarnation.
  if (code === 'E_ROLLED_BACK' && truth.node(node).isUnused) return false;
  // Two others hold different messages of somebody whose directory was used twice.
  if (code === 'E_CHAIN' && isFenced === false) return truth.nodes.some(({ isDamaged }) => isDamaged);
  if (isAboutOwnLog(code) || stopCodes.has(code)) return truth.node(node).isDamaged;
  return code === 'E_PEER_FORGOT' && peer !== undefined && truth.node(peer).isDamaged;
}

/** True for an alarm that a peer holds what the node itself has lost. */
export function isAboutOwnLog(code: string): boolean {
  return code === 'E_ROLLED_BACK' || code === 'E_CHAIN';
}

/** True when the node may use the dots of messages again that it had promised to keep, as long as nobody was given them. */
export function mayForget(node: NodeTruth): boolean {
  return node.isDamaged;
}

/** Highest seq that the origin itself must still have. A damaged disk is believed only since the last start. */
export function promisedSeq(origin: NodeTruth, log: OriginLog): number {
  if (!origin.isDamaged) return durableSeq(log);
  return log.accepted > log.promisedAtEnd ? log.accepted : 0;
}
