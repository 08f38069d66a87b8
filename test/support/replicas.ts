/** Replicas without a driver: tests carry bytes, syncs and time by hand, and see what a replica asks for and when. */
import {
  nodeName,
  clusterName,
  defaultLimits,
  defaultTimings,
  type LineOutcome,
  type Limits,
  type NodeName,
  type Timings,
} from '../../core/index.js';
import { recordTypes, type JournalEntry, type RecordPlace } from '../../core/journal/journal.js';
import { decodeFrame, FrameEncoder, type EncodableFrame, type Frame } from '../../core/message/frame.js';
import { Slab } from '../../core/message/slab.js';
import { FrameReader } from '../../core/message/frame-reader.js';
import { Replica } from '../../core/replica/replica.js';
import { defaultRetention, type RetentionPolicy } from '../../core/replica/retention.js';
import type { LineAction, LinkAction, Ready, ReplicaEvent } from '../../core/replica/ready.js';
import { nodeDigests } from './digests.js';

export interface ReplicaUnderTestOptions {
  readonly name: string;
  readonly peers: readonly string[];
  /** Members that speak pluto v0.4. */
  readonly plutoPeers?: readonly string[];
  /** False: `takeConnects` says for whom a connection is wanted. Otherwise who speaks pluto v0.4 lets us in at once. */
  readonly letsLinesIn?: boolean;
  readonly position?: number;
  readonly repair?: 'any-member' | 'origin-only';
  readonly joins?: boolean;
  readonly retention?: Partial<RetentionPolicy>;
  readonly hasSnapshots?: boolean;
  readonly cluster?: string;
  readonly nonce?: number;
  readonly limits?: Partial<Limits>;
  readonly timings?: Partial<Timings>;
  readonly incarnation?: number;
  /** Journal of an earlier life. */
  readonly journal?: readonly JournalEntry[];
  /** Time at the start. */
  readonly nowMs?: number;
}

export class ReplicaUnderTest {
  readonly name: NodeName;
  readonly replica: Replica;
  readonly journal: JournalEntry[] = [];
  nowMs: number;
  readonly events: ReplicaEvent[] = [];
  readonly receipts: number[] = [];
  readonly confirmations: number[] = [];
  readonly impossible: number[] = [];
  readonly actions: LinkAction[] = [];
  readonly lines: LineAction[] = [];
  readonly reads: Ready['reads'][number][] = [];
  wakeAtMs: number | undefined;
  /** The incarnation that the journal is asked to begin. */
  incarnation: number | undefined;
  /** The journal need not keep anything in front of it. */
  releaseAddress = 0;
  /** The next group begins a segment of the journal, if the replica gives it a checkpoint. */
  beginsSegment = false;
  readonly #letsLinesIn: boolean;
  /** Where the journal begins. */
  #beginAddress = 0;
  #unsynced: readonly JournalEntry[] = [];
  #nextLineId = 1;

  constructor(options: ReplicaUnderTestOptions) {
    this.name = nodeName(options.name);
    this.#letsLinesIn = options.letsLinesIn ?? true;
    this.replica = new Replica({
      name: this.name,
      cluster: clusterName(options.cluster ?? 'test'),
      peers: options.peers.map(nodeName),
      plutoPeers: (options.plutoPeers ?? []).map(nodeName),
      position: options.position,
      repair: options.repair ?? 'any-member',
      joins: options.joins ?? false,
      retention: options.retention === undefined ? undefined : { ...defaultRetention, ...options.retention },
      hasSnapshots: options.hasSnapshots ?? false,
      limits: { ...defaultLimits, ...options.limits },
      // Marks wait for nobody: most tests have no clock that goes on by itself.
      timings: { ...defaultTimings, markDelayMs: 0, ...options.timings },
      random: { nextUint32: () => 2 ** 31 },
      digests: nodeDigests,
    });
    for (const entry of options.journal ?? []) {
      this.replica.restore(entry, placeOf(this.journal.length, entry), this.journal.length === 0);
      this.journal.push(entry);
    }
    this.nowMs = options.nowMs ?? 0;
    this.replica.start({ incarnation: options.incarnation ?? 1, nonce: options.nonce ?? 1, nowMs: this.nowMs });
    this.step();
  }

