/** A member other than us: what we know of it across links. */
import type { NodeName } from '../names.js';
import type { Session } from './session.js';

/** A peer that was pinged, had more to acknowledge, and has not acknowledged anything since. */
export interface Stall {
  readonly ackedSeq: number;
  readonly sinceMs: number;
  /** For how long, as of the last ping. */
  readonly forMs: number;
}

export interface Peer {
  readonly name: NodeName;
  /** The link in use, once HELLO and WELCOME have come. */
  session: Session | undefined;
  /** Links that still shake hands. */
  readonly handshakes: Set<Session>;

  // Dialling.
  /** Deadline of the dial under way; undefined when there is none. */
  dialDeadlineMs: number | undefined;
  /** Not dialled before. */
  retryAtMs: number;
  /** Dials since the last stable link, for the backoff. */
  attempts: number;

  // What it holds back.
  /** When it was up last; when we started, if it never was. */
  seenAtMs: number;
  /** The journal does not wait for it: it will need a snapshot. */
  isDemoted: boolean;

  // Sending our log.
  /** Last of our seqs that the peer has synced. The only thing that outlives a link. */
  ackedSeq: number;
  /** Ordinal of the first batch behind `ackedSeq`. */
  ackedOrdinal: number;
  /** Ordinal of our batch to be sent next. */
  cursor: number;
  /** Last of our seqs sent on this link. */
  sentSeq: number;
  /** Ordinal of the batch that is being read back for this peer. */
  awaitedOrdinal: number | undefined;
  /** Undefined while it gets on, and without a link. */
  stall: Stall | undefined;
  /** The operator was told that it does not get on. */
  isStuck: boolean;
}

export function newPeer(name: NodeName): Peer {
  return {
    name,
    session: undefined,
    handshakes: new Set(),
    dialDeadlineMs: undefined,
    retryAtMs: 0,
    attempts: 0,
    seenAtMs: 0,
    isDemoted: false,
    ackedSeq: 0,
    ackedOrdinal: 0,
    cursor: 0,
    sentSeq: 0,
    awaitedOrdinal: undefined,
    stall: undefined,
    isStuck: false,
  };
}
