/**
 * What really happened, by what applications were seen to do.
 *
 * The protocol's own clocks, journals and positions are never consulted: a protocol that lies about them is caught.
 *
 * Invariants:
 * - Every origin (name, incarnation) is one log with a dense index, and `attempts[seq - 1]` is what the application
 *   broadcast last under that dot. An earlier attempt that a crash wiped out unseen is forgotten.
 * - `positions[p - 1]` of a node is the message that position p held when it was first delivered. An application keeps its
 *   state through every crash, so positions are only ever added; what comes again changes nothing. Only an application that
 *   is built anew begins with none.
 * - `delivered[i]` of a node counts the messages of log i among its positions. As long as no oracle has raised an alarm, a
 *   node is given each log in order, so the counts identify the set exactly, and its copy of every log is a prefix of it.
 * - `past[i]` of an attempt is `delivered[i]` at that moment, also when it was made right after a restart, before its node
 *   had delivered anything again: what an application knows, it knows. The entry of its own log is seq - 1.
 * - `marked` of a node is a position that its disk must remember as applied: a group of records carries, with the
 *   broadcasts, the mark of what was confirmed when they were made, so the receipt of a broadcast stands for the mark
 *   too; and a node that is closed takes its leave only when everything confirmed is marked. What is applied is confirmed
 *   a little later, at the latest when the next position comes.
 * - A node that is removed stays here with all it was given, and is a member no more. One that joins may begin with the
 *   state of another: it then counts as having been given what that one had, at the same positions.
 * Counts live in plain integer arrays: they are copied at every broadcast and compared at every delivery.
 */
import { AntecedentError, compareNames, formatDot, originKey, type Dot, type NodeName } from '../../core/index.js';

/** One call of broadcast(). */
export interface Attempt {
  readonly log: OriginLog;
  readonly seq: number;
  readonly payload: Uint8Array;
  /** Read through `countIn`: logs that appeared later are beyond its end. */
  readonly past: Int32Array;
  /** Position that the application had confirmed for certain. */
  readonly confirmed: number;
}

/** The messages of one origin. */
export interface OriginLog {
  readonly index: number;
  readonly origin: NodeName;
  readonly incarnation: number;
  readonly attempts: Attempt[];
  /** Highest seq whose receipt arrived; everything below is promised with it, for a log has no gaps. */
  accepted: number;
  /** Highest seq that was broadcast when its node was closed in peace. */
  kept: number;
  /** What was promised, by a receipt or by a close in peace, when the origin last ended. */
  promisedAtEnd: number;
  /** Highest seq that any node, dead or alive, was given. */
  deliveredAnywhere: number;
  /** Highest seq that was accepted as being on so many members, by that number. */
  readonly acceptedOn: number[];
  /** Up to here every member has had it: a lower bound, see `stability.ts`. */
  everywhere: number;
  /** Life of the node in which it last broadcast here. */
  life: number;
}

