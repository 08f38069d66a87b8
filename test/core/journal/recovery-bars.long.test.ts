import { expect, test } from 'vitest';
import { failuresOfCuts, failuresOfFlips, tryUnsyncedTails, writeLog } from './recovery-bars.js';

test('a log of 64 KiB cut at any byte gives back exactly the records before the cut', () => {
  const log = writeLog('cuts', 64 * 1024);
  expect(log.bytes.length).toBeGreaterThanOrEqual(64 * 1024);
  expect(failuresOfCuts(log)).toEqual([]);
});

test('any flipped bit in 16 KiB is noticed, and no durable record is dropped as torn', () => {
  const log = writeLog('flips', 16 * 1024);
  expect(log.bytes.length).toBeGreaterThanOrEqual(16 * 1024);
  expect(failuresOfFlips(log)).toEqual([]);
});

test('of 20,000 unsynced tails none is taken for corruption, and nothing acknowledged is lost', () => {
  const { failures, torn, clean } = tryUnsyncedTails('many tails', 20_000);
  expect(failures).toEqual([]);
  expect(torn).toBeGreaterThan(10_000);
  expect(clean).toBeGreaterThan(1_000);
});
