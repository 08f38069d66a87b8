/**
 * Position order and no duplication: what a node's application is given is one list, and after a restart it is repeated at
 * most from the first position that the node's disk need not remember as applied.
 *
 * Within a life positions are consecutive. A node that was given a position at its start goes on behind it. One that keeps
 * the mark itself goes on behind the mark: never later than what was delivered, never earlier than what it must have
 * marked (`marked`, see `ground-truth.ts`). A position once used holds the same message for ever, so deliveries that are
 * repeated need no other check.
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
  const { last, positions } = node;
  const isExpected = last === undefined ? position >= 1 && position <= positions.length + 1 : position === last + 1;
  if (!isExpected) return wrongPosition(node, attempt, position, atMs);
  const before = positions[position - 1];
  if (before === undefined) return undefined;
  const name = nameOf(attempt);
  if (before !== attempt) {
    const sentence = `position ${position} of ${node.name} held ${nameOf(before)} at first, and ${name} when it was delivered again.`;
    return brokenOrder(node, sentence, [name, nameOf(before)], atMs);
  }
  if (position > node.marked) return undefined;
  const sentence = `${node.name} was given ${name} again at position ${position}, though its application had confirmed everything up to position ${node.marked} when ${node.markedSince}.`;
  return givenAgain(node, sentence, name, atMs);
}

function wrongPosition(node: NodeTruth, attempt: Attempt, position: number, atMs: number): Violation {
  const { last, positions } = node;
  const name = nameOf(attempt);
  if (last !== undefined && position <= last && positions[position - 1] === attempt) {
    const sentence = `${node.name} was given ${name} again at position ${position}, when its application had come to position ${last}.`;
    return givenAgain(node, sentence, name, atMs);
  }
  const sentence =
    last === undefined
      ? `${node.name} went on with ${name} at position ${position} after a restart, when position ${positions.length + 1} was the latest possible.`
      : `${node.name} was given ${name} at position ${position}, when position ${last + 1} came next.`;
  return brokenOrder(node, sentence, [name], atMs);
}

function brokenOrder(node: NodeTruth, sentence: string, messages: readonly string[], atMs: number): Violation {
  return { property: 'position-order', kind: 'safety', atMs, sentence, nodes: [node.name], messages };
}

function givenAgain(node: NodeTruth, sentence: string, message: string, atMs: number): Violation {
  return { property: 'no-duplication', kind: 'safety', atMs, sentence, nodes: [node.name], messages: [message] };
}

/** For a position that is used for the first time. */
export function checkDuplicate(node: NodeTruth, attempt: Attempt, atMs: number): Violation | undefined {
  if (attempt.seq > countIn(node.delivered, attempt.log.index)) return undefined;
  const name = nameOf(attempt);
  const first = node.positions.indexOf(attempt) + 1;
  const sentence = `${node.name} was given ${name} a second time, at position ${node.positions.length + 1}; the first was position ${first}.`;
  return givenAgain(node, sentence, name, atMs);
}
