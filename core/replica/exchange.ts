/**
 * What is said over a link that is up: batches, acknowledgements, adverts, requests; and what we owe each peer.
 *
 * - An acknowledgement says what is synced here, of the peer's own log, at once. It carries the credit: how many bytes more we are
 *   ready to take, which is nothing while a cause is missing or the application is slow.
 * - An advert says what we hold of every log, and goes out in answer to a PING: what has changed since the one before. What
 *   others may be waiting for (closed logs, who is a member) goes out at once.
 * - A peer sends us its own log, and of other logs what we have asked for. Everything else is refused.
 * - Who joins takes nothing before it knows that it was added. Who tells it tells it with that of every removal that the one who
 *   added it knew of: what it took from a former member could come behind the cut (see `Membership`).
 */
import { RemoteProtocolError } from '../errors.js';
import type { Limits, Timings } from '../limits.js';
import { decodeBatchHeader, emptyChain, equalBytes, type BatchHeader } from '../message/batch.js';
import type {
  AdvertFrame,
  AdvertRow,
  BatchFrame,
  Frame,
  HelloFrame,
  LogPosition,
  LogPositionWithChain,
  MemberChange,
} from '../message/frame.js';
import { originKey, type Origin } from '../message/origin.js';
import type { NodeName } from '../names.js';
import type { Digests } from '../ports.js';
import type { Adverts } from './adverts.js';
import type { CatchUp } from './catch-up.js';
import type { ClosedLogs } from './closed-logs.js';
import type { Deliveries } from './deliveries.js';
import type { Fence } from './fence.js';
import type { Fetching } from './fetching.js';
import type { Logs, TakenBatch, TakeResult } from './logs.js';
import type { Membership } from './membership.js';
import type { OriginTable } from './origin-table.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import type { Relaying } from './relaying.js';
import type { Retention } from './retention.js';
import type { Sending } from './sending.js';
import type { Session } from './session.js';
import type { SnapshotDonor } from './snapshot-donor.js';
import type { SnapshotReceiver } from './snapshot-receiver.js';
import type { Stability } from './stability.js';

export interface ExchangeOptions {
  readonly origin: Origin;
  readonly peers: ReadonlyMap<string, Peer>;
  readonly limits: Limits;
  readonly timings: Timings;
  readonly digests: Digests;
  readonly origins: OriginTable;
  readonly logs: Logs;
  readonly deliveries: Deliveries;
  readonly closedLogs: ClosedLogs;
  readonly fetching: Fetching;
  readonly outbox: Outbox;
  readonly sending: Sending;
  readonly relaying: Relaying;
  readonly fence: Fence;
  readonly adverts: Adverts;
  readonly stability: Stability;
  readonly retention: Retention | undefined;
  readonly donor: SnapshotDonor;
  readonly receiver: SnapshotReceiver;
  readonly membership: Membership;
  readonly catchUp: CatchUp;
  /** Digest of who is a member, and in which incarnation. */
  readonly view: () => Uint8Array;
  /** Seq of our last broadcast, synced or not. */
  readonly ownSeq: () => number;
  /** Bytes that wait for the application. */
  readonly undeliveredBytes: () => number;
  /** A batch was taken: it is to be journalled. */
  readonly onTaken: (batch: TakenBatch) => void;
  /** Somebody knows changes to the members that we do not. */
  readonly onMemberChanges: (changes: readonly MemberChange[]) => void;
  /** The peer will owe an acknowledgement. */
  readonly expectAck: (session: Session, nowMs: number) => void;
  /** Somebody has more of our log. */
  readonly onAcked: () => void;
}

export class Exchange {
  readonly #options: ExchangeOptions;
  /** Sessions that are owed something, or credit once there is room again. */
  readonly #owed = new Set<Session>();
  /** Logs of others about which two members have been found to disagree. */
  readonly #disputed = new Set<string>();

  constructor(options: ExchangeOptions) {
    this.#options = options;
  }

  // --- Links -----------------------------------------------------------------------------------------------------------

