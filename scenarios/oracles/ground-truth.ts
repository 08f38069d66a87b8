/**
 * What really happened, by what applications were seen to do.
 *
 * The protocol's own clocks, journals and positions are never consulted: a protocol that lies about them is caught.
 *
 * Invariants:
 * - Every origin (name, incarnation) is one log with a dense index, and `attempts[seq - 1]` is what the application
 *   broadcast last under that dot. An earlier attempt that a crash wiped out unseen is forgotten.
 * - `past[i]` of an attempt counts the messages of log i that its application had been delivered at that moment; the
 *   entry of its own log is seq - 1.
 * - `delivered[i]` of a node counts what its application has been given of log i, up to position `held`. As long as no oracle has raised an
 *   alarm, a node is given each log in order, so the counts identify the set exactly.
 * - `positions[p - 1]` of a node is the message that position p held when it was first delivered.
 * Counts live in plain integer arrays: they are copied at every broadcast and compared at every delivery.
 */
import { AntecedentError, assert, compareNames, formatDot, type Dot, type NodeName } from '../../core/index.js';

/** One call of broadcast(). */
export interface Attempt {
  readonly log: OriginLog;
  readonly seq: number;
  readonly payload: Uint8Array;
  /** Read through `countIn`: logs that appeared later are beyond its end. */
  past: Int32Array;
}

/** The messages of one origin. */
export interface OriginLog {
  readonly index: number;
  readonly origin: NodeName;
  readonly incarnation: number;
  readonly attempts: Attempt[];
  /** Highest seq whose receipt arrived; everything below is promised with it, for a log has no gaps. */
  accepted: number;
  /** `accepted` as it was when the origin last crashed. */
  acceptedAtCrash: number;
  /** Highest seq that any node, dead or alive, was given. */
  deliveredAnywhere: number;
  /** Life of the node in which it last broadcast here. */
  life: number;
}

/** One member, through all its lives. */
export interface NodeTruth {
  readonly name: NodeName;
  readonly index: number;
  /** Its own logs, in the order of their first use. */
  readonly logs: OriginLog[];
  readonly positions: Attempt[];
  delivered: Int32Array;
  /** Number of its starts. */
  life: number;
  /** Position up to which `delivered` counts. */
  held: number;
  /** False after a restart without position, until the next delivery shows where the node's own mark stands. */
  isMarkKnown: boolean;
  /** Broadcasts of this life whose past is unknown because the mark is. */
  readonly unsettled: Attempt[];
  /** Two halves of an order-independent hash of the delivered set. */
  setXor: number;
  setSum: number;
}

/** `counts[index]`, where an absent entry is 0. */
export function countIn(counts: Int32Array, index: number): number {
  return counts[index] ?? 0;
}

/** The dot of an attempt. */
export function dotOf(attempt: Attempt): Dot {
  return { origin: attempt.log.origin, incarnation: attempt.log.incarnation, seq: attempt.seq };
}

/** `b:7`, for sentences. */
export function nameOf(attempt: Attempt): string {
  return formatDot(dotOf(attempt));
}

/** True when the node has been given the message, in the state its application is in now. */
export function hasDelivered(node: NodeTruth, log: OriginLog, seq: number): boolean {
  return countIn(node.delivered, log.index) >= seq;
}

/** Highest seq of a log that must not be forgotten any more. */
export function durableSeq(log: OriginLog): number {
  return Math.max(log.accepted, log.deliveredAnywhere);
}

export class GroundTruth {
  /** In byte order of their names. */
  readonly nodes: readonly NodeTruth[];
  /** By index. */
  readonly logs: OriginLog[] = [];
  readonly #byName = new Map<string, NodeTruth>();
  #capacity: number;

