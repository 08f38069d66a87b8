/** What exists while a replica runs as one incarnation: everything that depends on which log is our own. */
import type { MemberChange } from '../message/frame.js';
import type { NodeName } from '../names.js';
import { BatchEncoder } from '../message/batch-encoder.js';
import type { Origin } from '../message/origin.js';
import { CatchUp } from './catch-up.js';
import { Exchange } from './exchange.js';
import { Fence } from './fence.js';
import type { Fetching } from './fetching.js';
import type { Knowledge, ReplicaOptions } from './knowledge.js';
import type { TakenBatch } from './logs.js';
import { OwnLog } from './own-log.js';
import type { Membership } from './membership.js';
import { Peering, type PeeringHandlers } from './peering.js';
import { PlutoGateway } from './pluto-gateway.js';
import { Relaying } from './relaying.js';
import { Sending } from './sending.js';
import { SnapshotDonor } from './snapshot-donor.js';
import { SnapshotReceiver } from './snapshot-receiver.js';
import type { SnapshotPiece } from './snapshot.js';

export interface Running {
  /** Index of our own log. */
  readonly self: number;
  readonly origin: Origin;
  readonly encoder: BatchEncoder;
  readonly ownLog: OwnLog;
  readonly sending: Sending;
  readonly relaying: Relaying;
  readonly fence: Fence;
  readonly peering: Peering;
  readonly pluto: PlutoGateway;
  readonly exchange: Exchange;
  readonly catchUp: CatchUp;
  readonly donor: SnapshotDonor;
  readonly receiver: SnapshotReceiver;
}

export interface RunningOptions {
  readonly incarnation: number;
  readonly nonce: number;
  readonly fetching: Fetching;
  readonly undeliveredBytes: () => number;
  readonly hasRoomFor: (origin: number) => boolean;
  readonly onTaken: (batch: TakenBatch) => void;
  readonly onMemberChanges: (changes: readonly MemberChange[]) => void;
  readonly onAcked: () => void;
  readonly onPiece: (piece: SnapshotPiece) => void;
  /** Our message `seq` is about to be sent to a peer that speaks pluto v0.4: it is to be journalled. */
  readonly onLine: (peer: NodeName, seq: number) => void;
  /** See `Fence`. */
  readonly onForgotten: (incarnation: number) => void;
}

export function run(options: ReplicaOptions, knowledge: Knowledge, running: RunningOptions): Running {
  const { name, cluster, limits, timings, random, digests } = options;
  const { origins, logs, closedLogs, outbox, peers, slab, membership } = knowledge;
  const { incarnation, nonce, fetching, undeliveredBytes, onTaken, onMemberChanges, onAcked, onPiece } = running;
  const { deliveries, pieces } = knowledge;
  const origin: Origin = { name, incarnation };
  closedLogs.note(name, incarnation);
  const self = origins.resolve(name, incarnation);
  const encoder = new BatchEncoder({
    self: origin,
    state: logs.receivedState(self),
    origins: origins.at,
    digests,
    slab,
    bytesTarget: limits.batchBytesTarget,
  });
  const ownLog = new OwnLog(logs.index(self), limits.cacheBytesMax);
  const sending = new Sending({ self: origin, ownLog, outbox, limits, timings, peers });
  const relaying = new Relaying(logs, outbox, limits);
  const isUnused = (): boolean => encoder.lastSeq === 0;
  const fence = new Fence({ self: origin, index: ownLog.index, outbox, isUnused, onForgotten: running.onForgotten });
  const reasons = { isNewIncarnation: isUnused() && incarnation > 1, isJoining: isUnused() && options.joins };
  const catchUp = new CatchUp(reasons, isUnused);
  const own = membership.change(name);
  if (own !== undefined && membership.has(name)) catchUp.handleAdded(own.start);
  // Who joins and has not broadcast yet may only have heard of the earlier life of its name.
  if (membership.wasRemoved(name) && !(options.joins && isUnused())) fence.raiseRemoved();
  const donor = new SnapshotDonor({ digests, outbox, appliedSeq: (index) => deliveries.appliedSeq(index) });
  const bytesMax = limits.snapshotBytesMax;
  const receiver = new SnapshotReceiver(
    { pieces, outbox, timings, isPossible: options.hasSnapshots, bytesMax, onPiece },
    deliveries.isBehindJournal,
  );
  const exchange: Exchange = new Exchange({
    ...{ origin, peers, limits, timings, digests, origins, logs, closedLogs },
    ...{ fetching, outbox, sending, relaying, fence },
    ...{ catchUp, membership, undeliveredBytes, onTaken, onMemberChanges, onAcked },
    ...{ deliveries, donor, receiver },
    adverts: knowledge.adverts,
    stability: knowledge.stability,
    retention: knowledge.retention,
    view: knowledge.view,
    ownSeq: () => encoder.lastSeq,
    expectAck: (session, nowMs) => peering.expectAck(session, nowMs),
  });
  const peering: Peering = new Peering({
    ...{ name, cluster, incarnation, nonce, peers, limits, timings, random, digests, outbox },
    handlers: peeringHandlers({ donor, exchange, membership, receiver, sending, onMemberChanges }),
  });
  const pluto = new PlutoGateway({
    ...{ self: name, incarnation, knowledge, ownLog, fence, limits, timings, random, digests, onTaken, onAcked },
    // As from any other peer: not while the logs are about to jump, and not while we are no member.
    mayTake: (log) => !receiver.isReceiving && membership.has(name) && running.hasRoomFor(log),
    onBegin: running.onLine,
  });
  return {
    ...{ self, origin, encoder, ownLog, sending, relaying, fence },
    ...{ peering, pluto, exchange, catchUp, donor, receiver },
  };
}

interface Listeners {
  readonly donor: SnapshotDonor;
  readonly exchange: Exchange;
  readonly membership: Membership;
  readonly receiver: SnapshotReceiver;
  readonly sending: Sending;
  readonly onMemberChanges: (changes: readonly MemberChange[]) => void;
}

function peeringHandlers(listeners: Listeners): PeeringHandlers {
  const { donor, exchange, membership, receiver, sending, onMemberChanges } = listeners;
  return {
    positionsFor: (peer) => exchange.positionsFor(peer),
    removalOf: (peer) => (membership.wasRemoved(peer) ? membership.change(peer) : undefined),
    onOwnChanges: onMemberChanges,
    checkHello: (session, hello, nowMs) => exchange.checkHello(session, hello, nowMs),
    checkWelcome: (session, held) => exchange.checkWelcome(session, held),
    onDown: (session) => {
      donor.handleDown(session);
      receiver.handleDown(session);
    },
    onUp: (peer, session, held) => exchange.handleUp(peer, session, held),
    onFrame: (peer, session, frame, nowMs) => exchange.handleFrame(peer, session, frame, nowMs),
    isOwed: (peer) => sending.isOwed(peer),
    sendPing: (peer, session, nowMs) => sending.sendPing(peer, session, nowMs),
  };
}
