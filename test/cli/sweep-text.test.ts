import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeSweep } from '../../cli/sweep-text.js';
import { goalMeanings, type Goal, type SweepFailure, type SweepResult } from '../../scenarios/index.js';
import { fakeStream } from './fake-terminal.js';
import { temporaryDirectory } from './temporary-directory.js';

const noGoals = Object.fromEntries(Object.keys(goalMeanings).map((goal) => [goal, 0])) as Record<Goal, number>;

const held: SweepResult = {
  system: 'antecedent',
  runs: 1200,
  passed: 1200,
  failed: 0,
  undecided: 0,
  verified: 61,
  isInterrupted: false,
  elapsedMs: 4_000,
  simulatedMs: 3_600_000,
  eventsPerSecond: 500_000,
  runsPerSecond: 300,
  simulatedToWall: 900,
  events: 2_000_000,
  broadcasts: 1,
  deliveries: 90_000,
  faults: { crash: 1500, loss: 12 },
  profile: null,
  without: [],
  goals: { ...noGoals, 'held-back': 1100, relayed: 3 },
  missedGoals: [],
  properties: ['causal-order', 'durability'],
  scenarios: [
    {
      name: 'calm',
      about: '',
      runs: 1200,
      failed: 0,
      events: 2_000_000,
      broadcasts: 1,
      deliveries: 90_000,
      simulatedMs: 3_600_000,
      metrics: {
        messages: 12,
        bytes: 600,
        syncs: 3,
        messagesPerBroadcast: 12,
        bytesPerBroadcast: 600,
        syncsPerBroadcast: 3,
        deliveryMsMax: 9,
        deliveryP99MsMax: 8,
        linkBufferBytesMax: 0,
        diskBytesMax: 4096,
        memoryBytesMax: 900,
      },
    },
  ],
  failures: [],
  regressions: [],
  notReproducible: [],
  undecidedRuns: [],
};

function failure(seed: number, planPath: string | null, reportPath: string | null = null): SweepFailure {
  const sentence = 'b was given a:2 before a:1.';
  return {
    scenario: 'calm',
    seed,
    signature: 'calm/causal-order',
    property: 'causal-order',
    sentence,
    planPath,
    reportPath,
    htmlPath: reportPath?.replace('.txt', '.html') ?? null,
    shrunkPath: null,
  };
}

const describe = (result: Partial<SweepResult>): string =>
  describeSweep(fakeStream(), { ...held, ...result }, { directory: 'runs' });

test('tells what was simulated, under which faults, and by what it was judged', () => {
  const text = describe({});
  expect(text).toMatch(/│ calm +│ 1,200 │ +0 │ 2,000,000 │/);
  expect(text).toContain('1,200 runs, 2,000,000 events, 1 message broadcast, 90,000 deliveries');
  expect(text).toContain('60.0 min simulated in 4.0 s (900 times as fast)');
  expect(text).toContain('crash 1,500, loss 12');
  expect(text).toContain('61 runs made twice: the same event by event');
  expect(text).toMatch(/^ {2}durability +what was accepted survives crashes$/m);
  expect(text).toContain('HELD  every property held in all 1,200 runs\n');
});

test('shows the first report whole, and a command for each failure', () => {
  const reportPath = join(temporaryDirectory(), 'calm-7.txt');
  writeFileSync(reportPath, 'the report\n');
  const text = describe({ failed: 2, failures: [failure(7, 'runs/calm-7.json', reportPath), failure(9, null)] });
  expect(text).toMatch(/^the report\n/);
  expect(text).toContain('VIOLATED  2 runs of 1,200 violated a property\n');
  expect(text).toMatch(/calm, seed 7: causal-order +antecedent replay runs\/calm-7\.json\n/);
  expect(text).toMatch(/calm, seed 9: causal-order +antecedent run calm --seed 9\n/);
  expect(text).toContain(`Diagram of the first: ${reportPath.replace('.txt', '.html')}\n`);
  expect(text).toContain('Next: antecedent replay runs/calm-7.json\n');
});

