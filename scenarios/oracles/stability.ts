/**
 * Stability: what a node calls stable, every member has been given, and nothing that is concurrent with it is given to that
 * node any more.
 *
 * A message that comes later must have every stable one among its causes. Its past at the time of its broadcast says so,
 * whatever the protocol's clocks say. The claim lasts as long as the application's state, through every crash: an
 * application forgets with it what it keeps for concurrent messages.
 *
 * Who need not have been given a message: a node whose state was replaced, if it had been given it before; and a node that
 * has joined since, which those who already knew the message need not have waited for.
 */
import { formatDot } from '../../core/index.js';
import { countIn, nameOf, type Attempt, type GroundTruth, type NodeTruth, type OriginLog } from './ground-truth.js';
import type { Violation } from './violation.js';

/**
 * For a claim; records it. O(origins), and O(members) more the first time that a message is called stable: for the others
 * the log knows up to where everybody has it.
 */
export function checkStable(
  truth: GroundTruth,
  node: NodeTruth,
  clock: Iterable<readonly [origin: string, seq: number]>,
  atMs: number,
): Violation | undefined {
  if (!node.isMember) return undefined;
  for (const [key, seq] of clock) {
    const log = truth.findLogOf(key);
    if (log === undefined) {
      const sentence = `${node.name} called ${key}:${seq} stable, but nobody has ever broadcast as ${key}.`;
      return violation(sentence, [node.name], [`${key}:${seq}`], atMs);
    }
    if (seq > log.everywhere) {
      const lacking = findLacking(truth, log, seq);
      if (lacking !== undefined) return calledTooEarly(node, lacking, log, seq, atMs);
    }
    truth.noteStable(node, log, seq);
  }
  return undefined;
}

/** For a position that is used for the first time. O(origins). */
export function checkFollowsStable(
  truth: GroundTruth,
  node: NodeTruth,
  attempt: Attempt,
  atMs: number,
): Violation | undefined {
  const { stable } = node;
  if (stable === undefined || attempt.seq <= countIn(stable, attempt.log.index)) return undefined;
  const { past } = attempt;
  for (let i = 0; i < stable.length; i++) {
    if (countIn(stable, i) > countIn(past, i)) return cameTooLate(truth, node, attempt, i, atMs);
  }
  return undefined;
}

/** How far a member has had a log, whether or not its state still says so. */
export function hadSeq(node: NodeTruth, log: OriginLog): number {
  const delivered = countIn(node.delivered, log.index);
  return node.excused === undefined ? delivered : Math.max(delivered, countIn(node.excused, log.index));
}

/** A member that has not had message `seq`. Otherwise the log is known to be everywhere up to where all have it. */
function findLacking(truth: GroundTruth, log: OriginLog, seq: number): NodeTruth | undefined {
  let everywhere = Infinity;
  for (const member of truth.nodes) {
    if (!member.isMember) continue;
    const had = hadSeq(member, log);
    if (had < seq) return member;
    everywhere = Math.min(everywhere, had);
  }
  log.everywhere = everywhere;
  return undefined;
}

function calledTooEarly(
  node: NodeTruth,
  lacking: NodeTruth,
  { origin, incarnation }: OriginLog,
  seq: number,
  atMs: number,
): Violation {
  const name = formatDot({ origin, incarnation, seq });
  const who = lacking === node ? 'it has not been given it itself' : `${lacking.name} has not been given it`;
  return violation(`${node.name} called ${name} stable, but ${who}.`, [node.name, lacking.name], [name], atMs);
}

function cameTooLate(
  truth: GroundTruth,
  node: NodeTruth,
  attempt: Attempt,
  index: number,
  atMs: number,
): Violation | undefined {
  const log = truth.logs[index];
  if (log === undefined) return undefined;
  const { origin, incarnation } = log;
  const stable = formatDot({ origin, incarnation, seq: countIn(attempt.past, index) + 1 });
  const name = nameOf(attempt);
  const sentence = `${node.name} was given ${name} after it had called ${stable} stable, which ${attempt.log.origin} had not been given when it broadcast ${name}.`;
  return violation(sentence, [node.name, attempt.log.origin], [name, stable], atMs);
}

function violation(sentence: string, nodes: readonly string[], messages: readonly string[], atMs: number): Violation {
  return { property: 'stability', kind: 'safety', atMs, sentence, nodes: [...new Set(nodes)], messages };
}
