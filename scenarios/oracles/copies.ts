/**
 * Durable on so many members: at its receipt a message is on that many disks, and while one of them is left it is not lost.
 *
 * The first half is judged by what an observer found on the disks (`holders`). Found are whole, synced records; a disk that
 * was damaged counts as having held it, for it may have done so when it said so, and so does a node whose state came with
 * the message in it.
 *
 * The second half needs no look at a disk. Of k members that have synced a message, one is left when fewer than k are gone
 * or damaged. At the end it must then be everywhere, unless its causes are lost: nobody could be given it without them.
 */
import type { NodeName } from '../../core/index.js';
import { countIn, nameOf, type Attempt, type GroundTruth, type NodeTruth } from './ground-truth.js';
import type { Violation } from './violation.js';

/** For a receipt. O(nodes). */
export function checkCopies(
  truth: GroundTruth,
  attempt: Attempt,
  copies: number,
  holders: readonly NodeName[] | undefined,
  atMs: number,
): Violation | undefined {
  if (copies <= 1 || holders === undefined) return undefined;
  const { log, seq } = attempt;
  const having = truth.nodes.filter(
    (node) =>
      holders.includes(node.name) ||
      node.isDamaged ||
      (node.inherited !== undefined && countIn(node.inherited, log.index) >= seq),
  );
  if (having.length >= copies) return undefined;
  const name = nameOf(attempt);
  const names = having.map((node) => node.name);
  const where =
    names.length === 0 ? 'on no disk' : `only on the ${names.length === 1 ? 'disk' : 'disks'} of ${names.join(', ')}`;
  return {
    property: 'durable-copies',
    kind: 'safety',
    atMs,
    sentence: `${name} was accepted as durable on ${copies} members when it was ${where}.`,
    nodes: [log.origin, ...names.filter((other) => other !== log.origin)],
    messages: [name],
  };
}

/** Raises `required`, the highest seq of each log that every live node must have, by what must have been kept. */
export function requireCopies(truth: GroundTruth, live: readonly NodeTruth[], required: Int32Array): void {
  // Who has joined, or has another state, may not be one of the k.
  const kept = live.filter(({ isDamaged, excused }) => !isDamaged && excused === undefined).length;
  const gone = truth.nodes.length - kept;
  if (gone === 0) return;
  // What becomes required of one log may be the missing cause of another.
  for (let hasMore = true; hasMore;) {
    hasMore = false;
    for (const log of truth.logs) {
      const promised = highestAbove(log.acceptedOn, gone);
      for (let seq = countIn(required, log.index) + 1; seq <= promised; seq++) {
        const attempt = log.attempts[seq - 1];
        if (attempt === undefined || !hasCauses(attempt, required)) break;
        required[log.index] = seq;
        hasMore = true;
      }
    }
  }
}

/** Highest seq that was accepted as being on more than `gone` members. */
function highestAbove(acceptedOn: readonly number[], gone: number): number {
  let highest = 0;
  for (let copies = gone + 1; copies < acceptedOn.length; copies++) {
    highest = Math.max(highest, acceptedOn[copies] ?? 0);
  }
  return highest;
}

/** True when every cause from other logs is required too. */
function hasCauses({ log, past }: Attempt, required: Int32Array): boolean {
  for (let i = 0; i < past.length; i++) {
    if (i !== log.index && countIn(past, i) > countIn(required, i)) return false;
  }
  return true;
}
