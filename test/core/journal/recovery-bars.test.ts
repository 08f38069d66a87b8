/** A little of what `recovery-bars.long.test.ts` does in full. */
import { expect, test } from 'vitest';
import { failuresOfCuts, failuresOfFlips, tryUnsyncedTails, writeLog } from './recovery-bars.js';

test('a log cut at any byte gives back exactly the records before the cut', () => {
  expect(failuresOfCuts(writeLog('cuts', 6_000))).toEqual([]);
});

test('any flipped bit is noticed, and no durable record is dropped as torn', () => {
  expect(failuresOfFlips(writeLog('flips', 2_000))).toEqual([]);
});

test('no unsynced tail is taken for corruption, whatever of it arrived, and nothing acknowledged is lost', () => {
  const { failures, torn, clean } = tryUnsyncedTails('tails', 1_000);
  expect(failures).toEqual([]);
  // Both happen often enough to mean something.
  expect(torn).toBeGreaterThan(500);
  expect(clean).toBeGreaterThan(100);
});
