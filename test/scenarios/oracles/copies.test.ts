import { describe, expect, test } from 'vitest';
import { HistoryBuilder } from './history-builder.js';

const accepted = (copies: number, holders: string): HistoryBuilder =>
  new HistoryBuilder('a b c').broadcast('a:1').acceptedOn('a:1', copies, holders);

describe('at the receipt', () => {
  test('a message is on as many disks as was asked for', () => {
    expect(accepted(2, 'a b').safety()).toBeUndefined();
    expect(accepted(2, 'a b c').safety()).toBeUndefined();
    expect(accepted(3, 'a b').safety()).toMatchObject({
      property: 'durable-copies',
      kind: 'safety',
      sentence: 'a:1 was accepted as durable on 3 members when it was only on the disks of a, b.',
      nodes: ['a', 'b'],
      messages: ['a:1'],
    });
    expect(accepted(2, '').safety()?.sentence).toContain('on no disk');
    expect(accepted(2, 'b').safety()?.sentence).toContain('only on the disk of b');
  });

  test('a disk that was damaged may have held it', () => {
    const damaged = (node: string): HistoryBuilder =>
      new HistoryBuilder('a b c').broadcast('a:1').damaged(node).acceptedOn('a:1', 2, 'a');
    expect(damaged('b').safety()).toBeUndefined();
    expect(damaged('a').safety()?.property).toBe('durable-copies');
  });

  test('a state that came with the message counts as a copy, what was given does not', () => {
    const history = (): HistoryBuilder =>
      new HistoryBuilder('a b').broadcast('a:1').deliver('a', 'a:1').joined('c', { node: 'a', position: 1 });
    expect(history().acceptedOn('a:1', 2, 'a').safety()).toBeUndefined();
    expect(history().deliver('b', 'a:1').acceptedOn('a:1', 3, 'a').safety()?.property).toBe('durable-copies');
  });

  test('nothing is judged where nobody looked, or one copy was enough', () => {
    expect(accepted(1, '').safety()).toBeUndefined();
    expect(new HistoryBuilder('a b c').broadcast('a:1').acceptedOn('a:1', 3, undefined).safety()).toBeUndefined();
  });
});

describe('at the end', () => {
  test('what was on more members than are gone must be everywhere', () => {
    const history = accepted(2, 'a b').crash('a');
    expect(history.end({ live: 'b c' })).toMatchObject({ property: 'convergence', messages: ['a:1'] });
    expect(history.end({ live: 'b c' })?.sentence).toContain('a has accepted it as durable on 2 members');
    expect(history.deliver('b', 'a:1').deliver('c', 'a:1').end({ live: 'b c' })).toBeUndefined();
  });

  test('what was on no more than are gone may be lost', () => {
    expect(accepted(2, 'a b').crash('a').crash('b').end({ live: 'c' })).toBeUndefined();
    expect(accepted(2, 'a b').damaged('b').crash('a').end({ live: 'b c' })).toBeUndefined();
    expect(accepted(1, 'a').crash('a').end({ live: 'b c' })).toBeUndefined();
  });

  test('what came before it in its log was kept with it', () => {
    const history = new HistoryBuilder('a b c')
      .broadcast('a:1')
      .broadcast('a:2')
      .acceptedOn('a:2', 3, 'a b c')
      .crash('a');
    expect(history.end({ live: 'b c' })).toMatchObject({ messages: ['a:1'] });
    const both = history.deliver('b', 'a:1 a:2').deliver('c', 'a:1 a:2');
    expect(both.end({ live: 'b c' })).toBeUndefined();
  });

  test('nothing is asked for whose cause is lost', () => {
    const caused = (copies: number): HistoryBuilder =>
      new HistoryBuilder('a b c d')
        .broadcast('a:1')
        .acceptedOn('a:1', copies, 'a b c d')
        .deliver('b', 'a:1')
        .broadcast('b:1')
        .acceptedOn('b:1', 4, 'a b c d')
        .crash('a')
        .crash('b');
    expect(caused(2).end({ live: 'c d' })).toBeUndefined();
    expect(caused(3).end({ live: 'c d' })?.messages).toEqual(['a:1']);
    // Once the cause is everywhere, so must be what follows it.
    expect(caused(3).deliver('c', 'a:1').deliver('d', 'a:1').end({ live: 'c d' })?.messages).toEqual(['b:1']);
    expect(caused(2).deliver('c', 'a:1').deliver('d', 'a:1').end({ live: 'c d' })?.messages).toEqual(['b:1']);
  });

  test('who has joined since may not be one of those that had it', () => {
    const history = new HistoryBuilder('a b').broadcast('a:1').acceptedOn('a:1', 2, 'a b').joined('c');
    expect(history.crash('a').crash('b').end({ live: 'c' })).toBeUndefined();
  });
});
