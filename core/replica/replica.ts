/**
 * The protocol as a synchronous state machine: inputs in, `Ready` out. It never calls out and never waits.
 *
 *     new Replica -> restore (every journal record) -> start -> handle* / broadcast / takeDelivery, each followed by takeReady
 *
 * Invariants:
 * - At most one group of records is on its way to the disk. What happens meanwhile forms the next group (group commit).
 * - Nothing is sent, acknowledged, accepted or delivered before the group that holds it has been confirmed.
 * - Messages are offered for delivery in the order of the journal, so the n-th delivery is the same after every restart.
 * Methods come in three kinds: restoring, inputs (`handle...`), and what the application does.
 */
import { AntecedentError, RemoteProtocolError, assert } from '../errors.js';
import type { Delivery, Durability } from '../delivery.js';
import { recordTypes, type JournalEntry, type RecordPlace } from '../journal/journal.js';
import type { Limits, Timings } from '../limits.js';
import { BatchEncoder, type SealedBatch } from '../message/batch-encoder.js';
import { decodeBatchHeader, type BatchHeader } from '../message/batch.js';
import { ByteReader } from '../message/bytes.js';
import {
  FrameEncoder,
  type BatchFrame,
  type Frame,
  type HelloFrame,
  type LogPosition,
  type LogPositionWithChain,
} from '../message/frame.js';
import { Slab } from '../message/slab.js';
import { originKey, type Dot, type Origin } from '../message/origin.js';
import type { ClusterName, NodeName } from '../names.js';
import type { Digests, Random } from '../ports.js';
import { Acceptance, membersFor } from './acceptance.js';
import { ClosedLogs } from './closed-logs.js';
import { Deliveries } from './deliveries.js';
import { Fence } from './fence.js';
import { Fetching } from './fetching.js';
import { Logs, type TakenBatch, type TakeResult } from './logs.js';
import { OriginTable } from './origin-table.js';
import { Outbox } from './outbox.js';
import { OwnLog } from './own-log.js';
import { newPeer, type Peer } from './peer.js';
import { journalEntryOf, type PendingRecord } from './pending-record.js';
import { Peering } from './peering.js';
import type { LinkId, Ready } from './ready.js';
import { Relaying } from './relaying.js';
import { Replay } from './replay.js';
import { Sending } from './sending.js';
import type { Session } from './session.js';

export interface ReplicaOptions {
  readonly name: NodeName;
  readonly cluster: ClusterName;
  /** The other members. */
  readonly peers: readonly NodeName[];
  /** Last position the application has stored; undefined: the journal keeps the mark. */
  readonly position: number | undefined;
  readonly limits: Limits;
  readonly timings: Timings;
  readonly random: Random;
  readonly digests: Digests;
}

/** What exists from `start` on. */
interface Running {
  readonly self: number;
  readonly origin: Origin;
  readonly encoder: BatchEncoder;
  readonly ownLog: OwnLog;
  readonly sending: Sending;
  readonly relaying: Relaying;
  readonly fence: Fence;
  readonly peering: Peering;
}

const noAppends: readonly JournalEntry[] = [];

export class Replica {
  readonly #options: ReplicaOptions;
  readonly #slab = new Slab();
  readonly #outbox: Outbox;
  readonly #origins: OriginTable;
  readonly #logs: Logs;
  readonly #deliveries: Deliveries;
  readonly #closedLogs: ClosedLogs;
  readonly #fetching: Fetching;
  readonly #acceptance = new Acceptance();
  readonly #peers: ReadonlyMap<string, Peer>;
  #running: Running | undefined;
  /** Deliveries of an earlier life that are still on the disk. */
  #replay: Replay | undefined;

