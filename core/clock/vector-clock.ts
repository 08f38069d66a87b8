/**
 * Vector clocks as an application sees them: how many messages of each origin had been delivered to the broadcaster.
 *
 * Immutable. An absent entry counts as 0, and entries of 0 are never stored, so equal clocks have equal entries.
 * The replica itself counts in plain arrays indexed by origin; this class is made when somebody looks at a clock.
 *
 * Source: Birman, Schiper, Stephenson, "Lightweight Causal and Atomic Group Multicast", ACM TOCS 9(3), 1991;
 * the order is that of Mattern, "Virtual Time and Global States of Distributed Systems", 1989.
 */
import { AntecedentError } from '../errors.js';
import { compareNames } from '../names.js';

/** How two clocks relate: `before` means that everything the first counts, the second counts too, and more. */
export type ClockOrder = 'before' | 'equal' | 'after' | 'concurrent';

export class VectorClock implements Iterable<readonly [origin: string, seq: number]> {
  static readonly zero: VectorClock = new VectorClock(new Map());

  readonly #entries: ReadonlyMap<string, number>;

  private constructor(entries: ReadonlyMap<string, number>) {
    this.#entries = entries;
  }

  /**
   * Builds a clock from entries; entries of 0 are dropped. Throws `E_CLOCK` for an origin named twice and
   * `E_COUNTER_RANGE` for anything but a whole number from 0 to 2⁵³-1.
   */
  static of(entries: Iterable<readonly [origin: string, seq: number]>): VectorClock {
    const map = new Map<string, number>();
    for (const [origin, seq] of entries) {
      if (!Number.isSafeInteger(seq) || seq < 0) {
        throw new AntecedentError(
          'E_COUNTER_RANGE',
          `clock entry ${origin}:${seq} is no whole number from 0 to 2^53-1`,
        );
      }
      if (map.has(origin)) throw new AntecedentError('E_CLOCK', `clock names ${origin} twice`);
      map.set(origin, seq);
    }
    for (const [origin, seq] of map) if (seq === 0) map.delete(origin);
    return new VectorClock(map);
  }

  /** Number of origins with an entry above 0. */
  get size(): number {
    return this.#entries.size;
  }

  get(origin: string): number {
    return this.#entries.get(origin) ?? 0;
  }

  /** True when this clock counts message `seq` of `origin`. */
  covers(origin: string, seq: number): boolean {
    return this.get(origin) >= seq;
  }

  /** True when this clock counts everything that `other` counts. */
  coversClock(other: VectorClock): boolean {
    for (const [origin, seq] of other.#entries) if (this.get(origin) < seq) return false;
    return true;
  }

  compare(other: VectorClock): ClockOrder {
    const atLeast = this.coversClock(other);
    const atMost = other.coversClock(this);
    if (atLeast && atMost) return 'equal';
    if (atLeast) return 'after';
    return atMost ? 'before' : 'concurrent';
  }

  /** The least clock that covers both: the entrywise maximum. */
  merge(other: VectorClock): VectorClock {
    const merged = new Map(this.#entries);
    for (const [origin, seq] of other.#entries) if (seq > this.get(origin)) merged.set(origin, seq);
    return new VectorClock(merged);
  }

  /** Entries above 0 in byte order of the origins. */
  *[Symbol.iterator](): Iterator<readonly [origin: string, seq: number]> {
    yield* [...this.#entries].sort(([a], [b]) => compareNames(a, b));
  }

  /** `{"a":3,"b":7}`, origins in byte order. */
  toJSON(): Record<string, number> {
    // fromEntries defines own properties, so an origin named __proto__ could do no harm either.
    return Object.fromEntries(this);
  }
}
