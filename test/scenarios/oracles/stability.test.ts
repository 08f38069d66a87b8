import { describe, expect, test } from 'vitest';
import { HistoryBuilder } from './history-builder.js';

/** Everybody has been given a:1. */
const everywhere = (): HistoryBuilder =>
  new HistoryBuilder('a b c').broadcast('a:1').deliver('a', 'a:1').deliver('b', 'a:1').deliver('c', 'a:1');

describe('what is called stable', () => {
  test('has been given to every member', () => {
    expect(everywhere().stable('b', 'a:1').safety()).toBeUndefined();
    const early = new HistoryBuilder('a b c').broadcast('a:1').deliver('a', 'a:1').deliver('b', 'a:1');
    expect(early.stable('b', 'a:1').safety()).toMatchObject({
      property: 'stability',
      kind: 'safety',
      sentence: 'b called a:1 stable, but c has not been given it.',
      nodes: ['b', 'c'],
      messages: ['a:1'],
    });
  });

  test('has been given to the one who says so', () => {
    const history = new HistoryBuilder('a b').broadcast('a:1').deliver('a', 'a:1').stable('b', 'a:1');
    expect(history.safety()?.sentence).toBe('b called a:1 stable, but it has not been given it itself.');
  });

  test('was broadcast at all', () => {
    expect(everywhere().stable('b', 'z:1').safety()).toMatchObject({ property: 'stability', messages: ['z:1'] });
    expect(everywhere().stable('b', 'a:2').safety()?.property).toBe('stability');
    expect(everywhere().stable('b', 'a~2:1').safety()?.property).toBe('stability');
  });

  test('is judged by each claim anew, also when others have claimed less', () => {
    const history = everywhere().broadcast('a:2').deliver('a', 'a:2').deliver('b', 'a:2').stable('c', 'a:1');
    expect(history.safety()).toBeUndefined();
    expect(history.stable('b', 'a:2').safety()).toMatchObject({ nodes: ['b', 'c'], messages: ['a:2'] });
  });

  test('may count a member that is down, for it has its state', () => {
    expect(everywhere().crash('c').stable('b', 'a:1').safety()).toBeUndefined();
  });

  test('may count what a member was given before its state was built anew', () => {
    expect(everywhere().damaged('c').crash('c').rebuilt('c').stable('b', 'a:1').safety()).toBeUndefined();
    const more = everywhere()
      .damaged('c')
      .crash('c')
      .rebuilt('c')
      .broadcast('a:2')
      .deliver('a', 'a:2')
      .deliver('b', 'a:2');
    expect(more.stable('b', 'a:2').safety()).toMatchObject({ nodes: ['b', 'c'] });
  });

  test('need not have been given to who was removed, or to who has joined since it was broadcast', () => {
    const partial = (): HistoryBuilder =>
      new HistoryBuilder('a b c').broadcast('a:1').deliver('a', 'a:1').deliver('b', 'a:1');
    expect(partial().removed('c').stable('b', 'a:1').safety()).toBeUndefined();
    const joined = (): HistoryBuilder => everywhere().joined('d').start('d', 0);
    expect(joined().stable('b', 'a:1').safety()).toBeUndefined();
    const later = joined().broadcast('a:2').deliver('a', 'a:2').deliver('b', 'a:2').deliver('c', 'a:2');
    expect(later.stable('b', 'a:2').safety()).toMatchObject({ nodes: ['b', 'd'] });
  });

  test('is no claim of somebody who was removed', () => {
    expect(new HistoryBuilder('a b').broadcast('a:1').removed('b').stable('b', 'a:1').safety()).toBeUndefined();
  });
});

describe('what comes after a message was called stable', () => {
  test('follows it', () => {
    expect(everywhere().stable('b', 'a:1').broadcast('c:1').deliver('b', 'c:1').safety()).toBeUndefined();
  });

  /** c:1 is on its way while all are given a:1. */
  const overtaken = (): HistoryBuilder =>
    new HistoryBuilder('a b c')
      .broadcast('a:1')
      .broadcast('c:1')
      .deliver('a', 'a:1')
      .deliver('b', 'a:1')
      .deliver('c', 'a:1');

  test('is not concurrent with it', () => {
    expect(overtaken().stable('b', 'a:1').deliver('b', 'c:1').safety()).toMatchObject({
      property: 'stability',
      sentence: 'b was given c:1 after it had called a:1 stable, which c had not been given when it broadcast c:1.',
      nodes: ['b', 'c'],
      messages: ['c:1', 'a:1'],
    });
  });

  test('counts for the one who was told, and only from then on', () => {
    expect(overtaken().stable('b', 'a:1').deliver('a', 'c:1').safety()).toBeUndefined();
    expect(overtaken().deliver('b', 'c:1').stable('b', 'a:1').safety()).toBeUndefined();
  });

  test('is not concurrent with it after a crash either, for the application has kept its state', () => {
    const crashed = overtaken().stable('b', 'a:1').crash('b').start('b', 1);
    expect(crashed.deliver('b', 'c:1').safety()?.property).toBe('stability');
  });

  test('may be anything when the application was built anew', () => {
    const rebuilt = overtaken().stable('b', 'a:1').damaged('b').crash('b').rebuilt('b').start('b', 0);
    expect(rebuilt.deliver('b', 'c:1 a:1').safety()).toBeUndefined();
  });

  test('is no own message either that was broadcast before', () => {
    expect(overtaken().stable('c', 'a:1').deliver('c', 'c:1').safety()).toMatchObject({
      property: 'stability',
      sentence: 'c was given c:1 after it had called a:1 stable, which c had not been given when it broadcast c:1.',
    });
  });
});