test('shows the report of the smallest plan, and how to see that', () => {
  const directory = temporaryDirectory();
  const shrunkPath = join(directory, 'calm-7.shrunk.json');
  writeFileSync(join(directory, 'calm-7.shrunk.txt'), 'the small report\n');
  const large = failure(7, 'runs/calm-7.json', join(directory, 'calm-7.txt'));
  const text = describe({ failed: 1, failures: [{ ...large, shrunkPath }] });
  expect(text).toMatch(/^the small report\n/);
  expect(text).toContain(`Next: antecedent replay ${shrunkPath}\n`);
});

test('tells what came of the plans of earlier failures', () => {
  const kept = { path: 'regressions/a.json', scenario: 'calm', seed: '1', verdict: 'pass' } as const;
  const held = { ...kept, signature: null, property: null, sentence: null };
  expect(describe({ regressions: [held] })).toContain('HELD  1 plan of earlier failures, run first\n');
  const broken = {
    ...held,
    verdict: 'safety',
    signature: 'calm/integrity',
    property: 'integrity',
    sentence: 'No.',
  } as const;
  const text = describe({ regressions: [held, broken] });
  expect(text).toContain('REGRESSED  1 of 2 plans of earlier failures\n  regressions/a.json: integrity: No.\n');
  expect(text).toContain('Next: antecedent replay regressions/a.json\n');
});

test('counts the failures it does not list', () => {
  const failures = Array.from({ length: 25 }, (_, seed) => failure(seed, null));
  expect(describe({ failed: 25, failures })).toContain('  and 15 more\n');
});

test('names runs that cannot be trusted, and does not say that all held', () => {
  const text = describe({
    notReproducible: [{ scenario: 'calm', seed: 4 }],
    undecided: 1,
    undecidedRuns: [{ scenario: 'calm', seed: 5 }],
  });
  expect(text).toContain('NOT REPRODUCIBLE  calm 4\n');
  expect(text).toContain('UNDECIDED  calm 5\n');
  expect(text).not.toContain('HELD');
});

test('an interrupted sweep says so', () => {
  expect(describe({ isInterrupted: true })).toContain('HELD  every property held in all 1,200 runs (interrupted)\n');
});

test('nothing is said to hold of no run at all', () => {
  const text = describe({ runs: 0, passed: 0, isInterrupted: true });
  expect(text).toContain('UNDECIDED  no run came to its end (interrupted)\n');
  expect(text).not.toContain('HELD');
});

test('tells what runs came to, and what none of them did', () => {
  expect(describe({})).toMatch(/^ {2}came to +held-back 1,100, relayed 3; never delivered-again, /m);
});

test('a promise that was not kept is named with its meaning, and nothing is said to hold', () => {
  const text = describe({ missedGoals: [{ scenario: 'calm', goal: 'relayed', runs: 1200 }] });
  expect(text).toContain('MISSED  calm promises "relayed", and none of its 1,200 runs came there: a message came from');
  expect(text).not.toContain('HELD');
});

test('commands repeat how the runs differed from their scenarios', () => {
  const text = describe({ failed: 1, failures: [failure(9, null)], profile: 'chaos', without: ['disk-full', 'cut'] });
  expect(text).toContain('antecedent run calm --profile chaos --no-disk-full --no-cut --seed 9\n');
  expect(text).toMatch(/^ {2}varied +--profile chaos --no-disk-full --no-cut$/m);
});

test('commands name the file that a scenario came from', () => {
  const text = describeSweep(
    fakeStream(),
    { ...held, failed: 1, failures: [failure(9, null)] },
    { directory: 'runs', argumentFor: (scenario) => `mine.ts#${scenario}` },
  );
  expect(text).toContain('antecedent run mine.ts#calm --seed 9\n');
});
