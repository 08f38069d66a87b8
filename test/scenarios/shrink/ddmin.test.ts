import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ddmin } from '../../../scenarios/shrink/ddmin.js';

/** Asks until the search ends; `fails` judges a part of the items. */
function minimum<T>(items: readonly T[], fails: (part: readonly T[]) => boolean) {
  const tried: (readonly T[])[] = [];
  const search = ddmin<T, readonly T[], true>(items, (part) => part);
  let step = search.next();
  while (step.done !== true) {
    tried.push(step.value);
    step = search.next(fails(step.value) ? true : undefined);
  }
  return { part: step.value, tried };
}

const has = (part: readonly number[], all: readonly number[]): boolean => all.every((item) => part.includes(item));
const numbers = fc.uniqueArray(fc.nat(500), { minLength: 1, maxLength: 40 });

describe('the smallest part', () => {
  test('is exactly what is needed, in its order, where nothing else matters', () => {
    fc.assert(
      fc.property(numbers, fc.infiniteStream(fc.boolean()), (items, choices) => {
        const needed = items.filter(() => choices.next().value);
        expect(minimum(items, (part) => has(part, needed)).part).toEqual(needed);
      }),
    );
  });

  test('fails, and without any one of its items does not', () => {
    fc.assert(
      fc.property(
        numbers,
        fc.array(fc.uniqueArray(fc.nat(40), { maxLength: 4 }), { minLength: 1 }),
        (items, causes) => {
          // Any of several causes is enough; they overlap.
          const sets = causes.map((cause) => cause.flatMap((index) => items[index] ?? []));
          const fails = (part: readonly number[]): boolean => sets.some((set) => has(part, set));
          const { part } = minimum(items, fails);
          expect(fails(part)).toBe(true);
          for (const item of part) expect(fails(part.filter((other) => other !== item))).toBe(false);
        },
      ),
    );
  });

  test('is found in few attempts: two of a thousand in less than a hundred', () => {
    const items = Array.from({ length: 1000 }, (_, index) => index);
    const { part, tried } = minimum(items, (some) => has(some, [313, 777]));
    expect(part).toEqual([313, 777]);
    expect(tried.length).toBeLessThan(100);
  });
});

test('nothing at all is tried first, and is enough where it fails', () => {
  const { part, tried } = minimum([1, 2, 3], () => true);
  expect(part).toEqual([]);
  expect(tried).toEqual([[]]);
});

test('of nothing there is nothing to try', () => {
  expect(minimum([], () => true)).toEqual({ part: [], tried: [] });
});

test('a part of which no candidate can be made counts as one that does not fail', () => {
  const search = ddmin<number, readonly number[], true>([1, 2, 3], (part) => (part.includes(2) ? part : undefined));
  let step = search.next();
  while (step.done !== true) {
    expect(step.value).toContain(2);
    step = search.next(true);
  }
  expect(step.value).toEqual([2]);
});
