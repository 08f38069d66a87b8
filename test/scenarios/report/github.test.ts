import { expect, test } from 'vitest';
import { githubAnnotations, jobSummary, type SweepResult } from '../../../scenarios/index.js';
import { hostileText } from './stories.js';
import { failureAt, resultOf } from './sweep-results.js';

const options = { program: 'antecedent', diagram: undefined };

test('an annotation a failure, and a warning for what has no verdict', () => {
  const result = resultOf(
    { calm: 3 },
    {
      failures: [failureAt('calm', 7)],
      undecidedRuns: [{ scenario: 'calm', seed: 8 }],
      notReproducible: [{ scenario: 'calm', seed: 9 }],
    },
  );
  expect(githubAnnotations(result)).toEqual([
    '::error title=calm%2C seed 7%3A causal-order violated::b was given a:2 before a:1.',
    '::warning title=calm%2C seed 9%3A not reproducible::The same plan gave two runs.',
    '::warning title=calm%2C seed 8%3A undecided::The run came to no verdict.',
  ]);
});

test('no more annotations than GitHub shows', () => {
  const failures = Array.from({ length: 30 }, (_, seed) => failureAt('calm', seed));
  expect(githubAnnotations(resultOf({ calm: 30 }, { failures }))).toHaveLength(10);
});

test('a sentence cannot begin a command of its own', () => {
  const [line = ''] = githubAnnotations(
    resultOf({ calm: 1 }, { failures: [failureAt('calm', 1, { sentence: hostileText })] }),
  );
  expect(line).not.toMatch(/[\r\n]/);
  expect(line).toContain('%250A::error::x');
});

test('the summary says what held', () => {
  const text = jobSummary(resultOf({ calm: 2, lossy: 1, swarm: 0 }), options);
  expect(text).toMatch(/^## Antecedent: ✅ every property held in all 3 runs\n/);
  expect(text).toContain('| calm | 2 | 0 |\n| lossy | 1 | 0 |\n');
  expect(text).not.toContain('swarm');
});

test('the summary names failures, how to see them again, and draws the first', () => {
  const failures = [failureAt('calm', 7), failureAt('calm', 8, { planPath: null })];
  const text = jobSummary(resultOf({ calm: 9 }, { failures }), { ...options, diagram: 'sequenceDiagram\n' });
  expect(text).toContain('❌ 2 of 9 runs violated a property');
  expect(text).toContain('`antecedent replay runs/calm-7.json`');
  expect(text).toContain('`antecedent run calm --seed 8`');
  expect(text).toContain('\n```mermaid\nsequenceDiagram\n```\n');
});

test('the summary says so when nobody can tell whether all held', () => {
  const text = jobSummary(resultOf({ calm: 2 }, { undecidedRuns: [{ scenario: 'calm', seed: 1 }] }), options);
  expect(text).toMatch(/^## Antecedent: ⚠️ 1 runs came to no verdict\n/);
});

test('text of others stays text, and what is too large is left out', () => {
  const failures = Array.from({ length: 100 }, (_, seed) => failureAt('calm', seed, { sentence: hostileText }));
  const text = jobSummary(resultOf({ calm: 100 }, { failures }), { ...options, diagram: 'x'.repeat(100_000) });
  expect(text).not.toMatch(/<(?!\/?(details|summary)>)/);
  expect(text).not.toContain('](');
  expect(text).not.toContain('```');
  expect(text).toContain('and 80 more');
  expect(text).toContain('too large for a summary');
  expect(text.length).toBeLessThan(100_000);
});

test.each<[what: string, of: Partial<SweepResult>, headline: string]>([
  [
    'a goal that was missed',
    { missedGoals: [{ scenario: 'calm', goal: 'copies-confirmed', runs: 100 }] },
    '❌ calm never came to "copies-confirmed" in 100 runs',
  ],
  [
    'a run that could not be reproduced',
    { notReproducible: [{ scenario: 'calm', seed: 1 }] },
    '❌ 1 of 2 runs could not be reproduced',
  ],
  ['an interruption', { isInterrupted: true }, '⚠️ every property held in 2 runs, and then it was interrupted'],
])('%s is no success', (_what, of, headline) => {
  expect(jobSummary(resultOf({ calm: 2 }, of), options)).toContain(`## Antecedent: ${headline}\n`);
});

test('a goal that was missed is an error', () => {
  const result = resultOf({ calm: 100 }, { missedGoals: [{ scenario: 'calm', goal: 'copies-confirmed', runs: 100 }] });
  expect(githubAnnotations(result)).toEqual([
    '::error title=calm%3A goal copies-confirmed missed::None of 100 runs came to it.',
  ]);
});