  /** Taken from peers and not yet in a group. */
  #unjournalled: PendingRecord[] = [];
  /** The group on its way to the disk; empty when there is none. */
  #group: readonly PendingRecord[] = [];

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#outbox = new Outbox(new FrameEncoder(options.digests, this.#slab));
    this.#origins = new OriginTable([options.name, ...options.peers]);
    this.#logs = new Logs(this.#origins, options.digests);
    this.#deliveries = new Deliveries(this.#origins, options.position);
    this.#peers = new Map(options.peers.map((name) => [name, newPeer(name)]));
    this.#closedLogs = new ClosedLogs(this.#origins);
    this.#fetching = new Fetching({
      logs: this.#logs,
      origins: this.#origins,
      closedLogs: this.#closedLogs,
      outbox: this.#outbox,
      timings: options.timings,
      peers: this.#peers,
      hasRoomFor: (origin) => this.#hasRoomFor(origin),
    });
  }

  // --- Restoring -----------------------------------------------------------------------------------------------------

  /**
   * Takes one record of the journal, in order. Throws `E_LOG_CORRUPT` when it contradicts those before, `E_CONFIG` when it
   * names a node that is not a member.
   */
  restore(entry: JournalEntry, place: RecordPlace): void {
    assert(this.#running === undefined, 'records are restored before start');
    try {
      if (entry.type === recordTypes.applied) this.#deliveries.restoreMark(new ByteReader(entry.body).varint());
      else this.#restoreBatch(entry, place);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      if (error.code === 'E_UNKNOWN_MEMBER') {
        const message = `the journal holds messages that name a node which is not among the peers: ${error.message}; put it back into peers`;
        throw new AntecedentError('E_CONFIG', message, { cause: error });
      }
      const message = `journal record ${place.lsn} is whole but cannot follow those before it: ${error.message}`;
      throw new AntecedentError('E_LOG_CORRUPT', message, { cause: error });
    }
  }

  /**
   * Everything is restored: begins to dial. Throws `E_POSITION` when the application is ahead of the journal, which
   * means that it belongs to another data directory or that this one was set back.
   */
  start(options: { readonly incarnation: number; readonly nonce: number; readonly nowMs: number }): void {
    assert(this.#running === undefined, 'start is called once');
    const origin: Origin = { name: this.#options.name, incarnation: options.incarnation };
    for (let index = 0; index < this.#origins.size; index++) {
      // What a member has broadcast as a later incarnation closes its earlier ones.
      const { name, incarnation } = this.#origins.at(index);
      if (this.#logs.durableSeq(index) > 0) this.#closedLogs.note(name, incarnation);
    }
    this.#closedLogs.note(origin.name, origin.incarnation);
    const self = this.#origins.resolve(origin.name, origin.incarnation);
    const encoder = new BatchEncoder({
      self: origin,
      state: this.#logs.receivedState(self),
      origins: this.#origins.at,
      digests: this.#options.digests,
      slab: this.#slab,
      bytesTarget: this.#options.limits.batchBytesTarget,
    });
    const { limits } = this.#options;
    const ownLog = new OwnLog(this.#logs.index(self), limits.cacheBytesMax);
    const sending = new Sending({ ownLog, outbox: this.#outbox, limits, peers: this.#peers });
    const peering = this.#newPeering(options.incarnation, options.nonce);
    const relaying = new Relaying(this.#logs, this.#outbox, limits);
    const fence = new Fence(origin, ownLog.index, this.#outbox);
    this.#running = { self, origin, encoder, ownLog, sending, relaying, fence, peering };
    this.#deliveries.start((from, seq) => from !== self && seq > encoder.lastEntry(from));
    this.#running.peering.handleTimeout(options.nowMs);
  }

  #restoreBatch(entry: JournalEntry, place: RecordPlace): void {
    const header = decodeBatchHeader(entry.body, undefined);
    if (entry.type === recordTypes.localBatch) this.#checkOwner(header.origin);
    // An application that stores its position has not seen what comes from here on: it stays on the disk.
    if (this.#deliveries.isBehindStored) this.#replay ??= new Replay(this.#logs, this.#origins);
    const result = this.#logs.take(entry.body, header, true);
    if (result.type !== 'taken') {
      throw new RemoteProtocolError('E_BATCH', `batch from seq ${header.firstSeq} is a ${result.type}`);
    }
    this.#becomeDurable(result.batch, place);
    this.#deliveries.restoreStored();
  }

  #checkOwner(owner: NodeName): void {
    const { name } = this.#options;
    if (owner === name) return;
    throw new AntecedentError(
      'E_LOG_FOREIGN',
      `the journal is that of node ${owner}, not of ${name}: give every node a directory of its own`,
    );
  }

  #newPeering(incarnation: number, nonce: number): Peering {
    const { name, cluster, limits, timings, random, digests } = this.#options;
    return new Peering({
      name,
      cluster,
      incarnation,
      nonce,
      peers: this.#peers,
      limits,
      timings,
      random,
      digests,
      outbox: this.#outbox,
      handlers: {
        durablePositions: () => this.#logs.durablePositions(),
        checkHello: (session, hello, atMs) => this.#checkHello(session, hello, atMs),
        checkWelcome: (session, held) => this.#run().fence.checkHeld(session, held),
        onUp: (peer, session, held) => this.#handlePeerUp(peer, session, held),
        onFrame: (peer, session, frame, nowMs) => this.#handleFrame(peer, session, frame, nowMs),
        isOwed: (peer) => this.#sending.isOwed(peer),
        sendPing: (peer, session) => this.#sending.sendPing(peer, session),
      },
    });
  }

  // --- Inputs --------------------------------------------------------------------------------------------------------

  handleLinkOpened(link: LinkId, peer: NodeName, dialedByUs: boolean, nowMs: number): void {
    this.#peering.handleLinkOpened(link, peer, dialedByUs, nowMs);
  }

  handleBytes(link: LinkId, bytes: Uint8Array, nowMs: number): void {
    this.#peering.handleBytes(link, bytes, nowMs);
  }

  handleLinkClosed(link: LinkId, reason: string, nowMs: number): void {
    this.#peering.handleLinkClosed(link, reason, nowMs);
  }

  handleDialFailed(peer: NodeName, reason: string, nowMs: number): void {
    this.#peering.handleDialFailed(peer, reason, nowMs);
  }

  /** Says how many bytes wait in a link: after sends were written to it, and when it has drained. */
  handleBuffered(link: LinkId, bufferedBytes: number): void {
    const peer = this.#peering.handleBuffered(link, bufferedBytes);
    if (peer?.session === undefined) return;
    this.#sending.pump(peer);
    this.#run().relaying.pump(peer.session);
  }

  /** The group of the last `appends` is synced; `places` says where its records lie, in the same order. */
  handlePersisted(places: readonly RecordPlace[], nowMs: number): void {
    const group = this.#group;
    assert(places.length === group.length, `${places.length} places for ${group.length} records`);
    this.#group = [];
    for (const [index, record] of group.entries()) {
      if (record.type === 'applied') {
        this.#deliveries.handleMarked(record.position);
        continue;
      }
      this.#becomeDurable(record.taken, places[index]);
      if (record.type === 'own-batch') this.#ownLog.cache(record.sealed.frame);
      else this.#handleRemoteDurable(record.taken.origin, nowMs);
    }
    if (group.some(({ type }) => type === 'own-batch')) this.#handleOwnDurable(nowMs);
  }

  handleRead(id: number, bytes: Uint8Array): void {
    this.#outbox.handleRead(id, bytes);
  }

  handleTimeout(nowMs: number): void {
    this.#outbox.clearWake();
    this.#peering.handleTimeout(nowMs);
  }

  /** Confirms the delivery at `position` and all before it. */
  handleApplied(position: number): void {
    this.#deliveries.handleApplied(position);
  }

  // --- What the application does ---------------------------------------------------------------------------------------

  /**
   * Broadcasts a copy of `payload`, causally after everything taken by `takeDelivery` so far. Throws
   * `E_MESSAGE_TOO_LARGE`, `E_BACKPRESSURE` (try again when earlier broadcasts have been accepted), `E_CONFIG` for a
   * durability that the cluster cannot give, and the code of the fence when a peer has proved that our log went back.
   */
  broadcast(payload: Uint8Array, durable: Durability): Dot {
    const { encoder, fence, origin } = this.#run();
    const { messageBytesMax, pendingBytesMax } = this.#options.limits;
    const members = membersFor(durable, this.#options.peers.length + 1);
    fence.check();
    if (payload.length > messageBytesMax) {
      throw new AntecedentError('E_MESSAGE_TOO_LARGE', `payload of ${payload.length} bytes exceeds ${messageBytesMax}`);
    }
    if (encoder.pendingBytes > 0 && encoder.pendingBytes + payload.length > pendingBytesMax) {
      const message = `${encoder.pendingBytes} bytes of broadcasts wait for the journal, at most ${pendingBytesMax} may`;
      throw new AntecedentError('E_BACKPRESSURE', message);
    }
    const seq = encoder.add(payload, this.#deliveries.news);
    this.#deliveries.clearNews();
    this.#acceptance.expect(seq, members);
    return { origin: origin.name, incarnation: origin.incarnation, seq };
  }

  /** The next message to hand to the application. From now on broadcasts depend on it. */
  takeDelivery(): Delivery | undefined {
    return this.#deliveries.take();
  }

  /** Says goodbye on all links. */
  closeLinks(nowMs: number): void {
    this.#peering.closeAll(nowMs);
  }

  /** Position of the last delivery taken. */
  get position(): number {
    return this.#deliveries.position;
  }

  /** Seq of our own last message that is synced. */
  get seq(): number {
    return this.#ownLog.index.lastSeq;
  }

  /** True while a group is on its way to the disk. */
  get isWriting(): boolean {
    return this.#group.length > 0;
  }

  /** True when nothing waits for the disk. */
  get isPersisted(): boolean {
    return this.#group.length === 0 && !this.#hasUnjournalled();
  }

  /** What the driver has to do now. Everything in it is handed over once. */
  takeReady(): Ready {
    this.#flushAcks();
    this.#goOnReplaying();
    return {
      appends: this.#takeGroup(),
      links: this.#outbox.takeLinks(),
      reads: this.#outbox.takeReads(),
      receipts: this.#outbox.takeReceipts(),
      events: this.#outbox.takeEvents(),
      wakeAtMs: this.#outbox.wakeAtMs,
    };
  }

  // --- The journal -----------------------------------------------------------------------------------------------------

  #goOnReplaying(): void {
    if (this.#replay?.isDone === true) this.#replay = undefined;
    this.#replay?.pump(this.#deliveries.undeliveredBytes, this.#outbox, (message) => this.#deliveries.offer(message));
  }

  #hasUnjournalled(): boolean {
    const hasMark = this.#deliveries.unmarked !== undefined;
    return this.#unjournalled.length > 0 || hasMark || this.#run().encoder.pendingBytes > 0;
  }

  #takeGroup(): readonly JournalEntry[] {
    if (this.#group.length > 0 || !this.#hasUnjournalled()) return noAppends;
    const group = this.#unjournalled;
    this.#unjournalled = [];
    for (const sealed of this.#run().encoder.seal()) {
      group.push({ type: 'own-batch', sealed, taken: this.#takeOwn(sealed) });
    }
    const position = this.#deliveries.unmarked;
    if (position !== undefined) group.push({ type: 'applied', position });
    this.#group = group;
    return group.map(journalEntryOf);
  }

  /** Reads back what we have just sealed: own messages take the same way as everybody's from here on. */
  #takeOwn(sealed: SealedBatch): TakenBatch {
    const result = this.#logs.take(sealed.batch, decodeBatchHeader(sealed.batch, undefined), true);
    assert(result.type === 'taken', 'our own batch continues our own log');
    return result.batch;
  }

  #becomeDurable(taken: TakenBatch, place: RecordPlace | undefined): void {
    assert(place !== undefined, 'every record of a group has its place');
    this.#logs.enter(taken, place);
    if (this.#replay !== undefined) {
      // It comes to it in its turn.
      this.#replay.noteNew(place.length);
      return;
    }
    for (const message of taken.messages) this.#deliveries.offer(message);
  }

  #handleOwnDurable(nowMs: number): void {
    this.#settle();
    for (const peer of this.#peers.values()) {
      if (peer.session === undefined) continue;
      this.#sending.pump(peer);
      if (this.#sending.isOwed(peer)) this.#peering.expectAck(peer.session, nowMs);
    }
  }

  // --- Peers -----------------------------------------------------------------------------------------------------------

  #checkHello(session: Session, { incarnation }: HelloFrame, nowMs: number): void {
    const newest = this.#closedLogs.newestOf(session.peer);
    if (incarnation < newest) {
      const message = `${session.peer} is back as incarnation ${incarnation}, we know it as ${newest}: its data directory was set back`;
      throw new RemoteProtocolError('E_ROLLED_BACK', message);
    }
    if (!this.#closedLogs.note(session.peer, incarnation)) return;
    // What is closed now may be missing anywhere, and somewhere it is held.
    for (const { session: other } of this.#peers.values()) {
      if (other === undefined) continue;
      other.owesAck = true;
      this.#fetching.maybeAsk(other, nowMs);
    }
  }

  #handlePeerUp(peer: Peer, session: Session, held: readonly LogPositionWithChain[]): void {
    this.#fetching.handleHeld(session, held);
    this.#fetching.maybeAsk(session, session.lastHeardMs);
    this.#sending.start(peer, session, this.#ownPosition(held)?.seq ?? 0);
    this.#sending.pump(peer);
    if (this.#sending.isOwed(peer)) this.#peering.expectAck(session, session.lastHeardMs);
    this.#settle();
  }

  #handleFrame(peer: Peer, session: Session, frame: Frame, nowMs: number): void {
    switch (frame.type) {
      case 'batch':
        return this.#handleBatch(session, frame, nowMs);
      case 'ack':
        return this.#handleAck(peer, session, frame.durable, nowMs);
      case 'want':
        return this.#handleWant(peer, session, frame);
      case 'ping':
        return this.#handlePing(session, frame.sentSeq, nowMs);
      case 'pong':
        return;
      default:
        throw new RemoteProtocolError('E_STATE', `${frame.type} frame on a link that is up`);
    }
  }

  #handleBatch(session: Session, frame: BatchFrame, nowMs: number): void {
    const header = decodeBatchHeader(frame.batch, this.#options.digests);
    const isTheirOwn = header.origin === session.peer && header.incarnation === session.hello?.incarnation;
    if (!isTheirOwn && !this.#fetching.hasAskedFor(session, header)) {
      const key = originKey(header.origin, header.incarnation);
      throw new RemoteProtocolError('E_IDENTITY', `${session.peer} sends a batch of ${key} that we have not asked for`);
    }
    const result = isTheirOwn ? this.#logs.take(frame.batch, header) : this.#takeFetched(session, frame.batch, header);
    switch (result?.type) {
      case undefined:
        return;
      case 'taken':
        this.#unjournalled.push({ type: 'remote-batch', taken: result.batch });
        return;
      case 'duplicate':
        // Our acknowledgement may have been lost with its link.
        session.owesAck = true;
        return;
      case 'gap':
        if (isTheirOwn) this.#want(session, result.missingSeq, nowMs);
        else this.#fetching.maybeAsk(session, nowMs);
    }
  }

  /** Takes a batch that the peer did not write. What is wrong with it is nothing that the peer has done. */
  #takeFetched(session: Session, batch: Uint8Array, header: BatchHeader): TakeResult | undefined {
    const origin = this.#origins.resolve(header.origin, header.incarnation);
    // What was on its way when the first contradiction came.
    if (session.givenUp.has(origin)) return undefined;
    try {
      return this.#logs.take(batch, header);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      this.#fetching.giveUp(session, origin);
      const { code, message } = error;
      this.#outbox.event({ type: 'fetched-refused', peer: session.peer, code, message });
      return undefined;
    }
  }

  #handleAck(peer: Peer, session: Session, positions: readonly LogPosition[], nowMs: number): void {
    this.#fetching.handleHeld(session, positions);
    this.#fetching.maybeAsk(session, nowMs);
    const ours = this.#ownPosition(positions);
    if (ours === undefined) return;
    this.#sending.handleAck(peer, ours.seq);
    this.#settle();
  }

  #handleWant(peer: Peer, session: Session, wanted: LogPosition): void {
    if (this.#ownPosition([wanted]) !== undefined) {
      this.#sending.handleWant(peer, wanted.seq);
      return;
    }
    const origin = this.#origins.find(wanted.origin, wanted.incarnation);
    if (origin === undefined) {
      const key = originKey(wanted.origin, wanted.incarnation);
      throw new RemoteProtocolError('E_STATE', `wants the log of ${key} from us, of which we hold nothing`);
    }
    this.#run().relaying.handleWant(session, origin, wanted);
  }

  #handlePing(session: Session, sentSeq: number, nowMs: number): void {
    const origin = this.#originOf(session);
    const receivedSeq = this.#logs.receivedSeq(origin);
    if (sentSeq > receivedSeq) this.#want(session, receivedSeq + 1, nowMs);
    session.owesAck = true;
  }

  /** False while our application, or a cause that is missing, keeps us from taking more of a log. */
  #hasRoomFor(origin: number): boolean {
    const { heldBackBytesMax, undeliveredBytesMax } = this.#options.limits;
    return this.#undeliveredBytes <= undeliveredBytesMax && this.#deliveries.heldBytes(origin) <= heldBackBytesMax;
  }

  /** What waits for the application: in memory, and of what has come during a replay on the disk. */
  get #undeliveredBytes(): number {
    return this.#deliveries.undeliveredBytes + (this.#replay?.newBytes ?? 0);
  }

  /** Asks for the peer's log from `seq` on, once per gap and `wantRetryMs`. */
  #want(session: Session, seq: number, nowMs: number): void {
    const last = session.wanted;
    if (last?.seq === seq && nowMs - last.atMs < this.#options.timings.wantRetryMs) return;
    session.wanted = { seq, atMs: nowMs };
    this.#sending.sendWant(session, { ...this.#originPosition(this.#originOf(session)), seq });
  }

  /** Says how far we have come to whoever writes the log, and of a closed one to everybody; and goes on fetching it. */
  #handleRemoteDurable(origin: number, nowMs: number): void {
    if (this.#closedLogs.isClosed(origin)) {
      for (const { session } of this.#peers.values()) {
        if (session === undefined) continue;
        session.owesAck = true;
        this.#fetching.maybeAsk(session, nowMs);
      }
      return;
    }
    const session = this.#peers.get(this.#origins.at(origin).name)?.session;
    if (session !== undefined) session.owesAck = true;
  }

  #flushAcks(): void {
    const { heldBackBytesMax, linkBufferBytesMax, undeliveredBytesMax } = this.#options.limits;
    // Unacknowledged, a peer's window closes: that is how a slow application, or a missing cause, stops what feeds it.
    if (this.#undeliveredBytes > undeliveredBytesMax) return;
    for (const peer of this.#peers.values()) {
      const session = peer.session;
      // Who does not read gets no acknowledgements either; they are cumulative, and the next one says it all.
      if (session?.owesAck !== true || session.bufferedBytes >= linkBufferBytesMax) continue;
      const origin = this.#originOf(session);
      if (this.#deliveries.heldBytes(origin) <= heldBackBytesMax) {
        const closed = this.#closedLogs.all.map((index) => this.#originPosition(index));
        this.#sending.sendAck(session, [this.#originPosition(origin), ...closed]);
      }
    }
  }

  #originOf(session: Session): number {
    return this.#origins.resolve(session.peer, session.hello?.incarnation ?? 1);
  }

  #originPosition(index: number): LogPosition {
    const { name, incarnation } = this.#origins.at(index);
    return { origin: name, incarnation, seq: this.#logs.durableSeq(index) };
  }

  /** Of what a peer says about logs, that about ours. */
  #ownPosition<P extends LogPosition>(positions: readonly P[]): P | undefined {
    const { name, incarnation } = this.#run().origin;
    return positions.find((position) => position.origin === name && position.incarnation === incarnation);
  }

  // --- Receipts ---------------------------------------------------------------------------------------------

  #settle(): void {
    const durableSeqs = [this.#ownLog.index.lastSeq];
    for (const peer of this.#peers.values()) durableSeqs.push(peer.ackedSeq);
    this.#acceptance.settle(durableSeqs, (seq) => this.#outbox.receipt(seq));
  }

  get #peering(): Peering {
    return this.#run().peering;
  }

  get #sending(): Sending {
    return this.#run().sending;
  }

  get #ownLog(): OwnLog {
    return this.#run().ownLog;
  }

  #run(): Running {
    assert(this.#running !== undefined, 'start comes before everything but restore');
    return this.#running;
  }
}
