/**
 * One member of a simulated cluster: its application, which survives crashes, and the node of its present life.
 *
 * Invariants:
 * - The application stores its state and the position of what it applied in one step, so the two never disagree. The
 *   node is told only later.
 * - A position is applied once. What comes again is reported to the observer and changes nothing.
 * - What a life began ends with it: no callback of an earlier node touches the present one.
 */
import {
  AntecedentError,
  Node,
  repairLog,
  type ClusterName,
  type Delivery,
  type Dot,
  type Durability,
  type ErrorCode,
  type Limits,
  type NodeAlarm,
  type NodeName,
  type Result,
  type Receipt,
  type Timings,
} from '../core/index.js';
import type { LatencyProfile, Process, RandomStream, World } from '../transport-sim/index.js';
import type { HistoryEvent, StopPhase } from './history.js';
import { LineClient, type Feed } from './line-client.js';
import type { ApplicationMode, PlannedOperation } from './plan.js';
import type { SelfStop } from './supervisor.js';
import type { Application, Program } from './workloads/workload.js';

export interface MemberOptions {
  readonly name: NodeName;
  readonly cluster: ClusterName;
  readonly peers: readonly NodeName[];
  readonly limits: Partial<Limits>;
  readonly timings: Partial<Timings>;
  readonly mode: ApplicationMode;
  readonly program: Program;
  /** Draws the time an application takes. */
  readonly random: RandomStream;
  readonly nowMs: () => number;
  readonly observe: (event: HistoryEvent) => void;
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
  /** A peer has proved that the log went back: nothing is broadcast any more, and whoever knows better is not heard. */
  isFenced: boolean;
  /** Broadcasts whose receipt has not come, by seq: on how many nodes they must be. */
  readonly open: Map<number, Durability>;
  /** Deliveries that the node has not been told of yet: 0 or 1. */
  applying: number;
  /** Last position that the node has been told is applied. */
  confirmed: number;
  /** What `confirmed` was when the node was closed; undefined while nobody has closed it. */
  confirmedAtClose: number | undefined;
}

export class SimMember implements Process {
  readonly name: NodeName;
  readonly #options: MemberOptions;
  #application: Application;
  readonly #client: LineClient | undefined;
  /** Last position applied; stored with the application's state. */
  #position = 0;
  #life: Life | undefined;
  #isPaused = false;
  #mustRepair = false;
  #skipped = 0;

  constructor(options: MemberOptions) {
    this.name = options.name;
    this.#options = options;
    this.#application = options.program.createApplication(options.name);
    this.#client = options.program.whenDown === 'wait' ? new LineClient(options.settleMs) : undefined;
  }

  /** Operations that came to nothing: the node was not there, had no room, or they did not apply. */
  get skipped(): number {
    return this.#skipped;
  }

  get isPaused(): boolean {
    return this.#isPaused;
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

  /** The next start repairs the log first. */
  repairAtStart(): void {
    this.#mustRepair = true;
  }

  /** Begins a life. Called by the simulation, at every start. */
  start(world: World): void {
    if (this.#mustRepair) this.#repair(world);
    else this.#run(world);
  }

  #repair(world: World): void {
    const { disk, digests, random } = world;
    repairLog({ disk, digests, random }, ({ error, value: repairs }) => {
      if (error !== undefined) {
        this.#endWith(error, 'starting');
        return;
      }
      this.#mustRepair = false;
      if (repairs.length > 0) this.#rebuild();
      this.#run(world);
    });
  }

  /** Positions behind the damage mean other messages now: the application begins anew. */
  #rebuild(): void {
    const { name, program, nowMs, observe } = this.#options;
    this.#application = program.createApplication(name);
    this.#position = 0;
    observe({ type: 'rebuilt', atMs: nowMs(), node: name });
  }

  #run(world: World): void {
    const { cluster, name, peers, limits, timings, mode } = this.#options;
    const position = mode.memory === 'position' ? this.#position : undefined;
    this.#isPaused = false;
    this.#options.observe({ type: 'start', atMs: this.#options.nowMs(), node: name, position });
    const node = new Node(
      { cluster, name, peers, limits, timings, ...(position === undefined ? {} : { position }) },
      world,
      {
        onReady: () => this.#handleReady(life),
        onDeliver: (delivery, applied) => this.#handleDeliver(life, delivery, applied),
        onPeer: () => undefined,
        onAlarm: (alarm) => this.#handleAlarm(life, alarm),
        onStorage: () => undefined,
        onStopped: (error) => this.#handleStopped(life, error),
      },
    );
    const life: Life = {
      world,
      node,
      isReady: false,
      isFenced: false,
      open: new Map(),
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
    this.#life = undefined;
    this.#isPaused = false;
    this.#client?.disconnect();
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
  perform(operation: PlannedOperation): void {
    if (this.#client !== undefined) this.#client.add(operation);
    else if (this.#broadcast(operation) === undefined) this.#skipped += 1;
  }

  #handleReady(life: Life): void {
    life.isReady = true;
    if (this.#client === undefined || life.confirmedAtClose !== undefined) return;
    const feed: Feed = {
      broadcast: (operation) => this.#broadcast(operation),
      wakeAfter: (delayMs, wake) => void life.world.clock.wakeAt(life.world.clock.nowMs() + delayMs, wake),
    };
    this.#client.connect(feed);
  }

  #handleAlarm(life: Life, { code, peer, message }: NodeAlarm): void {
    if (code === 'E_ROLLED_BACK' || code === 'E_CHAIN') life.isFenced = true;
    this.#options.observe({ type: 'alarm', atMs: this.#options.nowMs(), node: this.name, code, message, peer });
  }

  #handleStopped(life: Life, error: AntecedentError | undefined): void {
    this.#life = undefined;
    this.#client?.disconnect();
    const { nowMs, observe, onEnded } = this.#options;
    if (error === undefined) {
      observe({ type: 'closed', atMs: nowMs(), node: this.name, confirmed: life.confirmedAtClose ?? life.confirmed });
      onEnded(undefined);
    } else if (!life.isReady) this.#endWith(error, 'starting');
    else this.#endWith(error, life.confirmedAtClose === undefined ? 'running' : 'closing');
  }

  #endWith({ code, message }: AntecedentError, phase: StopPhase): void {
    const { nowMs, observe, onEnded } = this.#options;
    observe({ type: 'stopped', atMs: nowMs(), node: this.name, code, message, phase });
    onEnded({ code, phase });
  }

