/**
 * Dots given out by broadcast(): the next one of the log, and never one whose message somebody may rely on.
 *
 * A crash may wipe out messages that were neither accepted nor delivered anywhere; their dots are used again, and so
 * are all dots behind them, for a log is lost from its end. To use again the dot of a message that was accepted, or
 * broadcast before a close in peace, is to have forgotten a promise (durability, excused where a disk was damaged: see
 * `damage.ts`); to use again one that was delivered somewhere makes two bodies (integrity).
 */
import { formatDot, type Dot, type NodeName } from '../../core/index.js';
import { mayForget } from './damage.js';
import type { NodeTruth, OriginLog } from './ground-truth.js';
import type { Property, Violation } from './violation.js';

/** `log` is undefined for the first dot of an incarnation. */
export function checkDotUse(
  node: NodeTruth,
  dot: Dot,
  log: OriginLog | undefined,
  atMs: number,
): Violation | undefined {
  if (dot.origin !== node.name) return foreignDot(node.name, dot, atMs);
  const next = log === undefined ? 1 : log.attempts.length + 1;
  if (dot.seq === next) return undefined;
  const name = formatDot(dot);
  if (!Number.isSafeInteger(dot.seq) || dot.seq < 1 || dot.seq > next) {
    const expected = formatDot({ ...dot, seq: next });
    return misuse('integrity', `${node.name} gave out ${name} when ${expected} was the next of its log.`, dot, atMs);
  }
  if (log === undefined) return undefined;
  if (dot.seq <= Math.max(log.accepted, log.kept) && !mayForget(node)) {
    const promise = dot.seq <= log.accepted ? ' after accepting it' : ', which it had when it was closed';
    const sentence = `${node.name} forgot ${name}${promise}, and used its dot for a new message.`;
    return misuse('durability', sentence, dot, atMs);
  }
  if (dot.seq <= log.deliveredAnywhere) {
    return misuse(
      'integrity',
      `${name} has two bodies: it had been delivered when ${node.name} used its dot again.`,
      dot,
      atMs,
    );
  }
  if (log.life === node.life) {
    return misuse('integrity', `${node.name} gave out ${name} twice without a crash in between.`, dot, atMs);
  }
  return undefined;
}

function misuse(property: Property, sentence: string, dot: Dot, atMs: number): Violation {
  return { property, kind: 'safety', atMs, sentence, nodes: [dot.origin], messages: [formatDot(dot)] };
}

function foreignDot(node: NodeName, dot: Dot, atMs: number): Violation {
  return {
    property: 'integrity',
    kind: 'safety',
    atMs,
    sentence: `${node} gave out ${formatDot(dot)}, a dot of ${dot.origin}.`,
    nodes: [node, dot.origin],
    messages: [formatDot(dot)],
  };
}
