/**
 * Links to the peers: dialling with backoff, HELLO and WELCOME, one link a pair, heartbeats, death.
 *
 * - "Connected" means that both HELLO and WELCOME have come; until then nothing else is accepted or sent.
 * - Both members of a pair may dial. Of two links between the same processes the one dialled by the smaller name stays;
 *   of two dialled by the same side, the newer one; a link to a newer process of the peer (another nonce) always wins.
 * - Backoff doubles with full jitter (Brooker, "Exponential Backoff And Jitter", AWS 2015) and starts over only after a
 *   link that was up for `stableMs`, so that a peer that crashes at once is not dialled in a circle.
 * - Death is decided by silence alone, on monotonic time; the peer's clock is never compared with ours.
 */
import { RemoteProtocolError, type ErrorCode } from '../errors.js';
import type { Limits, Timings } from '../limits.js';
import { FrameReader } from '../message/frame-reader.js';
import {
  decodeFrame,
  protocolVersions,
  type Frame,
  type HelloFrame,
  type MemberChange,
  type LogPositionWithChain,
  type WelcomeFrame,
} from '../message/frame.js';
import { compareNames, type ClusterName, type NodeName } from '../names.js';
import type { Digests, Random } from '../ports.js';
import { incarnationsMax } from '../message/origin.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import type { LinkId } from './ready.js';
import type { Session } from './session.js';

/** What peering leaves to the replica. Throwing `RemoteProtocolError` closes the link. */
export interface PeeringHandlers {
  /** What we hold, for the WELCOME of a peer. */
  positionsFor(peer: NodeName): readonly LogPositionWithChain[];
  /** The change that removed who is a member no more. */
  removalOf(name: NodeName): MemberChange | undefined;
  /** A peer refuses us and says why: changes that concern us alone. */
  onOwnChanges(changes: readonly MemberChange[]): void;
  /** The peer has said who it is. */
  checkHello(session: Session, hello: HelloFrame, nowMs: number): void;
  /** Last look at a peer before its link counts. */
  checkWelcome(session: Session, held: readonly LogPositionWithChain[]): void;
  /** A link that was up has ended. */
  onDown(session: Session): void;
  onUp(peer: Peer, session: Session, held: readonly LogPositionWithChain[]): void;
  onFrame(peer: Peer, session: Session, frame: Frame, nowMs: number): void;
  /** True when the peer owes acknowledgements: it is then pinged at `probeMs`. */
  isOwed(peer: Peer): boolean;
  sendPing(peer: Peer, session: Session, nowMs: number): void;
}

export interface PeeringOptions {
  readonly name: NodeName;
  readonly cluster: ClusterName;
  readonly incarnation: number;
  readonly nonce: number;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly limits: Limits;
  readonly timings: Timings;
  readonly random: Random;
  readonly digests: Digests;
  readonly outbox: Outbox;
  readonly handlers: PeeringHandlers;
}

/**
 * Whole frames are signs of life, and so is this much of a longer one. Fewer bytes are not: where a length was damaged,
 * the pings of the other end would otherwise be swallowed as parts of a frame that never ends, and heard for ever.
 */
const progressBytes = 4096;

/** Longest frame accepted from a peer that has said HELLO. */
export function frameBytesMax(limits: Limits): number {
  // A batch of one message, its clock (every member named, generously) and all headers.
  return Math.max(limits.messageBytesMax, limits.batchBytesTarget) + (64 << 10);
}

export class Peering {
  readonly #options: PeeringOptions;
  readonly #sessions = new Map<LinkId, Session>();
  /** When the clocks were looked at last. */
  #lookedAtMs = -Infinity;

  constructor(options: PeeringOptions) {
    this.#options = options;
  }

  // --- Inputs --------------------------------------------------------------------------------------------------------

