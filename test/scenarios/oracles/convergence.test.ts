import { expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { HistoryBuilder } from './history-builder.js';

function partial(): HistoryBuilder {
  return new HistoryBuilder('a b c').broadcast('a:1').deliver('a', 'a:1').deliver('b', 'a:1');
}

test('names the node that misses a message, and who has it', () => {
  expect(partial().end()).toMatchObject({
    property: 'convergence',
    kind: 'liveness',
    nodes: ['c', 'a'],
    messages: ['a:1'],
    sentence: 'c was never given a:1, though it had the time; a, b have it.',
  });
});

test('calls it livelock when events went on, deadlock when nothing did', () => {
  expect(partial().end({ busy: true })?.property).toBe('livelock');
  expect(partial().end({ idle: true })?.property).toBe('deadlock');
});

test('accepts an end at which everybody has everything', () => {
  expect(partial().deliver('c', 'a:1').end()).toBeUndefined();
});

test('asks nothing of nodes that are down, and nothing that only they have', () => {
  const history = new HistoryBuilder('a b c').broadcast('a:1').accepted('a:1').deliver('a', 'a:1').crash('a');
  expect(history.end({ live: 'b c' })).toBeUndefined();
});

test('what a dead origin left at one live node must reach all of them', () => {
  const history = partial().crash('a');
  expect(history.end({ live: 'b c' })).toMatchObject({ property: 'convergence', messages: ['a:1'] });
  expect(history.end({ live: 'b c' })?.sentence).toContain('b has it (1 of 3 nodes are down)');
  expect(history.deliver('c', 'a:1').end({ live: 'b c' })).toBeUndefined();
});

test('what a live origin accepted must reach everybody, itself included', () => {
  expect(new HistoryBuilder('a b').broadcast('a:1').accepted('a:1').end()).toMatchObject({
    property: 'convergence',
    sentence: 'a was never given a:1, though it had the time; a has accepted it and given it to nobody.',
  });
});

test('what was neither accepted nor delivered is not asked for', () => {
  expect(new HistoryBuilder('a b').broadcast('a:1').end()).toBeUndefined();
});

test('what a node that is down now was given must still be known to the live origin', () => {
  const history = new HistoryBuilder('a b c').broadcast('a:1').deliver('c', 'a:1').crash('c').crash('a').start('a', 0);
  expect(history.end({ live: 'a b' })).toMatchObject({ kind: 'liveness', messages: ['a:1'] });
});

test('an accepted message that is gone after a crash is a broken promise, whatever was going on', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1').accepted('a:1').crash('a').start('a', 0);
  expect(history.end({ busy: true })).toMatchObject({
    property: 'durability',
    kind: 'safety',
    sentence: 'a accepted a:1 before it crashed, and at the end no live node has been given it.',
  });
});

test('a message that was broadcast before a close in peace is kept, accepted or not', () => {
  const history = (): HistoryBuilder => new HistoryBuilder('a b').broadcast('a:1');
  expect(history().closed('a', 0).start('a', 0).end()).toMatchObject({
    property: 'durability',
    kind: 'safety',
    sentence: 'a was closed after it had broadcast a:1, and at the end no live node has been given it.',
  });
  expect(history().closed('a', 0).start('a', 0).deliver('a', 'a:1').deliver('b', 'a:1').end()).toBeUndefined();
  // What an earlier crash wiped out is nothing that the close could keep.
  expect(history().crash('a').start('a', 0).closed('a', 0).start('a', 0).end()).toBeUndefined();
});

test('converged tells the same without an end', () => {
  const live = ['a', 'b', 'c'].map(nodeName);
  expect(partial().judged().converged(live)).toBe(false);
  expect(partial().deliver('c', 'a:1').judged().converged(live)).toBe(true);
  expect(partial().judged().converged(live.slice(0, 2))).toBe(true);
});
