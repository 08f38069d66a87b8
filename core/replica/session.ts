/** One link from our side, from its opening to its end. Everything here dies with the link. */
import type { HelloFrame, LogPositionWithChain } from '../message/frame.js';
import type { FrameReader } from '../message/frame-reader.js';
import type { NodeName } from '../names.js';
import type { LinkId } from './ready.js';

export interface Session {
  readonly link: LinkId;
  readonly peer: NodeName;
  readonly dialedByUs: boolean;
  readonly reader: FrameReader;
  /** HELLO and WELCOME must have come by then. */
  readonly handshakeDeadlineMs: number;
  /** What the peer had acknowledged when the link opened: its WELCOME, which comes later, cannot hold less. */
  readonly ackedSeqAtOpening: number;
  hello: HelloFrame | undefined;
  /** What the peer holds, by its WELCOME. */
  welcome: readonly LogPositionWithChain[] | undefined;
  /** What we had acknowledged of the peer's log, by its WELCOME. */
  welcomeAckedSeq: number;
  /** Since when both HELLO and WELCOME are here; undefined before. */
  upSinceMs: number | undefined;
  lastHeardMs: number;
  /** Bytes received since then of a frame that is not whole yet. */
  unheardBytes: number;
  nextPingMs: number;
  /** Bytes handed to the link that have not left this process, as far as we were told. */
  bufferedBytes: number;
  /** The peer's log has moved on or was sent again since our last acknowledgement. */
  owesAck: boolean;
  /** The last missing range we asked for, so that one gap does not cause a request per frame. */
  wanted: { readonly seq: number; readonly atMs: number } | undefined;
  /** What the peer holds of each log, as far as it has said so, by origin index. */
  readonly held: Map<number, number>;
  /** Logs not its own that we have asked the peer for. */
  readonly asked: Set<number>;
  /** Of these, the logs of which the peer holds another version than we do. */
  readonly givenUp: Set<number>;
  /** By origin, where a log begins of which the peer does not have the beginning, and when it said so. */
  readonly gaps: Map<number, { readonly seq: number; readonly atMs: number }>;
  /** Unacknowledged bytes that the peer is ready to take, by its HELLO and its last acknowledgement. */
  creditBytes: number;
  /** What we have told the peer to be ready for. */
  grantedBytes: number;
  /** Bytes of the peer's own log: taken, synced, and acknowledged on this link. */
  takenBytes: number;
  syncedBytes: number;
  acknowledgedBytes: number;
  /** Digest of who is a member by the peer's last advert. */
  view: Uint8Array | undefined;
  /** Version of the peer's knowledge that we have. */
  seenVersion: number;
  /** Version of our knowledge up to which we have told the peer. */
  toldVersion: number;
  /** Something of what we know cannot wait for the peer's next PING. */
  owesAdvert: boolean;
  /** Frames of the peer that we passed over. */
  skippedFrames: number;
  /** The peer was told that we do not have any more what it needs of our log. */
  isToldOfGap: boolean;
  /** What the peer last asked us for of a log that is not ours. */
  relay: Relay | undefined;
}

/** What a peer is given of one log that is not ours. */
export interface Relay {
  readonly origin: number;
  /** Seq of the last WANT. */
  wantedSeq: number;
  /** Ordinal of the batch to send next. */
  cursor: number;
  /** Ordinal at which the last WANT was: bytes are counted from there. */
  from: number;
  isReading: boolean;
}
