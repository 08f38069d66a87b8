/** Goals: what a run comes to is seen from outside, and what a scenario exists for it comes to. */
import { describe, expect, test } from 'vitest';
import { nodeName } from '../../core/index.js';
import { catalogue, goalMeanings, makePlan, runPlan, type Goal, type HistoryEvent } from '../../scenarios/index.js';
import { GoalWatch } from '../../scenarios/goals.js';

/** As many seeds as are tried at most: much fewer than those that a promise is about. */
const seedsMax = 60;

const promising = catalogue.flatMap((scenario) =>
  scenario.goals === undefined ? [] : [[scenario.name, scenario, scenario.goals] as const],
);

test.each(promising)('%s comes to what it promises', (_name, scenario, goals) => {
  const missing = new Set<Goal>(goals);
  for (let seed = 1; missing.size > 0 && seed <= seedsMax; seed++) {
    for (const goal of runPlan(makePlan(scenario, String(seed))).goals) missing.delete(goal);
  }
  expect([...missing]).toEqual([]);
});

test('every goal but one is promised by some scenario', () => {
  const promised = new Set(promising.flatMap(([, , goals]) => goals));
  const others = (Object.keys(goalMeanings) as Goal[]).filter((goal) => !promised.has(goal));
  // Nearly every scenario that asks for copies is confirmed some.
  expect(others).toEqual(['copies-confirmed']);
});

test('a run in which nothing goes wrong comes to no rare moment', () => {
  const calm = catalogue.find(({ name }) => name === 'calm') ?? catalogue[0];
  if (calm === undefined) throw new Error('the catalogue is not empty');
  expect(runPlan(makePlan(calm, '1')).goals).toEqual([]);
});

const a = nodeName('a');
const b = nodeName('b');
const dot = { origin: a, incarnation: 1, seq: 1 };
const payload = new Uint8Array();

const started = (node: typeof a, atMs: number): HistoryEvent => ({ type: 'start', atMs, node, position: undefined });
const broadcast = (atMs: number): HistoryEvent => ({ type: 'broadcast', atMs, node: a, dot, payload });
const accepted = (atMs: number): HistoryEvent => ({ type: 'accepted', atMs, node: a, dot });
const delivered = (atMs: number, isNew = true): HistoryEvent => ({
  ...{ type: 'deliver', atMs, node: b, dot, position: 1, payload },
  ...(isNew ? { stateDigest: 1 } : {}),
});

/** What a watch has seen after these, where a pair is a line of b's log. */
function reachedAfter(...events: readonly (HistoryEvent | readonly [event: string, atMs: number])[]): readonly Goal[] {
  const watch = new GoalWatch([a, b]);
  for (const event of events) {
    if ('type' in event) watch.observe(event);
    else watch.handleLog(b, event[0], { peer: a }, event[1]);
  }
  return watch.reached;
}

describe('a message is relayed', () => {
  test('when its origin had no link to the node from before its broadcast until its delivery', () => {
    expect(reachedAfter(started(a, 0), started(b, 0), broadcast(5), delivered(9))).toEqual(['relayed']);
    expect(reachedAfter(started(b, 0), ['peer-up', 1], ['peer-down', 4], broadcast(5), delivered(9))).toEqual([
      'relayed',
    ]);
  });

  test('not when there was a link at its broadcast, or came to be one later', () => {
    expect(reachedAfter(started(b, 0), ['peer-up', 1], broadcast(5), ['peer-down', 7], delivered(9))).toEqual([]);
    expect(reachedAfter(started(b, 0), broadcast(5), ['peer-up', 7], delivered(9))).toEqual([]);
    expect(
      reachedAfter(started(b, 0), ['peer-up', 1], ['peer-down', 4], broadcast(5), ['peer-up', 6], delivered(9)),
    ).toEqual([]);
  });
});

test('what is handed over again after a crash is known by its position', () => {
  expect(reachedAfter(started(b, 0), ['peer-up', 1], broadcast(5), delivered(9, false))).toEqual(['delivered-again']);
});

test('a node that goes down owes a receipt when it has given none for a broadcast of that life', () => {
  const crash: HistoryEvent = { type: 'crash', atMs: 9, node: a };
  expect(reachedAfter(started(a, 0), broadcast(5), crash)).toEqual(['crashed-before-receipt']);
  expect(reachedAfter(started(a, 0), broadcast(5), accepted(6), crash)).toEqual([]);
  expect(reachedAfter(started(a, 0), broadcast(5), started(a, 8), crash)).toEqual([]);
});
