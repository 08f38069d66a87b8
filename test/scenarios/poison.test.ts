import { describe, expect, test } from 'vitest';
import { nodeName, VectorClock, type Delivery } from '../../core/index.js';
import { Poison } from '../../scenarios/poison.js';

function delivery(position: number): Delivery {
  const origin = nodeName('b');
  return { origin, incarnation: 1, seq: position, clock: VectorClock.zero, payload: new Uint8Array(), position };
}

function poisoned(after: number): { readonly poison: Poison; readonly struck: readonly string[] } {
  const struck: string[] = [];
  return { poison: new Poison({ after, cure: 'skip', onStruck: () => struck.push('now') }), struck };
}

test('lets so many messages pass, then strikes one, and that one each time it comes', () => {
  const { poison, struck } = poisoned(2);
  expect([7, 8, 9, 9, 8, 10].map((position) => poison.strikes(delivery(position)))).toEqual([
    false,
    false,
    true,
    true,
    false,
    false,
  ]);
  expect(struck).toHaveLength(1);
});

describe('the cure', () => {
  test('reaches what waits', () => {
    const acts: string[] = [];
    const { poison } = poisoned(0);
    poison.strikes(delivery(1));
    poison.await(() => acts.push('cured'));
    expect(acts).toEqual([]);
    poison.handleCure();
    expect(acts).toEqual(['cured']);
  });

  test('that came while the node was down meets the message when it comes again', () => {
    const acts: string[] = [];
    const { poison } = poisoned(0);
    poison.strikes(delivery(1));
    poison.await(() => acts.push('of a life that is over'));
    poison.handleEnd();
    poison.handleCure();
    poison.await(() => acts.push('cured'));
    expect(acts).toEqual(['cured']);
  });
});

test('a skip that was asked for has happened when the node goes on behind the message, and not before', () => {
  const { poison } = poisoned(0);
  poison.strikes(delivery(4));
  expect(poison.skippedBehind(4)).toBeUndefined();
  poison.noteSkipAsked();
  expect(poison.skippedBehind(3)).toBeUndefined();
  expect(poison.skippedBehind(4)).toEqual({ dot: { origin: 'b', incarnation: 1, seq: 4 }, position: 4 });
});
