import { expect, test } from 'vitest';
import { junitReport, type SweepResult } from '../../../scenarios/index.js';
import { hostileText } from './stories.js';
import { failureAt, resultOf } from './sweep-results.js';

test('a suite a scenario, a case for each seed that did not hold, and one for all others', () => {
  const result = resultOf(
    { calm: 3, lossy: 1, swarm: 0 },
    {
      failures: [failureAt('calm', 2)],
      undecidedRuns: [{ scenario: 'calm', seed: 3 }],
      notReproducible: [{ scenario: 'calm', seed: 2 }],
    },
  );
  expect(junitReport(result, ({ seed }) => `report of ${seed}`).split('\n')).toEqual([
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<testsuites name="antecedent sweep" tests="4" failures="1" errors="1" time="1.500">',
    '  <testsuite name="calm" tests="3" failures="1" errors="1">',
    '    <testcase classname="calm" name="1 seed that held"/>',
    '    <testcase classname="calm" name="seed 2">',
    '      <failure type="causal-order" message="b was given a:2 before a:1.">report of 2</failure>',
    '    </testcase>',
    '    <testcase classname="calm" name="seed 3">',
    '      <error type="undecided" message="the run came to no verdict"></error>',
    '    </testcase>',
    '  </testsuite>',
    '  <testsuite name="lossy" tests="1" failures="0" errors="0">',
    '    <testcase classname="lossy" name="1 seed that held"/>',
    '  </testsuite>',
    '</testsuites>',
    '',
  ]);
});

test('plans of earlier failures are a suite of their own, before all others', () => {
  const of = { scenario: 'calm', seed: '1', signature: null, property: null, sentence: null };
  const regressions: SweepResult['regressions'] = [
    { ...of, path: 'regressions/a.json', verdict: 'pass' },
    {
      ...of,
      path: 'regressions/b.json',
      verdict: 'safety',
      signature: 'calm/causal-order',
      property: 'causal-order',
      sentence: 'b was given a:2 before a:1.',
    },
    { ...of, path: 'regressions/c.json', verdict: 'undecided' },
  ];
  const lines = junitReport(resultOf({ calm: 1 }, { regressions }), () => '').split('\n');
  expect(lines.slice(1, 11)).toEqual([
    '<testsuites name="antecedent sweep" tests="4" failures="1" errors="1" time="1.500">',
    '  <testsuite name="regressions" tests="3" failures="1" errors="1">',
    '    <testcase classname="regressions" name="regressions/a.json"/>',
    '    <testcase classname="regressions" name="regressions/b.json">',
    '      <failure type="causal-order" message="b was given a:2 before a:1."></failure>',
    '    </testcase>',
    '    <testcase classname="regressions" name="regressions/c.json">',
    '      <error type="undecided" message="the run came to no verdict"></error>',
    '    </testcase>',
    '  </testsuite>',
  ]);
});

test('a run that cannot be reproduced is an error', () => {
  const xml = junitReport(resultOf({ calm: 2 }, { notReproducible: [{ scenario: 'calm', seed: 1 }] }), () => '');
  expect(xml).toContain('tests="2" failures="0" errors="1"');
  expect(xml).toContain('<error type="not reproducible"');
});

test('text of others stays text', () => {
  const failures = [failureAt('calm', 1, { sentence: hostileText })];
  const xml = junitReport(resultOf({ calm: 1 }, { failures }), () => hostileText);
  const elements = [...xml.matchAll(/<\/?([\w?]+)/g)].map(([, name]) => name);
  expect(elements).toEqual([
    ...['?xml', 'testsuites', 'testsuite', 'testcase', 'failure'],
    ...['failure', 'testcase', 'testsuite', 'testsuites'],
  ]);
  expect(xml).not.toMatch(/[\u0000-\u0008\u202e]/);
});

test('a goal that was missed is a failure of its scenario', () => {
  const result = resultOf({ calm: 100 }, { missedGoals: [{ scenario: 'calm', goal: 'copies-confirmed', runs: 100 }] });
  expect(junitReport(result, () => '')).toContain(
    '<testcase classname="calm" name="goal copies-confirmed">\n      <failure type="missed-goal" message="none of 100 runs came to it"></failure>',
  );
});