  /** Takes what the replica wants now. */
  step(): void {
    const ready = this.replica.takeReady();
    if (ready.appends.length > 0) this.#unsynced = [...this.#checkpoint(), ...ready.appends];
    this.actions.push(...ready.links);
    this.lines.push(...ready.lines);
    this.reads.push(...ready.reads);
    this.receipts.push(...ready.receipts);
    this.events.push(...ready.events);
    this.confirmations.push(...ready.confirmations);
    this.impossible.push(...ready.impossible);
    this.releaseAddress = ready.releaseAddress;
    this.incarnation = ready.incarnation;
    this.wakeAtMs = ready.wakeAtMs;
    if (this.#letsLinesIn) for (const peer of this.takeConnects()) this.lineConnected(peer);
  }

  /** Records that wait for their sync. */
  get unsynced(): number {
    return this.#unsynced.length;
  }

  /** The disk confirms the group under way, and what became of it is taken. */
  sync(): void {
    const places = this.#unsynced.flatMap((entry, index) => {
      return entry.type === recordTypes.checkpoint ? [] : [placeOf(this.journal.length + index, entry)];
    });
    this.journal.push(...this.#unsynced);
    this.#unsynced = [];
    this.replica.handlePersisted(places, this.nowMs);
    this.step();
  }

  syncAll(): void {
    while (this.unsynced > 0) this.sync();
  }

