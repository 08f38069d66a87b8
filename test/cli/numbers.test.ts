import { expect, test } from 'vitest';
import { countOf, formatCount, formatDuration } from '../../cli/numbers.js';

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [1_234_567.6, '1,234,568'],
])('writes %d as %s', (value, text) => {
  expect(formatCount(value)).toBe(text);
});

test.each([
  [12, '12 ms'],
  [12_345, '12.3 s'],
  [300_000, '5.0 min'],
  [9_000_000, '2.5 h'],
  [250_000_000, '2.9 days'],
])('writes %d ms as %s', (durationMs, text) => {
  expect(formatDuration(durationMs)).toBe(text);
});

test('counts one thing as one', () => {
  expect([countOf(1, 'run'), countOf(2, 'run'), countOf(3, 'delivery', 'deliveries')]).toEqual([
    '1 run',
    '2 runs',
    '3 deliveries',
  ]);
});