  /** Throws `RemoteProtocolError` when the peer must not come up. */
  checkHello(session: Session, { incarnation, nonce }: HelloFrame, nowMs: number): void {
    const { closedLogs, membership, outbox, peers } = this.#options;
    const { heartbeatMs, probeMs } = this.#options.timings;
    const newest = closedLogs.newestOf(session.peer);
    if (incarnation < newest) {
      const message = `${session.peer} is back as incarnation ${incarnation}, we know it as ${newest}: its data directory was set back`;
      throw new RemoteProtocolError('E_ROLLED_BACK', message);
    }
    const first = membership.change(session.peer)?.incarnation ?? 1;
    if (incarnation < first) {
      const message = `${session.peer} was added again and begins with incarnation ${first}, not ${incarnation}`;
      throw new RemoteProtocolError('E_ROLLED_BACK', message);
    }
    const living = peers.get(session.peer)?.session;
    if (living !== undefined && living.hello?.nonce !== nonce && nowMs - living.lastHeardMs < heartbeatMs + probeMs) {
      // It stays as long as it answers; a process that has died is silent soon.
      living.nextPingMs = nowMs;
      outbox.wakeBy(nowMs);
      const message = `another process of ${session.peer} is connected and alive: two of them run, or the other one has just died`;
      throw new RemoteProtocolError('E_TWIN', message);
    }
    this.#noteIncarnation(session.peer, incarnation, nowMs);
  }

  /** What we hold, for the WELCOME of `peer`. */
  positionsFor(peer: NodeName): readonly LogPositionWithChain[] {
    const { closedLogs, logs, origins } = this.#options;
    const positions = logs.durablePositions();
    const newest = closedLogs.newestOf(peer);
    if (newest <= 1 || logs.durableSeq(origins.resolve(peer, newest)) > 0) return positions;
    // It may have forgotten that it ever was this incarnation, without having written anything as it.
    return [...positions, { origin: peer, incarnation: newest, seq: 0, chain: emptyChain }];
  }

  /** Throws `RemoteProtocolError` after raising the fence, when the peer proves that our log is not what it was. */
  checkWelcome(session: Session, held: readonly LogPositionWithChain[]): void {
    this.#options.fence.checkHeld(session, held);
    this.#checkIsolation();
    this.#checkOthers(session, held);
  }

  handleUp(peer: Peer, session: Session, held: readonly LogPositionWithChain[]): void {
    const { fetching, sending, expectAck, onAcked, retention, stability } = this.#options;
    retention?.handleUp(peer);
    // Before anything that may name a member which the peer does not know.
    this.#sendMembers(session);
    for (const { origin, incarnation, seq } of held) fetching.handleHeld(session, origin, incarnation, seq);
    fetching.maybeAsk(session, session.lastHeardMs);
    const heldSeq = this.#ownPosition(held)?.seq ?? 0;
    if (heldSeq < peer.ackedSeq) stability.forget(peer.name);
    sending.start(peer, session, heldSeq);
    sending.pump(peer);
    if (sending.isOwed(peer)) expectAck(session, session.lastHeardMs);
    // What it holds counts for us once it says anything.
    if (!this.#options.catchUp.isSettled) sending.sendPing(peer, session, session.lastHeardMs);
    onAcked();
  }

  handleFrame(peer: Peer, session: Session, frame: Frame, nowMs: number): void {
    this.#checkIsolation();
    // It speaks to us, so it has taken our HELLO, and knows our incarnation: its WELCOME alone would not say that.
    this.#noteWelcome(session);
    if (this.#isOutside && (frame.type === 'batch' || frame.type === 'gap' || frame.type === 'snapshot')) return;
    this.#options.receiver.maybeAsk(session, nowMs);
    switch (frame.type) {
      case 'batch':
        return this.#handleBatch(session, frame, nowMs);
      case 'ack':
        this.#options.sending.handleAck(peer, session, frame.seq, frame.creditBytes);
        this.#options.onAcked();
        return this.#options.fetching.maybeAsk(session, nowMs);
      case 'advert':
        return this.#handleAdvert(session, frame, nowMs);
      case 'members':
        return this.#options.onMemberChanges(frame.changes);
      case 'gap':
        return this.#handleGap(session, frame, nowMs);
      case 'snapshot-want':
        return this.#options.donor.handleWant(session, frame, nowMs);
      case 'snapshot':
        return this.#options.receiver.handleFrame(session, frame, nowMs);
      case 'want':
        return this.#handleWant(peer, session, frame);
      case 'ping':
        return this.#handlePing(session, frame.sentSeq, frame.seenVersion, nowMs);
      case 'pong':
        return this.#options.fetching.maybeAsk(session, nowMs);
      default:
        throw new RemoteProtocolError('E_STATE', `${frame.type} frame on a link that is up`);
    }
  }

  /**
   * A node whose log went back is of no use to anybody, and in the way: peers that know nothing of what it has forgotten would wait for it
   * to send that. Without a link to it they get it from each other.
   */
  #checkIsolation(): void {
    const { proof } = this.#options.fence;
    if (proof !== undefined && proof.code !== 'E_REMOVED') throw new RemoteProtocolError(proof.code, proof.message);
  }

  #noteWelcome(session: Session): void {
    const { catchUp, logs } = this.#options;
    if (catchUp.isSettled) return;
    const hasForgotten = logs.durableSeq(this.#originOf(session)) < session.welcomeAckedSeq;
    catchUp.handleWelcome(session.peer, session.welcome ?? [], hasForgotten);
  }

  // --- Batches ---------------------------------------------------------------------------------------------------------

  #handleBatch(session: Session, frame: BatchFrame, nowMs: number): void {
    const { digests, fetching, logs, closedLogs, onTaken, receiver } = this.#options;
    // The logs are about to jump; what comes now is asked for again.
    if (receiver.isReceiving) return;
    const header = decodeBatchHeader(frame.batch, digests);
    const own = this.#originOf(session);
    const isTheirOwn =
      header.origin === session.peer &&
      header.incarnation === session.hello?.incarnation &&
      // Over another link it may have begun a later incarnation: what is on its way here was forgotten.
      !closedLogs.isClosed(own);
    if (!isTheirOwn && !fetching.hasAskedFor(session, header)) {
      const key = originKey(header.origin, header.incarnation);
      throw new RemoteProtocolError('E_IDENTITY', `${session.peer} sends a batch of ${key} that we have not asked for`);
    }
    const result = isTheirOwn ? logs.take(frame.batch, header) : this.#takeFetched(session, frame.batch, header);
    switch (result?.type) {
      case undefined:
        return;
      case 'taken':
        // First: what the log has taken must be journalled, whatever else is wrong with the peer.
        onTaken(result.batch);
        if (isTheirOwn) this.#noteTaken(session, result.batch, nowMs);
        return;
      case 'duplicate':
        // Our acknowledgement may have been lost with its link.
        this.#oweAck(session);
        return;
      case 'gap':
        if (isTheirOwn) this.#want(session, result.missingSeq, nowMs);
        else fetching.maybeAsk(session, nowMs);
    }
  }

