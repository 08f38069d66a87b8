/**
 * Observed-remove set, operation-based: a remove takes away the additions that its author had seen, and no other.
 *
 * Rules:
 * - Every addition carries a tag that is never used again, by anybody.
 * - A remove names the tags that its author observed (`tagsOf`), never the element alone: removing by value would also
 *   take away additions that are concurrent with the remove.
 * - Additions are applied before the removes that observed them. Causal delivery gives exactly that, and it is why the
 *   set keeps no tombstones. Under this rule concurrent operations commute, so equal sets of operations give equal
 *   sets.
 *
 * The digest is a sum of one hash for each (element, tag) pair: it follows every change in O(1) and does not depend on
 * the order of changes. Equal sets have equal digests; unequal ones differ but for one case in about 2⁵³.
 *
 * Source: Shapiro, Preguiça, Baquero, Zawirski, "A comprehensive study of Convergent and Commutative Replicated Data
 * Types", INRIA RR-7506, 2011, specification 15.
 */
import { compareNames } from '../names.js';

const low32Modulus = 0x1_0000_0000;
const high21Mask = 0x1f_ffff;
const separator = 0x27d4_eb2f;

export class ORSet {
  readonly #tags = new Map<string, Set<string>>();
  #digestLow = 0;
  #digestHigh = 0;

  /** Number of elements. */
  get size(): number {
    return this.#tags.size;
  }

  /** A whole number below 2⁵³ that changes with the set. */
  get digest(): number {
    return this.#digestHigh * low32Modulus + this.#digestLow;
  }

  has(element: string): boolean {
    return this.#tags.has(element);
  }

  /** The tags under which `element` is in the set, in the order of their arrival: what a remove has to name. */
  tagsOf(element: string): readonly string[] {
    const tags = this.#tags.get(element);
    return tags === undefined ? [] : [...tags];
  }

  /** Applies an addition. False when the set has it already. */
  add(element: string, tag: string): boolean {
    let tags = this.#tags.get(element);
    if (tags === undefined) {
      tags = new Set();
      this.#tags.set(element, tags);
    } else if (tags.has(tag)) {
      return false;
    }
    tags.add(tag);
    this.#fold(element, tag, 1);
    return true;
  }

  /**
   * Applies a remove of observed additions. Tags that are gone already are passed over. Returns how many it took away.
   */
  remove(element: string, observed: readonly string[]): number {
    const tags = this.#tags.get(element);
    if (tags === undefined) return 0;
    let removed = 0;
    for (const tag of observed) {
      if (!tags.delete(tag)) continue;
      this.#fold(element, tag, -1);
      removed += 1;
    }
    if (tags.size === 0) this.#tags.delete(element);
    return removed;
  }

  /** Elements in byte order, whatever the order of the operations was. */
  *[Symbol.iterator](): Iterator<string> {
    yield* [...this.#tags.keys()].sort(compareNames);
  }

  /** Elements with their tags, both in byte order. */
  *entries(): Generator<readonly [element: string, tags: readonly string[]]> {
    for (const element of this) yield [element, [...this.tagsOf(element)].sort(compareNames)];
  }

  #fold(element: string, tag: string, sign: 1 | -1): void {
    // Two hashes in one pass over the texts, which is what costs. Told apart: ("ab","c") and ("a","bc") differ.
    let low = 0x9e37_79b9 ^ element.length;
    let high = 0x85eb_ca6b ^ element.length;
    for (let index = 0; index < element.length; index += 1) {
      const code = element.charCodeAt(index);
      low = step(low, code);
      high = step(high, code);
    }
    low ^= separator;
    high ^= separator;
    for (let index = 0; index < tag.length; index += 1) {
      const code = tag.charCodeAt(index);
      low = step(low, code);
      high = step(high, code);
    }
    this.#digestLow = (this.#digestLow + sign * finish(low)) >>> 0;
    this.#digestHigh = (this.#digestHigh + sign * finish(high)) & high21Mask;
  }
}

/** One step of FNV-1a, stirred. */
function step(hash: number, code: number): number {
  const mixed = Math.imul(hash ^ code, 0x0100_0193);
  return mixed ^ (mixed >>> 15);
}

/** 32 bits, finished as in MurmurHash3. */
function finish(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2_ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
