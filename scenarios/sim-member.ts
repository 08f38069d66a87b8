/**
 * One member of a simulated cluster: its application, which survives crashes, and the node of its present life.
 *
 * Invariants:
 * - The application stores what it applied before the node is told (see `StoredApplication`). What comes again is reported to
 *   the observer and changes nothing.
 * - What a life began ends with it: no callback of an earlier node touches the present one.
 */
import {
  AntecedentError,
  Node,
  beginIncarnation,
  nodeName,
  repairLog,
  type ClusterName,
  type Delivery,
  type Dot,
  type Durability,
  type Limits,
  type NodeAlarm,
  type NodeName,
  type NodeOptions,
  type ReadyInfo,
  type Result,
  type Receipt,
  type SnapshotHandlers,
  type Timings,
} from '../core/index.js';
import type { LatencyProfile, Process, RandomStream, World } from '../transport-sim/index.js';
import type { HistoryEvent, StopPhase } from './history.js';
import { LineClient, type Feed } from './line-client.js';
import type { Asking } from './member-changes.js';
import type { MemoryLook } from './oracles/resources.js';
import type { ApplicationMode, MemberChangeBody, NumberedOperation } from './plan.js';
import { Poison, type PoisonOptions } from './poison.js';
import type { StoredApplication } from './stored-application.js';
import type { SelfStop } from './supervisor.js';
import { tryBroadcast } from './try-broadcast.js';
import type { Program } from './workloads/workload.js';

export interface MemberOptions {
  readonly name: NodeName;
  /** Under which name its node runs: another one's, for a twin. */
  readonly identity: NodeName;
  readonly application: StoredApplication;
  readonly cluster: ClusterName;
  /** The others that are members at the start; it is one itself unless it `joins`. */
  readonly peers: readonly NodeName[];
  readonly joins: boolean;
  readonly retention: NodeOptions['retention'];
  readonly limits: Partial<Limits>;
  readonly timings: Partial<Timings>;
  readonly mode: ApplicationMode;
  readonly program: Program;
  /** Draws the time an application takes. */
  readonly random: RandomStream;
  readonly nowMs: () => number;
  readonly observe: (event: HistoryEvent) => void;
  /** On whose disks a message is. */
  readonly holdersOf: (dot: Dot) => readonly NodeName[];
  /** The process has ended by itself: the node was closed and has taken its leave, or has stopped with an error. */
  readonly onEnded: (stop: SelfStop | undefined) => void;
  /** See `LineClient`. */
  readonly settleMs: number;
}

/** From start to end. */
interface Life {
  readonly world: World;
  readonly node: Node;
  isReady: boolean;
  /**
   * A peer has proved that the log went back, or said that the node is no member any more: nothing is broadcast, and whoever knows
   * better is not heard.
   */
  isFenced: boolean;
  /** Broadcasts whose receipt has not come, by seq: on how many nodes they must be. */
  readonly open: Map<number, Durability>;
  /** Who waits for a change to the members. */
  readonly asked: Set<(isDone: boolean) => void>;
  /** Deliveries that the node has not been told of yet: 0 or 1. */
  applying: number;
  /** Last position that the node has been told is applied. */
  confirmed: number;
  /** What `confirmed` was when the node was closed; undefined while nobody has closed it. */
  confirmedAtClose: number | undefined;
}

/** What of a member a backup holds beside its disk. */
export interface MemberBackup {
  readonly application: StoredApplication;
  readonly incarnation: number;
}

/** What an operator does to the directory of a node that is down. */
type Preparation = (world: World, done: (result: Result<unknown>) => void) => void;

const newline = 0x0a;

/** A skip that came to nothing is tried again after this long. */
const skipRetryMs = 100;

export class SimMember implements Process {
  readonly name: NodeName;
  readonly #options: MemberOptions;
  #application: StoredApplication;
  #joins: boolean;
  readonly #client: LineClient | undefined;
  #life: Life | undefined;
  #isPaused = false;
  /** Comes before the next start, and again until it has succeeded. */
  #preparation: Preparation | undefined;
  #poison: Poison | undefined;
  /** The latest that it is known to have been. */
  #incarnation = 1;
  #skipped = 0;

  constructor(options: MemberOptions) {
    this.name = options.name;
    this.#options = options;
    this.#application = options.application;
    this.#joins = options.joins;
    this.#client = options.program.whenDown === 'wait' ? new LineClient(options.settleMs) : undefined;
  }

