import { expect, test } from 'vitest';
import { parseDuration, parseSeed, parseSeeds } from '../../cli/arguments.js';
import { CommandError } from '../../cli/command-error.js';

test.each([
  ['1..200', { from: 1, to: 200 }],
  ['7', { from: 7, to: 7 }],
  ['0..0', { from: 0, to: 0 }],
])('reads the seeds %s', (text, range) => {
  expect(parseSeeds(text)).toEqual(range);
});

test.each([
  ['', 'is no range of seeds'],
  ['a..b', 'is no range of seeds'],
  ['1-5', 'write --seeds 1..200'],
  ['1..2..3', 'is no range of seeds'],
  ['-1..2', 'is no range of seeds'],
  ['1.5..2', 'is no range of seeds'],
  ['9..3', 'did you mean 3..9?'],
  ['1..99999999999999999999', 'beyond 2^53-1'],
])('explains what is wrong with the seeds %j', (text, message) => {
  expect(() => parseSeeds(text)).toThrow(message);
  expect(() => parseSeeds(text)).toThrow(CommandError);
});

test.each([
  ['300ms', 300],
  ['12.5s', 12_500],
  ['2m', 120_000],
  ['2min', 120_000],
  ['1h', 3_600_000],
])('reads the duration %s', (text, durationMs) => {
  expect(parseDuration(text)).toBe(durationMs);
});

test.each([
  ['10', 'did you mean 10s?'],
  ['0s', 'above 0'],
  ['s', 'such as 300ms'],
  ['1 s', 'such as 300ms'],
  ['-1s', 'such as 300ms'],
  ['1d', 'such as 300ms'],
  ['1e3s', 'such as 300ms'],
])('explains what is wrong with the duration %j', (text, message) => {
  expect(() => parseDuration(text)).toThrow(message);
});

test('reads whole seeds only', () => {
  expect(parseSeed('17')).toBe(17);
  for (const text of ['', '1.5', '-1', '0x10', 'x', '99999999999999999999']) {
    expect(() => parseSeed(text)).toThrow('is no seed');
  }
});
