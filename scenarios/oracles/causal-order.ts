/**
 * Causal order: before a message, a node is given everything that its broadcaster had been given or had broadcast.
 *
 * It is enough to compare counts. Each node's delivered set is closed under causes, because each delivery so far passed
 * this check, so whoever has all direct causes of a message has the indirect ones too.
 */
import { formatDot } from '../../core/index.js';
import { countIn, nameOf, type Attempt, type GroundTruth, type NodeTruth } from './ground-truth.js';
import type { Violation } from './violation.js';

/** For a position that is used for the first time. O(origins). */
export function checkCausalOrder(
  truth: GroundTruth,
  node: NodeTruth,
  attempt: Attempt,
  atMs: number,
): Violation | undefined {
  const { past } = attempt;
  const { delivered } = node;
  for (let i = 0; i < past.length; i++) {
    if (countIn(past, i) > countIn(delivered, i)) return missingCause(truth, node, attempt, i, atMs);
  }
  return undefined;
}

function missingCause(
  truth: GroundTruth,
  node: NodeTruth,
  attempt: Attempt,
  index: number,
  atMs: number,
): Violation | undefined {
  const log = truth.logs[index];
  if (log === undefined) return undefined;
  const { origin, incarnation } = log;
  const missing = formatDot({ origin, incarnation, seq: countIn(node.delivered, index) + 1 });
  const name = nameOf(attempt);
  const why =
    log === attempt.log
      ? `which ${origin} had broadcast before it`
      : `which ${attempt.log.origin} had been given when it broadcast ${name}`;
  return {
    property: 'causal-order',
    kind: 'safety',
    atMs,
    sentence: `${node.name} was given ${name} before ${missing}, ${why}.`,
    nodes: [...new Set([node.name, attempt.log.origin, origin])],
    messages: [name, missing],
  };
}
