import { expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import type { PlannedFault } from '../../../scenarios/index.js';
import { bandsOf } from '../../../scenarios/report/bands.js';
import { HistoryBuilder } from '../oracles/history-builder.js';
import { storyOf, storyOfScenario } from './stories.js';

const [a, b] = [nodeName('a'), nodeName('b')];

/** `10-20 a: partition ...`, of faults that end at 90 in a run that ends at 80. */
function bands(faults: readonly PlannedFault[], history = new HistoryBuilder('a')): readonly string[] {
  const story = { ...storyOf(history, { faults, healedAtMs: 90 }), endMs: 80 };
  return bandsOf(story).map(({ fromMs, toMs, node, text }) => `${fromMs}-${toMs} ${node ?? 'network'}: ${text}`);
}

test('a partition lasts until it is healed or replaced', () => {
  const halves: PlannedFault = { atMs: 10, kind: 'partition', groups: [[a], [b]] };
  expect(bands([halves, { ...halves, atMs: 20 }, { atMs: 30, kind: 'heal' }])).toEqual([
    '10-20 network: partition a | b',
    '20-30 network: partition a | b',
  ]);
});

test('what has no end of its own lasts until the faults end, or the run', () => {
  expect(bands([{ atMs: 10, kind: 'one-way', from: [a], to: [b] }])).toEqual([
    '10-80 network: nothing gets from a to b',
  ]);
});

test('a hold, a pause and changed links end at their own counterpart', () => {
  const direction = { from: [a], to: [b] };
  expect(
    bands([
      { atMs: 1, kind: 'hold', ...direction },
      { atMs: 2, kind: 'pause', node: a },
      { atMs: 3, kind: 'link', ...direction, profile: { loss: 0.5 } },
      { atMs: 4, kind: 'release', from: [b], to: [a] },
      { atMs: 5, kind: 'resume', node: b },
      { atMs: 11, kind: 'release', ...direction },
      { atMs: 12, kind: 'resume', node: a },
      { atMs: 13, kind: 'link', ...direction, profile: { loss: 0 } },
    ]),
  ).toEqual([
    '1-11 network: hold what is sent from a to b',
    '2-12 a: pause a',
    '3-13 network: links from a to b: loss 0.5',
  ]);
});

test('what takes a time says so, and a moment is a moment', () => {
  expect(
    bands([
      { atMs: 10, kind: 'disk-stall', node: a, forMs: 15 },
      { atMs: 20, kind: 'cut', from: [a], to: [b] },
    ]),
  ).toEqual(['10-25 a: disk of a hangs, for 15 ms', '20-20 network: cut links from a to b']);
});

test('when a node was down is taken from what happened, not from what was planned', () => {
  const history = new HistoryBuilder('a b').crash('a').start('a', 0).closed('b', 0);
  expect(bands([{ atMs: 40, kind: 'crash', node: a }], history)).toEqual([
    '0-1 b: not started yet',
    '2-3 a: down after a crash',
    '4-80 b: closed',
    '40-40 a: crash a, down until the faults end',
  ]);
});

test('what comes after the end of the run is left out', () => {
  expect(bands([{ atMs: 85, kind: 'cut', from: [a], to: [b] }])).toEqual([]);
});

test.each(['swarm', 'swizzle', 'disk-full', 'clock-jump'])('the spans of %s lie within the run', (scenario) => {
  const story = storyOfScenario(scenario, '2');
  const found = bandsOf(story);
  expect(found).not.toEqual([]);
  for (const { fromMs, toMs } of found) {
    expect(fromMs).toBeLessThanOrEqual(toMs);
    expect(toMs).toBeLessThanOrEqual(story.endMs);
  }
  expect(found.map(({ fromMs }) => fromMs)).toEqual(
    found.map(({ fromMs }) => fromMs).sort((one, other) => one - other),
  );
});
