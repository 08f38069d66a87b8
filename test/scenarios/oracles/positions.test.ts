import { expect, test } from 'vitest';
import { AntecedentError } from '../../../core/index.js';
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

test('after a restart with position p the next one is p + 1', () => {
  expect(crashed().start('b', 3).deliver('b', 'a:4').safety()).toBeUndefined();
  expect(crashed().start('b', 1).deliver('b', 'a:2 a:3 a:4').safety()).toBeUndefined();
  expect(crashed().start('b', 1).deliverOne('b', 'a:3', { position: 3 }).safety()?.property).toBe('position-order');
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

test('once the mark is known, the order is strict again', () => {
  const history = crashed().start('b', undefined).deliverOne('b', 'a:2', { position: 2 });
  expect(history.deliverOne('b', 'a:4', { position: 4 }).safety()?.property).toBe('position-order');
});

test('a second crash during redelivery moves what counts as latest', () => {
  const history = crashed().start('b', 0).deliver('b', 'a:1').crash('b').start('b', undefined);
  expect(history.deliverOne('b', 'a:3', { position: 3 }).safety()?.property).toBe('position-order');
});

test('a position holds the same message for ever', () => {
  const history = new HistoryBuilder('a b c').broadcast('a:1').broadcast('c:1').deliver('b', 'a:1 c:1').crash('b');
  expect(history.start('b', 0).deliver('b', 'c:1').safety()).toMatchObject({
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