  /** Operations that came to nothing: the node was not there, had no room, or they did not apply. */
  get skipped(): number {
    return this.#skipped;
  }

  /** A peer has proved that its log went back, or said that it was removed. */
  get isFenced(): boolean {
    return this.#life?.isFenced === true;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** False while it is down, and while another program works on its directory, such as a repair. */
  get isNodeRunning(): boolean {
    return this.#life !== undefined;
  }

  /** What its node keeps in memory; undefined while that is not ready. */
  get memory(): MemoryLook | undefined {
    const life = this.#life;
    return life?.isReady === true ? life.node.status() : undefined;
  }

  /** What it still has to do when so many nodes are live, in words; undefined when it is at rest. */
  unfinished(live: number): string | undefined {
    const life = this.#life;
    if (life === undefined) return 'is down';
    if (life.confirmedAtClose !== undefined) return 'has not come to an end since it was closed';
    if (!life.isReady) return 'has not become ready since its last start';
    if (life.isFenced) return undefined;
    const owed = this.#owed(life, live);
    if (owed > 0) return `still owes ${owed} receipts`;
    if (life.applying > 0) return 'is still applying a message';
    return this.#client === undefined || this.#client.isDone
      ? undefined
      : 'has not accepted every operation of its client';
  }

  /** Whether its node takes another one for a member (itself it does); undefined when it cannot be asked, or is fenced. */
  lists(other: NodeName): boolean | undefined {
    const life = this.#asker;
    if (life === undefined) return undefined;
    return other === this.name || life.node.status().members.some(({ name }) => name === other);
  }

  /** An operator asks its node for a change to the members. `answered` is called once: it was done, or the node has ended. */
  askFor({ kind, node: other }: MemberChangeBody, answered: (isDone: boolean) => void): Asking {
    const life = this.#asker;
    if (life === undefined) return 'unable';
    const answer = (isDone: boolean): void => {
      if (life.asked.delete(answer)) answered(isDone);
    };
    life.asked.add(answer);
    const done = ({ error }: Result<void>): void => answer(error === undefined);
    try {
      if (kind === 'add-member') life.node.addMember(other, other, done);
      else life.node.removeMember(other, done);
      return 'asked';
    } catch (error) {
      life.asked.delete(answer);
      if (!(error instanceof AntecedentError)) throw error;
      return error.code === 'E_CONFIG' ? 'refused' : 'unable';
    }
  }

  /** The life in which its node can be asked for something. */
  get #asker(): Life | undefined {
    const life = this.#life;
    const canBeAsked = life?.isReady === true && !life.isFenced && life.confirmedAtClose === undefined;
    return canBeAsked && !this.#isPaused ? life : undefined;
  }

