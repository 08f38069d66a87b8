/**
 * Rivals: messages that were given out under one dot, because a data directory was copied, emptied or set back and the one who works
 * with it does not know.
 *
 * No protocol can keep such a writer from giving out a dot again before it has heard of anybody. What must hold is that the
 * others never see it: whatever they are given under a dot, they are all given the same, each message follows the one that its
 * writer had written before, and nothing is accepted as being everywhere when somebody has another message under that dot. Whose
 * messages lose is by design set aside with all that only it has: it is asked for nothing more, but that it has noticed at the end.
 *
 * Invariants:
 * - A log that was never contested is not touched.
 * - `attempts` of a contested log are, up to what is settled, those that others were given, and behind it what the member itself
 *   has written since. All other ones of the same dots are rivals of these.
 * - A writer that has been given its own message while others have another one is forked: what it was given is not
 *   counted as positions any more, but its deliveries of others still count as causes of what it broadcasts.
 */
import { formatDot, type Dot, type NodeName } from '../../core/index.js';
import type { HistoryEvent } from '../history.js';
import { checkCreated } from './content.js';
import type { End } from './convergence.js';
import { countIn, nameOf, type Attempt, type GroundTruth, type NodeTruth, type OriginLog } from './ground-truth.js';
import { hadSeq } from './stability.js';
import type { Violation } from './violation.js';

type EventOf<Type extends HistoryEvent['type']> = Extract<HistoryEvent, { readonly type: Type }>;

/** What one writer has given out in a log. */
interface Branch {
  /** By seq - 1; what it has in common with others at the beginning. */
  readonly attempts: Attempt[];
  /** In which of its lives it last did. */
  life: number;
  /** Highest seq whose receipt arrived. */
  accepted: number;
  /** Its directory has lost an unknown part of the end since. */
  isSetBack: boolean;
}

interface Contest {
  /** By the name that the history has for the writer. */
  readonly branches: Map<string, Branch>;
  readonly rivals: Set<Attempt>;
  /** What its writer had written before, for those that were written since. */
  readonly before: Map<Attempt, Attempt | undefined>;
  /** Accepted as being on all members. */
  readonly everywhere: Set<Attempt>;
  /** Highest seq that anybody but a writer was given. */
  settled: number;
}

export class Rivals {
  readonly #truth: GroundTruth;
  /** Names that several write under, or may have. */
  readonly #contested = new Set<NodeName>();
  readonly #contests = new Map<OriginLog, Contest>();
  readonly #forked = new Set<NodeTruth>();
  /** Names under which somebody has spoken who could not know what had been said under them. */
  readonly #unreliable = new Set<NodeName>();

  constructor(truth: GroundTruth) {
    this.#truth = truth;
  }

