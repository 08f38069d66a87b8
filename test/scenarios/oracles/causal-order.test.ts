import { expect, test } from 'vitest';
import { HistoryBuilder } from './history-builder.js';

test('names the message that a broadcaster had been given and a receiver had not', () => {
  const history = new HistoryBuilder('a b c')
    .broadcast('a:1')
    .deliver('a', 'a:1')
    .deliver('b', 'a:1')
    .broadcast('b:1')
    .deliver('c', 'b:1');
  expect(history.safety()).toMatchObject({
    property: 'causal-order',
    kind: 'safety',
    nodes: ['c', 'b', 'a'],
    messages: ['b:1', 'a:1'],
    sentence: 'c was given b:1 before a:1, which b had been given when it broadcast b:1.',
  });
});

test('accepts the same messages in the order of their causes', () => {
  const history = new HistoryBuilder('a b c')
    .broadcast('a:1')
    .deliver('b', 'a:1')
    .broadcast('b:1')
    .deliver('c', 'a:1 b:1');
  expect(history.safety()).toBeUndefined();
});

test('accepts concurrent messages in any order', () => {
  const history = new HistoryBuilder('a b c')
    .broadcast('a:1')
    .broadcast('b:1')
    .deliver('c', 'b:1 a:1')
    .deliver('b', 'b:1 a:1')
    .deliver('a', 'a:1 b:1');
  expect(history.end()).toBeUndefined();
});

test('catches a message that overtakes an earlier one of the same origin', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1').broadcast('a:2').deliver('b', 'a:2');
  expect(history.safety()).toMatchObject({
    property: 'causal-order',
    sentence: 'b was given a:2 before a:1, which a had broadcast before it.',
  });
});

test('does not count what was delivered to the broadcaster after it broadcast', () => {
  const history = new HistoryBuilder('a b c').broadcast('a:1').broadcast('b:1').deliver('b', 'a:1').deliver('c', 'b:1');
  expect(history.safety()).toBeUndefined();
});

test('follows causes through a third node', () => {
  const history = new HistoryBuilder('a b c d')
    .broadcast('a:1')
    .deliver('b', 'a:1')
    .broadcast('b:1')
    .deliver('c', 'a:1 b:1')
    .broadcast('c:1');
  expect(history.deliver('d', 'a:1 c:1').safety()).toMatchObject({
    property: 'causal-order',
    messages: ['c:1', 'b:1'],
  });
});

test('counts incarnations of one name separately', () => {
  const history = new HistoryBuilder('a b c')
    .broadcast('a:1')
    .deliver('c', 'a:1')
    .broadcast('a~2:1')
    .deliver('b', 'a~2:1')
    .broadcast('b:1');
  expect(history.deliver('c', 'b:1').safety()).toMatchObject({
    property: 'causal-order',
    messages: ['b:1', 'a~2:1'],
  });
});

test('knows what a restarted node had been given when it broadcast, before and after that has come again', () => {
  const restarted = (): HistoryBuilder =>
    new HistoryBuilder('a b c')
      .broadcast('a:1')
      .broadcast('a:2')
      .deliver('b', 'a:1 a:2')
      .crash('b')
      .start('b', undefined);
  for (const history of [restarted(), restarted().deliverOne('b', 'a:1', { position: 1 })]) {
    history.broadcast('b:1').deliverOne('c', 'a:1', {});
    expect(history.deliver('c', 'b:1').safety()).toMatchObject({ property: 'causal-order', messages: ['b:1', 'a:2'] });
  }
});
