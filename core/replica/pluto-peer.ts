/** A member that speaks pluto v0.4: what we know of it, however often we begin a new incarnation. */
import type { NodeName } from '../names.js';
import type { Outbox } from './outbox.js';

/** A message of the peer's log that was read and is not taken yet. */
export interface WaitingLine {
  readonly seq: number;
  /** What its sender had been handed of each member's log, by origin index, in byte order of the names. */
  readonly causes: ReadonlyMap<number, number>;
  readonly payload: Uint8Array;
}

/** A line whose connection stays open until its message is durable. */
export interface UnansweredLine {
  readonly id: number;
  readonly seq: number;
}

export interface PlutoPeer {
  readonly name: NodeName;
  /** The last outcome, of a line sent or received, was good. */
  isReachable: boolean;
  /** Last of our seqs that it has told back in the clock of a message: it has applied that. */
  ackedSeq: number;
  /** Last of our seqs that may have been sent to it, by the journal. */
  begunSeq: number;
  /** By seq. Mostly empty: lines come in order. */
  readonly waiting: Map<number, WaitingLine>;
  /** In the order in which they came. */
  unanswered: readonly UnansweredLine[];
}

export function newPlutoPeer(name: NodeName): PlutoPeer {
  return { name, isReachable: false, ackedSeq: 0, begunSeq: 0, waiting: new Map(), unanswered: [] };
}

/** A line has passed, in either direction. */
export function noteReachable(peer: PlutoPeer, outbox: Outbox): void {
  if (!peer.isReachable) outbox.event({ type: 'peer-up', peer: peer.name });
  peer.isReachable = true;
}

/** A line could not be sent. */
export function noteUnreachable(peer: PlutoPeer, reason: string, outbox: Outbox): void {
  if (peer.isReachable) outbox.event({ type: 'peer-down', peer: peer.name, reason });
  peer.isReachable = false;
}
