/**
 * The algebra of vector clocks. Origins are few and counters small, so that equal, ordered and concurrent pairs all come
 * up often.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { VectorClock, type ClockOrder } from '../../../core/clock/vector-clock.js';

const origins = ['a', 'b', 'b~2', 'C'] as const;
const seqMax = 3;

const clock = fc
  .record(Object.fromEntries(origins.map((origin) => [origin, fc.nat({ max: seqMax })])))
  .map((entries) => VectorClock.of(Object.entries(entries)));

/** The order by its definition, written down without the class: entry by entry over all origins. */
function orderByDefinition(a: VectorClock, b: VectorClock): ClockOrder {
  const atLeast = origins.every((origin) => a.get(origin) >= b.get(origin));
  const atMost = origins.every((origin) => a.get(origin) <= b.get(origin));
  if (atLeast && atMost) return 'equal';
  if (!atLeast && !atMost) return 'concurrent';
  return atLeast ? 'after' : 'before';
}

const opposite: Readonly<Record<ClockOrder, ClockOrder>> = {
  before: 'after',
  equal: 'equal',
  after: 'before',
  concurrent: 'concurrent',
};

function isAtMost(a: VectorClock, b: VectorClock): boolean {
  return ['before', 'equal'].includes(a.compare(b));
}

/** Any clock that covers `a`, built without `merge`. */
function plus(a: VectorClock, more: VectorClock): VectorClock {
  return VectorClock.of(origins.map((origin) => [origin, a.get(origin) + more.get(origin)]));
}

