/**
 * The protocol as a synchronous state machine: inputs in, `Ready` out. It never calls out and never waits.
 *
 *     new Replica -> restore (every journal record) -> start -> handle* / broadcast / takeDelivery, each followed by takeReady
 *
 * Invariants:
 * - At most one group of records is on its way to the disk. What happens meanwhile forms the next group (group commit).
 * - Nothing is sent, acknowledged, accepted or delivered before the group that holds it has been confirmed; nor does a change to
 *   the members take effect before.
 * - Messages are offered for delivery in the order of the journal, so the n-th delivery is the same after every restart.
 * Methods come in three kinds: restoring, inputs (`handle...`), and what the application does.
 */
import { AntecedentError, RemoteProtocolError, assert } from '../errors.js';
import type { Delivery, Durability } from '../delivery.js';
import { recordTypes, type JournalEntry, type RecordPlace } from '../journal/journal.js';
import type { SealedBatch } from '../message/batch-encoder.js';
import { decodeBatchHeader } from '../message/batch.js';
import { ByteReader } from '../message/bytes.js';
import { readMemberChanges, type LogPosition, type MemberChange } from '../message/frame.js';
import type { Dot } from '../message/origin.js';
import type { NodeName } from '../names.js';
import type { NodeStatus } from '../status.js';
import { Acceptance, checkDurability } from './acceptance.js';
import { checkpointOf, restoreCheckpoint, restoreLineBegun } from './checkpointing.js';
import { Fetching } from './fetching.js';
import { Knowledge, type ReplicaOptions } from './knowledge.js';
import type { TakenBatch } from './logs.js';
import type { SnapshotDelivery } from './deliveries.js';
import { readLineBegun } from './line-begun.js';
import { Members } from './members.js';
import { checkOwner } from './own-log.js';
import { newPeer } from './peer.js';
import { journalEntryOf, type PendingRecord } from './pending-record.js';
import type { PlutoInputs } from './pluto-gateway.js';
import type { LinkId, Ready } from './ready.js';
import { Replay } from './replay.js';
import { Review } from './review.js';
import { run, type Running } from './running.js';
import { Snapshots, snapshotAwaited } from './snapshots.js';
import { statusOf } from './status-of.js';

export type { ReplicaOptions } from './knowledge.js';

const noAppends: readonly JournalEntry[] = [];

export class Replica {
  readonly #options: ReplicaOptions;
  readonly #knowledge: Knowledge;
  readonly #fetching: Fetching;
  readonly #members: Members;
  readonly #snapshots: Snapshots;
  readonly #review: Review;
  readonly #acceptance = new Acceptance();
  #running: Running | undefined;
  /** Deliveries of an earlier life that are still on the disk. */
  #replay: Replay | undefined;

