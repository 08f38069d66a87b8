/**
 * Position order and no duplication: what a node's application is given is one list, repeated at most from a position
 * the application may have been at.
 *
 * After a restart with a stored position p, deliveries go on at exactly p + 1. Without one the node goes on behind its
 * own mark, which may lie earlier but never later than what was delivered. A position once used holds the same message
 * for ever, so deliveries that are repeated need no other check.
 */
import type { Attempt, NodeTruth } from './ground-truth.js';
import { countIn, nameOf } from './ground-truth.js';
import type { Violation } from './violation.js';

/** Holds for the first delivery after a restart as for any other. */
export function checkPosition(
  node: NodeTruth,
  attempt: Attempt,
  position: number,
  atMs: number,
): Violation | undefined {
  const next = node.held + 1;
  const isExpected = node.isMarkKnown ? position === next : position >= 1 && position <= next;
  if (!isExpected) return wrongPosition(node, attempt, position, atMs);
  const before = node.positions[position - 1];
  if (before === undefined || before === attempt) return undefined;
  const name = nameOf(attempt);
  const sentence = `position ${position} of ${node.name} held ${nameOf(before)} at first, and ${name} when it was delivered again.`;
  return brokenOrder(node, sentence, [name, nameOf(before)], atMs);
}

function wrongPosition(node: NodeTruth, attempt: Attempt, position: number, atMs: number): Violation {
  const next = node.held + 1;
  const name = nameOf(attempt);
  if (node.isMarkKnown && position < next && node.positions[position - 1] === attempt) {
    const sentence = `${node.name} was given ${name} again at position ${position}, when its application had come to position ${node.held}.`;
    return { property: 'no-duplication', kind: 'safety', atMs, sentence, nodes: [node.name], messages: [name] };
  }
  const sentence = node.isMarkKnown
    ? `${node.name} was given ${name} at position ${position}, when position ${next} came next.`
    : `${node.name} went on with ${name} at position ${position} after a restart, when position ${next} was the latest possible.`;
  return brokenOrder(node, sentence, [name], atMs);
}

function brokenOrder(node: NodeTruth, sentence: string, messages: readonly string[], atMs: number): Violation {
  return { property: 'position-order', kind: 'safety', atMs, sentence, nodes: [node.name], messages };
}

/** For a position that is used for the first time. */
export function checkDuplicate(node: NodeTruth, attempt: Attempt, atMs: number): Violation | undefined {
  if (attempt.seq > countIn(node.delivered, attempt.log.index)) return undefined;
  const name = nameOf(attempt);
  const first = node.positions.indexOf(attempt) + 1;
  return {
    property: 'no-duplication',
    kind: 'safety',
    atMs,
    sentence: `${node.name} was given ${name} a second time, at position ${node.held + 1}; the first was position ${first}.`,
    nodes: [node.name],
    messages: [name],
  };
}