  handleLinkOpened(link: LinkId, name: NodeName, dialedByUs: boolean, nowMs: number): void {
    const { limits, timings, outbox } = this.#options;
    const peer = this.#options.peers.get(name);
    if (peer === undefined) {
      // The transport has let in somebody who is not configured as a peer.
      if (this.#proveRemoval(link, name)) this.#sayGoAway(link, 'E_REMOVED', removalMessage(name));
      else this.#sayGoAway(link, 'E_NOT_MEMBER', `${name} is not a member of this cluster`);
      outbox.close(link);
      return;
    }
    if (dialedByUs) peer.dialDeadlineMs = undefined;
    const session: Session = {
      link,
      peer: name,
      dialedByUs,
      reader: new FrameReader(limits.handshakeFrameBytesMax),
      handshakeDeadlineMs: nowMs + timings.handshakeMs,
      ackedSeqAtOpening: peer.ackedSeq,
      hello: undefined,
      welcome: undefined,
      welcomeAckedSeq: 0,
      upSinceMs: undefined,
      lastHeardMs: nowMs,
      unheardBytes: 0,
      nextPingMs: Infinity,
      bufferedBytes: 0,
      owesAck: false,
      wanted: undefined,
      held: new Map(),
      asked: new Set(),
      givenUp: new Set(),
      gaps: new Map(),
      creditBytes: 0,
      grantedBytes: limits.windowBytes,
      takenBytes: 0,
      syncedBytes: 0,
      acknowledgedBytes: 0,
      view: undefined,
      seenVersion: 0,
      toldVersion: 0,
      owesAdvert: false,
      skippedFrames: 0,
      isToldOfGap: false,
      relay: undefined,
    };
    this.#sessions.set(link, session);
    peer.handshakes.add(session);
    outbox.wakeBy(session.handshakeDeadlineMs);
    outbox.sendFrame(link, this.#hello());
  }

  handleBytes(link: LinkId, bytes: Uint8Array, nowMs: number): void {
    const session = this.#sessions.get(link);
    if (session === undefined) return;
    this.#forgiveSleep(nowMs);
    try {
      session.unheardBytes += bytes.length;
      if (session.unheardBytes >= progressBytes) this.#noteHeard(session, nowMs);
      session.reader.push(bytes);
      for (let frame = session.reader.next(); frame !== undefined; frame = session.reader.next()) {
        const decoded = decodeFrame(frame, this.#options.digests);
        this.#noteHeard(session, nowMs);
        this.#handleFrame(session, decoded, nowMs);
        // The frame may have ended the link.
        if (!this.#sessions.has(link)) return;
      }
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.refuse(session, error.code, error.message, nowMs);
    }
  }

  handleLinkClosed(link: LinkId, reason: string, nowMs: number): void {
    const session = this.#sessions.get(link);
    if (session === undefined) return;
    const where = session.reader.isBetweenFrames ? '' : ' (E_FRAME_TRUNCATED: in the middle of a frame)';
    this.#forget(session, reason + where, nowMs);
  }

  handleDialFailed(name: NodeName, reason: string, nowMs: number): void {
    const peer = this.#options.peers.get(name);
    if (peer?.dialDeadlineMs === undefined) return;
    peer.dialDeadlineMs = undefined;
    this.#backOff(peer, nowMs);
    this.#options.outbox.event({ type: 'dial-failed', peer: name, reason, retryInMs: peer.retryAtMs - nowMs });
  }

  handleBuffered(link: LinkId, bufferedBytes: number): Peer | undefined {
    const session = this.#sessions.get(link);
    if (session === undefined) return undefined;
    session.bufferedBytes = bufferedBytes;
    const peer = this.#options.peers.get(session.peer);
    return peer?.session === session ? peer : undefined;
  }

  /** Looks at every clock and asks the outbox for the next wake-up. */
  handleTimeout(nowMs: number): void {
    this.#forgiveSleep(nowMs);
    for (const peer of this.#options.peers.values()) {
      // Mostly there are none, and an iteration over none is not for nothing.
      if (peer.handshakes.size > 0) this.#checkHandshakes(peer, nowMs);
      this.#checkDial(peer, nowMs);
      if (peer.session !== undefined) this.#checkHeartbeat(peer, peer.session, nowMs);
    }
  }

  /**
   * When we have not looked for so long, it was us who were silent: the process stood still, or timers came late. What peers have
   * said meanwhile may still wait to be read, and gets one more heartbeat of time.
   */
  #forgiveSleep(nowMs: number): void {
    const { deadMs, heartbeatMs } = this.#options.timings;
    const sleptMs = nowMs - this.#lookedAtMs;
    this.#lookedAtMs = nowMs;
    if (sleptMs < 2 * heartbeatMs) return;
    for (const peer of this.#options.peers.values()) {
      const { session, stall } = peer;
      if (session !== undefined) session.lastHeardMs = Math.max(session.lastHeardMs, nowMs - deadMs + heartbeatMs);
      if (stall !== undefined) peer.stall = { ...stall, sinceMs: stall.sinceMs + sleptMs };
    }
  }

  // --- Commands ------------------------------------------------------------------------------------------------------

  /** The peer owes an acknowledgement from now on: it is asked soon if none comes. */
  expectAck(session: Session, nowMs: number): void {
    const probeAtMs = nowMs + this.#options.timings.probeMs;
    if (probeAtMs >= session.nextPingMs) return;
    session.nextPingMs = probeAtMs;
    this.#options.outbox.wakeBy(probeAtMs);
  }

  /** Closes a link and tells the peer and the operator why. */
  refuse(session: Session, code: ErrorCode, message: string, nowMs: number): void {
    this.#sayGoAway(session.link, code, message);
    this.#options.outbox.close(session.link);
    this.#options.outbox.event({ type: 'refused', peer: session.peer, by: 'us', code, message });
    this.#forget(session, `${code}: ${message}`, nowMs);
  }

  /** Lets go of a peer that is none any more. */
  drop(peer: Peer, nowMs: number): void {
    const { handlers, outbox } = this.#options;
    for (const session of [...this.#sessions.values()]) {
      if (session.peer !== peer.name) continue;
      this.#proveRemoval(session.link, peer.name);
      this.refuse(session, 'E_REMOVED', removalMessage(peer.name), nowMs);
    }
    if (peer.dialDeadlineMs !== undefined) outbox.cancelDial(peer.name);
    const { session } = peer;
    if (session === undefined) return;
    // It is no peer any more, so nobody else says so.
    peer.session = undefined;
    handlers.onDown(session);
    outbox.event({ type: 'peer-down', peer: peer.name, reason: removalMessage(peer.name) });
  }

  /** Says goodbye on every link. */
  closeAll(nowMs: number): void {
    for (const session of [...this.#sessions.values()]) {
      this.#sayGoAway(session.link, 'E_CLOSED', 'node is stopping');
      this.#options.outbox.close(session.link);
      this.#forget(session, 'node is stopping', nowMs);
    }
  }

  // --- Handshake -----------------------------------------------------------------------------------------------------

  #hello(): HelloFrame {
    const { cluster, name, incarnation, nonce, limits } = this.#options;
    const { min: versionMin, max: versionMax } = protocolVersions;
    return {
      type: 'hello',
      versionMin,
      versionMax,
      cluster,
      name,
      incarnation,
      nonce,
      windowBytes: limits.windowBytes,
      frameBytesMax: frameBytesMax(limits),
    };
  }

  #handleFrame(session: Session, frame: Frame, nowMs: number): void {
    switch (frame.type) {
      case 'hello':
        return this.#handleHello(session, frame, nowMs);
      case 'welcome':
        return this.#handleWelcome(session, frame, nowMs);
      case 'goaway':
        return this.#handleGoAway(session, frame.code, frame.message, nowMs);
      case 'skipped':
        session.skippedFrames++;
        return;
      default: {
        const peer = this.#options.peers.get(session.peer);
        if (peer?.session !== session) {
          // In front of a GOAWAY.
          if (frame.type === 'members') {
            const own = frame.changes.filter(({ name }) => name === this.#options.name);
            return this.#options.handlers.onOwnChanges(own);
          }
          throw new RemoteProtocolError('E_STATE', `${frame.type} frame before WELCOME`);
        }
        this.#options.handlers.onFrame(peer, session, frame, nowMs);
      }
    }
  }

  #noteHeard(session: Session, nowMs: number): void {
    session.lastHeardMs = nowMs;
    session.unheardBytes = 0;
  }

  #handleHello(session: Session, hello: HelloFrame, nowMs: number): void {
    const { cluster, handlers, limits, outbox } = this.#options;
    if (session.hello !== undefined) throw new RemoteProtocolError('E_STATE', 'second HELLO on one link');
    if (hello.versionMin > protocolVersions.max || hello.versionMax < protocolVersions.min) {
      const theirs = `${hello.versionMin} to ${hello.versionMax}`;
      throw new RemoteProtocolError(
        'E_VERSION',
        `protocol versions ${theirs}, we speak ${protocolVersions.min} to ${protocolVersions.max}`,
      );
    }
    if (hello.cluster !== cluster) {
      throw new RemoteProtocolError(
        'E_CLUSTER',
        `belongs to cluster ${JSON.stringify(hello.cluster)}, we to ${JSON.stringify(cluster)}`,
      );
    }
    if (hello.name !== session.peer) {
      throw new RemoteProtocolError('E_IDENTITY', `says it is ${hello.name}, but has proved to be ${session.peer}`);
    }
    if (hello.frameBytesMax !== frameBytesMax(limits)) {
      const message = `takes frames of ${hello.frameBytesMax} bytes, we ${frameBytesMax(limits)}; give all members the same messageBytesMax and batchBytesTarget`;
      throw new RemoteProtocolError('E_CONFIG', message);
    }
    if (hello.incarnation === 0 || hello.incarnation > incarnationsMax) {
      const message = `incarnation ${hello.incarnation} is not from 1 to ${incarnationsMax}`;
      throw new RemoteProtocolError('E_COUNTER_RANGE', message);
    }
    session.hello = hello;
    session.creditBytes = hello.windowBytes;
    session.reader.frameBytesMax = frameBytesMax(limits);
    const durable = handlers.positionsFor(session.peer);
    const ackedSeq = this.#options.peers.get(session.peer)?.ackedSeq ?? 0;
    outbox.sendFrame(session.link, { type: 'welcome', nonce: hello.nonce, ackedSeq, durable });
    // Only now: if it has forgotten something, it learns what from our WELCOME, also when we refuse it.
    handlers.checkHello(session, hello, nowMs);
    this.#maybeUp(session, nowMs);
  }

  #handleWelcome(session: Session, welcome: WelcomeFrame, nowMs: number): void {
    if (session.welcome !== undefined) throw new RemoteProtocolError('E_STATE', 'second WELCOME on one link');
    if (welcome.nonce !== this.#options.nonce) {
      throw new RemoteProtocolError('E_STATE', 'WELCOME answers the HELLO of another process');
    }
    this.#options.handlers.checkWelcome(session, welcome.durable);
    session.welcome = welcome.durable;
    session.welcomeAckedSeq = welcome.ackedSeq;
    this.#maybeUp(session, nowMs);
  }

  #handleGoAway(session: Session, code: string, message: string, nowMs: number): void {
    // Which of two links stays, or that somebody stops, is no refusal.
    if (code !== 'E_DUPLICATE_LINK' && code !== 'E_CLOSED') {
      this.#options.outbox.event({ type: 'refused', peer: session.peer, by: 'peer', code, message });
    }
    this.#options.outbox.close(session.link);
    this.#forget(session, `peer says ${code}: ${message}`, nowMs);
  }

