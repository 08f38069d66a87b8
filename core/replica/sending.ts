/**
 * Sends our log to the peers: one cursor each, nothing shared, so a slow or dead peer costs the others nothing.
 *
 * - A cursor stops when the peer owes acknowledgements for `windowBytes`, or when its link holds `linkBufferBytesMax`.
 * - Nothing is sent again by a timer. Where frames were lost, the peer notices a gap, or learns from a PING how far we
 *   have sent, and asks; then the cursor goes back. A link that breaks starts over from what the peer's WELCOME says.
 */
import { RemoteProtocolError } from '../errors.js';
import type { Limits, Timings } from '../limits.js';
import { encodeBatchFrame, type LogPosition } from '../message/frame.js';
import type { Origin } from '../message/origin.js';
import type { Outbox } from './outbox.js';
import type { OwnLog } from './own-log.js';
import type { Peer } from './peer.js';
import type { Session } from './session.js';

export class Sending {
  readonly #self: Origin;
  readonly #ownLog: OwnLog;
  readonly #outbox: Outbox;
  readonly #limits: Limits;
  readonly #timings: Pick<Timings, 'stuckMs'>;
  readonly #peers: ReadonlyMap<string, Peer>;

  constructor(options: {
    readonly self: Origin;
    readonly ownLog: OwnLog;
    readonly outbox: Outbox;
    readonly limits: Limits;
    readonly timings: Pick<Timings, 'stuckMs'>;
    readonly peers: ReadonlyMap<string, Peer>;
  }) {
    this.#self = options.self;
    this.#ownLog = options.ownLog;
    this.#outbox = options.outbox;
    this.#limits = options.limits;
    this.#timings = options.timings;
    this.#peers = options.peers;
  }

  /** A link to the peer is up: goes on behind what the peer holds. */
  start(peer: Peer, session: Session, heldSeq: number): void {
    // Less than that it may have been found to hold since, over another link.
    if (heldSeq < Math.min(session.ackedSeqAtOpening, peer.ackedSeq)) {
      // Its window must not count what it has lost; everything else follows from the cursor.
      const message = `${peer.name} had synced our messages up to ${peer.ackedSeq} and now holds ${heldSeq}: its disk has lost some`;
      this.#outbox.event({ type: 'alarm', alarm: { code: 'E_PEER_FORGOT', peer: peer.name, message } });
      this.#noteAcked(peer, heldSeq);
    } else if (heldSeq > peer.ackedSeq) {
      this.#noteAcked(peer, heldSeq);
    }
    peer.cursor = this.#ownLog.index.ordinalOf(heldSeq + 1);
    peer.sentSeq = heldSeq;
    peer.awaitedOrdinal = undefined;
    peer.stall = undefined;
  }

  /** True when the peer owes acknowledgements. */
  isOwed(peer: Peer): boolean {
    return peer.sentSeq > peer.ackedSeq;
  }

