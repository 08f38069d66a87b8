/** Puts together what a replica knows, for `NodeStatus`. */
import { VectorClock } from '../clock/vector-clock.js';
import { originKey } from '../message/origin.js';
import { compareNames } from '../names.js';
import type { BlockedLog, LogStatus, MemberStatus, NodeStatus } from '../status.js';
import type { Fetching } from './fetching.js';
import type { Knowledge } from './knowledge.js';
import { memoryOf } from './memory.js';
import type { OriginTable } from './origin-table.js';
import type { Running } from './running.js';

export function statusOf(
  knowledge: Knowledge,
  running: Running,
  fetching: Fetching,
  undeliveredBytes: number,
): Omit<NodeStatus, 'state'> {
  const { deliveries } = knowledge;
  const { origin, ownLog, fence, catchUp } = running;
  const catchingUp = catchUp.isDone ? undefined : ({ code: 'E_CATCHING_UP', message: catchUp.explanation } as const);
  return {
    name: origin.name,
    incarnation: origin.incarnation,
    seq: ownLog.index.lastSeq,
    position: deliveries.position,
    appliedPosition: deliveries.appliedPosition,
    undeliveredBytes,
    heldBackMessages: deliveries.heldCount,
    memory: memoryOf(knowledge, running),
    refusal: fence.proof ?? catchingUp,
    members: membersOf(knowledge, ownLog),
    logs: logsOf(knowledge),
    blocked: blockedOf(knowledge, fetching),
  };
}

/** A clock of what `seqOf` says about every log. */
export function clockOf(origins: OriginTable, seqOf: (origin: number) => number): VectorClock {
  return VectorClock.of(
    Array.from({ length: origins.size }, (_, index) => {
      const { name, incarnation } = origins.at(index);
      return [originKey(name, incarnation), seqOf(index)];
    }),
  );
}

function membersOf({ peers, plutoPeers }: Knowledge, { index }: Running['ownLog']): readonly MemberStatus[] {
  const members = [...peers.values()].map(({ name, session, ackedSeq, ackedOrdinal, stall, isDemoted }) => ({
    name,
    state: session === undefined ? ('down' as const) : ('up' as const),
    ackedSeq,
    lagBytes: index.bytesBetween(Math.max(ackedOrdinal, index.begin), index.end),
    stalledMs: session === undefined ? 0 : (stall?.forMs ?? 0),
    skippedFrames: session?.skippedFrames ?? 0,
    isDemoted,
  }));
  const lines = [...plutoPeers.values()].map(({ name, isReachable, ackedSeq }) => ({
    name,
    state: isReachable ? ('up' as const) : ('down' as const),
    ackedSeq,
    lagBytes: index.bytesBetween(Math.max(index.ordinalOf(ackedSeq + 1), index.begin), index.end),
    ...{ stalledMs: 0, skippedFrames: 0, isDemoted: false },
  }));
  return [...members, ...lines].toSorted((a, b) => compareNames(a.name, b.name));
}

function logsOf({ origins, logs, deliveries, stability, closedLogs }: Knowledge): readonly LogStatus[] {
  return Array.from({ length: origins.size }, (_, index) => {
    const { name, incarnation } = origins.at(index);
    return {
      origin: name,
      incarnation,
      durableSeq: logs.durableSeq(index),
      deliveredSeq: deliveries.pastSeq(index),
      stableSeq: stability.stableSeq(index),
      isClosed: closedLogs.isClosed(index),
    };
  });
}

function blockedOf({ origins, deliveries }: Knowledge, fetching: Fetching): readonly BlockedLog[] {
  return Array.from({ length: origins.size }, (_, index) => index).flatMap((index) => {
    const missing = deliveries.missingFor(index);
    if (missing === undefined) return [];
    const waiting = origins.at(index);
    const wanted = origins.at(missing.origin);
    return {
      waiting: { origin: waiting.name, incarnation: waiting.incarnation, seq: missing.waitingSeq },
      missing: { origin: wanted.name, incarnation: wanted.incarnation, seq: missing.seq },
      suppliers: fetching.suppliersOf(missing.origin, missing.seq),
    };
  });
}
