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
  type ClusterName,
  type Delivery,
  type Dot,
  type Limits,
  type NodeName,
  type Result,
  type Receipt,
  type Timings,
} from '../core/index.js';
import type { LatencyProfile, Process, RandomStream, World } from '../transport-sim/index.js';
import type { HistoryEvent } from './history.js';
import { LineClient, type Feed } from './line-client.js';
import type { ApplicationMode, PlannedOperation } from './plan.js';
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
  /** The node was closed and has taken its leave: the process ends. */
  readonly onClosed: () => void;
  /** See `LineClient`. */
  readonly settleMs: number;
}

/** From start to crash. */
interface Life {
  readonly world: World;
  readonly node: Node;
  isReady: boolean;
  isStopped: boolean;
  /** Broadcasts whose receipt has not come. */
  open: number;
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
  readonly #application: Application;
  readonly #client: LineClient | undefined;
  /** Last position applied; stored with the application's state. */
  #position = 0;
  #life: Life | undefined;
  #isPaused = false;
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

  /** Stopped by itself, with an error. */
  get isStopped(): boolean {
    return this.#life?.isStopped === true;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** What it still has to do, in words; undefined when it is at rest. */
  get unfinished(): string | undefined {
    const life = this.#life;
    if (life === undefined) return 'is down';
    if (life.confirmedAtClose !== undefined) return 'has not come to an end since it was closed';
    if (!life.isReady) return 'has not become ready since its last start';
    if (life.open > 0) return `still owes ${life.open} receipts`;
    if (life.applying > 0) return 'is still applying a message';
    return this.#client === undefined || this.#client.isDone
      ? undefined
      : 'has not accepted every operation of its client';
  }

  /** Begins a life. Called by the simulation, at every start. */
  start(world: World): void {
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
        onAlarm: ({ code, message }) =>
          this.#options.observe({ type: 'alarm', atMs: this.#options.nowMs(), node: name, code, message }),
        onStopped: (error) => this.#handleStopped(life, error),
      },
    );
    const life: Life = {
      world,
      node,
      isReady: false,
      isStopped: false,
      open: 0,
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
    if (life === undefined || life.isStopped || this.#isPaused || life.confirmedAtClose !== undefined) return false;
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

  #handleStopped(life: Life, error: AntecedentError | undefined): void {
    life.isStopped = true;
    const { nowMs, observe, onClosed } = this.#options;
    if (error !== undefined) {
      observe({ type: 'stopped', atMs: nowMs(), node: this.name, code: error.code, message: error.message });
    } else if (life.confirmedAtClose !== undefined) {
      this.#life = undefined;
      observe({ type: 'closed', atMs: nowMs(), node: this.name, confirmed: life.confirmedAtClose });
      onClosed();
    }
  }

  // --- Broadcast -----------------------------------------------------------------------------------------------------

  #broadcast(operation: PlannedOperation): Dot | undefined {
    const life = this.#life;
    if (life === undefined || !life.isReady || life.isStopped || this.#isPaused) return undefined;
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
    life.open += 1;
    this.#options.observe({ type: 'broadcast', atMs: this.#options.nowMs(), node: this.name, dot, payload });
    for (const result of early) this.#handleAccepted(life, result);
    return dot;
  }

  #handleAccepted(life: Life, result: Result<Receipt>): void {
    // An error means that the node has stopped; `onStopped` says why.
    if (result.error !== undefined) return;
    life.open -= 1;
    this.#options.observe({ type: 'accepted', atMs: this.#options.nowMs(), node: this.name, dot: result.value });
    this.#client?.handleAccepted(result.value);
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
    life.world.clock.wakeAt(life.world.clock.nowMs() + delayMs, () => {
      if (!life.isStopped) then();
    });
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

/** Undefined when the node has no room; anything else it throws is an error of the run. */
function tryBroadcast(
  node: Node,
  payload: Uint8Array,
  operation: PlannedOperation,
  accepted: (result: Result<Receipt>) => void,
): Dot | undefined {
  try {
    return node.broadcast(payload, operation.durable ?? 'here', accepted);
  } catch (error) {
    if (error instanceof AntecedentError && error.code === 'E_BACKPRESSURE') return undefined;
    throw error;
  }
}
