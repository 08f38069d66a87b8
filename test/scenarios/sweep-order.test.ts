import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countPairs, sweepPairs, type Shard } from '../../scenarios/sweep-order.js';

function namesOf(scenarios: readonly string[], from: number, to: number, shard?: Shard): readonly string[] {
  return [...sweepPairs(scenarios, { from, to }, shard)].map(({ scenario, seed }) => `${scenario}${seed}`);
}

const sizes = fc.record({
  scenarios: fc.integer({ min: 1, max: 9 }),
  from: fc.integer({ min: 0, max: 50 }),
  length: fc.integer({ min: 1, max: 60 }),
  of: fc.integer({ min: 1, max: 12 }),
});

test('every scenario has one seed before any has the next', () => {
  expect(namesOf(['a', 'b'], 7, 8)).toEqual(['a7', 'b7', 'a8', 'b8']);
});

test('without a range seeds go on from 1', () => {
  const pairs = sweepPairs(['a'], undefined);
  expect([pairs.next().value, pairs.next().value]).toEqual([
    { scenario: 'a', seed: 1 },
    { scenario: 'a', seed: 2 },
  ]);
});

test('every run is in one shard, and each shard keeps the order of the whole', () => {
  fc.assert(
    fc.property(sizes, ({ scenarios, from, length, of }) => {
      const all = Array.from({ length: scenarios }, (_, index) => 'abcdefghi'.charAt(index));
      const whole = namesOf(all, from, from + length - 1);
      const shards = Array.from({ length: of }, (_, index) =>
        namesOf(all, from, from + length - 1, { index: index + 1, of }),
      );
      expect(shards.flat().sort()).toEqual([...whole].sort());
      for (const shard of shards) expect(shard).toEqual(whole.filter((name) => shard.includes(name)));
    }),
  );
});

test('in as many seeds as there are shards each of them has every scenario once', () => {
  const of = 4;
  for (let index = 1; index <= of; index++) {
    const scenarios = namesOf(['a', 'b', 'c'], 1, of, { index, of }).map((name) => name.charAt(0));
    expect(scenarios.sort()).toEqual(['a', 'b', 'c']);
  }
});

test('runs are counted without being listed', () => {
  fc.assert(
    fc.property(sizes, ({ scenarios, from, length, of }) => {
      const all = Array.from({ length: scenarios }, (_, index) => String(index));
      const range = { from, to: from + length - 1 };
      for (let index = 1; index <= of; index++) {
        const listed = [...sweepPairs(all, range, { index, of })].length;
        expect(countPairs(scenarios, range, { index, of })).toBe(listed);
      }
    }),
  );
});
