import { expect, test } from 'vitest';
import { AntecedentError } from '../../../core/index.js';
import type { Violation } from '../../../scenarios/oracles/violation.js';
import { HistoryBuilder } from './history-builder.js';

/** `b` has been given a:1 a:2 a:3 and crashes. */
function crashed(): HistoryBuilder {
  return new HistoryBuilder('a b')
    .broadcast('a:1')
    .broadcast('a:2')
    .broadcast('a:3')
    .broadcast('a:4')
    .deliver('b', 'a:1 a:2 a:3')
    .crash('b');
}

test('catches a position that is skipped', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1').deliverOne('b', 'a:1', { position: 2 });
  expect(history.safety()).toMatchObject({
    property: 'position-order',
    sentence: 'b was given a:1 at position 2, when position 1 came next.',
  });
});

test('catches a position that is used twice in one life', () => {
  const history = new HistoryBuilder('a b')
    .broadcast('a:1')
    .deliver('b', 'a:1')
    .deliverOne('b', 'a:1', { position: 1 });
  expect(history.safety()).toMatchObject({
    property: 'no-duplication',
    sentence: 'b was given a:1 again at position 1, when its application had come to position 1.',
  });
});

test('after a restart the application is given what comes behind the position it has stored', () => {
  expect(crashed().start('b', 3).deliver('b', 'a:4').safety()).toBeUndefined();
  expect(crashed().start('b', 3).deliverOne('b', 'a:4', { position: 5 }).safety()?.property).toBe('position-order');
  expect(crashed().start('b', 3).deliverOne('b', 'a:3', { position: 3 }).safety()?.property).toBe('no-duplication');
});

test('without a position the node goes on behind its mark, wherever that is, but not later', () => {
  for (const [position, text] of [
    [1, 'a:1'],
    [3, 'a:3'],
    [4, 'a:4'],
  ] as const) {
    expect(crashed().start('b', undefined).deliverOne('b', text, { position }).safety()).toBeUndefined();
  }
  expect(crashed().start('b', undefined).deliverOne('b', 'a:4', { position: 5 }).safety()).toMatchObject({
    property: 'position-order',
    sentence: 'b went on with a:4 at position 5 after a restart, when position 4 was the latest possible.',
  });
  expect(crashed().start('b', undefined).deliverOne('b', 'a:1', { position: 0 }).safety()?.property).toBe(
    'position-order',
  );
});

test('once the mark is known, positions are consecutive, also among those that come again', () => {
  const known = (): HistoryBuilder => crashed().start('b', undefined).deliverOne('b', 'a:1', { position: 1 });
  expect(known().deliver('b', 'a:2 a:3 a:4').safety()).toBeUndefined();
  expect(known().deliverOne('b', 'a:3', { position: 3 }).safety()).toMatchObject({
    property: 'position-order',
    sentence: 'b was given a:3 at position 3, when position 2 came next.',
  });
  expect(known().deliverOne('b', 'a:1', { position: 1 }).safety()).toMatchObject({
    property: 'no-duplication',
    sentence: 'b was given a:1 again at position 1, when its application had come to position 1.',
  });
});

test('a second crash while messages come again changes nothing: what was given before the first one counts', () => {
  const history = crashed().start('b', undefined).deliverOne('b', 'a:1', { position: 1 }).crash('b');
  expect(history.start('b', undefined).deliverOne('b', 'a:3', { position: 3 }).safety()).toBeUndefined();
});

/** `b` keeps its mark, has been given a:1 a:2 a:3, and broadcasts b:1. */
function marked(): HistoryBuilder {
  return new HistoryBuilder('a b')
    .start('b', undefined)
    .broadcast('a:1')
    .broadcast('a:2')
    .broadcast('a:3')
    .deliver('b', 'a:1 a:2 a:3')
    .broadcast('b:1');
}

test('what was confirmed before a broadcast does not come again once that is accepted', () => {
  const again = (history: HistoryBuilder, position: number): Violation | undefined =>
    history.crash('b').start('b', undefined).deliverOne('b', `a:${position}`, { position }).safety();
  // Whether the last one was confirmed by then, nobody can tell from outside.
  expect(again(marked().accepted('b:1'), 3)).toBeUndefined();
  expect(again(marked().accepted('b:1'), 2)).toMatchObject({
    property: 'no-duplication',
    sentence:
      'b was given a:2 again at position 2, though its application had confirmed everything up to position 2 when b:1 was accepted.',
  });
  expect(again(marked(), 2)).toBeUndefined();
});

test('a broadcast made while messages come again stands only for those that have come again', () => {
  const history = crashed().start('b', undefined).deliverOne('b', 'a:1', { position: 1 }).deliver('b', 'a:2');
  history.broadcast('b:1').accepted('b:1').crash('b').start('b', undefined);
  expect(history.deliverOne('b', 'a:2', { position: 2 }).safety()).toBeUndefined();
});

test('what was confirmed when the node was closed does not come again', () => {
  const closed = (confirmed: number): HistoryBuilder => marked().closed('b', confirmed).start('b', undefined);
  expect(closed(3).deliverOne('b', 'b:1', { position: 4 }).safety()).toBeUndefined();
  expect(closed(2).deliverOne('b', 'a:3', { position: 3 }).safety()).toBeUndefined();
  expect(closed(3).deliverOne('b', 'a:3', { position: 3 }).safety()).toMatchObject({
    property: 'no-duplication',
    sentence:
      'b was given a:3 again at position 3, though its application had confirmed everything up to position 3 when it was closed.',
  });
});

test('a broadcast after a restart is ordered behind everything given before it, whatever has come again by then', () => {
  const history = new HistoryBuilder('a b c').broadcast('a:1').deliver('b', 'a:1').crash('b').start('b', undefined);
  expect(history.broadcast('b:1').deliver('c', 'b:1').safety()).toMatchObject({
    property: 'causal-order',
    sentence: 'c was given b:1 before a:1, which b had been given when it broadcast b:1.',
  });
});

test('a position holds the same message for ever', () => {
  const history = new HistoryBuilder('a b c').broadcast('a:1').broadcast('c:1').deliver('b', 'a:1 c:1').crash('b');
  expect(history.start('b', undefined).deliverOne('b', 'c:1', { position: 1 }).safety()).toMatchObject({
    property: 'position-order',
    sentence: 'position 1 of b held a:1 at first, and c:1 when it was delivered again.',
  });
});

test('catches a message at a second position', () => {
  expect(new HistoryBuilder('a b').broadcast('a:1').deliver('b', 'a:1 a:1').safety()).toMatchObject({
    property: 'no-duplication',
    sentence: 'b was given a:1 a second time, at position 2; the first was position 1.',
  });
});

test('catches a message that a restart delivers again behind everything else', () => {
  expect(crashed().start('b', 3).deliver('b', 'a:2').safety()?.property).toBe('no-duplication');
});

test('a history in which an application stored a position it never reached contradicts itself', () => {
  expect(() => crashed().start('b', 4).safety()).toThrow(AntecedentError);
});

test('a history in which an application has gone back contradicts itself', () => {
  expect(() => crashed().start('b', 2).safety()).toThrow('stored position 2, but was given 3 messages');
});
