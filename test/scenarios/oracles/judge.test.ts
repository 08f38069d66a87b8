import { expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import type { StopPhase } from '../../../scenarios/history.js';
import { Judge } from '../../../scenarios/oracles/judge.js';
import { HistoryBuilder } from './history-builder.js';

test('catches a node that stops by itself', () => {
  expect(new HistoryBuilder('a b').stopped('a', 'E_STORAGE').safety()).toMatchObject({
    property: 'no-unexpected-stop',
    sentence: 'a stopped by itself with E_STORAGE: disk is gone',
  });
});

test('accepts a stop that a fault of the run asks for', () => {
  const stops = [{ node: nodeName('a'), code: 'E_DISK_FULL', phases: ['starting', 'closing'] as const }];
  const judge = (node: string, code: string, phase: StopPhase): string | undefined =>
    new HistoryBuilder('a b', stops).stopped(node, code, phase).safety()?.property;
  expect(judge('a', 'E_DISK_FULL', 'starting')).toBeUndefined();
  expect(judge('a', 'E_DISK_FULL', 'closing')).toBeUndefined();
  expect(judge('a', 'E_DISK_FULL', 'running')).toBe('no-unexpected-stop');
  expect(judge('a', 'E_STATE', 'starting')).toBe('no-unexpected-stop');
  expect(judge('b', 'E_DISK_FULL', 'starting')).toBe('no-unexpected-stop');
});

test('a stop of which nobody knows what it ended is never an expected one', () => {
  const judge = new Judge({
    nodes: [nodeName('a')],
    expectedStops: [{ node: nodeName('a'), code: 'E_STORAGE', phases: ['starting', 'running', 'closing'] }],
  });
  const stopped = { type: 'stopped', atMs: 1, node: nodeName('a'), code: 'E_STORAGE', message: '' } as const;
  expect(judge.observe(stopped)?.property).toBe('no-unexpected-stop');
});

test('the first violation is final', () => {
  const history = new HistoryBuilder('a b').broadcast('a:1').deliver('b', 'a:2 a:1 a:1');
  const judge = history.judged();
  expect(judge.observe({ type: 'crash', atMs: 99, node: history.events[0]?.node ?? ('a' as never) })).toMatchObject({
    property: 'no-creation',
    messages: ['a:2'],
  });
  expect(history.end()).toMatchObject({ property: 'no-creation' });
});

test('a history that names a node it was not announced with is refused', () => {
  expect(() => new HistoryBuilder('a b').crash('c').safety()).toThrow(/node c, which is not among/);
});

test('counts what it has seen, and says what it judged by', () => {
  const judge = new HistoryBuilder('a b').broadcast('a:1').deliver('a', 'a:1').deliver('b', 'a:1').judged();
  expect([judge.broadcasts, judge.deliveries]).toEqual([1, 2]);
  expect(judge.properties).not.toContain('convergence');
  judge.finish({ atMs: 9, live: [], busy: false });
  expect(judge.properties).toContain('convergence');
});

test('keeps counting origins beyond its first capacity', () => {
  const history = new HistoryBuilder('a b');
  for (let life = 1; life <= 40; life++) {
    history.broadcast(`a~${life}:1`).deliver('b', `a~${life}:1`).deliver('a', `a~${life}:1`);
  }
  expect(history.end()).toBeUndefined();
  history.broadcast('a~41:1').deliver('b', 'a~41:1').broadcast('b:1');
  expect(history.deliver('a', 'b:1').safety()).toMatchObject({ property: 'causal-order', messages: ['b:1', 'a~41:1'] });
});