  /** A twin begins, with a copy of what the other one has or with nothing. */
  addTwin({ node: name, of, position }: EventOf<'twin'>): void {
    const original = this.#truth.node(of);
    const node = this.#truth.addTwin(name, original, Math.min(position, original.positions.length));
    this.#contest(original);
    this.#unreliable.add(of);
    if (this.#forked.has(original)) this.#fork(node);
    for (const log of original.logs) {
      const { branches } = this.#contestOf(log);
      const attempts = [...(branches.get(of)?.attempts ?? [])];
      branches.set(name, { attempts, life: 0, accepted: 0, isSetBack: true });
    }
  }

  /** The node is down, its directory is that of an earlier moment, and its application stands behind `position`. */
  setBack(node: NodeTruth, { position, isKnown }: EventOf<'set-back'>): void {
    this.#contest(node);
    if (!isKnown) this.#unreliable.add(node.name);
    for (const log of node.logs) {
      const branch = this.#contestOf(log).branches.get(node.name);
      if (branch !== undefined) branch.isSetBack = true;
    }
    // What it was given in the meantime cannot be told from what it had been given before.
    if (position > node.positions.length) return;
    if (this.#forked.delete(node)) node.isMember = true;
    this.#truth.setBack(node, position);
  }

  /** True for messages that are to be judged here. */
  concerns({ origin }: Dot): boolean {
    return this.#contested.size > 0 && this.#contested.has(origin);
  }

  /**
   * True when nothing that is called stable can be relied on against the messages of this origin: what one process said that it
   * had been given was taken for what another one had, whose broadcasts may therefore be concurrent with it.
   */
  isUnreliable({ origin }: OriginLog): boolean {
    return this.#unreliable.has(origin);
  }

  /** True for a node whose positions mean nothing any more. */
  isForked(node: NodeTruth): boolean {
    return this.#forked.has(node);
  }

  broadcast(node: NodeTruth, { dot, payload, atMs }: EventOf<'broadcast'>): Violation | undefined {
    const { origin, incarnation, seq } = dot;
    if (origin !== node.identity) {
      return misuse(`${node.name} gave out ${formatDot(dot)}, a dot of ${origin}.`, node, dot, atMs);
    }
    const member = this.#truth.node(origin);
    const log = this.#truth.logFor(member, incarnation);
    const contest = this.#contestOf(log);
    const branch = this.#branchOf(contest, node);
    const next = branch.attempts.length + 1;
    if (seq > next || (seq < next && !branch.isSetBack && branch.life === node.life)) {
      const expected = formatDot({ ...dot, seq: next });
      return misuse(
        `${node.name} gave out ${formatDot(dot)} when ${expected} was the next of its log.`,
        node,
        dot,
        atMs,
      );
    }
    if (seq <= branch.accepted && !branch.isSetBack) {
      const sentence = `${node.name} forgot ${formatDot(dot)} after accepting it, and used its dot for a new message.`;
      return { ...misuse(sentence, node, dot, atMs), property: 'durability' };
    }
    branch.attempts.length = seq - 1;
    branch.accepted = Math.min(branch.accepted, seq - 1);
    branch.isSetBack = false;
    branch.life = node.life;
    const before = branch.attempts.at(-1);
    const attempt = this.#truth.newAttempt(node, log, seq, payload);
    contest.before.set(attempt, before);
    branch.attempts.push(attempt);
    const continues = seq <= log.attempts.length + 1 && (seq === 1 || log.attempts[seq - 2] === before);
    if (node === member && seq > contest.settled && continues) {
      this.#put(log, contest, attempt);
      log.life = node.life;
    } else contest.rivals.add(attempt);
    return undefined;
  }

  /** Records a receipt, which counts only for what a member itself has written and others may still be given. */
  accept(node: NodeTruth, { dot, copies = 1, atMs }: EventOf<'accepted'>): Violation | undefined {
    const log = this.#truth.findLog(dot);
    const contest = log === undefined ? undefined : this.#contestOf(log);
    const branch = contest?.branches.get(node.name);
    const attempt = branch?.attempts[dot.seq - 1];
    if (log === undefined || contest === undefined || branch === undefined || attempt === undefined) {
      return checkCreated(node, dot, undefined, 'accepted', atMs);
    }
    branch.accepted = Math.max(branch.accepted, dot.seq);
    const isWinning = log.attempts[dot.seq - 1] === attempt;
    if (isWinning && node.name === log.origin) this.#truth.accept(node, attempt, copies);
    if (copies < this.#truth.nodes.length) return undefined;
    contest.everywhere.add(attempt);
    if (isWinning || contest.settled < dot.seq) return undefined;
    const name = nameOf(attempt);
    return misuse(
      `${name} of ${node.name} was accepted as being everywhere, but others have another ${name}.`,
      node,
      dot,
      atMs,
    );
  }

  /**
   * The message that a node is given, to be judged like any other; undefined when nobody has written it. What comes back
   * for a writer that is given its own one, against that of others, counts for nothing: `isForked` says so afterwards.
   */
  resolve(node: NodeTruth, { dot, payload, atMs }: EventOf<'deliver'>): Attempt | Violation | undefined {
    const log = this.#truth.findLog(dot);
    if (log === undefined) return undefined;
    const contest = this.#contestOf(log);
    const { seq } = dot;
    const attempt = log.attempts[seq - 1];
    const branch = node.identity === log.origin ? contest.branches.get(node.name) : undefined;
    // Who was set back has written nothing here since, so what it is given is not its own, though it may have the same bytes.
    const own = branch?.isSetBack === false ? branch.attempts[seq - 1] : undefined;
    if (own !== undefined && own !== attempt && isSame(own.payload, payload)) {
      this.#fork(node);
      return own;
    }
    const given =
      attempt !== undefined && isSame(attempt.payload, payload)
        ? attempt
        : [...contest.rivals].find((rival) => rival.seq === seq && isSame(rival.payload, payload));
    if (given === undefined) return attempt;
    if (node.identity === log.origin) {
      if (given !== attempt) this.#fork(node);
      return given;
    }
    return this.#settle(node, log, contest, given, atMs) ?? given;
  }

  /** A forked node is given a message. What others have written are causes of what it will broadcast. */
  deliverForked(node: NodeTruth, dot: Dot): void {
    const log = this.#truth.findLog(dot);
    if (log === undefined) return;
    this.#truth.noteForMember(node, log, dot.seq);
    if (log.origin === node.identity) return;
    node.delivered[log.index] = Math.max(countIn(node.delivered, log.index), dot.seq);
  }

  /** The end: whoever has lost knows it. */
  checkNoticed({ live, atMs }: End): Violation | undefined {
    const blind = [...this.#forked].find((node) => live.includes(node.name) && !node.isFenced);
    if (blind === undefined) return undefined;
    const sentence = `${blind.name} has other messages under its name than the other nodes, and has raised no alarm.`;
    return { property: 'integrity', kind: 'liveness', atMs, sentence, nodes: [blind.name], messages: [] };
  }

  /** Somebody who is no writer is given `given`: it counts from now on, or comes too late. */
  #settle(node: NodeTruth, log: OriginLog, contest: Contest, given: Attempt, atMs: number): Violation | undefined {
    const { seq } = given;
    const name = nameOf(given);
    const other = [...contest.everywhere].find((attempt) => attempt.seq === seq && attempt !== given);
    if (other !== undefined) {
      const sentence = `${name} has two bodies: one was accepted as being everywhere, and ${node.name} was given the other.`;
      return misuse(sentence, node, given, atMs, log);
    }
    if (log.attempts[seq - 1] !== given) {
      if (seq <= contest.settled) {
        const first = this.#truth.nodes.find(
          (one) => one.identity !== log.origin && one !== node && hadSeq(one, log) >= seq,
        );
        const sentence = `${name} has two bodies: ${first?.name ?? 'another node'} was given one, and ${node.name} the other.`;
        return misuse(sentence, node, given, atMs, log);
      }
      const before = contest.before.get(given);
      // Where even that is missing, causal order is broken, and is judged as such.
      if (before !== undefined && log.attempts.length >= seq - 1 && log.attempts[seq - 2] !== before) {
        const sentence = `${node.name} was given ${name}, whose writer had written another ${nameOf(before)} before it.`;
        return misuse(sentence, node, given, atMs, log);
      }
      if (log.attempts.length >= seq - 1) this.#put(log, contest, given);
    }
    contest.settled = Math.max(contest.settled, seq);
    this.#forkLosers(log, contest, seq);
    return undefined;
  }

  /** Makes `attempt` the one that others are to be given, and rivals of what was in its place and behind it. */
  #put(log: OriginLog, { rivals }: Contest, attempt: Attempt): void {
    for (const loser of log.attempts.slice(attempt.seq - 1)) rivals.add(loser);
    rivals.delete(attempt);
    this.#truth.putAttempt(attempt);
  }

  /** Members that have been given what they wrote themselves under a dot that is settled for others. */
  #forkLosers(log: OriginLog, { branches }: Contest, seq: number): void {
    for (const [name, { attempts }] of branches) {
      const own = attempts[seq - 1];
      const node = this.#truth.find(name);
      if (own === undefined || node === undefined || own === log.attempts[seq - 1]) continue;
      if (node.positions.includes(own)) this.#fork(node);
    }
  }