  #maybeUp(session: Session, nowMs: number): void {
    const peer = this.#options.peers.get(session.peer);
    if (peer === undefined || session.hello === undefined || session.welcome === undefined) return;
    const current = peer.session;
    if (current !== undefined) {
      const loser = this.#loserOf(current, session);
      this.#sayGoAway(loser.link, 'E_DUPLICATE_LINK', 'another link between the two of us is kept');
      this.#options.outbox.close(loser.link);
      if (loser === session) {
        this.#sessions.delete(session.link);
        peer.handshakes.delete(session);
        return;
      }
      this.#sessions.delete(current.link);
      this.#options.handlers.onDown(current);
    }
    peer.handshakes.delete(session);
    peer.session = session;
    session.upSinceMs = nowMs;
    session.nextPingMs = nowMs + this.#options.timings.heartbeatMs;
    this.#options.outbox.wakeBy(session.nextPingMs);
    if (current === undefined) this.#options.outbox.event({ type: 'peer-up', peer: peer.name });
    this.#options.handlers.onUp(peer, session, session.welcome);
  }

  #loserOf(current: Session, candidate: Session): Session {
    if (current.hello?.nonce !== candidate.hello?.nonce) return current;
    if (current.dialedByUs === candidate.dialedByUs) return current;
    const weAreSmaller = compareNames(this.#options.name, current.peer) < 0;
    return current.dialedByUs === weAreSmaller ? candidate : current;
  }

  // --- Timers --------------------------------------------------------------------------------------------------------

  #checkHandshakes({ handshakes }: Peer, nowMs: number): void {
    for (const session of handshakes) {
      if (session.handshakeDeadlineMs <= nowMs) {
        this.refuse(session, 'E_TIMEOUT', 'no HELLO and WELCOME in time', nowMs);
      } else this.#options.outbox.wakeBy(session.handshakeDeadlineMs);
    }
  }

  #checkDial(peer: Peer, nowMs: number): void {
    const { outbox, timings } = this.#options;
    if (peer.dialDeadlineMs !== undefined && peer.dialDeadlineMs <= nowMs) {
      outbox.cancelDial(peer.name);
      this.handleDialFailed(peer.name, `no answer in ${timings.handshakeMs} ms`, nowMs);
    }
    if (peer.dialDeadlineMs !== undefined) return outbox.wakeBy(peer.dialDeadlineMs);
    // A link that shakes hands, whoever dialled it, is waited for; its end schedules the next dial.
    if (peer.session !== undefined || peer.handshakes.size > 0) return;
    if (peer.retryAtMs > nowMs) return outbox.wakeBy(peer.retryAtMs);
    peer.dialDeadlineMs = nowMs + timings.handshakeMs;
    outbox.wakeBy(peer.dialDeadlineMs);
    outbox.dial(peer.name);
  }

  #checkHeartbeat(peer: Peer, session: Session, nowMs: number): void {
    const { handlers, outbox, timings } = this.#options;
    const deadAtMs = session.lastHeardMs + timings.deadMs;
    if (deadAtMs <= nowMs) {
      this.refuse(session, 'E_TIMEOUT', `nothing heard for ${timings.deadMs} ms`, nowMs);
      return;
    }
    if (session.nextPingMs <= nowMs) {
      handlers.sendPing(peer, session, nowMs);
      session.nextPingMs = nowMs + (handlers.isOwed(peer) ? timings.probeMs : timings.heartbeatMs);
    }
    outbox.wakeBy(Math.min(deadAtMs, session.nextPingMs));
  }

  /** Full jitter: a uniform wait between 0 and the doubled limit. */
  #backOff(peer: Peer, nowMs: number): void {
    const { outbox, random, timings } = this.#options;
    const limitMs = Math.min(timings.backoffMs * 2 ** Math.min(peer.attempts, 30), timings.backoffMaxMs);
    peer.attempts++;
    peer.retryAtMs = nowMs + (random.nextUint32() / 2 ** 32) * limitMs;
    outbox.wakeBy(peer.retryAtMs);
  }

  // --- Ends ----------------------------------------------------------------------------------------------------------

  #sayGoAway(link: LinkId, code: ErrorCode, message: string): void {
    this.#options.outbox.sendFrame(link, { type: 'goaway', code, message });
  }

  /** Sends a former member the change that removed it: it may have been added again since, and know better. False for who is none. */
  #proveRemoval(link: LinkId, name: NodeName): boolean {
    const change = this.#options.handlers.removalOf(name);
    if (change !== undefined) this.#options.outbox.sendFrame(link, { type: 'members', changes: [change] });
    return change !== undefined;
  }

  #forget(session: Session, reason: string, nowMs: number): void {
    this.#sessions.delete(session.link);
    const peer = this.#options.peers.get(session.peer);
    if (peer === undefined) return;
    peer.handshakes.delete(session);
    if (peer.session === session) {
      peer.session = undefined;
      this.#options.handlers.onDown(session);
      peer.seenAtMs = nowMs;
      if (nowMs - (session.upSinceMs ?? nowMs) >= this.#options.timings.stableMs) peer.attempts = 0;
      this.#options.outbox.event({ type: 'peer-down', peer: peer.name, reason });
    }
    if (peer.session === undefined) this.#backOff(peer, nowMs);
  }
}

function removalMessage(name: NodeName): string {
  return `${name} was removed from the members of this cluster`;
}
