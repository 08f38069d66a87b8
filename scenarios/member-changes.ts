/**
 * Carries out what a plan does to the membership, until it has come about.
 *
 * Invariants:
 * - One member is asked; if it cannot be, or ends before it has answered, the next one in the order of the plan, a little later. So a
 *   change may be made by two.
 * - Changes of one node come about in the order of the plan.
 * - Nobody is added before everybody who runs knows of the removal before, and nobody is removed before all others who run know of
 *   the changes before: an operator looks at that first. What only a removed member knows of never comes about.
 * - A node is started, with nothing on its disk, when it has been added, and not before.
 */
import type { NodeName } from '../core/index.js';
import type { MemberChangeBody } from './plan.js';

/** `asked`: the answer will come · `refused`: by its knowledge that is so already, or cannot be · `unable`: it is not there. */
export type Asking = 'asked' | 'refused' | 'unable';

export interface MemberChangesOptions {
  readonly nodes: readonly NodeName[];
  /** Those that are no members yet. */
  readonly joiners: readonly NodeName[];
  /** Asks a node. `answered` is called once, with whether it was done. */
  readonly ask: (node: NodeName, change: MemberChangeBody, answered: (isDone: boolean) => void) => Asking;
  /** Whom a node takes for a member; undefined when it cannot be asked. */
  readonly lists: (node: NodeName, other: NodeName) => boolean | undefined;
  /** True for a node that never comes back. */
  readonly isGone: (node: NodeName) => boolean;
  /** A former member is to be added: what is left of it must go. */
  readonly clear: (node: NodeName) => void;
  /** A member is about to be removed. */
  readonly onRemoving: (node: NodeName) => void;
  readonly onAdded: (node: NodeName) => void;
  readonly later: (act: () => void) => void;
}

interface Change extends MemberChangeBody {
  hasBegun: boolean;
  /** Number of members that were thought of. */
  tries: number;
}

export class MemberChanges {
  readonly #options: MemberChangesOptions;
  readonly #members: Set<NodeName>;
  /** Nodes that were never members, or are about to be added again. */
  readonly #outside: Set<NodeName>;
  /** Changes to come, in the order of the plan. */
  readonly #pending: Change[] = [];
  readonly #counts = { 'add-member': 0, 'remove-member': 0 };

  constructor(options: MemberChangesOptions) {
    this.#options = options;
    this.#members = new Set(options.nodes.filter((node) => !options.joiners.includes(node)));
    this.#outside = new Set(options.joiners);
  }

  /** Changes that have begun, by kind. */
  get counts(): Readonly<Record<string, number>> {
    return this.#counts;
  }

  /** By what has been asked for; nobody need know it. */
  isMember(node: NodeName): boolean {
    return this.#members.has(node);
  }

  /** True for a node that must not run. */
  isOutside(node: NodeName): boolean {
    return this.#outside.has(node);
  }

  /** The first change that has not come about. */
  get pending(): MemberChangeBody | undefined {
    return this.#pending[0];
  }

  /** Does nothing when the node is what it is to become. */
  begin({ kind, node, by }: MemberChangeBody): void {
    const change: Change = { kind, node, by, hasBegun: false, tries: 0 };
    this.#pending.push(change);
    this.#attempt(change);
  }

  #attempt(change: Change): void {
    const first = this.#pending.find(({ node }) => node === change.node);
    if (first !== change) return this.#tryLater(change);
    const isLeaving = change.kind === 'remove-member';
    if (!change.hasBegun && this.isMember(change.node) !== isLeaving) return this.#finish(change);
    const candidate = this.#nextCandidate(change);
    if (candidate === undefined) return this.#finish(change);
    if (!change.hasBegun && !this.#isTime(change)) return this.#tryLater(change);
    this.#ask(change, candidate);
  }

  #ask(change: Change, candidate: NodeName): void {
    const { ask, lists } = this.#options;
    if (lists(candidate, candidate) === undefined) return this.#tryLater(change);
    this.#noteBegun(change);
    const asking = ask(candidate, change, (isDone) => {
      if (isDone) this.#complete(change);
      else this.#tryLater(change);
    });
    if (asking === 'asked') return;
    // Somebody may have died over it when it was done.
    if (asking === 'refused' && !this.#opinions(change.node).includes(change.kind === 'remove-member')) {
      this.#complete(change);
    } else this.#tryLater(change);
  }

  #noteBegun(change: Change): void {
    if (change.hasBegun) return;
    change.hasBegun = true;
    const { kind, node } = change;
    this.#counts[kind] += 1;
    if (kind === 'remove-member') {
      this.#members.delete(node);
      this.#options.onRemoving(node);
    } else if (!this.isOutside(node)) {
      this.#outside.add(node);
      this.#options.clear(node);
    }
  }

  #complete(change: Change): void {
    const { kind, node } = change;
    this.#finish(change);
    if (kind === 'remove-member') return;
    this.#members.add(node);
    this.#outside.delete(node);
    this.#options.onAdded(node);
  }

  #finish(change: Change): void {
    this.#pending.splice(this.#pending.indexOf(change), 1);
  }

  #tryLater(change: Change): void {
    this.#options.later(() => this.#attempt(change));
  }

  /** The members in turn, `by` first. Undefined when there is nobody who could ever do it. */
  #nextCandidate(change: Change): NodeName | undefined {
    const { nodes, isGone } = this.#options;
    const first = nodes.indexOf(change.by);
    const order = [...nodes.slice(first), ...nodes.slice(0, first)];
    const able = order.filter((node) => node !== change.node && this.isMember(node) && !isGone(node));
    return able[change.tries++ % Math.max(1, able.length)];
  }

  /** True when everybody who runs, and stays, knows of the changes that must come first. */
  #isTime({ kind, node }: Change): boolean {
    if (kind === 'add-member') return !this.#opinions(node).includes(true);
    const staying = [...this.#members].filter((member) => member !== node);
    return this.#options.nodes.every((subject) => {
      return subject === node || this.#agreeOn(subject, staying) || !this.#canBeTold(subject, [node, ...staying]);
    });
  }

  #agreeOn(subject: NodeName, members: readonly NodeName[]): boolean {
    const truth = this.isMember(subject);
    return members.every((member) => (this.#options.lists(member, subject) ?? truth) === truth);
  }

  /** True while one of `members` may still tell the others what has become of `subject`. */
  #canBeTold(subject: NodeName, members: readonly NodeName[]): boolean {
    const { isGone, lists } = this.#options;
    const truth = this.isMember(subject);
    return members.some((member) => member !== subject && !isGone(member) && lists(member, subject) !== !truth);
  }

  /** Whether the others take a node for a member: those that can be asked. */
  #opinions(node: NodeName): readonly boolean[] {
    const { lists, nodes } = this.#options;
    const others = nodes.filter((other) => other !== node && this.isMember(other));
    return others.flatMap((other) => lists(other, node) ?? []);
  }
}
