/**
 * One member of a simulated cluster that runs pluto v0.4: its application, which survives crashes, and the node of its present life.
 *
 * What differs from `SimMember`, because v0.4 does:
 * - A message of its own does not come back: the application applies it, and then hands it over. So the observer sees it given at its
 *   own node with the broadcast itself.
 * - It counts as accepted when the application may go on, for that is when a node of v0.4 tells its user that all is well; it does so
 *   whatever was asked for (`durable`), as there is nothing else.
 * - There are no positions. A message that is given once more is applied once more, as a further one; the application
 *   has nothing by which it could tell.
 * A payload travels as text, `NUMBER,BASE64`: the number among the messages of its origin, by which the observer knows it.
 */
import { Buffer } from 'node:buffer';
import {
  AntecedentError,
  isNodeName,
  PlutoNode,
  VectorClock,
  type Delivery,
  type Dot,
  type NodeName,
  type PlutoDelivery,
} from '../core/index.js';
import type { LatencyProfile, World } from '../transport-sim/index.js';
import { LineClient, type Feed } from './line-client.js';
import type { CommonMemberOptions, Member } from './member.js';
import type { NumberedOperation, PlutoSettings } from './plan.js';

export interface PlutoMemberOptions extends CommonMemberOptions {
  readonly settings: PlutoSettings;
}

/** From start to end. */
interface Life {
  readonly world: World;
  readonly node: PlutoNode;
  isReady: boolean;
  /** Deliveries that the node has not been told of yet: 0 or 1. */
  applying: number;
}

/** Ends of links and failures of dials, as the simulated network words them. */
const processGone: ReadonlySet<string> = new Set(['the other end is gone', 'closed by the other end', 'closed']);
const refused = /does not listen$/;

export class PlutoMember implements Member {
  readonly name: NodeName;
  readonly isFenced = false;
  readonly memory: undefined = undefined;
  readonly canBeClosed = false;
  readonly #options: PlutoMemberOptions;
  readonly #client: LineClient | undefined;
  #life: Life | undefined;
  #isPaused = false;
  /** Messages of its own so far: the application knows. */
  #seq = 0;
  #skipped = 0;

  constructor(options: PlutoMemberOptions) {
    this.name = options.name;
    this.#options = options;
    this.#client = options.program.whenDown === 'wait' ? new LineClient(options.settleMs) : undefined;
  }

  get skipped(): number {
    return this.#skipped;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  get isNodeRunning(): boolean {
    return this.#life !== undefined;
  }

  get isSpinning(): boolean {
    return this.#life?.node.isSpinning === true;
  }

  unfinished(): string | undefined {
    const life = this.#life;
    if (life === undefined) return 'is down';
    if (!life.isReady) return 'has not become ready since its last start';
    if (life.applying > 0) return 'is still applying a message';
    const { unsent, isSpinning } = life.node;
    if (unsent > 0) return `has ${unsent} messages that it has not sent to everybody`;
    if (isSpinning) return 'looks again and again at messages in its log that it can neither apply nor drop';
    return this.#client === undefined || this.#client.isDone
      ? undefined
      : 'has not accepted every operation of its client';
  }

  /** Begins a life. Called by the simulation, at every start. */
  start(world: World): void {
    const { name, peers, settings, application, nowMs, observe } = this.#options;
    this.#isPaused = false;
    observe({ type: 'start', atMs: nowMs(), node: name, position: application.position });
    const node = new PlutoNode(
      {
        ...{ name, peers, ...settings },
        readEnd: (reason) => (processGone.has(reason) ? 'closed' : 'reset'),
        isRefused: ({ message }) => refused.test(message),
      },
      world,
      {
        onReady: () => this.#handleReady(life),
        onDeliver: (message, done) => this.#handleDeliver(life, message, done),
        onStopped: (error) => this.#handleStopped(life, error),
      },
    );
    const life: Life = { world, node, isReady: false, applying: 0 };
    this.#life = life;
    node.start();
  }

  /** It has no end of its own. */
  close(): boolean {
    return false;
  }

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