/** One member, through all its lives. */
export interface NodeTruth {
  readonly name: NodeName;
  /** The name in the dots of what it broadcasts: its own, unless it is a twin. */
  readonly identity: NodeName;
  /** False before it joins and after it was removed. */
  isMember: boolean;
  /** Its own logs, in the order of their first use. */
  readonly logs: OriginLog[];
  positions: Attempt[];
  delivered: Int32Array;
  /** Number of its starts. */
  life: number;
  /**
   * Position of the last delivery of this life, or what its application gave it at the start. Undefined after a start
   * without position, until the first delivery shows where the node's own mark stands.
   */
  last: number | undefined;
  /** Started without position: its disk remembers what was applied. */
  keepsMark: boolean;
  /** Up to here nothing may come again. */
  marked: number;
  /** Since when, for sentences: `b:7 was accepted`. */
  markedSince: string;
  /** Its disk has dropped or changed what it held: see `damage.ts`. */
  isDamaged: boolean;
  /** Its log was damaged and has not been repaired since: it may refuse to start. */
  mayRefuse: boolean;
  /** It has found out, damaged, that its log went back. */
  isFenced: boolean;
  /** Its directory was emptied, put back or repaired with its knowledge, and it has broadcast nothing since. */
  isUnused: boolean;
  /** Positions that an operator has skipped: they count as given, though their messages are not in the application's state. */
  readonly skipped: Set<number>;
  /**
   * What it need not have been given any more when it counts as having been: it had been before its state was replaced, or
   * it was there when the node joined. Undefined while its state is the one it began with.
   */
  excused: Int32Array | undefined;
  /** What came with a state that was not its own. */
  inherited: Int32Array | undefined;
  /** What it has called stable, to the application that has its state, in any of its lives. */
  stable: Int32Array | undefined;
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

/** True when the node has been given the message. */
export function hasDelivered(node: NodeTruth, log: OriginLog, seq: number): boolean {
  return countIn(node.delivered, log.index) >= seq;
}

/** Highest seq of a log that must not be forgotten any more. */
export function durableSeq(log: OriginLog): number {
  return Math.max(log.accepted, log.kept, log.deliveredAnywhere);
}

export class GroundTruth {
  /** Everybody who is a member or ever was, in byte order of their names. */
  nodes: readonly NodeTruth[];
  /** By index. */
  readonly logs: OriginLog[] = [];
  readonly #byName = new Map<string, NodeTruth>();
  readonly #logsByKey = new Map<string, OriginLog>();
  #capacity: number;