  /** Throws `E_WINDOW` when the peer sends more than it was told that we take. */
  #noteTaken(session: Session, { bytes, messages }: TakenBatch, nowMs: number): void {
    const { fetching, limits } = this.#options;
    session.takenBytes += bytes.length;
    const owedBytes = session.takenBytes - session.acknowledgedBytes;
    // What was taken over an earlier link and is synced only now makes the sum too small, never too large.
    if (owedBytes > limits.windowBytes + bytes.length) {
      const message = `sends ${owedBytes} bytes without waiting for acknowledgements, we take ${limits.windowBytes}`;
      throw new RemoteProtocolError('E_WINDOW', message);
    }
    if (fetching.handleCauses(session, messages)) fetching.maybeAsk(session, nowMs);
  }

  /** Takes a batch that the peer did not write. What is wrong with it is nothing that the peer has done. */
  #takeFetched(session: Session, batch: Uint8Array, header: BatchHeader): TakeResult | undefined {
    const { fetching, logs, origins, outbox } = this.#options;
    const origin = origins.resolve(header.origin, header.incarnation);
    // What was on its way when the first contradiction came.
    if (session.givenUp.has(origin)) return undefined;
    try {
      return logs.take(batch, header);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      fetching.giveUp(session, origin);
      const { code, message } = error;
      outbox.event({ type: 'fetched-refused', peer: session.peer, code, message });
      return undefined;
    }
  }

  /** A batch is synced: says so to whoever writes the log, of a closed one to everybody, and goes on fetching it. */
  handleDurable({ origin, bytes }: TakenBatch, nowMs: number): void {
    const { adverts, closedLogs, fetching, origins, peers } = this.#options;
    adverts.touch(origin);
    const { name, incarnation } = origins.at(origin);
    this.#noteIncarnation(name, incarnation, nowMs);
    const writer = peers.get(name)?.session;
    const isWritten = writer !== undefined && !closedLogs.isClosed(origin);
    if (isWritten) {
      writer.syncedBytes += bytes.length;
      this.#oweAck(writer);
      return;
    }
    const isClosed = closedLogs.isClosed(origin);
    for (const { session } of peers.values()) {
      if (session === undefined) continue;
      if (isClosed) this.#oweAdvert(session);
      fetching.maybeAsk(session, nowMs);
    }
  }

  /** Our own batches are synced. */
  handleOwnDurable(origin: number, nowMs: number): void {
    const { adverts, peers, sending, expectAck, onAcked } = this.#options;
    adverts.touch(origin);
    onAcked();
    for (const peer of peers.values()) {
      if (peer.session === undefined) continue;
      sending.pump(peer);
      if (sending.isOwed(peer)) expectAck(peer.session, nowMs);
    }
  }

  // --- What we owe -----------------------------------------------------------------------------------------------------

  /** Sends what is owed. */
  flush(): void {
    const { limits, peers } = this.#options;
    for (const session of this.#owed) {
      if (peers.get(session.peer)?.session !== session) {
        this.#owed.delete(session);
        continue;
      }
      // Who does not read gets nothing; it is cumulative, and the next one says it all.
      if (session.bufferedBytes >= limits.linkBufferBytesMax) continue;
      if (session.owesAdvert && this.#mayAdvertise) this.#sendAdvert(session, session.toldVersion);
      const creditBytes = this.#creditFor(session);
      if (session.owesAck || creditBytes > session.grantedBytes) {
        const seq = this.#options.logs.durableSeq(this.#originOf(session));
        this.#options.sending.sendAck(session, seq, creditBytes);
      }
      if (creditBytes === limits.windowBytes && !session.owesAdvert) this.#owed.delete(session);
    }
  }

  #oweAck(session: Session): void {
    session.owesAck = true;
    this.#owed.add(session);
  }

  #oweAdvert(session: Session): void {
    session.owesAdvert = true;
    this.#owed.add(session);
  }

  #sendMembers(session: Session): void {
    const { changes } = this.#options.membership;
    if (changes.length > 0) this.#options.outbox.sendFrame(session.link, { type: 'members', changes });
  }

  /** Says to everybody who is a member. */
  announceMembers(): void {
    const { adverts, peers } = this.#options;
    adverts.touchView();
    for (const { session } of peers.values()) {
      if (session === undefined) continue;
      this.#sendMembers(session);
      this.#oweAdvert(session);
    }
  }

  /** Unacknowledged bytes that we take from the peer: that is how a slow application, or a missing cause, stops what feeds it. */
  #creditFor(session: Session): number {
    const { deliveries, limits, receiver, undeliveredBytes } = this.#options;
    if (receiver.isReceiving) return 0;
    const { heldBackBytesMax, undeliveredBytesMax, windowBytes } = limits;
    if (undeliveredBytes() > undeliveredBytesMax) return 0;
    return deliveries.heldBytes(this.#originOf(session)) > heldBackBytesMax ? 0 : windowBytes;
  }

  /**
   * False while something is on its way to the disk without which a row must not name the present view: more of a closed log, as all
   * go by the highest row to tell its end; or a change to the members, as who is added catches up with what we had applied when
   * that was asked for.
   */
  get #mayAdvertise(): boolean {
    const { closedLogs, logs, membership } = this.#options;
    if (membership.isChanging) return false;
    return closedLogs.all.every((origin) => logs.receivedSeq(origin) === logs.durableSeq(origin));
  }

  #sendAdvert(session: Session, since: number): void {
    const { adverts, deliveries, logs, origins, outbox, ownSeq, view } = this.#options;
    const rows: AdvertRow[] = [];
    for (const index of adverts.changedSince(since)) {
      const { name: origin, incarnation } = origins.at(index);
      const durableSeq = logs.durableSeq(index);
      rows.push({ origin, incarnation, durableSeq, appliedSeq: deliveries.appliedSeq(index) });
    }
    session.owesAdvert = false;
    session.toldVersion = adverts.version;
    outbox.sendFrame(session.link, {
      type: 'advert',
      since,
      version: adverts.version,
      view: view(),
      ownSeq: ownSeq(),
      rows,
    });
  }

  // --- The rest --------------------------------------------------------------------------------------------------------

  #handleAdvert(session: Session, advert: AdvertFrame, nowMs: number): void {
    const { fetching, origins, stability } = this.#options;
    session.view = advert.view.slice();
    for (const { origin, incarnation, durableSeq } of advert.rows) {
      fetching.handleHeld(session, origin, incarnation, durableSeq);
    }
    fetching.maybeAsk(session, nowMs);
    // Of a member of which we have not heard yet: we could not make anything of its rows, and the next PING asks for them again.
    if (advert.rows.some(({ origin, incarnation }) => !origins.isPossible(origin, incarnation))) return;
    // What lies between was lost; the next PING asks for it.
    if (advert.since > session.seenVersion || advert.version < session.seenVersion) return;
    session.seenVersion = advert.version;
    stability.handleAdvert(session.peer, this.#originOf(session), advert);
  }

  #handleGap(session: Session, { origin, incarnation, seq }: LogPosition, nowMs: number): void {
    const { fetching, logs, origins, receiver } = this.#options;
    const index = origins.find(origin, incarnation);
    if (index === undefined || logs.receivedSeq(index) + 1 >= seq) return;
    fetching.handleGap(session, index, seq, nowMs);
    receiver.handleGap(session, nowMs);
  }

  /** The logs have jumped. */
  handleInstalled(nowMs: number): void {
    const { adverts, logs, origins, peers } = this.#options;
    for (let origin = 0; origin < origins.size; origin++) {
      adverts.touch(origin);
      const { name, incarnation } = origins.at(origin);
      if (logs.durableSeq(origin) > 0) this.#noteIncarnation(name, incarnation, nowMs);
    }
    for (const { session } of peers.values()) if (session !== undefined) this.#oweAck(session);
  }

  #handleWant(peer: Peer, session: Session, wanted: LogPosition): void {
    const { origins, relaying, sending } = this.#options;
    if (this.#ownPosition([wanted]) !== undefined) {
      sending.handleWant(peer, session, wanted.seq);
      return;
    }
    const origin = origins.find(wanted.origin, wanted.incarnation);
    if (origin === undefined) {
      const key = originKey(wanted.origin, wanted.incarnation);
      throw new RemoteProtocolError('E_STATE', `wants the log of ${key} from us, of which we hold nothing`);
    }
    relaying.handleWant(session, origin, wanted);
  }

  #handlePing(session: Session, sentSeq: number, seenVersion: number, nowMs: number): void {
    const { adverts, limits, logs, outbox } = this.#options;
    const receivedSeq = logs.receivedSeq(this.#originOf(session));
    if (sentSeq > receivedSeq) this.#want(session, receivedSeq + 1, nowMs);
    this.#oweAck(session);
    // Who pings and does not read gets no answers, or they would pile up here.
    if (session.bufferedBytes >= limits.linkBufferBytesMax) return;
    // What it was told before may have been lost.
    if (session.view !== undefined && !equalBytes(session.view, this.#options.view())) this.#sendMembers(session);
    if (seenVersion === adverts.version || !this.#mayAdvertise) outbox.sendFrame(session.link, { type: 'pong' });
    else this.#sendAdvert(session, Math.min(seenVersion, adverts.version));
  }

  /** Asks for the peer's log from `seq` on, once per gap and `wantRetryMs`. */
  #want(session: Session, seq: number, nowMs: number): void {
    const { origins, sending, timings } = this.#options;
    const last = session.wanted;
    if (last?.seq === seq && nowMs - last.atMs < timings.wantRetryMs) return;
    session.wanted = { seq, atMs: nowMs };
    const { name, incarnation } = origins.at(this.#originOf(session));
    sending.sendWant(session, { origin: name, incarnation, seq });
  }

  #noteIncarnation(name: NodeName, incarnation: number, nowMs: number): void {
    const { adverts, closedLogs, fetching, peers } = this.#options;
    if (closedLogs.newestOf(name) >= incarnation) return;
    const hasClosed = closedLogs.note(name, incarnation);
    adverts.touchView();
    if (!hasClosed) return;
    // What is closed now may be missing anywhere, and somewhere it is held.
    for (const { session } of peers.values()) {
      if (session === undefined) continue;
      this.#oweAdvert(session);
      fetching.maybeAsk(session, nowMs);
    }
  }

  /** Two members that hold different messages under one dot: neither of them can find out by itself. */
  #checkOthers(session: Session, held: readonly LogPositionWithChain[]): void {
    const { logs, origin: self, origins, outbox } = this.#options;
    for (const { origin: name, incarnation, seq, chain } of held) {
      const index = name === self.name ? undefined : origins.find(name, incarnation);
      if (index === undefined || !logs.contradicts(index, seq, chain)) continue;
      const key = originKey(name, incarnation);
      if (this.#disputed.has(key)) continue;
      this.#disputed.add(key);
      const message = `${session.peer} holds other messages of ${key} than we do, up to ${seq}: two processes have written as ${name}`;
      outbox.event({ type: 'alarm', alarm: { code: 'E_CHAIN', peer: session.peer, message } });
    }
  }

  /** True before we hear that we were added, and after we have heard that we were removed. What we do not take now is sent again. */
  get #isOutside(): boolean {
    const { membership, origin } = this.#options;
    return !membership.has(origin.name);
  }

  #originOf(session: Session): number {
    return this.#options.origins.resolve(session.peer, session.hello?.incarnation ?? 1);
  }

  /** Of what a peer says about logs, that about ours. */
  #ownPosition<P extends LogPosition>(positions: readonly P[]): P | undefined {
    const { name, incarnation } = this.#options.origin;
    return positions.find((position) => position.origin === name && position.incarnation === incarnation);
  }
}