  constructor(names: readonly NodeName[]) {
    this.#capacity = Math.max(4, names.length * 2);
    this.nodes = [...names].sort(compareNames).map((name, index) => ({
      name,
      index,
      logs: [],
      positions: [],
      delivered: new Int32Array(this.#capacity),
      life: 0,
      held: 0,
      isMarkKnown: true,
      unsettled: [],
      setXor: 0,
      setSum: 0,
    }));
    for (const node of this.nodes) this.#byName.set(node.name, node);
  }

  /** Throws `E_UNKNOWN_MEMBER` when the history speaks of a node it was not announced with. */
  node(name: NodeName): NodeTruth {
    const node = this.#byName.get(name);
    if (node === undefined) {
      throw new AntecedentError('E_UNKNOWN_MEMBER', `the history names node ${name}, which is not among its nodes`);
    }
    return node;
  }

  /** The log a dot belongs to; undefined when nobody ever broadcast there. */
  findLog(dot: Dot): OriginLog | undefined {
    const logs = this.#byName.get(dot.origin)?.logs;
    if (logs === undefined) return undefined;
    // A node has few incarnations, and the latest is nearly always meant.
    for (let i = logs.length - 1; i >= 0; i--) if (logs[i]?.incarnation === dot.incarnation) return logs[i];
    return undefined;
  }

  findAttempt(dot: Dot): Attempt | undefined {
    return this.findLog(dot)?.attempts[dot.seq - 1];
  }

  /** The log of `node`'s incarnation, made at its first broadcast. */
  logFor(node: NodeTruth, incarnation: number): OriginLog {
    const found = this.findLog({ origin: node.name, incarnation, seq: 1 });
    if (found !== undefined) return found;
    const log: OriginLog = {
      index: this.logs.length,
      origin: node.name,
      incarnation,
      attempts: [],
      accepted: 0,
      acceptedAtCrash: 0,
      deliveredAnywhere: 0,
      life: node.life,
    };
    this.logs.push(log);
    node.logs.push(log);
    if (this.logs.length > this.#capacity) this.#grow();
    return log;
  }

  /**
   * A process (re)starts. `position` is what its application has stored; without one the node goes on behind its own
   * mark, which only the next delivery reveals.
   */
  start(node: NodeTruth, position: number | undefined): void {
    node.life += 1;
    node.unsettled.length = 0;
    node.isMarkKnown = node.positions.length === 0;
    if (position !== undefined) this.moveTo(node, position);
  }

  crash(node: NodeTruth): void {
    for (const log of node.logs) log.acceptedAtCrash = log.accepted;
  }

  /** The application is in the state it had at `position`, and the node goes on from there. */
  moveTo(node: NodeTruth, position: number): void {
    if (position > node.positions.length) {
      throw new AntecedentError(
        'E_POSITION',
        `node ${node.name} is said to have stored position ${position}, but was given ${node.positions.length} messages`,
      );
    }
    while (node.held > position) this.#count(node, node.positions[node.held - 1], -1);
    while (node.held < position) this.#count(node, node.positions[node.held], 1);
    node.isMarkKnown = true;
    this.#settle(node);
  }

  /** Records a broadcast that the oracles have found lawful. Later attempts of a life that ended unseen are forgotten. */
  addAttempt(node: NodeTruth, log: OriginLog, seq: number, payload: Uint8Array): Attempt {
    const past = node.isMarkKnown ? node.delivered.slice(0, this.logs.length) : new Int32Array(log.index + 1);
    past[log.index] = seq - 1;
    const attempt: Attempt = { log, seq, payload, past };
    log.attempts.length = seq - 1;
    log.attempts.push(attempt);
    log.life = node.life;
    if (!node.isMarkKnown) node.unsettled.push(attempt);
    return attempt;
  }

  /** Records a delivery that the oracles have found lawful, at position `held + 1`. */
  addDelivery(node: NodeTruth, attempt: Attempt): void {
    if (node.held === node.positions.length) node.positions.push(attempt);
    if (attempt.seq > attempt.log.deliveredAnywhere) attempt.log.deliveredAnywhere = attempt.seq;
    this.#count(node, attempt, 1);
  }

  #count(node: NodeTruth, attempt: Attempt | undefined, by: 1 | -1): void {
    assert(attempt !== undefined, `position ${node.held} of ${node.name} holds no message`);
    const { log, seq } = attempt;
    node.held += by;
    node.delivered[log.index] = countIn(node.delivered, log.index) + by;
    node.setXor ^= mix(log.index, seq);
    node.setSum = (node.setSum + by * mix(seq, ~log.index)) | 0;
  }

  /** A node that shows where its mark stands had delivered everything up to there when it restarted. */
  #settle(node: NodeTruth): void {
    for (const attempt of node.unsettled) {
      const past = node.delivered.slice(0, this.logs.length);
      past[attempt.log.index] = attempt.seq - 1;
      attempt.past = past;
    }
    node.unsettled.length = 0;
  }

  #grow(): void {
    this.#capacity *= 2;
    for (const node of this.nodes) {
      const wider = new Int32Array(this.#capacity);
      wider.set(node.delivered);
      node.delivered = wider;
    }
  }
}

/** Mixes two small integers into 32 well-spread bits (the finalizer of MurmurHash3, which is in the public domain). */
function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
