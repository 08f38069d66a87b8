import { expect, test } from 'vitest';
import { HistoryBuilder } from './history-builder.js';

test('catches a dot that is used again after its message was accepted', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1').accepted('a:1').crash('a').start('a', 0);
  expect(history.broadcast('a:1', 'other').safety()).toMatchObject({
    property: 'durability',
    sentence: 'a forgot a:1 after accepting it, and used its dot for a new message.',
  });
});

test('catches a dot that is used again after its message was delivered elsewhere', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1').deliver('b', 'a:1').crash('a').start('a', 0);
  expect(history.broadcast('a:1', 'other').safety()).toMatchObject({
    property: 'integrity',
    sentence: 'a:1 has two bodies: it had been delivered when a used its dot again.',
  });
});

test('catches a dot that is used again after a close in peace, but not after the crash of a life before it', () => {
  const closed = new HistoryBuilder('a b').broadcast('a:1').closed('a', 0).start('a', 0);
  expect(closed.broadcast('a:1', 'other').safety()).toMatchObject({
    property: 'durability',
    sentence: 'a forgot a:1, which it had when it was closed, and used its dot for a new message.',
  });
  const crashed = new HistoryBuilder('a b').broadcast('a:1').crash('a').start('a', 0).closed('a', 0).start('a', 0);
  expect(crashed.broadcast('a:1', 'other').safety()).toBeUndefined();
});

test('a receipt covers everything below it in the log', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1').broadcast('a:2').accepted('a:2').crash('a').start('a', 0);
  expect(history.broadcast('a:1', 'other').safety()?.property).toBe('durability');
});

test('lets a crash wipe out what nobody relied on, and its dots be used again', () => {
  const history = new HistoryBuilder('a b')
    .broadcast('a:1')
    .accepted('a:1')
    .broadcast('a:2')
    .broadcast('a:3')
    .crash('a')
    .start('a', 0)
    .broadcast('a:2', 'second try')
    .deliverOne('a', 'a:1', {})
    .deliverOne('a', 'a:2', { payload: 'second try' })
    .deliverOne('b', 'a:1', {})
    .deliverOne('b', 'a:2', { payload: 'second try' });
  expect(history.end()).toBeUndefined();
});

test('after that, the message that was wiped out must not appear any more', () => {
  const history = new HistoryBuilder('a b')
    .broadcast('a:1')
    .broadcast('a:2')
    .crash('a')
    .start('a', 0)
    .broadcast('a:1', 'second try');
  expect(history.deliverOne('b', 'a:1', {}).safety()?.property).toBe('integrity');
  history.events.pop();
  history.deliverOne('b', 'a:1', { position: 1, payload: 'second try' });
  expect(history.deliver('b', 'a:2').safety()?.property).toBe('no-creation');
});

test('a message may survive a crash without having been accepted', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1').crash('a').start('a', 0).broadcast('a:2');
  expect(history.deliver('a', 'a:1 a:2').deliver('b', 'a:1 a:2').end()).toBeUndefined();
});

test.each([
  ['skips a dot', 'a:3'],
  ['starts an incarnation late', 'a~2:2'],
  ['gives a dot twice in one life', 'a:1'],
  ['gives out dot 0', 'a:0'],
])('catches a node that %s', (_, text) => {
  expect(new HistoryBuilder('a b').broadcast('a:1').broadcast(text, 'x').safety()?.property).toBe('integrity');
});

test('catches a node that gives out a dot of another', () => {
  expect(new HistoryBuilder('a b').broadcast('b:1', 'x', 'a').safety()).toMatchObject({
    property: 'integrity',
    sentence: 'a gave out b:1, a dot of b.',
  });
});
