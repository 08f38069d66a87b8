/**
 * Retention: a file that is removed from a disk holds nothing that a member may still need.
 *
 * Its own node needs what its application has not been given; another member what it has neither been given nor on its
 * disk. A member that lags may be passed over when it will be given a state instead (`demotes`): whether that works shows at
 * the end, when it must have everything. Nothing is asked for a node whose disk was damaged, or for what a node's state
 * or the time of its joining excuse (see `stability.ts`).
 */
import { formatDot } from '../../core/index.js';
import type { DroppedRange } from '../history.js';
import type { GroundTruth, NodeTruth, OriginLog } from './ground-truth.js';
import { hadSeq } from './stability.js';
import type { Violation } from './violation.js';

/** For the removal of a file. O(ranges times members). */
export function checkDropped(
  truth: GroundTruth,
  node: NodeTruth,
  ranges: readonly DroppedRange[],
  demotes: boolean,
  atMs: number,
): Violation | undefined {
  if (!node.isMember) return undefined;
  for (const { origin, incarnation, lastSeq, holders } of ranges) {
    const log = truth.findLog({ origin, incarnation, seq: lastSeq });
    if (log === undefined) continue;
    const needing = truth.nodes.find((member) => {
      if (!member.isMember || member.isDamaged || hadSeq(member, log) >= lastSeq) return false;
      return member === node || (!demotes && !holders.includes(member.name));
    });
    if (needing !== undefined) return droppedTooEarly(node, needing, log, lastSeq, atMs);
  }
  return undefined;
}

function droppedTooEarly(
  node: NodeTruth,
  needing: NodeTruth,
  { origin, incarnation }: OriginLog,
  seq: number,
  atMs: number,
): Violation {
  const name = formatDot({ origin, incarnation, seq });
  const why =
    needing === node
      ? 'its own application had been given it'
      : `${needing.name} had it on its disk or had been given it`;
  return {
    property: 'retention',
    kind: 'safety',
    atMs,
    sentence: `${node.name} dropped ${name} from its journal before ${why}.`,
    nodes: [...new Set([node.name, needing.name])],
    messages: [name],
  };
}
