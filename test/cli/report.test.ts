import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findScenario, formatPlan, makePlan } from '../../scenarios/index.js';
import { antecedent } from './fake-terminal.js';
import { hopelessPlan } from './hopeless-plan.js';
import { temporaryDirectory } from './temporary-directory.js';

function keptFailure(): string {
  const path = join(temporaryDirectory(), 'partition-heal-3.json');
  writeFileSync(path, formatPlan(hopelessPlan()));
  return path;
}

test('the page of a failure lies beside it', async () => {
  const path = keptFailure();
  const { exitCode, out, err } = await antecedent('report', path);
  const page = path.replace('.json', '.html');
  expect([exitCode, err]).toEqual([0, '']);
  expect(out).toBe(`${page}  partition-heal, seed 3: deadlock violated\n`);
  expect(readFileSync(page, 'utf8')).toContain('<span class="verdict">VIOLATED</span> deadlock');
  expect(readFileSync(page, 'utf8')).toContain(`antecedent replay ${path}`);
});

test.each([
  ['text', /^VIOLATED {2}partition-heal, seed 3: deadlock violated[^]*What led to it/],
  ['shiviz', /^\(\?<host>\\S\*\)[^]*\na \{"a":1\}\n0\.000 s start at 0\n/],
  ['mermaid', /^sequenceDiagram\n[^]*deadlock violated\n$/],
  ['perfetto', /^\{"displayTimeUnit":"ms"/],
  ['html', /^<!doctype html>/],
])('as %s it can be printed', async (format, expected) => {
  const { exitCode, out } = await antecedent('report', keptFailure(), '--format', format, '--out', '-');
  expect(exitCode).toBe(0);
  expect(out).toMatch(expected);
});

test('what other tools read is printed unless a file is named', async () => {
  const path = keptFailure();
  const printed = await antecedent('report', path, '--format', 'mermaid');
  const file = join(temporaryDirectory(), 'new', 'diagram.mmd');
  const { out } = await antecedent('report', path, '--format', 'mermaid', '--out', file);
  expect(readFileSync(file, 'utf8')).toBe(printed.out);
  expect(out).toContain(file);
});

test('with --json a script learns where the report is and what it says', async () => {
  const path = keptFailure();
  const { out } = await antecedent('report', path, '--json');
  expect(JSON.parse(out)).toMatchObject({
    format: 'html',
    path: path.replace('.json', '.html'),
    title: 'partition-heal, seed 3',
    verdict: 'liveness',
    violations: [{ property: 'deadlock' }],
  });
  const refused = await antecedent('report', path, '--format', 'text', '--json');
  expect([refused.exitCode, refused.out]).toEqual([2, '']);
  expect(refused.err).toContain('name it with --out FILE');
});

test('a plan that holds has a report as well', async () => {
  const path = join(temporaryDirectory(), 'calm-1.json');
  writeFileSync(path, formatPlan(makePlan(findScenario('calm'), '1')));
  const { exitCode, out } = await antecedent('report', path, '--format', 'text');
  expect([exitCode, out]).toEqual([0, 'HELD  calm, seed 1: every property held.\n']);
});

test('a history has the same report as the run that recorded it', async () => {
  const plan = keptFailure();
  const history = join(temporaryDirectory(), 'history.jsonl');
  await antecedent('run', plan, '--history', history);
  const [ofPlan, ofHistory] = [
    await antecedent('report', plan, '--format', 'shiviz'),
    await antecedent('report', history, '--format', 'shiviz'),
  ];
  expect(ofHistory.out).toBe(ofPlan.out);
  await antecedent('report', history);
  const page = history.replace('.jsonl', '.html');
  expect(existsSync(page)).toBe(true);
  expect(readFileSync(page, 'utf8')).toContain(`antecedent check ${history}`);
});

test('times of a history count from its first event', async () => {
  const path = join(temporaryDirectory(), 'history.jsonl');
  const lines = [
    '{"history":1,"nodes":["a"]}',
    '{"event":"broadcast","atMs":1700000000000,"node":"a","seq":1,"payload":"x"}',
    '{"event":"deliver","atMs":1700000000250,"node":"a","origin":"a","seq":1,"position":1,"payload":"x"}',
    '{"event":"end","atMs":1700000000500,"live":["a"]}',
  ];
  writeFileSync(path, lines.join('\n'));
  const { out } = await antecedent('report', path, '--format', 'shiviz');
  expect(out.split('\n').slice(2)).toEqual([
    'a {"a":1}',
    '0.000 s broadcast a:1',
    'a {"a":2}',
    '0.250 s given a:1 at position 1',
    '',
  ]);
});

test('a form that does not exist is bad usage', async () => {
  const { exitCode, err } = await antecedent('report', keptFailure(), '--format', 'pdf');
  expect(exitCode).toBe(2);
  expect(err).toContain('Allowed choices are html, text, shiviz, mermaid, perfetto');
});
