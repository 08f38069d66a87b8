import fc from 'fast-check';
import { expect, test } from 'vitest';
import { randomStream } from '../../transport-sim/random.js';
import { Simulation } from '../../transport-sim/index.js';

test('a stream is what it was in every release: the first draws of a known seed', () => {
  const stream = randomStream('seed', 'concern');
  expect([stream.nextUint32(), stream.nextUint32(), stream.nextUint32()]).toMatchInlineSnapshot(`
    [
      3423466937,
      1807204856,
      686065008,
    ]
  `);
});

test('two concerns of one seed, and one concern of two seeds, draw differently', () => {
  const first = (seed: string, concern: string): string => {
    const stream = randomStream(seed, concern);
    return Array.from({ length: 4 }, () => stream.nextUint32()).join();
  };
  const draws = [first('1', 'x'), first('1', 'y'), first('2', 'x'), first('1/x', ''), first('', '1/x')];
  expect(new Set(draws).size).toBe(draws.length);
});

test('draws stay within their bounds', () => {
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), fc.nat(), (seed, n, min) => {
      const stream = randomStream(seed, 'bounds');
      const below = stream.below(n);
      expect(Number.isSafeInteger(below) && below >= 0 && below < n).toBe(true);
      const between = stream.between(min, min + 3);
      expect(between >= min && between <= min + 3).toBe(true);
    }),
  );
});

test('every value of a small range occurs, about equally often', () => {
  const stream = randomStream('even', 'range');
  const counts = [0, 0, 0, 0, 0];
  for (let draw = 0; draw < 50_000; draw += 1) {
    const value = stream.between(0, 4);
    counts[value] = (counts[value] ?? 0) + 1;
  }
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
});

test('a chance of 0 draws nothing, a chance of 1 always strikes', () => {
  const stream = randomStream('s', 'chance');
  const twin = randomStream('s', 'chance');
  for (let draw = 0; draw < 100; draw += 1) expect(stream.chance(0)).toBe(false);
  expect(stream.nextUint32()).toBe(twin.nextUint32());
  for (let draw = 0; draw < 1_000; draw += 1) expect(stream.chance(1)).toBe(true);
});

test('shuffling keeps every item', () => {
  fc.assert(
    fc.property(fc.string(), fc.array(fc.integer()), (seed, items) => {
      const shuffled = randomStream(seed, 'shuffle').shuffle(items);
      expect(shuffled.toSorted((x, y) => x - y)).toEqual(items.toSorted((x, y) => x - y));
    }),
  );
});

test('the simulation gives one stream for one name', () => {
  const sim = new Simulation({ seed: 's' });
  expect(sim.random('workload')).toBe(sim.random('workload'));
  expect(sim.random('workload').nextUint32()).not.toBe(sim.random('faults').nextUint32());
});