  perform(operation: NumberedOperation): void {
    if (this.#client !== undefined) this.#client.add(operation);
    else if (this.#broadcast(operation) === undefined) this.#skipped += 1;
  }

  #handleReady(life: Life): void {
    life.isReady = true;
    if (this.#client === undefined) return;
    const feed: Feed = {
      broadcast: (operation) => this.#broadcast(operation),
      wakeAfter: (delayMs, wake) => void life.world.clock.wakeAt(life.world.clock.nowMs() + delayMs, wake),
    };
    // What the application has applied of its own was not lost to the client, whatever becomes of it.
    if (this.#seq > 0) this.#client.handleDelivered(this.#dotOf(this.name, this.#seq));
    this.#client.connect(feed);
  }

  #handleStopped(life: Life, { code, message }: AntecedentError): void {
    this.#endLife();
    const { nowMs, observe, onEnded } = this.#options;
    const phase = life.isReady ? 'running' : 'starting';
    observe({ type: 'stopped', atMs: nowMs(), node: this.name, code, message, phase });
    onEnded({ code, phase });
  }

  #endLife(): void {
    this.#life = undefined;
    this.#client?.disconnect();
  }

  #broadcast(operation: NumberedOperation): Dot | undefined {
    const life = this.#life;
    if (life === undefined || !life.isReady || this.#isPaused) return undefined;
    const { application, nowMs, observe } = this.#options;
    const payload = application.perform(operation);
    if (payload === undefined) return undefined;
    this.#seq += 1;
    const dot = this.#dotOf(this.name, this.#seq);
    observe({ type: 'broadcast', atMs: nowMs(), node: this.name, dot, payload });
    this.#apply(dot, payload);
    life.node.broadcast(`${dot.seq},${Buffer.from(payload).toString('base64')}`, () => {
      observe({ type: 'accepted', atMs: nowMs(), node: this.name, dot });
      this.#client?.handleDelivered(dot);
      this.#client?.handleAccepted(dot);
    });
    return dot;
  }

  #handleDeliver(life: Life, message: PlutoDelivery, done: (error?: AntecedentError) => void): void {
    const [, number = '', base64 = ''] = /^(\d{1,15}),([A-Za-z0-9+/]*={0,2})$/.exec(message.payload) ?? [];
    const { sender } = message;
    if (number === '' || !isNodeName(sender)) {
      done(new AntecedentError('E_APP', `its application cannot read the payload ${quote(message.payload)}`));
      return;
    }
    const dot = this.#dotOf(sender, Number(number));
    const payload = new Uint8Array(Buffer.from(base64, 'base64'));
    const { applyMs } = this.#options.mode;
    if (applyMs === undefined) {
      this.#apply(dot, payload);
      done();
      return;
    }
    // Two waits: a crash may come before the application has stored the message, or after it and before the node knows.
    life.applying += 1;
    this.#wait(life, applyMs, () => {
      this.#apply(dot, payload);
      this.#wait(life, applyMs, () => {
        life.applying -= 1;
        done();
      });
    });
  }

  #wait(life: Life, latency: LatencyProfile, then: () => void): void {
    const delayMs = this.#options.random.between(latency.minMs * 1000, latency.maxMs * 1000) / 1000;
    life.world.clock.wakeAt(life.world.clock.nowMs() + delayMs, then);
  }

  #apply(dot: Dot, payload: Uint8Array): void {
    const { application, nowMs, observe } = this.#options;
    const position = application.position + 1;
    const delivery: Delivery = { ...dot, payload, position, clock: VectorClock.zero };
    const stateDigest = application.apply(delivery);
    const event = { type: 'deliver', atMs: nowMs(), node: this.name, dot, position, payload } as const;
    observe(stateDigest === undefined ? event : { ...event, stateDigest });
  }

  #dotOf(origin: NodeName, seq: number): Dot {
    return { origin, incarnation: 1, seq };
  }
}

function quote(text: string): string {
  return JSON.stringify(text.length <= 60 ? text : `${text.slice(0, 57)}...`);
}
