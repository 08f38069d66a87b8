import { describe, expect, test } from 'vitest';
import { HistoryBuilder } from './history-builder.js';

const given = (): HistoryBuilder =>
  new HistoryBuilder('a b').broadcast('a:1').broadcast('b:1').deliver('a', 'a:1 b:1').deliver('b', 'b:1 a:1');

describe('a node that joins', () => {
  test('must come to have everything, from the first message on', () => {
    const history = given().joined('c').start('c', 0);
    expect(history.end({ live: 'a b c' })).toMatchObject({ kind: 'liveness', messages: ['a:1'] });
    expect(history.deliver('c', 'a:1 b:1').end({ live: 'a b c' })).toBeUndefined();
  });

  test('with the state of another has what that one had, and goes on behind it', () => {
    const joined = (): HistoryBuilder => given().joined('c', { node: 'b', position: 1 }).start('c', 1);
    expect(joined().end({ live: 'a b c' })).toMatchObject({ messages: ['a:1'] });
    expect(joined().deliver('c', 'a:1').end({ live: 'a b c' })).toBeUndefined();
    expect(joined().deliver('c', 'b:1').safety()?.property).toBe('no-duplication');
    expect(joined().deliverOne('c', 'a:1', { position: 1 }).safety()?.property).toBe('position-order');
  });

  test('knows what its state knows: what it broadcasts comes behind it', () => {
    const history = given()
      .broadcast('a:2')
      .deliver('a', 'a:2')
      .joined('c', { node: 'a', position: 3 })
      .broadcast('c:1')
      .deliver('b', 'c:1');
    expect(history.safety()).toMatchObject({ property: 'causal-order', messages: ['c:1', 'a:2'] });
  });

  test('is in the same state as whose state it has', () => {
    const history = (digest: number): HistoryBuilder =>
      new HistoryBuilder('a b')
        .broadcast('a:1')
        .deliverOne('a', 'a:1', { stateDigest: 7 })
        .joined('c', { node: 'a', position: 1, stateDigest: digest });
    expect(history(7).safety()).toBeUndefined();
    expect(history(8).safety()).toMatchObject({ property: 'state-convergence', nodes: ['a', 'c'] });
  });

  test('may be a member that had lagged behind and is given a state', () => {
    const history = given()
      .broadcast('a:2')
      .deliver('a', 'a:2')
      .crash('b')
      .start('b', 2)
      .joined('b', { node: 'a', position: 3 });
    expect(history.end()).toBeUndefined();
    expect(history.broadcast('a:3').deliver('a', 'a:3').deliver('b', 'a:3').end()).toBeUndefined();
  });

  test('a state from behind what its node had been given contradicts the history', () => {
    expect(() => given().joined('c', { node: 'b', position: 3 }).safety()).toThrow(
      'position 3 of b, which was given 2',
    );
  });
});

describe('a node that was removed', () => {
  const removed = (): HistoryBuilder =>
    new HistoryBuilder('a b c').broadcast('c:1').accepted('c:1').deliver('a', 'c:1').removed('c');

  test('is asked for nothing, and neither is what only it has', () => {
    expect(removed().deliver('b', 'c:1').end()).toBeUndefined();
    expect(removed().deliver('b', 'c:1').broadcast('c:2').accepted('c:2').end()).toBeUndefined();
    expect(
      removed().deliver('b', 'c:1').broadcast('a:1').deliver('a', 'a:1').deliver('b', 'a:1').end(),
    ).toBeUndefined();
  });

  test('leaves the others with the same messages', () => {
    expect(removed().end()).toMatchObject({ kind: 'liveness', nodes: ['b', 'c'], messages: ['c:1'] });
  });

  test('may say that it is told so, nobody else may', () => {
    expect(removed().alarm('c', 'E_REMOVED', 'a').safety()).toBeUndefined();
    expect(removed().alarm('b', 'E_REMOVED', 'a').safety()?.property).toBe('durability');
  });

  test('is still judged by what it is given', () => {
    expect(removed().deliver('c', 'c:2').safety()?.property).toBe('no-creation');
  });

  test('may come back', () => {
    const back = removed().deliver('b', 'c:1').joined('c');
    expect(back.end()).toMatchObject({ nodes: ['c'], messages: ['c:1'] });
    expect(back.deliver('c', 'c:1').end()).toBeUndefined();
  });
});