describe('compare is a partial order', () => {
  test('names each of the four relations', () => {
    const a1 = VectorClock.of([['a', 1]]);
    const a2 = VectorClock.of([['a', 2]]);
    const b1 = VectorClock.of([['b', 1]]);
    expect(a1.compare(a2)).toBe('before');
    expect(a2.compare(a1)).toBe('after');
    expect(a1.compare(a1)).toBe('equal');
    expect(a1.compare(b1)).toBe('concurrent');
    expect(VectorClock.zero.compare(a1)).toBe('before');
  });

  test('agrees with the definition', () => {
    fc.assert(
      fc.property(clock, clock, (a, b) => {
        expect(a.compare(b)).toBe(orderByDefinition(a, b));
      }),
    );
  });

  test('is reflexive', () => {
    fc.assert(fc.property(clock, (a) => a.compare(a) === 'equal'));
  });

  test('seen from the other side is its opposite', () => {
    fc.assert(fc.property(clock, clock, (a, b) => b.compare(a) === opposite[a.compare(b)]));
  });

  test('is antisymmetric: clocks that are equal have equal entries', () => {
    fc.assert(
      fc.property(clock, clock, (a, b) => {
        expect(a.compare(b) === 'equal').toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
    );
  });

  test('is transitive', () => {
    fc.assert(
      fc.property(clock, clock, clock, (a, more, evenMore) => {
        const b = plus(a, more);
        const c = plus(b, evenMore);
        expect([isAtMost(a, b), isAtMost(b, c), isAtMost(a, c)]).toEqual([true, true, true]);
        if (a.compare(b) === 'before' || b.compare(c) === 'before') expect(a.compare(c)).toBe('before');
      }),
    );
  });

  test('has zero below everything', () => {
    fc.assert(fc.property(clock, (a) => isAtMost(VectorClock.zero, a)));
  });
});

describe('merge is the least upper bound', () => {
  test('takes the higher entry of each origin', () => {
    const left = VectorClock.of(Object.entries({ a: 3, b: 1 }));
    const right = VectorClock.of(Object.entries({ b: 2, c: 1 }));
    expect(left.merge(right).toJSON()).toEqual({ a: 3, b: 2, c: 1 });
  });

  test('is above both', () => {
    fc.assert(fc.property(clock, clock, (a, b) => isAtMost(a, a.merge(b)) && isAtMost(b, a.merge(b))));
  });

  test('is below every other clock above both', () => {
    fc.assert(
      fc.property(clock, clock, clock, (a, b, more) => {
        const higher = origins.map((origin) => [origin, Math.max(a.get(origin), b.get(origin))] as const);
        const bound = plus(VectorClock.of(higher), more);
        expect(isAtMost(a.merge(b), bound)).toBe(true);
      }),
    );
  });

  test('is commutative, associative and idempotent', () => {
    fc.assert(
      fc.property(clock, clock, clock, (a, b, c) => {
        expect(a.merge(b).compare(b.merge(a))).toBe('equal');
        expect(
          a
            .merge(b)
            .merge(c)
            .compare(a.merge(b.merge(c))),
        ).toBe('equal');
        expect(a.merge(a).compare(a)).toBe('equal');
        expect(a.merge(VectorClock.zero).compare(a)).toBe('equal');
      }),
    );
  });

  test('leaves both clocks as they were', () => {
    fc.assert(
      fc.property(clock, clock, (a, b) => {
        const before = [JSON.stringify(a), JSON.stringify(b)];
        a.merge(b);
        expect([JSON.stringify(a), JSON.stringify(b)]).toEqual(before);
      }),
    );
  });
});

describe('covers', () => {
  test('counts the messages of an origin from the first to the last', () => {
    const three = VectorClock.of([['a', 3]]);
    expect([1, 2, 3, 4].map((seq) => three.covers('a', seq))).toEqual([true, true, true, false]);
    expect(three.covers('b', 1)).toBe(false);
  });

  test('a clock covers another when it covers each message that the other covers', () => {
    const messages = origins.flatMap((origin) =>
      Array.from({ length: seqMax }, (_, index) => [origin, index + 1] as const),
    );
    fc.assert(
      fc.property(clock, clock, (a, b) => {
        const coversEach = messages.every(([origin, seq]) => !b.covers(origin, seq) || a.covers(origin, seq));
        expect(a.coversClock(b)).toBe(coversEach);
      }),
    );
  });

  test('a merge covers a message exactly when one of the two does', () => {
    fc.assert(
      fc.property(
        clock,
        clock,
        fc.constantFrom(...origins),
        fc.integer({ min: 1, max: seqMax + 1 }),
        (a, b, origin, seq) => {
          expect(a.merge(b).covers(origin, seq)).toBe(a.covers(origin, seq) || b.covers(origin, seq));
        },
      ),
    );
  });
});

describe('entries', () => {
  test('an entry of 0 is the same as none', () => {
    const zeros = VectorClock.of(Object.entries({ a: 0, b: 1 }));
    expect(zeros.size).toBe(1);
    expect(zeros.toJSON()).toEqual({ b: 1 });
    expect(zeros.compare(VectorClock.of([['b', 1]]))).toBe('equal');
  });

  test('come in byte order of the origins, whatever order they were given in', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(['B', 'a', 'a-', 'a~2', 'b'], { minLength: 5 }), (shuffled) => {
        const built = VectorClock.of(shuffled.map((origin) => [origin, 1]));
        expect([...built].map(([origin]) => origin)).toEqual(['B', 'a', 'a-', 'a~2', 'b']);
      }),
    );
  });

  test('survive a way through JSON', () => {
    fc.assert(
      fc.property(clock, (a) => {
        const entries = Object.entries(JSON.parse(JSON.stringify(a)) as Record<string, number>);
        expect(VectorClock.of(entries).compare(a)).toBe('equal');
      }),
    );
  });

  test('keep an origin with the name of an inherited property apart from it', () => {
    const odd = VectorClock.of([['constructor', 2]]);
    expect(odd.get('toString')).toBe(0);
    expect(odd.toJSON()).toEqual({ constructor: 2 });
  });

  test.each([-1, 0.5, NaN, Infinity, 2 ** 53])('refuse %s as a counter', (seq) => {
    expect(() => VectorClock.of([['a', seq]])).toThrow(expect.objectContaining({ code: 'E_COUNTER_RANGE' }) as Error);
  });

  test('refuse an origin named twice, also when one entry is 0', () => {
    const twice = [
      ['a', 0],
      ['a', 1],
    ] as const;
    expect(() => VectorClock.of(twice)).toThrow(expect.objectContaining({ code: 'E_CLOCK' }) as Error);
  });
});