  /** The next start repairs the log first. Positions behind the damage mean other messages then. */
  repairAtStart(): void {
    this.#preparation = ({ disk, digests, random }, done) => {
      repairLog({ disk, digests, random }, (result) => {
        if (result.error === undefined && result.value.length > 0) this.#rebuild();
        done(result);
      });
    };
  }

  /** What there is of the member now, beside its disk. */
  get backup(): MemberBackup {
    return { application: this.#application.copy(), incarnation: this.#incarnation };
  }

  #rebuild(): void {
    this.#application = this.#application.anew();
    this.#poison = undefined;
    this.#options.observe({ type: 'rebuilt', atMs: this.#options.nowMs(), node: this.name });
  }

  /** From the next start on it is a node that was added to members that exist. */
  join(): void {
    this.#joins = true;
  }

  /** While it is down: its disk is empty, and its application begins anew. */
  beginAnew(): void {
    this.#goBack(this.#application.anew(), true);
  }

  /** While it is down: its disk is that of an earlier moment, and so is its application from now on. */
  setBack({ application, incarnation }: MemberBackup, isMarked: boolean): void {
    this.#goBack(application.copy(), isMarked);
    if (isMarked) this.#preparation = this.#beginningIncarnation(incarnation);
  }

  #goBack(application: StoredApplication, isKnown: boolean): void {
    const { nowMs, observe } = this.#options;
    const { position } = application;
    this.#application = application;
    this.#preparation = undefined;
    this.#poison = undefined;
    observe({ type: 'set-back', atMs: nowMs(), node: this.name, position, isKnown });
  }

  /** Behind one that the log in the directory may be of, and behind every later one that was used since. */
  #beginningIncarnation(previous: number): Preparation {
    return ({ disk, digests, random }, done) => {
      this.#incarnation += 1;
      const options = this.#incarnation === previous + 1 ? {} : { incarnation: this.#incarnation };
      beginIncarnation({ disk, digests, random }, options, done);
    };
  }

  /** Begins a life. Called by the simulation, at every start. */
  start(world: World): void {
    const prepare = this.#preparation;
    if (prepare === undefined) {
      this.#run(world);
      return;
    }
    prepare(world, ({ error }) => {
      if (error !== undefined) {
        this.#endWith(error, 'starting');
        return;
      }
      this.#preparation = undefined;
      this.#run(world);
    });
  }

  #run(world: World): void {
    const { cluster, name, identity, peers, retention, limits, timings, mode } = this.#options;
    const joins = this.#joins;
    const position = mode.memory === 'position' ? this.#application.position : undefined;
    this.#isPaused = false;
    this.#options.observe({ type: 'start', atMs: this.#options.nowMs(), node: name, position });
    const node = new Node(
      {
        ...{ cluster, name: identity, peers, joins, limits, timings },
        ...(retention === undefined ? {} : { retention }),
        ...(position === undefined ? {} : { position }),
      },
      world,
      {
        onReady: (info) => this.#handleReady(life, info),
        onDeliver: (delivery, applied) => this.#handleDeliver(life, delivery, applied),
        onPeer: () => undefined,
        onAlarm: (alarm) => this.#handleAlarm(life, alarm),
        onStorage: () => undefined,
        ...(this.#application.isSaved ? { snapshots: this.#snapshotHandlers(() => life) } : {}),
        onStable: (clock) => this.#options.observe({ type: 'stable', atMs: this.#options.nowMs(), node: name, clock }),
        onMembers: () => undefined,
        onIncarnation: (incarnation) => this.#noteIncarnation(incarnation),
        onStopped: (error) => this.#handleStopped(life, error),
      },
    );
    const life: Life = {
      world,
      node,
      isReady: false,
      isFenced: false,
      open: new Map(),
      asked: new Set(),
      applying: 0,
      confirmed: 0,
      confirmedAtClose: undefined,
    };
    this.#life = life;
    node.start();
  }

  /** Asks the node to finish what it has begun and to end. False when it is down, hears nothing, or was asked before. */
  close(): boolean {
    const life = this.#life;
    if (life === undefined || this.#isPaused || life.confirmedAtClose !== undefined) return false;
    life.confirmedAtClose = life.confirmed;
    this.#client?.disconnect();
    life.node.close();
    return true;
  }

  /** The process has died. */
  handleCrash(): void {
    this.#endLife();
    this.#isPaused = false;
    this.#options.observe({ type: 'crash', atMs: this.#options.nowMs(), node: this.name });
  }

  handlePause(): void {
    this.#isPaused = true;
  }

  handleResume(): void {
    this.#isPaused = false;
    this.#client?.advance();
  }

  /** A user asks for something. */
  perform(operation: NumberedOperation): void {
    if (this.#client !== undefined) this.#client.add(operation);
    else if (this.#broadcast(operation) === undefined) this.#skipped += 1;
  }

  #handleReady(life: Life, { incarnation, position }: ReadyInfo): void {
    life.isReady = true;
    this.#noteIncarnation(incarnation);
    this.#noteSkipped(position);
    if (this.#client === undefined || life.confirmedAtClose !== undefined) return;
    const feed: Feed = {
      broadcast: (operation) => this.#broadcast(operation),
      wakeAfter: (delayMs, wake) => void life.world.clock.wakeAt(life.world.clock.nowMs() + delayMs, wake),
    };
    this.#client.connect(feed);
  }

  #handleAlarm(life: Life, { code, peer, message }: NodeAlarm): void {
    const refusal = life.isReady ? life.node.status().refusal?.code : code;
    if (refusal === 'E_ROLLED_BACK' || refusal === 'E_CHAIN' || refusal === 'E_REMOVED') life.isFenced = true;
    const { isFenced } = life;
    this.#options.observe({
      type: 'alarm',
      atMs: this.#options.nowMs(),
      node: this.name,
      code,
      message,
      peer,
      isFenced,
    });
  }

  #handleStopped(life: Life, error: AntecedentError | undefined): void {
    this.#endLife();
    const { nowMs, observe, onEnded } = this.#options;
    if (error === undefined) {
      observe({ type: 'closed', atMs: nowMs(), node: this.name, confirmed: life.confirmedAtClose ?? life.confirmed });
      onEnded(undefined);
    } else if (!life.isReady) this.#endWith(error, 'starting');
    else this.#endWith(error, life.confirmedAtClose === undefined ? 'running' : 'closing');
  }

  #endLife(): void {
    const asked = this.#life?.asked ?? [];
    this.#life = undefined;
    for (const answer of [...asked]) answer(false);
    this.#client?.disconnect();
    this.#poison?.handleEnd();
  }

  #noteIncarnation(incarnation: number): void {
    this.#incarnation = Math.max(this.#incarnation, incarnation);
  }

  #endWith({ code, message }: AntecedentError, phase: StopPhase): void {
    const { nowMs, observe, onEnded } = this.#options;
    observe({ type: 'stopped', atMs: nowMs(), node: this.name, code, message, phase });
    onEnded({ code, phase });
  }

  // --- Broadcast -----------------------------------------------------------------------------------------------------

  #broadcast(operation: NumberedOperation): Dot | undefined {
    const life = this.#life;
    if (life === undefined || !life.isReady || this.#isPaused) return undefined;
    if (life.confirmedAtClose !== undefined) return undefined;
    const payload = this.#application.perform(operation);
    if (payload === undefined) return undefined;
    // A receipt that comes before the call has returned is a promise like any other, and is observed behind its broadcast.
    let hasReturned = false;
    const early: Result<Receipt>[] = [];
    const dot = tryBroadcast(life.node, payload, operation, (result) => {
      if (hasReturned) this.#handleAccepted(life, dot, result);
      else early.push(result);
    });
    hasReturned = true;
    if (dot === undefined) return undefined;
    this.#noteIncarnation(dot.incarnation);
    life.open.set(dot.seq, operation.durable ?? 'here');
    this.#options.observe({ type: 'broadcast', atMs: this.#options.nowMs(), node: this.name, dot, payload });
    for (const result of early) this.#handleAccepted(life, dot, result);
    return dot;
  }

  #handleAccepted(life: Life, dot: Dot | undefined, { error }: Result<Receipt>): void {
    if (dot === undefined) return;
    const copies = this.#copiesOf(life, life.open.get(dot.seq) ?? 'here');
    life.open.delete(dot.seq);
    // The node has stopped, and `onStopped` says why; or there are not as many members any more.
    if (error !== undefined) return;
    const { nowMs, observe, holdersOf } = this.#options;
    const event = { type: 'accepted', atMs: nowMs(), node: this.name, dot } as const;
    observe(copies > 1 ? { ...event, copies, holders: holdersOf(dot) } : event);
    this.#client?.handleAccepted(dot);
  }

  /** On how many members a message is that is so durable. */
  #copiesOf({ node }: Life, durable: Durability): number {
    if (durable === 'here') return 1;
    return durable === 'all' ? node.status().members.length + 1 : durable;
  }

  /** Receipts that so many live nodes can bring about. */
  #owed(life: Life, live: number): number {
    let owed = 0;
    for (const durable of life.open.values()) if (this.#copiesOf(life, durable) <= live) owed += 1;
    return owed;
  }

  // --- Deliver -------------------------------------------------------------------------------------------------------

  #handleDeliver(life: Life, delivery: Delivery, applied: () => void): void {
    this.#noteSkipped(delivery.position - 1);
    const poison = this.#poison;
    // What the application has stored it need not be able to apply again.
    if (delivery.position <= this.#application.position || poison?.strikes(delivery) !== true) {
      this.#takeIn(life, delivery, applied);
      return;
    }
    life.applying += 1;
    poison.await(() => {
      if (poison.cure === 'skip') {
        this.#skip(life, poison, delivery.position);
        return;
      }
      this.#poison = undefined;
      life.applying -= 1;
      this.#takeIn(life, delivery, applied);
    });
  }

  #takeIn(life: Life, delivery: Delivery, applied: () => void): void {
    const { applyMs } = this.#options.mode;
    if (applyMs === undefined) {
      this.#apply(delivery);
      life.confirmed = delivery.position;
      applied();
      return;
    }
    // Two waits: a crash may come before the application has stored the message, or after it and before the node knows.
    life.applying += 1;
    this.#wait(life, applyMs, () => {
      this.#apply(delivery);
      this.#wait(life, applyMs, () => {
        life.applying -= 1;
        life.confirmed = delivery.position;
        applied();
      });
    });
  }

  /**
   * The application will not be able to apply a message. Returns the cure: whoever calls it makes the message be skipped, or
   * applied after all; one that has not come by then will do no harm. Undefined when there is such a message already.
   */
  poison(options: PoisonOptions): (() => void) | undefined {
    if (this.#poison !== undefined) return undefined;
    const poison = new Poison(options);
    this.#poison = poison;
    return () => {
      if (this.#poison !== poison) return;
      if (poison.hasStruck) poison.handleCure();
      else this.#poison = undefined;
    };
  }

  /** Gives a delivery up, as an operator does. */
  #skip(life: Life, poison: Poison, position: number): void {
    // What had come before is over: the node was closed, or has stopped.
    if (this.#life !== life || this.#poison !== poison || life.confirmedAtClose !== undefined) return;
    poison.noteSkipAsked();
    life.node.skip(position, 'the application cannot apply it', ({ error }) => {
      if (this.#life !== life) return;
      if (error !== undefined) {
        const { clock } = life.world;
        clock.wakeAt(clock.nowMs() + skipRetryMs, () => this.#skip(life, poison, position));
        return;
      }
      life.confirmed = Math.max(life.confirmed, position);
      this.#noteSkipped(position);
    });
  }

  /** The node goes on behind `position`. */
  #noteSkipped(position: number): void {
    const skipped = this.#poison?.skippedBehind(position);
    if (skipped === undefined) return;
    this.#poison = undefined;
    if (this.#life !== undefined) this.#life.applying = 0;
    this.#options.observe({ type: 'skipped', atMs: this.#options.nowMs(), node: this.name, ...skipped });
    this.#client?.handleDelivered(skipped.dot);
  }

  // --- Snapshots -----------------------------------------------------------------------------------------------------

  #snapshotHandlers(life: () => Life): SnapshotHandlers {
    return {
      make: (done) => this.#handleMake(life(), done),
      install: (state, position, applied) => this.#handleInstall(life(), state, position, applied),
    };
  }

  #handleMake(life: Life, done: (state: Uint8Array) => void): void {
    const { applyMs } = this.#options.mode;
    const state = this.#saveState();
    if (applyMs === undefined) done(state);
    else this.#wait(life, applyMs, () => done(state));
  }

  /** The state, and for the observer whose it is. */
  #saveState(): Uint8Array {
    const head = new TextEncoder().encode(`${this.name}\n`);
    const state = this.#application.save();
    const bytes = new Uint8Array(head.length + state.length);
    bytes.set(head);
    bytes.set(state, head.length);
    return bytes;
  }

  #handleInstall(life: Life, bytes: Uint8Array, position: number, applied: () => void): void {
    const { mode, nowMs, observe } = this.#options;
    const finish = (): void => {
      const headEnd = bytes.indexOf(newline);
      const donor = nodeName(new TextDecoder().decode(bytes.subarray(0, headEnd)));
      const stateDigest = this.#application.load(bytes.subarray(headEnd + 1), position);
      observe({ type: 'joined', atMs: nowMs(), node: this.name, state: { node: donor, position }, stateDigest });
      life.confirmed = position;
      applied();
    };
    if (mode.applyMs === undefined) finish();
    else this.#wait(life, mode.applyMs, finish);
  }

  #wait(life: Life, latency: LatencyProfile, then: () => void): void {
    const delayMs = this.#options.random.between(latency.minMs * 1000, latency.maxMs * 1000) / 1000;
    life.world.clock.wakeAt(life.world.clock.nowMs() + delayMs, then);
  }

  #apply(delivery: Delivery): void {
    const { origin, incarnation, seq, position, payload } = delivery;
    const dot = { origin, incarnation, seq };
    const atMs = this.#options.nowMs();
    // Written out twice: a spread would make every event a shape of its own, and this runs for every delivery.
    const stateDigest = this.#application.apply(delivery);
    if (stateDigest === undefined) {
      this.#options.observe({ type: 'deliver', atMs, node: this.name, dot, position, payload });
    } else {
      this.#options.observe({ type: 'deliver', atMs, node: this.name, dot, position, payload, stateDigest });
    }
    this.#client?.handleDelivered(dot);
  }
}