  #fork(node: NodeTruth): void {
    this.#forked.add(node);
    node.isMember = false;
  }

  #contest(member: NodeTruth): void {
    this.#contested.add(member.name);
    for (const log of member.logs) this.#contestOf(log);
  }

  #contestOf(log: OriginLog): Contest {
    const known = this.#contests.get(log);
    if (known !== undefined) return known;
    const others = this.#truth.nodes.filter(({ name }) => name !== log.origin);
    const contest: Contest = {
      branches: new Map([
        [log.origin, { attempts: [...log.attempts], life: log.life, accepted: log.accepted, isSetBack: false }],
      ]),
      rivals: new Set(),
      before: new Map(),
      everywhere: new Set(),
      settled: Math.max(0, ...others.map((node) => hadSeq(node, log))),
    };
    this.#contests.set(log, contest);
    return contest;
  }

  #branchOf({ branches }: Contest, node: NodeTruth): Branch {
    const known = branches.get(node.name);
    if (known !== undefined) return known;
    const branch: Branch = { attempts: [], life: 0, accepted: 0, isSetBack: false };
    branches.set(node.name, branch);
    return branch;
  }
}

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function misuse(
  sentence: string,
  node: NodeTruth,
  { seq, ...place }: Dot | Attempt,
  atMs: number,
  log?: OriginLog,
): Violation {
  const { origin, incarnation } = log ?? ('origin' in place ? place : place.log);
  const nodes = [...new Set([node.name, origin])];
  const messages = [formatDot({ origin, incarnation, seq })];
  return { property: 'integrity', kind: 'safety', atMs, sentence, nodes, messages };
}
