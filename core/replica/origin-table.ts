/**
 * Gives every origin a small number, so that clocks are arrays and not maps.
 *
 * Only members get one, and only so many incarnations of each: an origin that a peer makes up is refused, which keeps the
 * table, and with it every clock, as small as the cluster. Numbers are given in the order of first use and mean nothing
 * outside this process.
 */
import { RemoteProtocolError, assert } from '../errors.js';
import type { NodeName } from '../names.js';
import { incarnationsMax, originKey, type Origin } from '../message/origin.js';

export class OriginTable {
  /** Members, former ones included: what they have written stays. */
  readonly #members: Set<NodeName>;
  readonly #origins: Origin[] = [];
  readonly #indices = new Map<string, number>();

  constructor(members: Iterable<NodeName>) {
    this.#members = new Set(members);
  }

  /** `name` has become a member. */
  admit(name: NodeName): void {
    this.#members.add(name);
  }

  /** True when a log with this name and incarnation may exist. */
  isPossible(name: NodeName, incarnation: number): boolean {
    return this.#members.has(name) && incarnation >= 1 && incarnation <= incarnationsMax;
  }

  get size(): number {
    return this.#origins.length;
  }

  /** Number of an origin. Throws `E_UNKNOWN_MEMBER` when `name` is no member, `E_COUNTER_RANGE` for a bad incarnation. */
  readonly resolve = (name: NodeName, incarnation: number): number => {
    const key = originKey(name, incarnation);
    const known = this.#indices.get(key);
    if (known !== undefined) return known;
    if (!this.#members.has(name)) {
      throw new RemoteProtocolError('E_UNKNOWN_MEMBER', `${JSON.stringify(name)} is not a member of this cluster`);
    }
    if (incarnation < 1 || incarnation > incarnationsMax) {
      throw new RemoteProtocolError(
        'E_COUNTER_RANGE',
        `incarnation ${incarnation} of ${name} is not from 1 to ${incarnationsMax}`,
      );
    }
    const index = this.#origins.length;
    this.#origins.push({ name, incarnation });
    this.#indices.set(key, index);
    return index;
  };

  /** Number of an origin that has one already. */
  find(name: NodeName, incarnation: number): number | undefined {
    return this.#indices.get(originKey(name, incarnation));
  }

  readonly at = (index: number): Origin => {
    const origin = this.#origins[index];
    assert(origin !== undefined, `origin ${index} of ${this.#origins.length}`);
    return origin;
  };
}