  /** Taken and not yet in a group. */
  #unjournalled: PendingRecord[] = [];
  /** The group on its way to the disk; empty when there is none. */
  #group: readonly PendingRecord[] = [];
  /** What the application and the operator wait for, by number. */
  #nextRequest = 1;
  /** The incarnation to begin before anything else is journalled. */
  #nextIncarnation: number | undefined;
  /** Where the journal ends. */
  #endAddress = 0;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#knowledge = new Knowledge(options);
    this.#members = new Members(options.name, this.#knowledge);
    this.#snapshots = new Snapshots(this.#knowledge, options.digests);
    this.#review = new Review(options, this.#knowledge);
    const { logs, origins, closedLogs, outbox, peers, plutoPeers } = this.#knowledge;
    this.#fetching = new Fetching({
      ...{ logs, origins, closedLogs, outbox, peers, plutoPeers },
      timings: options.timings,
      fromAnyMember: options.repair === 'any-member',
      hasRoomFor: (origin) => this.#hasRoomFor(origin),
    });
  }

  // --- Restoring -----------------------------------------------------------------------------------------------------

  /**
   * Takes one record of the journal, in order; nothing lies in front of the first. Throws `E_LOG_CORRUPT` when it contradicts those before,
   * `E_LOG_VERSION` when a newer program has written it, `E_CONFIG` when it names a node that is not a member.
   */
  restore(entry: JournalEntry, place: RecordPlace, isFirst: boolean): void {
    assert(this.#running === undefined, 'records are restored before start');
    try {
      this.#restore(entry, place, isFirst);
    } catch (error) {
      if (!(error instanceof RemoteProtocolError)) throw error;
      if (error.code === 'E_UNKNOWN_MEMBER') {
        const message = `the journal holds messages that name a node which is not among the peers: ${error.message}; put it back into peers`;
        throw new AntecedentError('E_CONFIG', message, { cause: error });
      }
      if (error.code === 'E_VERSION') {
        const message = `journal record ${place.lsn} is of a newer program: ${error.message}; start that one`;
        throw new AntecedentError('E_LOG_VERSION', message, { cause: error });
      }
      const message = `journal record ${place.lsn} is whole but cannot follow those before it: ${error.message}`;
      throw new AntecedentError('E_LOG_CORRUPT', message, { cause: error });
    }
  }

  #restore(entry: JournalEntry, place: RecordPlace, isFirst: boolean): void {
    const { deliveries } = this.#knowledge;
    this.#endAddress = place.address + place.length;
    switch (entry.type) {
      case recordTypes.checkpoint:
        // Of the others we have seen what they stand for.
        if (isFirst) restoreCheckpoint(entry.body, this.#knowledge, this.#members, this.#options.hasSnapshots);
        return;
      case recordTypes.applied:
        return deliveries.restoreMark(new ByteReader(entry.body).varint());
      case recordTypes.skipped:
        return deliveries.noteSkipped(new ByteReader(entry.body).varint());
      case recordTypes.snapshotChunk:
        return this.#snapshots.restorePiece(entry.body);
      case recordTypes.snapshot:
        this.#snapshots.restoreSnapshot(entry.body, this.#replay);
        return deliveries.restoreStored();
      case recordTypes.lineBegun:
        return restoreLineBegun(readLineBegun(entry.body), this.#knowledge);
      case recordTypes.membership:
        return this.#members.restore(readMemberChanges(new ByteReader(entry.body)));
      default:
        this.#restoreBatch(entry, place);
    }
  }

  /**
   * Everything is restored: begins to dial. Throws `E_POSITION` when the application is ahead of the journal, which
   * means that it belongs to another data directory or that this one was set back.
   */
  start(options: { readonly incarnation: number; readonly nonce: number; readonly nowMs: number }): void {
    assert(this.#running === undefined, 'start is called once');
    const { closedLogs, deliveries, logs, membership, origins } = this.#knowledge;
    for (let index = 0; index < origins.size; index++) {
      // What a member has broadcast as a later incarnation closes its earlier ones.
      const { name, incarnation } = origins.at(index);
      if (logs.durableSeq(index) > 0) {
        closedLogs.note(name, incarnation);
        this.#knowledge.adverts.touch(index);
      }
    }
    deliveries.start();
    if (deliveries.hasSnapshot && !this.#options.hasSnapshots) {
      const message =
        'the journal holds a snapshot that the application has not taken yet: open it with the hooks for snapshots';
      throw new AntecedentError('E_CONFIG', message);
    }
    this.#run(options);
    this.#journal(this.#snapshots.maybeComplete(this.#active, this.#replay));
    if (membership.changes.length > 0) this.#members.report(membership.changes);
  }

  #run({ incarnation, nonce, nowMs }: { incarnation: number; nonce: number; nowMs: number }): void {
    const running = run(this.#options, this.#knowledge, {
      ...{ incarnation, nonce, fetching: this.#fetching },
      undeliveredBytes: () => this.#undeliveredBytes,
      hasRoomFor: (origin) => this.#hasRoomFor(origin),
      onLine: (peer, seq) => this.#unjournalled.push({ type: 'line-begun', peer, seq }),
      onTaken: (taken) => this.#unjournalled.push({ type: 'remote-batch', taken }),
      onMemberChanges: (changes) => this.#handleMemberChanges(changes),
      onAcked: () => this.#settle(),
      onPiece: (piece) => this.#unjournalled.push({ type: 'snapshot-piece', piece }),
      onForgotten: (next) => (this.#nextIncarnation = Math.max(next, this.#nextIncarnation ?? 0)),
    });
    this.#running = running;
    this.#knowledge.marking.noteTime(nowMs);
    // Nobody was away before we were here.
    for (const peer of this.#knowledge.peers.values()) peer.seenAtMs = nowMs;
    const { self, encoder, peering } = running;
    this.#knowledge.adverts.touchView();
    this.#knowledge.deliveries.beginLog((from, seq) => from !== self && seq > encoder.lastEntry(from));
    peering.handleTimeout(nowMs);
  }

  #restoreBatch(entry: JournalEntry, place: RecordPlace): void {
    const { deliveries, logs, origins } = this.#knowledge;
    const header = decodeBatchHeader(entry.body, undefined);
    if (entry.type === recordTypes.localBatch) checkOwner(header.origin, this.#options.name);
    // An application that stores its position has not seen what comes from here on: it stays on the disk.
    if (deliveries.isBehindStored) this.#replay ??= new Replay(logs, origins);
    const result = logs.take(entry.body, header, true);
    if (result.type !== 'taken') {
      throw new RemoteProtocolError('E_BATCH', `batch from seq ${header.firstSeq} is a ${result.type}`);
    }
    this.#becomeDurable(result.batch, place);
    deliveries.restoreStored();
  }

  // --- Inputs --------------------------------------------------------------------------------------------------------

  handleLinkOpened(link: LinkId, peer: NodeName, dialedByUs: boolean, nowMs: number): void {
    this.#active.peering.handleLinkOpened(link, peer, dialedByUs, nowMs);
  }

  handleBytes(link: LinkId, bytes: Uint8Array, nowMs: number): void {
    this.#active.peering.handleBytes(link, bytes, nowMs);
    this.#review.maybeDo(this.#active, this.#endAddress, nowMs);
  }

  handleLinkClosed(link: LinkId, reason: string, nowMs: number): void {
    this.#active.peering.handleLinkClosed(link, reason, nowMs);
  }

  handleDialFailed(peer: NodeName, reason: string, nowMs: number): void {
    this.#active.peering.handleDialFailed(peer, reason, nowMs);
  }

  /** Says how many bytes wait in a link: after sends were written to it, and when it has drained. */
  handleBuffered(link: LinkId, bufferedBytes: number): void {
    const { peering, relaying, sending } = this.#active;
    const peer = peering.handleBuffered(link, bufferedBytes);
    if (peer?.session === undefined) return;
    sending.pump(peer);
    relaying.pump(peer.session);
  }

  /** The group of the last `appends` is synced; `places` says where its records lie, in the same order. */
  handlePersisted(places: readonly RecordPlace[], nowMs: number): void {
    const group = this.#group;
    assert(places.length === group.length, `${places.length} places for ${group.length} records`);
    this.#group = [];
    this.#knowledge.marking.noteTime(nowMs);
    this.#review.noteDurable();
    const last = places.at(-1);
    if (last !== undefined) this.#endAddress = last.address + last.length;
    const { exchange, ownLog, pluto, self } = this.#active;
    let hasOwn = false;
    let hasPiece = false;
    for (const [index, record] of group.entries()) {
      switch (record.type) {
        case 'own-batch':
          this.#becomeDurable(record.taken, places[index]);
          ownLog.cache(record.sealed.frame);
          hasOwn = true;
          break;
        case 'remote-batch':
          this.#becomeDurable(record.taken, places[index]);
          exchange.handleDurable(record.taken, nowMs);
          pluto.handleDurable(record.taken.origin);
          break;
        case 'line-begun':
          pluto.handleBegun(record.peer, record.seq);
          break;
        case 'applied':
          this.#knowledge.deliveries.handleMarked(record.position);
          break;
        case 'skipped':
          this.#knowledge.deliveries.noteSkipped(record.position);
          this.#knowledge.outbox.confirm(record.request);
          break;
        case 'snapshot-piece':
          hasPiece = true;
          break;
        case 'snapshot':
          this.#snapshots.handleDurable(this.#active, this.#replay, nowMs);
          break;
        case 'membership':
          if (this.#members.handleDurable(record.changes, this.#active, nowMs)) this.#settle();
          if (record.request !== undefined) this.#knowledge.outbox.confirm(record.request);
      }
    }
    if (hasOwn) exchange.handleOwnDurable(self, nowMs);
    // Not before everything else: the snapshot must hold what was journalled with its last piece.
    if (hasPiece) this.#journal(this.#snapshots.handlePieceDurable(this.#active, this.#replay, nowMs));
    this.#review.maybeDo(this.#active, this.#endAddress, nowMs);
  }

  handleRead(id: number, bytes: Uint8Array): void {
    this.#knowledge.outbox.handleRead(id, bytes);
  }

  handleTimeout(nowMs: number): void {
    this.#knowledge.outbox.clearWake();
    this.#knowledge.marking.noteTime(nowMs);
    this.#active.donor.handleTimeout(nowMs);
    this.#active.pluto.handleTimeout(nowMs);
    this.#active.peering.handleTimeout(nowMs);
    this.#review.maybeDo(this.#active, this.#endAddress, nowMs);
  }

  /** Where lines of members that speak pluto v0.4 come in, and what became of those to them. */
  get pluto(): PlutoInputs {
    return this.#active.pluto;
  }

  /** Confirms the delivery at `position` and all before it. */
  handleApplied(position: number): void {
    this.#knowledge.deliveries.handleApplied(position);
  }

  /** The journal has begun the incarnation that `Ready` asked for: nothing was broadcast in the one before. */
  handleIncarnation(options: { readonly incarnation: number; readonly nonce: number; readonly nowMs: number }): void {
    const { peers } = this.#knowledge;
    const asked = this.#nextIncarnation;
    assert(asked !== undefined && asked >= options.incarnation, `incarnation ${options.incarnation} was not asked for`);
    // Meanwhile somebody else may have remembered a later one.
    this.#nextIncarnation = asked > options.incarnation ? asked : undefined;
    this.#active.peering.closeAll(options.nowMs);
    for (const name of peers.keys()) peers.set(name, newPeer(name));
    const { isComplete } = this.#active.receiver;
    this.#run(options);
    if (isComplete) this.#active.receiver.handleComplete();
  }

  // --- What the application does ---------------------------------------------------------------------------------------

  /**
   * Broadcasts a copy of `payload`, causally after everything taken by `takeDelivery` so far. Throws
   * `E_MESSAGE_TOO_LARGE`, `E_BACKPRESSURE` (try again when earlier broadcasts have been accepted), `E_CONFIG` for a
   * durability that the cluster cannot give, `E_PLUTO` for what a member that speaks pluto v0.4 cannot be told, `E_CATCHING_UP` while a node that begins anew has not delivered enough (try again
   * after deliveries), and the code of the fence when a peer has proved that our log went back or that we were removed.
   */
  broadcast(payload: Uint8Array, durable: Durability): Dot {
    const { encoder, fence, origin, pluto, receiver } = this.#active;
    const { deliveries, peers, plutoPeers } = this.#knowledge;
    const { messageBytesMax, pendingBytesMax, undeliveredBytesMax } = this.#options.limits;
    checkDurability(durable, peers.size + plutoPeers.size + 1);
    fence.check();
    pluto.checkBroadcast(payload);
    if (payload.length > messageBytesMax) {
      throw new AntecedentError('E_MESSAGE_TOO_LARGE', `payload of ${payload.length} bytes exceeds ${messageBytesMax}`);
    }
    if (encoder.pendingBytes > 0 && encoder.pendingMemory + payload.length > pendingBytesMax) {
      const message = `${encoder.pendingMemory} bytes of broadcasts wait for the journal, at most ${pendingBytesMax} may`;
      throw new AntecedentError('E_BACKPRESSURE', message);
    }
    if (this.#undeliveredBytes > 2 * undeliveredBytesMax) {
      const message = `${this.#undeliveredBytes} bytes wait for the application, which does not keep up with its own broadcasts`;
      throw new AntecedentError('E_BACKPRESSURE', message);
    }
    if (this.#snapshots.isAwaited(receiver)) throw new AntecedentError('E_CATCHING_UP', snapshotAwaited);
    this.#checkCaughtUp();
    const seq = encoder.add(payload, deliveries.news);
    deliveries.clearNews();
    this.#acceptance.expect(seq, durable);
    return { origin: origin.name, incarnation: origin.incarnation, seq };
  }

  /** Throws `E_CATCHING_UP`. */
  #checkCaughtUp(): void {
    const { catchUp, origin } = this.#active;
    this.#lookAtCatchUp();
    if (catchUp.isDone && this.#nextIncarnation === undefined && this.#knowledge.membership.has(origin.name)) return;
    throw new AntecedentError('E_CATCHING_UP', catchUp.explanation);
  }

  #lookAtCatchUp(): void {
    const { deliveries, membership, origins } = this.#knowledge;
    if (this.#active.catchUp.isDone) return;
    const appliedSeq = ({ origin, incarnation }: LogPosition): number => {
      const index = origins.find(origin, incarnation);
      // Not what it may have been given before a crash: what it broadcasts must come from a state with all of it.
      return index === undefined ? 0 : deliveries.appliedSeq(index);
    };
    this.#active.catchUp.check(appliedSeq, (name) => membership.has(name));
  }

  /** The next message to hand to the application. From now on broadcasts depend on it. */
  takeDelivery(): Delivery | undefined {
    if (this.#active.receiver.isReceiving) return undefined;
    return this.#knowledge.deliveries.take();
  }

  /**
   * An operator gives up the delivery at `position`, which is being applied: journalled with the reason, so that it is not
   * handed over again. Returns the number under which `Ready` confirms it.
   */
  skip(position: number, reason: string): number {
    const request = this.#nextRequest++;
    this.#unjournalled.push({ type: 'skipped', position, reason, request });
    return request;
  }

  /**
   * Makes `name` a member; the others hear of it from us and from each other. Returns the number under which `Ready` confirms it.
   * Throws `E_CONFIG` for a member, and when there are too many.
   */
  addMember(name: NodeName, address: string): number {
    return this.#requestChange(this.#members.adding(name, address));
  }

  /**
   * Removes a member: what it has sent to any of us reaches all of us, and nothing more comes from it. Returns the number under
   * which `Ready` confirms it. Throws `E_CONFIG` for who is no member, and for ourselves.
   */
  removeMember(name: NodeName): number {
    return this.#requestChange(this.#members.removing(name));
  }

  #requestChange(change: MemberChange): number {
    this.#active.fence.check();
    // Whom it adds has to apply only what it has itself.
    this.#checkCaughtUp();
    const request = this.#nextRequest++;
    this.#knowledge.membership.noteUnderWay();
    this.#unjournalled.push({ type: 'membership', changes: [change], request });
    return request;
  }

  /** Says goodbye on all links. */
  closeLinks(nowMs: number): void {
    this.#active.peering.closeAll(nowMs);
  }

  /** Position of the last delivery taken. */
  get position(): number {
    return this.#knowledge.deliveries.position;
  }

  /** Position of the last delivery that was confirmed. */
  get appliedPosition(): number {
    return this.#knowledge.deliveries.appliedPosition;
  }

  /** Seq of our own last message that is synced. */
  get seq(): number {
    return this.#active.ownLog.index.lastSeq;
  }

  /** Members other than us. */
  get peers(): readonly NodeName[] {
    return [...this.#knowledge.peers.keys()];
  }

  /** What we know, but for the state of the node. */
  status(): Omit<NodeStatus, 'state'> {
    this.#lookAtCatchUp();
    const status = statusOf(this.#knowledge, this.#active, this.#fetching, this.#undeliveredBytes);
    if (status.refusal !== undefined || !this.#snapshots.isAwaited(this.#active.receiver)) return status;
    return { ...status, refusal: { code: 'E_CATCHING_UP', message: snapshotAwaited } };
  }

  /**
   * What we know from what is durable, for the journal to begin with. Undefined while deliveries of an earlier life come from
   * the disk, as what they wait for is not known then; and while a snapshot is on its way to the application.
   */
  checkpoint(): Uint8Array | undefined {
    const { isBehindJournal, hasSnapshot } = this.#knowledge.deliveries;
    const isBehind = this.#replay !== undefined || isBehindJournal || hasSnapshot;
    return isBehind || !this.#knowledge.pieces.isEmpty ? undefined : checkpointOf(this.#knowledge);
  }

  /** The journal has given up everything in front of `address`. */
  handleReleased(address: number): void {
    this.#knowledge.logs.dropBelow(address);
  }

  /** True while a group is on its way to the disk. */
  get isWriting(): boolean {
    return this.#group.length > 0;
  }

  /** The node closes: what waits to be journalled waits no longer. */
  handleClosing(): void {
    this.#knowledge.marking.hurry();
  }

  /** True when nothing waits for the disk. */
  get isPersisted(): boolean {
    return this.#group.length === 0 && !this.#hasRecords && !this.#knowledge.marking.isAwaited;
  }

  /** What the driver has to do now. Everything in it is handed over once. */
  takeReady(): Ready {
    const { outbox } = this.#knowledge;
    this.#active.exchange.flush();
    this.#active.pluto.pump();
    this.#goOnReplaying();
    return {
      appends: this.#takeGroup(),
      links: outbox.takeLinks(),
      lines: outbox.takeLines(),
      reads: outbox.takeReads(),
      receipts: outbox.takeReceipts(),
      impossible: outbox.takeImpossible(),
      confirmations: outbox.takeConfirmations(),
      events: outbox.takeEvents(),
      incarnation: this.#group.length === 0 ? this.#nextIncarnation : undefined,
      releaseAddress: this.#review.releaseAddress,
      wakeAtMs: outbox.wakeAtMs,
    };
  }

  // --- The journal -----------------------------------------------------------------------------------------------------

  #journal(record: PendingRecord | undefined): void {
    if (record !== undefined) this.#unjournalled.push(record);
  }

  #goOnReplaying(): void {
    const { deliveries, outbox } = this.#knowledge;
    if (this.#replay?.isDone === true) this.#replay = undefined;
    this.#replay?.pump(deliveries.undeliveredBytes, outbox, (message) => deliveries.offer(message));
  }

  /** Something other than the mark waits for the disk. */
  get #hasRecords(): boolean {
    return this.#unjournalled.length > 0 || this.#active.encoder.pendingBytes > 0;
  }

  #takeGroup(): readonly JournalEntry[] {
    if (this.#group.length > 0 || this.#nextIncarnation !== undefined) return noAppends;
    if (!this.#hasRecords && !this.#knowledge.marking.isDue) return noAppends;
    const group = this.#unjournalled;
    this.#unjournalled = [];
    for (const sealed of this.#active.encoder.seal()) {
      group.push({ type: 'own-batch', sealed, taken: this.#takeOwn(sealed) });
    }
    const position = this.#knowledge.marking.take();
    if (position !== undefined) group.push({ type: 'applied', position });
    this.#group = group;
    return group.map(journalEntryOf);
  }

  /** Reads back what we have just sealed: own messages take the same way as everybody's from here on. */
  #takeOwn(sealed: SealedBatch): TakenBatch {
    const result = this.#knowledge.logs.take(sealed.batch, decodeBatchHeader(sealed.batch, undefined), true);
    assert(result.type === 'taken', 'our own batch continues our own log');
    return result.batch;
  }

  #becomeDurable(taken: TakenBatch, place: RecordPlace | undefined): void {
    assert(place !== undefined, 'every record of a group has its place');
    this.#knowledge.logs.enter(taken, place);
    if (this.#replay !== undefined) {
      // It comes to it in its turn.
      this.#replay.noteNew(place.length);
      return;
    }
    for (const message of taken.messages) this.#knowledge.deliveries.offer(message);
  }

  // --- Snapshots -------------------------------------------------------------------------------------------------------

  /** True when the application is to be asked for its state. Then `provideSnapshot`, before it is given the next message. */
  get isSnapshotWanted(): boolean {
    return this.#active.donor.isWanted && this.#snapshots.canBeGiven;
  }

  /** The state of the application, with everything in it that it was given; undefined when it gives none. */
  provideSnapshot(state: Uint8Array | undefined, nowMs: number): void {
    this.#snapshots.provide(state, this.#active, nowMs);
  }

  /** Another member's state, to be handed to the application in place of a message. */
  takeSnapshot(): SnapshotDelivery | undefined {
    return this.#knowledge.deliveries.takeSnapshot();
  }

  // --- Members ---------------------------------------------------------------------------------------------------------

  #handleMemberChanges(changes: readonly MemberChange[]): void {
    const news = this.#knowledge.membership.newsIn(changes);
    if (news.length === 0) return;
    this.#members.checkNews(news);
    this.#knowledge.membership.noteUnderWay();
    this.#unjournalled.push({ type: 'membership', changes: news, request: undefined });
  }

  // --- Room ------------------------------------------------------------------------------------------------------------

  /** False while our application, or a cause that is missing, keeps us from taking more of a log. */
  #hasRoomFor(origin: number): boolean {
    const { heldBackBytesMax, undeliveredBytesMax } = this.#options.limits;
    return (
      this.#undeliveredBytes <= undeliveredBytesMax && this.#knowledge.deliveries.heldBytes(origin) <= heldBackBytesMax
    );
  }

  /** What waits for the application: in memory, and of what has come during a replay on the disk. */
  get #undeliveredBytes(): number {
    return this.#knowledge.deliveries.undeliveredBytes + (this.#replay?.newBytes ?? 0);
  }

  // --- Receipts and stability ------------------------------------------------------------------------------------------

  #settle(): void {
    if (this.#acceptance.isEmpty) return;
    const { outbox } = this.#knowledge;
    this.#acceptance.settle(
      this.#knowledge.syncedSeqs(this.#active.ownLog.index.lastSeq),
      (seq) => outbox.receipt(seq),
      (seq) => outbox.impossible(seq),
    );
  }

  get #active(): Running {
    assert(this.#running !== undefined, 'start comes before everything but restore');
    return this.#running;
  }
}