  // --- Broadcast -----------------------------------------------------------------------------------------------------

  #broadcast(operation: PlannedOperation): Dot | undefined {
    const life = this.#life;
    if (life === undefined || !life.isReady || this.#isPaused) return undefined;
    if (life.confirmedAtClose !== undefined) return undefined;
    const payload = this.#application.perform(operation);
    if (payload === undefined) return undefined;
    // A receipt that comes before the call has returned is a promise like any other, and is observed behind its broadcast.
    let hasReturned = false;
    const early: Result<Receipt>[] = [];
    const dot = tryBroadcast(life.node, payload, operation, (result) => {
      if (hasReturned) this.#handleAccepted(life, result);
      else early.push(result);
    });
    hasReturned = true;
    if (dot === undefined) return undefined;
    life.open.set(dot.seq, operation.durable ?? 'here');
    this.#options.observe({ type: 'broadcast', atMs: this.#options.nowMs(), node: this.name, dot, payload });
    for (const result of early) this.#handleAccepted(life, result);
    return dot;
  }

  #handleAccepted(life: Life, result: Result<Receipt>): void {
    // An error means that the node has stopped; `onStopped` says why.
    if (result.error !== undefined) return;
    life.open.delete(result.value.seq);
    this.#options.observe({ type: 'accepted', atMs: this.#options.nowMs(), node: this.name, dot: result.value });
    this.#client?.handleAccepted(result.value);
  }

  /** Receipts that so many live nodes can bring about. */
  #owed(life: Life, live: number): number {
    const members = this.#options.peers.length + 1;
    let owed = 0;
    for (const durable of life.open.values()) {
      const copies = durable === 'here' ? 1 : durable === 'all' ? members : durable;
      if (copies <= live) owed += 1;
    }
    return owed;
  }

  // --- Deliver -------------------------------------------------------------------------------------------------------

  #handleDeliver(life: Life, delivery: Delivery, applied: () => void): void {
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

  #wait(life: Life, latency: LatencyProfile, then: () => void): void {
    const delayMs = this.#options.random.between(latency.minMs * 1000, latency.maxMs * 1000) / 1000;
    life.world.clock.wakeAt(life.world.clock.nowMs() + delayMs, then);
  }

  #apply(delivery: Delivery): void {
    const { origin, incarnation, seq, position, payload } = delivery;
    const dot = { origin, incarnation, seq };
    const atMs = this.#options.nowMs();
    // Written out twice: a spread would make every event a shape of its own, and this runs for every delivery.
    if (position <= this.#position) {
      this.#options.observe({ type: 'deliver', atMs, node: this.name, dot, position, payload });
    } else {
      this.#application.deliver(delivery);
      this.#position = position;
      const stateDigest = this.#application.stateDigest();
      this.#options.observe({ type: 'deliver', atMs, node: this.name, dot, position, payload, stateDigest });
    }
    this.#client?.handleDelivered(dot);
  }
}

/**
 * Why a node may refuse a broadcast: it has no room, its disk is full or fails, it knows that its log went back, or it has
 * stopped and its process is about to end.
 */
const refusals: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'E_BACKPRESSURE',
  'E_DISK_FULL',
  'E_STORAGE',
  'E_ROLLED_BACK',
  'E_CHAIN',
  'E_CLOSED',
]);

/** Undefined when the node refuses for a reason that a fault can bring; anything else it throws is an error of the run. */
function tryBroadcast(
  node: Node,
  payload: Uint8Array,
  operation: PlannedOperation,
  accepted: (result: Result<Receipt>) => void,
): Dot | undefined {
  try {
    return node.broadcast(payload, operation.durable ?? 'here', accepted);
  } catch (error) {
    if (error instanceof AntecedentError && refusals.has(error.code)) return undefined;
    throw error;
  }
}
