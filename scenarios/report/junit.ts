/**
 * A sweep as JUnit XML, as continuous integration reads it.
 *
 * Each scenario is a suite. In it every seed that failed, was undecided or could not be reproduced is a test case of its own, and
 * all others together are one: a sweep makes thousands of runs, and nobody reads a list of those that held. So is every goal
 * that none of them came to. Plans of earlier failures are a suite before all others, and few enough to be listed.
 */
import type { RegressionOutcome } from '../regressions.js';
import type { SweepFailure, SweepResult } from '../sweep-tally.js';
import { escapeMarkup, visible } from './foreign-text.js';

interface TestCase {
  readonly name: string;
  readonly outcome?: 'failure' | 'error';
  readonly type?: string;
  readonly message?: string;
  readonly text?: string;
}

/** `reportOf` gives the text of a failure: its report, if it was kept. Ends with a newline. */
export function junitReport(result: SweepResult, reportOf: (failure: SweepFailure) => string): string {
  const suites = [
    { name: 'regressions', runs: result.regressions.length, cases: result.regressions.map(caseOfRegression) },
    ...result.scenarios.map(({ name, runs }) => ({ name, runs, cases: casesOf(result, { name, runs }, reportOf) })),
  ].filter(({ runs }) => runs > 0);
  const all = suites.flatMap(({ cases }) => cases);
  const seconds = (result.elapsedMs / 1000).toFixed(3);
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="antecedent sweep" ${counts(all)} time="${seconds}">`,
    ...suites.flatMap(({ name, cases }) => [
      `  <testsuite name="${escapeMarkup(name)}" ${counts(cases)}>`,
      ...cases.map((testCase) => element(name, testCase)),
      '  </testsuite>',
    ]),
    '</testsuites>\n',
  ].join('\n');
}

function casesOf(
  { failures, notReproducible, undecidedRuns, missedGoals }: SweepResult,
  { name, runs }: { readonly name: string; readonly runs: number },
  reportOf: (failure: SweepFailure) => string,
): readonly TestCase[] {
  const isOfScenario = ({ scenario }: { readonly scenario: string }): boolean => scenario === name;
  const failed = failures.filter(isOfScenario);
  const others = new Map<number, string>();
  for (const { seed } of undecidedRuns.filter(isOfScenario)) others.set(seed, 'undecided');
  for (const { seed } of notReproducible.filter(isOfScenario)) others.set(seed, 'not reproducible');
  for (const { seed } of failed) others.delete(seed);
  const held = runs - failed.length - others.size;
  return [
    ...(held > 0 ? [{ name: `${held} ${held === 1 ? 'seed' : 'seeds'} that held` }] : []),
    ...failed.map((failure): TestCase => {
      const { seed, property: type, sentence: message } = failure;
      return { name: `seed ${seed}`, outcome: 'failure', type, message, text: reportOf(failure) };
    }),
    ...[...others].map(([seed, type]): TestCase => {
      const message =
        type === 'undecided' ? 'the run came to no verdict' : 'the same plan gave two runs that differ in their traces';
      return { name: `seed ${seed}`, outcome: 'error', type, message };
    }),
    ...missedGoals.filter(isOfScenario).map(({ goal, runs: tried }): TestCase => {
      const message = `none of ${tried} runs came to it`;
      return { name: `goal ${goal}`, outcome: 'failure', type: 'missed-goal', message };
    }),
  ];
}

function caseOfRegression({ path, verdict, property, sentence }: RegressionOutcome): TestCase {
  if (verdict === 'pass') return { name: path };
  if (property === null) {
    return { name: path, outcome: 'error', type: 'undecided', message: 'the run came to no verdict' };
  }
  return { name: path, outcome: 'failure', type: property, message: sentence ?? '' };
}

function counts(cases: readonly TestCase[]): string {
  const count = (outcome: string): number => cases.filter((testCase) => testCase.outcome === outcome).length;
  return `tests="${cases.length}" failures="${count('failure')}" errors="${count('error')}"`;
}

function element(scenario: string, { name, outcome, type = '', message = '', text = '' }: TestCase): string {
  const open = `    <testcase classname="${escapeMarkup(scenario)}" name="${escapeMarkup(name)}"`;
  if (outcome === undefined) return `${open}/>`;
  const about = `type="${escapeMarkup(type)}" message="${escapeMarkup(visible(message))}"`;
  const lines = text.split('\n').map(visible).join('\n');
  return `${open}>\n      <${outcome} ${about}>${escapeMarkup(lines)}</${outcome}>\n    </testcase>`;
}
