import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tellGithub, writeJunit } from '../../cli/ci-output.js';
import { exitCodes } from '../../cli/exit-code.js';
import { formatPlan } from '../../scenarios/index.js';
import { failureAt, resultOf } from '../scenarios/report/sweep-results.js';
import { antecedent, fakeStream } from './fake-terminal.js';
import { hopelessPlan } from './hopeless-plan.js';
import { temporaryDirectory } from './temporary-directory.js';

function failedSweep(): ReturnType<typeof resultOf> {
  const directory = temporaryDirectory();
  const planPath = join(directory, 'partition-heal-3.json');
  const reportPath = join(directory, 'partition-heal-3.txt');
  writeFileSync(planPath, formatPlan(hopelessPlan()));
  writeFileSync(reportPath, 'the report\n');
  return resultOf({ 'partition-heal': 2 }, { failures: [failureAt('partition-heal', 3, { planPath, reportPath })] });
}

const newTerminal = () => ({ out: fakeStream(), err: fakeStream(), exitCode: exitCodes.held });

test('on GitHub annotations go to the error stream, and the summary has a diagram of the first failure', () => {
  const terminal = newTerminal();
  const summary = join(temporaryDirectory(), 'summary.md');
  writeFileSync(summary, 'before\n');
  tellGithub(terminal, failedSweep(), { GITHUB_ACTIONS: 'true', GITHUB_STEP_SUMMARY: summary });
  expect(terminal.out.text).toBe('');
  expect(terminal.err.text).toMatch(/^::error title=partition-heal%2C seed 3/);
  const text = readFileSync(summary, 'utf8');
  expect(text).toMatch(/^before\n## Antecedent: ❌ 1 of 2 runs violated a property\n/);
  expect(text).toContain('```mermaid\nsequenceDiagram\n');
  expect(text).toContain('was never given b:1');
});

test('elsewhere nothing is said', () => {
  const terminal = newTerminal();
  tellGithub(terminal, failedSweep(), {});
  expect([terminal.out.text, terminal.err.text]).toEqual(['', '']);
});

test('a summary that cannot be written is said, and changes nothing', () => {
  const terminal = newTerminal();
  tellGithub(terminal, failedSweep(), { GITHUB_STEP_SUMMARY: temporaryDirectory() });
  expect(terminal.err.text).toMatch(/^antecedent: no job summary: EISDIR/);
});

test('JUnit XML has the report of each failure', () => {
  const path = join(temporaryDirectory(), 'new', 'junit.xml');
  writeJunit(path, failedSweep());
  expect(readFileSync(path, 'utf8')).toContain('message="b was given a:2 before a:1.">the report\n</failure>');
});

test('a sweep writes JUnit XML where it is asked to', async () => {
  const path = join(temporaryDirectory(), 'junit.xml');
  const { exitCode } = await antecedent('sweep', 'calm', '--seeds', '1..2', '--json', '--junit', path);
  expect(exitCode).toBe(0);
  expect(readFileSync(path, 'utf8')).toContain('<testcase classname="calm" name="2 seeds that held"/>');
});
