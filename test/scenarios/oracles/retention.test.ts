import { expect, test } from 'vitest';
import { HistoryBuilder } from './history-builder.js';

/** a:1 and a:2 have come to a and b, a:1 to c as well. */
const lagging = (): HistoryBuilder =>
  new HistoryBuilder('a b c')
    .broadcast('a:1')
    .broadcast('a:2')
    .deliver('a', 'a:1 a:2')
    .deliver('b', 'a:1 a:2')
    .deliver('c', 'a:1');

test('what every member has been given may go', () => {
  expect(lagging().dropped('a', 'a:1', 'a').safety()).toBeUndefined();
});

test('what a member has on its disk may go, what it has not may not', () => {
  expect(lagging().dropped('b', 'a:2', 'a b c').safety()).toBeUndefined();
  expect(lagging().dropped('b', 'a:2', 'a b').safety()).toMatchObject({
    property: 'retention',
    kind: 'safety',
    sentence: 'b dropped a:2 from its journal before c had it on its disk or had been given it.',
    nodes: ['b', 'c'],
    messages: ['a:2'],
  });
});

test('what its own application has not been given may not go, whoever has it', () => {
  expect(lagging().dropped('c', 'a:2', 'a b c').safety()).toMatchObject({
    property: 'retention',
    sentence: 'c dropped a:2 from its journal before its own application had been given it.',
  });
});

test('a member that is down still needs it, one that was removed does not', () => {
  expect(lagging().crash('c').dropped('b', 'a:2', 'a b').safety()?.property).toBe('retention');
  expect(lagging().removed('c').dropped('b', 'a:2', 'a b').safety()).toBeUndefined();
});

test('a member that lags may be given a state instead where journals do not wait for it', () => {
  const demotes = (history: HistoryBuilder): HistoryBuilder => history.judgedWith({ demotes: true });
  expect(demotes(lagging().dropped('b', 'a:2', 'a b')).safety()).toBeUndefined();
  expect(demotes(lagging().dropped('c', 'a:2', 'a b c')).safety()?.property).toBe('retention');
});

test('nothing is asked for a damaged disk, or for a node that joins later', () => {
  expect(lagging().damaged('c').dropped('b', 'a:2', 'a b').safety()).toBeUndefined();
  expect(lagging().deliver('c', 'a:2').joined('d').dropped('b', 'a:2', 'a b c').safety()).toBeUndefined();
});
