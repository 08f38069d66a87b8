/**
 * Who is a member.
 *
 * It begins with the names of the configuration. Additions and removals are facts that spread from member to member, each one
 * journalled before it takes effect; nobody votes. A name has a generation that counts its additions and removals, odd while
 * it is a member, and the higher generation wins: all who know the same facts have the same members, in whatever order they
 * came.
 *
 * A removed member's log is closed (see `ClosedLogs`). From the moment on at which a member knows of the removal, it takes
 * nothing from the removed one any more and says with its adverts how much it holds; once every remaining member has done so,
 * the highest of these positions is the cut: all of them fetch up to it from each other, and nothing can come behind it. No
 * member has to be asked twice, and none decides alone.
 *
 * Source of the generations: Yu and Rostad, "A Low-Cost Set CRDT Based on Causal Lengths", PaPoC 2020.
 */
import type { MemberChange } from '../message/frame.js';
import { compareNames, type NodeName } from '../names.js';

export class Membership {
  readonly #configured: ReadonlySet<NodeName>;
  /** The newest change of each name. */
  readonly #changes = new Map<NodeName, MemberChange>();
  #members: readonly NodeName[] | undefined;
  #underWay = 0;

  /** `configured`: the names that are members without having been added, ourselves included unless we join. */
  constructor(configured: Iterable<NodeName>) {
    this.#configured = new Set(configured);
  }

  /** True while a change is on its way to the disk. */
  get isChanging(): boolean {
    return this.#underWay > 0;
  }

  /** A change goes to the disk. */
  noteUnderWay(): void {
    this.#underWay++;
  }

  /** A change that was under way has arrived. */
  noteDurable(): void {
    this.#underWay--;
  }

  /** Every change, in byte order of the names. */
  get changes(): readonly MemberChange[] {
    return [...this.#changes.values()].toSorted((a, b) => compareNames(a.name, b.name));
  }

  /** Every member, in byte order. */
  get members(): readonly NodeName[] {
    // Asked for with every view, and hardly ever another answer.
    this.#members ??= [...new Set([...this.#configured, ...this.#changes.keys()])]
      .filter((name) => this.has(name))
      .toSorted(compareNames);
    return this.#members;
  }

  has(name: NodeName): boolean {
    return isMember(this.generationOf(name));
  }

  /** True for a name that is no member any more. */
  wasRemoved(name: NodeName): boolean {
    return this.generationOf(name) > 0 && !this.has(name);
  }

  change(name: NodeName): MemberChange | undefined {
    return this.#changes.get(name);
  }

  generationOf(name: NodeName): number {
    return this.#changes.get(name)?.generation ?? (this.#configured.has(name) ? 1 : 0);
  }

  /** Of `changes`, what is new to us. Nothing takes effect. */
  newsIn(changes: readonly MemberChange[]): readonly MemberChange[] {
    return changes.filter(({ name, generation }) => generation > this.generationOf(name));
  }

  /** Takes changes over. Returns those that were new. */
  adopt(changes: readonly MemberChange[]): readonly MemberChange[] {
    return changes.filter((change) => {
      // One after the other: who made the list may have named somebody twice.
      const isNew = change.generation > this.generationOf(change.name);
      if (isNew) {
        this.#changes.set(change.name, change);
        this.#members = undefined;
      }
      return isNew;
    });
  }
}

function isMember(generation: number): boolean {
  return generation % 2 === 1;
}
