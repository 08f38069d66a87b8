import { expect, test } from 'vitest';
import { refuseMutatedLines } from './mutated-lines.js';

test('a million lines with something wrong are refused by E_PLUTO, or mean what they say', () => {
  const { refused, taken } = refuseMutatedLines(1_000_000, 'long');
  expect(refused).toBeGreaterThan(500_000);
  expect(taken).toBeGreaterThan(20_000);
});
