/**
 * No creation and integrity: what is delivered was broadcast under that dot, with those bytes.
 *
 * The second half of integrity is that a dot has one body for ever; `dot-use.ts` watches it where dots are given out.
 */
import { Buffer } from 'node:buffer';
import { formatDot, type Dot } from '../../core/index.js';
import { nameOf, type Attempt, type NodeTruth } from './ground-truth.js';
import type { Violation } from './violation.js';

/** `what` is what happened to the dot: 'delivered' or 'accepted'. */
export function checkCreated(
  node: NodeTruth,
  dot: Dot,
  attempt: Attempt | undefined,
  what: 'delivered' | 'accepted',
  atMs: number,
): Violation | undefined {
  if (attempt !== undefined) return undefined;
  return {
    property: 'no-creation',
    kind: 'safety',
    atMs,
    sentence: `${formatDot(dot)} was ${what} at ${node.name}, but ${dot.origin} never broadcast it.`,
    nodes: [node.name, dot.origin],
    messages: [formatDot(dot)],
  };
}

export function checkBytes(
  node: NodeTruth,
  attempt: Attempt,
  payload: Uint8Array,
  atMs: number,
): Violation | undefined {
  const difference = firstDifference(payload, attempt.payload);
  if (difference === undefined) return undefined;
  const name = nameOf(attempt);
  const { origin } = attempt.log;
  return {
    property: 'integrity',
    kind: 'safety',
    atMs,
    sentence: `${node.name} was given other bytes for ${name} than ${origin} broadcast: ${difference}.`,
    nodes: [node.name, origin],
    messages: [name],
  };
}

function firstDifference(got: Uint8Array, wanted: Uint8Array): string | undefined {
  if (got.length !== wanted.length) return `${got.length} bytes instead of ${wanted.length}`;
  // Every byte of every delivery is compared: native code takes a tenth of the time of the loop below.
  if (Buffer.compare(got, wanted) === 0) return undefined;
  for (let i = 0; i < got.length; i++) {
    if (got[i] !== wanted[i]) return `byte ${i} is ${String(got[i])} instead of ${String(wanted[i])}`;
  }
  return undefined;
}
