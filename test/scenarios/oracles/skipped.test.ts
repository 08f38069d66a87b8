/** What an operator has given up counts as given, and as nothing that the application has. */
import { describe, expect, test } from 'vitest';
import { HistoryBuilder } from './history-builder.js';

/** c could not apply a:1, and an operator has skipped it. */
const skipped = (): HistoryBuilder =>
  new HistoryBuilder('a b c')
    .broadcast('a:1')
    .accepted('a:1')
    .deliver('a', 'a:1')
    .deliver('b', 'a:1')
    .skipped('c', 'a:1');

test('nobody waits for it, and what it has caused may come', () => {
  const history = skipped().broadcast('b:1').deliver('c', 'b:1');
  expect(history.safety()).toBeUndefined();
  expect(history.deliver('a', 'b:1').deliver('b', 'b:1').end()).toBeUndefined();
});

test('the others must still be given it', () => {
  const history = new HistoryBuilder('a b c').broadcast('a:1').deliver('a', 'a:1').skipped('c', 'a:1');
  expect(history.end()).toMatchObject({ property: 'convergence', nodes: ['b', 'a'] });
});

describe('the position', () => {
  test('is not that of the application, which may go on in front of it or behind it', () => {
    for (const position of [0, 1]) {
      expect(
        skipped().crash('c').start('c', position).broadcast('a:2').deliverOne('c', 'a:2', { position: 2 }).safety(),
      ).toBeUndefined();
    }
  });

  test('is the next one', () => {
    const history = new HistoryBuilder('a b').broadcast('a:1').skipped('b', 'a:1', 2);
    expect(history.safety()).toMatchObject({
      property: 'position-order',
      sentence: 'b was given a:1 at position 2, when position 1 came next.',
    });
  });

  test('is not used again', () => {
    expect(skipped().deliverOne('c', 'a:1', { position: 1 }).safety()?.property).toBe('no-duplication');
    const restarted = skipped().crash('c').start('c', 0).deliverOne('c', 'a:1', { position: 1 });
    expect(restarted.safety()?.property).toBe('no-duplication');
    expect(skipped().deliver('c', 'a:1').safety()?.property).toBe('no-duplication');
  });

  test('that an application was never given is still an error of the history', () => {
    expect(() => skipped().broadcast('a:2').deliver('c', 'a:2').crash('c').start('c', 1).safety()).toThrow(
      'node c is said to have stored position 1',
    );
  });
});

test('it must have been broadcast, and its causes given before', () => {
  expect(new HistoryBuilder('a b').skipped('b', 'a:1').safety()?.property).toBe('no-creation');
  const early = new HistoryBuilder('a b').broadcast('a:1').broadcast('a:2').skipped('b', 'a:2');
  expect(early.safety()?.property).toBe('causal-order');
});

test('the state of who has skipped is compared with nobody', () => {
  const compared = (history: HistoryBuilder): HistoryBuilder =>
    history.broadcast('a:2').deliverOne('b', 'a:2', { stateDigest: 1 }).deliverOne('c', 'a:2', { stateDigest: 2 });
  expect(compared(skipped()).safety()).toBeUndefined();
  const applied = new HistoryBuilder('a b c').broadcast('a:1').deliver('b', 'a:1').deliver('c', 'a:1');
  expect(compared(applied).safety()?.property).toBe('state-convergence');
});

test('who is given the state of one who has skipped is compared with nobody either', () => {
  const history = skipped()
    .joined('d', { node: 'c', position: 1 })
    .broadcast('a:2')
    .deliverOne('b', 'a:2', { stateDigest: 1 })
    .deliverOne('d', 'a:2', { stateDigest: 2 });
  expect(history.safety()).toBeUndefined();
});
