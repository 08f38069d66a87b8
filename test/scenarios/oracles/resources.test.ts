import { describe, expect, test } from 'vitest';
import { defaultLimits, nodeName } from '../../../core/index.js';
import { checkIdle, checkMemory, checkNothingWaits } from '../../../scenarios/oracles/resources.js';

const node = nodeName('a');

describe('memory', () => {
  const limits = {
    ...defaultLimits,
    undeliveredBytesMax: 1000,
    windowBytes: 100,
    batchBytesTarget: 50,
    messageBytesMax: 40,
  };
  const check = (undeliveredBytes: number) =>
    checkMemory(node, { undeliveredBytes, heldBackMessages: 0 }, { limits, members: 3 }, 5);

  test('is bounded by the limit and by what is on its way when it is passed', () => {
    expect(check(2 * (1000 + 3 * 150))).toBeUndefined();
    expect(check(2 * (1000 + 3 * 150) + 1)).toMatchObject({
      property: 'bounded-memory',
      atMs: 5,
      sentence: 'a keeps 2901 undelivered bytes in memory, and at most 2900 are allowed.',
      nodes: ['a'],
    });
  });

  test('is empty when everything is delivered', () => {
    expect(checkNothingWaits(node, { undeliveredBytes: 0, heldBackMessages: 0 }, 5)).toBeUndefined();
    expect(checkNothingWaits(node, { undeliveredBytes: 1, heldBackMessages: 0 }, 5)?.property).toBe('bounded-memory');
    expect(checkNothingWaits(node, { undeliveredBytes: 0, heldBackMessages: 2 }, 5)?.sentence).toBe(
      'a still keeps 0 undelivered bytes and holds back 2 messages, though it has been given everything.',
    );
  });
});

describe('idle nodes', () => {
  const timings = { heartbeatMs: 400, backoffMaxMs: 1000, scrubEveryMs: 86_400_000 };
  const check = (live: number, events: number, changed: Partial<typeof timings> = {}, down = 0) =>
    checkIdle({ events, live, down, timings: { ...timings, ...changed } }, 5);

  test('send heartbeats to each of their peers', () => {
    expect(check(3, 3 * 2 * 4)).toBeUndefined();
    expect(check(100, 100 * 99 * 4)).toBeUndefined();
  });

  test('do nothing every millisecond, and nothing every few for each of their peers', () => {
    expect(check(3, 400)).toMatchObject({ property: 'idle', kind: 'liveness', atMs: 5 });
    expect(check(100, 100 * 99 * 40)?.property).toBe('idle');
    expect(check(1, 40)?.property).toBe('idle');
  });

  test('may scrub their logs, when they are told to do so often', () => {
    expect(check(3, 150)?.property).toBe('idle');
    expect(check(3, 150, { scrubEveryMs: 200 })).toBeUndefined();
  });

  test('dial those who are down, as often as they are told', () => {
    expect(check(1, 30, {}, 1)?.property).toBe('idle');
    expect(check(1, 18, {}, 1)).toBeUndefined();
    expect(check(1, 30, { backoffMaxMs: 100 }, 1)).toBeUndefined();
    expect(check(1, 400, { backoffMaxMs: 100 }, 1)?.property).toBe('idle');
  });
});