  #checkpoint(): readonly JournalEntry[] {
    const body = this.beginsSegment ? this.replica.checkpoint() : undefined;
    if (body === undefined) return [];
    this.beginsSegment = false;
    return [{ type: recordTypes.checkpoint, body }];
  }

  /** Gives up what the replica does not need any more, in front of the last segment that may then be the first. True when that is more. */
  release(): boolean {
    const begin = this.journal.findLastIndex(
      ({ type }, address) => type === recordTypes.checkpoint && address <= this.releaseAddress,
    );
    if (begin <= this.#beginAddress) return false;
    this.#beginAddress = begin;
    this.replica.handleReleased(begin);
    return true;
  }

  /** What a restart would find. */
  get keptJournal(): readonly JournalEntry[] {
    return this.journal.slice(this.#beginAddress);
  }

  answerReads(): void {
    for (const { id, address } of this.reads.splice(0)) {
      if (address < this.#beginAddress) throw new Error(`address ${address} was released`);
      this.replica.handleRead(id, this.journal[address]?.body ?? new Uint8Array());
      this.step();
    }
  }

  broadcast(text: string, durable: 'here' | 'all' | number = 'here'): number {
    const { seq } = this.replica.broadcast(new TextEncoder().encode(text), durable);
    this.step();
    return seq;
  }

  open(link: number, peer: string, dialedByUs: boolean): void {
    this.replica.handleLinkOpened(link, nodeName(peer), dialedByUs, this.nowMs);
    this.step();
  }

  receive(link: number, bytes: Uint8Array): void {
    this.replica.handleBytes(link, bytes, this.nowMs);
    this.step();
  }

  receiveFrame(link: number, frame: EncodableFrame): void {
    this.receive(link, new FrameEncoder(nodeDigests, new Slab()).encode(frame));
  }

  /** A line comes from a member that speaks pluto v0.4. Returns the id under which it is answered. */
  receiveLine(peer: string, line: string): number {
    const id = this.#nextLineId++;
    this.replica.pluto.handleLine(id, nodeName(peer), Buffer.from(line, 'latin1'));
    this.step();
    return id;
  }

  /** What was answered since the last call: `stored`, or the code of the refusal, by id. */
  takeAnswers(): [number, string][] {
    return this.#takeLines('answer-line').map(({ id, error }) => [id, error?.code ?? 'stored']);
  }

  /** Lines that were to be sent since the last call. */
  takeSentLines(): [string, string][] {
    return this.#takeLines('send-line').map(({ peer, line }) => [peer, Buffer.from(line).toString('latin1')]);
  }

  /** Who was to be connected to since the last call, for a line; unless that works by itself. */
  takeConnects(): string[] {
    return this.#takeLines('connect-line').map(({ peer }) => peer);
  }

  /** The peer has let us in, for a line. */
  lineConnected(peer: string): void {
    this.replica.pluto.handleLineConnected(nodeName(peer));
    this.step();
  }

  /** The last line to `peer` has been sent, or has not. */
  lineOutcome(peer: string, outcome: LineOutcome = { type: 'sent', isDoubtful: false }): void {
    this.replica.pluto.handleLineOutcome(nodeName(peer), outcome, this.nowMs);
    this.step();
  }

  #takeLines<T extends LineAction['type']>(type: T): Extract<LineAction, { type: T }>[] {
    const taken = this.lines.filter((line): line is Extract<LineAction, { type: T }> => line.type === type);
    const left = this.lines.filter((line) => line.type !== type);
    this.lines.splice(0, this.lines.length, ...left);
    return taken;
  }

  wake(atMs: number): void {
    this.nowMs = atMs;
    this.replica.handleTimeout(atMs);
    this.step();
  }

  /** Bytes sent on `link` since the last call. */
  takeSent(link: number): Uint8Array[] {
    const sent: Uint8Array[] = [];
    for (let index = 0; index < this.actions.length;) {
      const action = this.actions[index];
      if (action?.type === 'send' && action.link === link) {
        sent.push(action.bytes);
        this.actions.splice(index, 1);
      } else index++;
    }
    return sent;
  }

  takeFrames(link: number): Frame[] {
    return this.takeSent(link).flatMap(framesIn);
  }

  isClosed(link: number): boolean {
    return this.actions.some((action) => action.type === 'close' && action.link === link);
  }

  /** Takes all deliveries and confirms them. */
  deliver(): string[] {
    const texts: string[] = [];
    for (;;) {
      const next = this.replica.takeDelivery();
      if (next !== undefined) {
        texts.push(new TextDecoder().decode(next.payload));
        this.replica.handleApplied(next.position);
      }
      this.step();
      if (next !== undefined) continue;
      // What is left of an earlier life comes from the disk.
      if (this.reads.length === 0) return texts;
      this.answerReads();
    }
  }
}

export function framesIn(bytes: Uint8Array): Frame[] {
  const reader = new FrameReader(1 << 30);
  const frames: Frame[] = [];
  reader.push(bytes);
  for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
    frames.push(decodeFrame(frame, nodeDigests));
  }
  return frames;
}

/** Carries bytes on `link` both ways until nobody has anything to say. Syncs nothing. */
export function exchange(a: ReplicaUnderTest, b: ReplicaUnderTest, link: number): void {
  for (let moved = true; moved;) {
    moved = false;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      for (const bytes of from.takeSent(link)) {
        to.receive(link, bytes);
        moved = true;
      }
      from.replica.handleBuffered(link, 0);
      from.step();
    }
  }
}

/** Opens a link dialled by `a` and shakes hands. */
export function connect(a: ReplicaUnderTest, b: ReplicaUnderTest, link: number): void {
  a.open(link, b.name, true);
  b.open(link, a.name, false);
  exchange(a, b, link);
}

/** Syncs and carries until nothing is left to do. */
export function settle(a: ReplicaUnderTest, b: ReplicaUnderTest, link: number): void {
  for (let round = 0; round < 100; round++) {
    exchange(a, b, link);
    if (a.unsynced + b.unsynced + a.reads.length + b.reads.length === 0) return;
    for (const one of [a, b]) {
      one.syncAll();
      one.answerReads();
    }
  }
  throw new Error('two replicas do not come to rest');
}

function placeOf(index: number, entry: JournalEntry): RecordPlace {
  return { address: index, length: entry.body.length, lsn: index + 1 };
}
