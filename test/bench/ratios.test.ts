/** The guard against getting slower: what it calls worse, and what it stores. */
import { describe, expect, test } from 'vitest';

import { findRegressions, formatRegression, ratiosOf, updateExpected, type ExpectedRatio } from '../../bench/ratios.js';

const speed: ExpectedRatio = { ratio: 0.4, tolerance: 0.3, worseWhen: 'lower' };
const cost: ExpectedRatio = { ratio: 4, tolerance: 0.25, worseWhen: 'higher' };
const expected = { speed, cost };

describe('a run', () => {
  test('that is as expected has no regressions', () => {
    expect(findRegressions(expected, { speed: 0.4, cost: 4 })).toEqual([]);
  });

  test('may be worse by as much as the tolerance of each place', () => {
    expect(findRegressions(expected, { speed: 0.281, cost: 4.99 })).toEqual([]);
    expect(findRegressions(expected, { speed: 0.279, cost: 5.01 }).map(({ place }) => place)).toEqual([
      'speed',
      'cost',
    ]);
  });

  test('may be better by any amount', () => {
    expect(findRegressions(expected, { speed: 0.99, cost: 0.1 })).toEqual([]);
  });

  test('that lacks a place, or has no number there, does not hold', () => {
    expect(findRegressions(expected, { speed: Number.NaN })).toEqual([
      { place: 'speed', expected: speed, measured: undefined },
      { place: 'cost', expected: cost, measured: undefined },
    ]);
  });

  test('may have places that nobody expects yet', () => {
    expect(findRegressions({}, { speed: 0.1 })).toEqual([]);
  });
});

test('a regression is told with its place, what was measured and what is allowed', () => {
  expect(formatRegression({ place: 'speed', expected: speed, measured: 0.2 })).toBe(
    'speed: measured 0.200, expected 0.4, at least 0.280',
  );
  expect(formatRegression({ place: 'cost', expected: cost, measured: undefined })).toBe(
    'cost: measured nothing, expected 4, at most 5.00',
  );
});

test('ratios are those to limits, named by case and limit', () => {
  const results = [{ case: '100 B', unit: 'messages/s', ours: 30, peers: { limit: 60, other: 10 } }];
  expect(ratiosOf(results, ['limit', 'absent'])).toEqual({ '100 B : limit': 0.5 });
});

test('an update keeps tolerances, drops places that are gone, and stores three digits', () => {
  const before = { speed: { ...speed, tolerance: 0.1 }, gone: speed };
  const measured = { speed: 0.123456, cost: 2, broken: Number.NaN };
  expect(updateExpected(before, measured, (place) => place === 'cost')).toEqual({
    speed: { ratio: 0.123, tolerance: 0.1, worseWhen: 'lower' },
    cost: { ratio: 2, tolerance: 0.3, worseWhen: 'higher' },
  });
});
