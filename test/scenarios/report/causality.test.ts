import { expect, test } from 'vitest';
import type { HistoryEvent } from '../../../scenarios/index.js';
import { traceCauses, vectorClocks } from '../../../scenarios/report/causality.js';
import { describeEvent } from '../../../scenarios/report/event-text.js';
import { HistoryBuilder } from '../oracles/history-builder.js';
import { overtaking, storyOfScenario } from './stories.js';

/** Each event in words, with those that it follows from directly. */
function steps(history: readonly HistoryEvent[]): readonly (readonly string[])[] {
  const { before, source } = traceCauses(history);
  const words = (index: number | undefined): string => {
    const event = history[index ?? -1];
    return event === undefined
      ? '-'
      : describeEvent(event)
          .trim()
          .replace(/^\S+ s +/, '');
  };
  return history.map((_event, index) => [words(index), words(before[index]), words(source[index])]);
}

test('an event follows the one before it on its line, and a delivery its broadcast', () => {
  expect(steps(overtaking.events).slice(3)).toEqual([
    ['a: broadcast a:1', 'a: start at 0', '-'],
    ['a: accepted a:1', 'a: broadcast a:1', '-'],
    ['a: given a:1 at position 1', 'a: accepted a:1', 'a: broadcast a:1'],
    ['b: given a:1 at position 1', 'b: start at 0', 'a: broadcast a:1'],
    ['b: broadcast b:1', 'b: given a:1 at position 1', '-'],
    ['b: given b:1 at position 2', 'b: broadcast b:1', 'b: broadcast b:1'],
    ['c: given b:1 at position 1', 'c: start at 0', 'b: broadcast b:1'],
  ]);
});

test('of a dot that was used twice, the bytes tell which broadcast it was', () => {
  const { events } = new HistoryBuilder('a b')
    .broadcast('a:1', 'lost')
    .crash('a')
    .start('a', 0)
    .broadcast('a:1', 'kept')
    .deliverOne('b', 'a:1', { payload: 'lost' })
    .deliverOne('b', 'a:1', { payload: 'kept' });
  const { source } = traceCauses(events);
  expect([...source].slice(-2)).toEqual([2, 5]);
});

test('who begins with the state of another follows what that one was given last in it', () => {
  const { events } = new HistoryBuilder('a b')
    .broadcast('a:1')
    .deliver('a', 'a:1')
    .joined('c', { node: 'a', position: 1 })
    .twin('d', 'a', 1);
  const { source } = traceCauses(events);
  expect([...source]).toEqual([-1, -1, -1, 2, 3, 3, -1]);
});

test('what nobody was seen to broadcast has no source', () => {
  const { events } = new HistoryBuilder('a b').deliver('b', 'a:1');
  expect([...traceCauses(events).source]).toEqual([-1, -1, -1]);
});

test.each(['crash-restart', 'twin-names'])('clocks order the events of %s exactly as the steps do', (scenario) => {
  const history = storyOfScenario(scenario).history.slice(0, 250);
  const { before, source } = traceCauses(history);
  // The naive model: the whole past of each event as a set.
  const pasts: Set<number>[] = [];
  for (const index of history.keys()) {
    const past = new Set([index]);
    for (const cause of [before[index] ?? -1, source[index] ?? -1]) {
      for (const one of pasts[cause] ?? []) past.add(one);
    }
    pasts.push(past);
  }
  const clocks = [...vectorClocks(history)].map(([event, clock]) => ({ node: event.node, clock }));
  const isBefore = (one: number, other: number): boolean => {
    const { node, clock } = clocks[one] ?? {};
    return (clocks[other]?.clock.get(node ?? '') ?? 0) >= (clock?.get(node ?? '') ?? 0);
  };
  for (const other of history.keys()) {
    const byClock = [...history.keys()].filter((one) => isBefore(one, other));
    expect(byClock, String(other)).toEqual([...(pasts[other] ?? [])].sort((a, b) => a - b));
  }
});