  constructor(names: readonly NodeName[]) {
    this.#capacity = Math.max(4, names.length * 2);
    this.nodes = [...names].sort(compareNames).map((name) => this.#newNode(name));
    for (const node of this.nodes) node.isMember = true;
  }

  /** Throws `E_UNKNOWN_MEMBER` when the history speaks of a node it was not announced with. */
  node(name: NodeName): NodeTruth {
    const node = this.#byName.get(name);
    if (node === undefined) {
      throw new AntecedentError('E_UNKNOWN_MEMBER', `the history names node ${name}, which is not among its nodes`);
    }
    return node;
  }

  /** As `node`, or undefined. */
  find(name: string): NodeTruth | undefined {
    return this.#byName.get(name);
  }

  /** The log a dot belongs to; undefined when nobody ever broadcast there. */
  findLog(dot: Dot): OriginLog | undefined {
    const logs = this.#byName.get(dot.origin)?.logs;
    if (logs === undefined) return undefined;
    // A node has few incarnations, and the latest is nearly always meant.
    for (let i = logs.length - 1; i >= 0; i--) if (logs[i]?.incarnation === dot.incarnation) return logs[i];
    return undefined;
  }

  /** The log that clocks name so; undefined when nobody ever broadcast there. */
  findLogOf(key: string): OriginLog | undefined {
    return this.#logsByKey.get(key);
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
      kept: 0,
      promisedAtEnd: 0,
      deliveredAnywhere: 0,
      acceptedOn: [],
      everywhere: 0,
      life: node.life,
    };
    this.logs.push(log);
    node.logs.push(log);
    this.#logsByKey.set(originKey(log.origin, log.incarnation), log);
    if (this.logs.length > this.#capacity) this.#grow();
    return log;
  }

  /**
   * A process (re)starts. `position` is what its application has stored, which is what it was given; without one the node
   * goes on behind its own mark, which only the next delivery reveals.
   */
  start(node: NodeTruth, position: number | undefined): void {
    if (position !== undefined && !isStored(node, position)) {
      throw new AntecedentError(
        'E_POSITION',
        `node ${node.name} is said to have stored position ${position}, but was given ${node.positions.length} messages`,
      );
    }
    node.life += 1;
    node.keepsMark = position === undefined;
    if (position === undefined) node.last = node.positions.length === 0 ? 0 : undefined;
    else node.last = node.positions.length;
  }

  /** The application of a node that is down is built anew: it has been given nothing yet. */
  rebuild(node: NodeTruth): void {
    this.#replaceState(node, []);
    node.last = undefined;
    node.isFenced = false;
    node.mayRefuse = false;
  }

  /** The directory and the application of a node that is down are what they were when it had come to `position`. */
  setBack(node: NodeTruth, position: number): void {
    this.#replaceState(node, node.positions.slice(0, position));
    node.last = undefined;
    node.isFenced = false;
    node.mayRefuse = false;
  }

  /** Another process with the identity of `original` has what that one had at `position`. It is no member. */
  addTwin(name: NodeName, original: NodeTruth, position: number): NodeTruth {
    const node = this.#newNode(name, original.identity);
    this.#replaceState(node, original.positions.slice(0, position));
    original.isDamaged = true;
    node.isDamaged = true;
    return node;
  }

  /**
   * A node that may not be known yet is a member. With `state`, its application goes on with what another one's was at a
   * position. Throws `E_POSITION` for a position that the other one has not come to.
   */
  join(name: NodeName, state: { readonly node: NodeName; readonly position: number } | undefined): NodeTruth {
    const node = this.#byName.get(name) ?? this.#newNode(name);
    if (!this.nodes.includes(node)) {
      this.nodes = [...this.nodes, node].sort((one, other) => compareNames(one.name, other.name));
    }
    if (!node.isMember) {
      node.isMember = true;
      const excused = this.#excuse(node);
      for (const log of this.logs) excused[log.index] = Math.max(countIn(excused, log.index), log.attempts.length);
    }
    if (state === undefined) return node;
    const { positions } = this.node(state.node);
    if (state.position > positions.length) {
      throw new AntecedentError(
        'E_POSITION',
        `node ${name} is said to go on behind position ${state.position} of ${state.node}, which was given ${positions.length} messages`,
      );
    }
    this.#replaceState(node, positions.slice(0, state.position));
    for (const skipped of this.node(state.node).skipped) if (skipped <= state.position) node.skipped.add(skipped);
    node.inherited = node.delivered.slice();
    node.last = state.position;
    return node;
  }

  /** Nothing is expected of the node any more. */
  remove(node: NodeTruth): void {
    node.isMember = false;
  }

  /** The life ends, with or without warning. */
  end(node: NodeTruth): void {
    for (const log of node.logs) log.promisedAtEnd = Math.max(log.accepted, log.kept);
  }

  /** The node was closed and has taken its leave: all it was told by then is on its disk. */
  close(node: NodeTruth, confirmed: number): void {
    // An attempt of an earlier life may have been wiped out by the crash that ended it.
    for (const log of node.logs) if (log.life === node.life) log.kept = log.attempts.length;
    mark(node, confirmed, 'it was closed');
    this.end(node);
  }

  /** Records a broadcast that the oracles have found lawful. Later attempts of a life that ended unseen are forgotten. */
  addAttempt(node: NodeTruth, log: OriginLog, seq: number, payload: Uint8Array): void {
    this.putAttempt(this.newAttempt(node, log, seq, payload));
    log.life = node.life;
  }

  /** What `node` broadcasts now. */
  newAttempt(node: NodeTruth, log: OriginLog, seq: number, payload: Uint8Array): Attempt {
    const past = node.delivered.slice(0, this.logs.length);
    past[log.index] = seq - 1;
    return { log, seq, payload, past, confirmed: (node.last ?? 0) - 1 };
  }

  /** Puts an attempt at its place in its log, as the last one. */
  putAttempt(attempt: Attempt): void {
    const { log, seq } = attempt;
    log.attempts.length = seq - 1;
    // Changes something only where a damaged disk has lost what was promised.
    log.accepted = Math.min(log.accepted, seq - 1);
    log.kept = Math.min(log.kept, seq - 1);
    log.promisedAtEnd = Math.min(log.promisedAtEnd, seq - 1);
    log.acceptedOn.forEach((accepted, copies) => (log.acceptedOn[copies] = Math.min(accepted, seq - 1)));
    log.attempts.push(attempt);
  }

  /** Records a receipt for a message that was to be on `copies` members. */
  accept(node: NodeTruth, attempt: Attempt, copies: number): void {
    const { log, seq } = attempt;
    log.accepted = Math.max(log.accepted, seq);
    if (copies > 1) log.acceptedOn[copies] = Math.max(log.acceptedOn[copies] ?? 0, seq);
    mark(node, attempt.confirmed, `${nameOf(attempt)} was accepted`);
  }

  /** Records a delivery that the oracles have found lawful: at the next position, or again. */
  addDelivery(node: NodeTruth, attempt: Attempt, position: number): void {
    node.last = position;
    if (position <= node.positions.length) return;
    if (attempt.seq > attempt.log.deliveredAnywhere) attempt.log.deliveredAnywhere = attempt.seq;
    addPosition(node, attempt);
    this.noteForMember(node, attempt.log, attempt.seq);
  }

  /** Others take what a twin says that it has been given for said by the member. */
  noteForMember(node: NodeTruth, log: OriginLog, seq: number): void {
    if (node.identity === node.name) return;
    const excused = this.#excuse(this.node(node.identity));
    excused[log.index] = Math.max(countIn(excused, log.index), seq);
  }

  /** Records that the next position is given up: it counts as given. */
  skip(node: NodeTruth, attempt: Attempt): void {
    addPosition(node, attempt);
    node.last = node.positions.length;
    node.skipped.add(node.last);
  }

  /** Records that a node has called a log stable up to `seq`. */
  noteStable(node: NodeTruth, log: OriginLog, seq: number): void {
    node.stable ??= new Int32Array(this.#capacity);
    if (seq > countIn(node.stable, log.index)) node.stable[log.index] = seq;
  }

  #newNode(name: NodeName, identity: NodeName = name): NodeTruth {
    const node: NodeTruth = {
      name,
      identity,
      isMember: false,
      logs: [],
      positions: [],
      delivered: new Int32Array(this.#capacity),
      life: 0,
      last: undefined,
      keepsMark: false,
      marked: 0,
      markedSince: '',
      isDamaged: false,
      mayRefuse: false,
      isFenced: false,
      isUnused: false,
      skipped: new Set(),
      excused: undefined,
      inherited: undefined,
      stable: undefined,
      setXor: 0,
      setSum: 0,
    };
    this.#byName.set(name, node);
    return node;
  }

  #replaceState(node: NodeTruth, positions: readonly Attempt[]): void {
    this.#excuse(node);
    node.positions = [];
    node.delivered = new Int32Array(this.#capacity);
    node.inherited = undefined;
    node.stable = undefined;
    node.setXor = 0;
    node.setSum = 0;
    node.marked = 0;
    for (const position of node.skipped) if (position > positions.length) node.skipped.delete(position);
    for (const attempt of positions) addPosition(node, attempt);
  }

  /** What the node has been given counts from now on, whatever becomes of its state. */
  #excuse(node: NodeTruth): Int32Array {
    const excused = (node.excused ??= new Int32Array(this.#capacity));
    node.delivered.forEach((count, index) => (excused[index] = Math.max(countIn(excused, index), count)));
    return excused;
  }

  #grow(): void {
    this.#capacity *= 2;
    const widen = (counts: Int32Array): Int32Array => {
      const wider = new Int32Array(this.#capacity);
      wider.set(counts);
      return wider;
    };
    for (const node of this.#byName.values()) {
      node.delivered = widen(node.delivered);
      if (node.excused !== undefined) node.excused = widen(node.excused);
      if (node.stable !== undefined) node.stable = widen(node.stable);
    }
  }
}

/** True when an application that was given what the node was can have stored this position: behind it nothing was applied. */
function isStored({ positions, skipped }: NodeTruth, position: number): boolean {
  if (position > positions.length) return false;
  for (let later = position + 1; later <= positions.length; later++) if (!skipped.has(later)) return false;
  return true;
}

function addPosition(node: NodeTruth, attempt: Attempt): void {
  const { log, seq } = attempt;
  node.positions.push(attempt);
  node.delivered[log.index] = countIn(node.delivered, log.index) + 1;
  node.setXor ^= mix(log.index, seq);
  node.setSum = (node.setSum + mix(seq, ~log.index)) | 0;
}

function mark(node: NodeTruth, position: number, since: string): void {
  if (!node.keepsMark || position <= node.marked) return;
  node.marked = position;
  node.markedSince = since;
}

/** Mixes two small integers into 32 well-spread bits (the finalizer of MurmurHash3, which is in the public domain). */
function mix(a: number, b: number): number {
  let h = Math.imul(a ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(b, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return h ^ (h >>> 16);
}
