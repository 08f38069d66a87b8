import { expect, test } from 'vitest';
import { refuseMutatedLines } from './mutated-lines.js';

test('lines with something wrong are refused by E_PLUTO, or mean what they say', () => {
  const { refused, taken } = refuseMutatedLines(5_000, 'short');
  expect(refused).toBeGreaterThan(2_500);
  expect(taken).toBeGreaterThan(100);
});
