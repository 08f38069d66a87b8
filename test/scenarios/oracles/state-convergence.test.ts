import { expect, test } from 'vitest';
import { HistoryBuilder } from './history-builder.js';

function twoConcurrent(): HistoryBuilder {
  return new HistoryBuilder('a b').broadcast('a:1').broadcast('b:1').deliverOne('a', 'a:1', { stateDigest: 1 });
}

test('catches two nodes with the same messages in different states', () => {
  const history = twoConcurrent()
    .deliverOne('a', 'b:1', { stateDigest: 12 })
    .deliverOne('b', 'b:1', { stateDigest: 2 })
    .deliverOne('b', 'a:1', { stateDigest: 21 });
  expect(history.safety()).toMatchObject({
    property: 'state-convergence',
    nodes: ['a', 'b'],
    sentence: 'a and b have been given the same 2 messages but are in different states.',
  });
});

test('accepts different states of different sets, and equal states of equal sets', () => {
  const history = twoConcurrent()
    .deliverOne('a', 'b:1', { stateDigest: 3 })
    .deliverOne('b', 'b:1', { stateDigest: 2 })
    .deliverOne('b', 'a:1', { stateDigest: 3 });
  expect(history.end()).toBeUndefined();
});

test('compares at every moment, not only at the end', () => {
  const history = twoConcurrent()
    .deliverOne('b', 'a:1', { stateDigest: 7 })
    .deliverOne('b', 'b:1', { stateDigest: 3 })
    .deliverOne('a', 'b:1', { stateDigest: 3 });
  expect(history.safety()).toMatchObject({ property: 'state-convergence', atMs: 5 });
});

test('is counted as checked only when an application showed its state', () => {
  expect(twoConcurrent().judged().properties).toContain('state-convergence');
  expect(new HistoryBuilder('a').judged().properties).not.toContain('state-convergence');
});

test('compares nobody with what was given under the same dot before it was set back', () => {
  const history = new HistoryBuilder('a b')
    .broadcast('a:1', 'forgotten')
    .deliverOne('a', 'a:1', { payload: 'forgotten', stateDigest: 1 })
    .crash('a')
    .setBack('a', 0, false)
    .start('a', 0)
    .broadcast('a:1', 'another')
    .deliverOne('a', 'a:1', { payload: 'another', stateDigest: 2 });
  expect(history.safety()).toBeUndefined();
});
