import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatPlan } from '../../scenarios/index.js';
import { antecedent } from './fake-terminal.js';
import { hopelessPlan } from './hopeless-plan.js';
import { temporaryDirectory } from './temporary-directory.js';

/** The history that a run has recorded. */
async function recorded(...run: readonly string[]): Promise<string> {
  const path = join(temporaryDirectory(), 'history.jsonl');
  await antecedent('run', ...run, '--history', path);
  return path;
}

function written(...lines: readonly string[]): string {
  const path = join(temporaryDirectory(), 'history.jsonl');
  writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  return path;
}

test('a history that a run has recorded is judged as the run was', async () => {
  const { exitCode, out } = await antecedent('check', await recorded('crash-restart', '--seed', '2'));
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^HELD {2}crash-restart, seed 2: every property held\.\n/);
  expect(out).toMatch(/^ {2}judged by +causal-order, .*convergence/m);
});

test('a violation is shown with what led to it, and how to draw it', async () => {
  const plan = join(temporaryDirectory(), 'hopeless.json');
  writeFileSync(plan, formatPlan(hopelessPlan()));
  const path = await recorded(plan);
  const { exitCode, out } = await antecedent('check', path);
  expect(exitCode).toBe(1);
  expect(out).toMatch(/^VIOLATED {2}partition-heal, seed 3: deadlock violated \(.*\)\n {2}a was never given b:1/);
  expect(out).toContain('broadcast b:1');
  expect(out).toContain(`Next: antecedent report ${path}\n`);
});

test('in one JSON document', async () => {
  const path = await recorded('calm');
  const { exitCode, out } = await antecedent('check', path, '--json');
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    title: 'calm, seed 1',
    verdict: 'pass',
    violations: [],
    hasEnd: true,
    events: readFileSync(path, 'utf8').trimEnd().split('\n').length - 2,
  });
});

test('without its end the verdict is open, and the remedy is named', async () => {
  const { exitCode, out } = await antecedent(
    'check',
    written('{"history":1,"nodes":["a"]}', '{"event":"broadcast","atMs":1,"node":"a","seq":1,"payload":"x"}'),
  );
  expect(exitCode).toBe(3);
  expect(out).toMatch(/^UNDECIDED/);
  expect(out).toContain('{"event":"end","atMs":TIME');
});

test('what is no history is bad usage, with the number of the line', async () => {
  const { exitCode, out, err } = await antecedent('check', written('{"history":1,"nodes":["a"]}', 'nonsense'));
  expect([exitCode, out]).toEqual([2, '']);
  expect(err).toContain('line 2: no JSON');
});

test('names and texts of others do not reach the terminal as they are', async () => {
  const { out } = await antecedent(
    'check',
    written(
      String.raw`{"history":1,"title":"\u001b[31mred","nodes":["a"]}`,
      String.raw`{"event":"stopped","atMs":1,"node":"a","code":"E_X","message":"\u001b]0;x\u0007"}`,
    ),
  );
  expect(out).toContain(String.raw`\u001b[31mred`);
  expect(out).not.toMatch(/[\u001b\u0007]/);
});