  /** Sends what the window and the link allow. */
  pump(peer: Peer): void {
    const session = peer.session;
    if (session === undefined || this.#mustSayGap(peer, session)) return;
    // What it has asked for again, and has acknowledged since, may have been given up.
    peer.cursor = Math.max(peer.cursor, this.#ownLog.index.begin);
    while (peer.cursor < this.#ownLog.index.end && peer.awaitedOrdinal === undefined && this.#hasRoom(peer, session)) {
      const frame = this.#ownLog.frame(peer.cursor);
      if (frame === undefined) {
        const ordinal = peer.cursor;
        peer.awaitedOrdinal = ordinal;
        this.#outbox.read(this.#ownLog.index.at(ordinal), (batch) => this.#handleRead(ordinal, batch));
        return;
      }
      this.#send(peer, session, frame);
    }
  }

  /** True when the peer lacks what the journal has given up: it can be sent nothing before it has a snapshot. */
  #mustSayGap(peer: Peer, session: Session): boolean {
    const { firstSeq } = this.#ownLog.index;
    if (peer.ackedSeq + 1 >= firstSeq) return false;
    if (!session.isToldOfGap) {
      session.isToldOfGap = true;
      const { name, incarnation } = this.#self;
      this.#outbox.sendFrame(session.link, { type: 'gap', origin: name, incarnation, seq: firstSeq });
    }
    return true;
  }

  /** The peer has synced our log up to `seq` and takes `creditBytes` more. Throws `E_ACK` when we have not written that far. */
  handleAck(peer: Peer, session: Session, seq: number, creditBytes: number): void {
    if (seq > this.#ownLog.index.lastSeq) {
      throw new RemoteProtocolError(
        'E_ACK',
        `acknowledges message ${seq}, we have written ${this.#ownLog.index.lastSeq}`,
      );
    }
    session.creditBytes = creditBytes;
    if (seq > peer.ackedSeq) {
      this.#noteAcked(peer, seq);
      // It has a snapshot, which may be older than what we hold.
      session.isToldOfGap = false;
      // What it received on an earlier link, or with a snapshot, need not be sent on this one.
      peer.cursor = Math.max(peer.cursor, peer.ackedOrdinal);
      peer.sentSeq = Math.max(peer.sentSeq, seq);
    }
    this.pump(peer);
  }

  /** The peer misses our log from `seq` on. Throws `E_STATE` when we have not written that far. */
  handleWant(peer: Peer, session: Session, seq: number): void {
    if (seq === 0 || seq > this.#ownLog.index.lastSeq + 1) {
      throw new RemoteProtocolError('E_STATE', `wants message ${seq}, we have written ${this.#ownLog.index.lastSeq}`);
    }
    // Asked again, it may have missed the answer.
    session.isToldOfGap = false;
    peer.cursor = Math.min(peer.cursor, this.#ownLog.index.ordinalOf(seq));
    // A batch that is being read back now is no longer the next one; `#handleRead` notices and goes on from the cursor.
    this.pump(peer);
  }

  sendPing(peer: Peer, session: Session, nowMs: number): void {
    const { seenVersion } = session;
    // What it was told of a gap may have been lost.
    session.isToldOfGap = false;
    const isGap = this.#mustSayGap(peer, session);
    this.#noteStall(peer, session, isGap, nowMs);
    this.#outbox.sendFrame(session.link, { type: 'ping', sentSeq: peer.sentSeq, seenVersion });
  }

  sendWant(session: Session, position: LogPosition): void {
    this.#outbox.sendFrame(session.link, { type: 'want', ...position });
  }

  sendAck(session: Session, seq: number, creditBytes: number): void {
    session.owesAck = false;
    session.grantedBytes = creditBytes;
    session.acknowledgedBytes = session.syncedBytes;
    this.#outbox.sendFrame(session.link, { type: 'ack', seq, creditBytes });
  }

  /** A batch was read back: sends it to whoever waited for it. */
  #handleRead(ordinal: number, batch: Uint8Array): void {
    let frame: Uint8Array | undefined;
    for (const peer of this.#peers.values()) {
      if (peer.awaitedOrdinal !== ordinal) continue;
      peer.awaitedOrdinal = undefined;
      // While the disk was busy the cursor may have moved: the peer has asked again, or its link is another one. Or the batch was given up.
      const { begin } = this.#ownLog.index;
      if (peer.session !== undefined && peer.cursor === ordinal && ordinal >= begin) {
        frame ??= encodeBatchFrame(batch);
        this.#send(peer, peer.session, frame);
      }
      this.pump(peer);
    }
  }

  /** Sees whether a peer gets on: one whose disk hangs, or that does not read, keeps its link and is otherwise not noticed. */
  #noteStall(peer: Peer, session: Session, isGap: boolean, nowMs: number): void {
    const { ackedSeq, stall } = peer;
    const isBehind = ackedSeq < this.#ownLog.index.lastSeq;
    if (!isBehind || (stall !== undefined && stall.ackedSeq !== ackedSeq)) peer.isStuck = false;
    // Who needs a snapshot says so itself; and here our own disk may be what is slow.
    if (!isBehind || isGap || peer.awaitedOrdinal !== undefined) {
      peer.stall = undefined;
      return;
    }
    const sinceMs = stall?.ackedSeq === ackedSeq ? stall.sinceMs : nowMs;
    const forMs = nowMs - sinceMs;
    peer.stall = { ackedSeq, sinceMs, forMs };
    if (peer.isStuck || forMs < this.#timings.stuckMs) return;
    peer.isStuck = true;
    const remedy =
      session.creditBytes === 0
        ? 'it says that it has no room: see what its application, or a missing message, holds up there'
        : 'look at its disk and its load';
    const message = `${peer.name} is connected and has acknowledged nothing behind message ${ackedSeq} for ${Math.floor(forMs / 1000)} s; ${remedy}`;
    this.#outbox.event({ type: 'alarm', alarm: { code: 'E_STUCK', peer: peer.name, message } });
  }

  #noteAcked(peer: Peer, seq: number): void {
    peer.ackedSeq = seq;
    peer.ackedOrdinal = this.#ownLog.index.ordinalOf(seq + 1);
  }

  #hasRoom(peer: Peer, session: Session): boolean {
    if (session.bufferedBytes >= this.#limits.linkBufferBytesMax) return false;
    const windowBytes = Math.min(this.#limits.windowBytes, session.creditBytes);
    if (windowBytes === 0) return false;
    const owedBytes = this.#ownLog.index.bytesBetween(peer.ackedOrdinal, peer.cursor);
    // One batch may always be under way, however small the window.
    return owedBytes === 0 || owedBytes + this.#ownLog.index.at(peer.cursor).length <= windowBytes;
  }

  #send(peer: Peer, session: Session, frame: Uint8Array): void {
    const batch = this.#ownLog.index.at(peer.cursor);
    this.#outbox.send(session.link, frame);
    session.bufferedBytes += frame.length;
    peer.cursor++;
    peer.sentSeq = Math.max(peer.sentSeq, batch.firstSeq + batch.count - 1);
  }
}
