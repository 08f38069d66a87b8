import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findScenario, formatPlan, makePlan, readPlan, type Plan } from '../../scenarios/index.js';
import { antecedent } from './fake-terminal.js';
import { hopelessPlan } from './hopeless-plan.js';
import { temporaryDirectory } from './temporary-directory.js';

function keep(plan: Plan): string {
  const path = join(temporaryDirectory(), 'failure.json');
  writeFileSync(path, formatPlan(plan));
  return path;
}

test('keeps the smallest plan and its report beside the failure, and says how to see it', async () => {
  const path = keep(hopelessPlan());
  const { exitCode, out } = await antecedent('shrink', path, '--runs', '500');
  const shrunkPath = path.replace('.json', '.shrunk.json');
  expect(exitCode).toBe(1);
  expect(out).toMatch(/^VIOLATED {2}partition-heal, seed 3/);
  expect(out).toContain(`antecedent replay ${shrunkPath}`);
  expect(out).toContain('SHRUNK  from 5 nodes, 24 operations, 3 faults\n        to 2 nodes, 1 operation, 0 faults\n');
  expect(readFileSync(shrunkPath.replace('.json', '.txt'), 'utf8')).toContain('deadlock violated');
  expect((await antecedent('replay', shrunkPath)).exitCode).toBe(1);
});

test('prints one document for scripts, and progress on stderr alone', async () => {
  const path = keep(hopelessPlan());
  const out = join(temporaryDirectory(), 'small.json');
  const { exitCode, out: text } = await antecedent('shrink', path, '--runs', '500', '--out', out, '--json');
  expect(exitCode).toBe(1);
  expect(JSON.parse(text)).toMatchObject({
    scenario: 'partition-heal',
    seed: 3,
    verdict: 'liveness',
    signature: 'partition-heal/deadlock',
    before: { nodes: 5, operations: 24, faults: 3 },
    after: { nodes: 2, operations: 1, faults: 0 },
    isMinimal: true,
    isReproducible: true,
    isInterrupted: false,
    planPath: path,
    shrunkPath: out,
    reportPath: null,
  });
  expect(readPlan(readFileSync(out, 'utf8'), out).operations).toHaveLength(1);
  expect(existsSync(out.replace('.json', '.txt'))).toBe(false);
});

test('the same number of runs gives the same plan, and what is shrunk keeps its place', async () => {
  const path = keep(hopelessPlan());
  const shrunkPath = path.replace('.json', '.shrunk.json');
  await antecedent('shrink', path, '--runs', '12');
  const first = readFileSync(shrunkPath, 'utf8');
  await antecedent('shrink', path, '--runs', '12');
  expect(readFileSync(shrunkPath, 'utf8')).toBe(first);
  const { out } = await antecedent('shrink', shrunkPath, '--runs', '500');
  expect(out).toContain('to 2 nodes, 1 operation, 0 faults');
  expect(existsSync(shrunkPath.replace('.json', '.shrunk.json'))).toBe(false);
});

test('a plan that holds is left as it is', async () => {
  const path = keep(makePlan(findScenario('calm'), '1'));
  const { exitCode, out } = await antecedent('shrink', path);
  expect(exitCode).toBe(0);
  expect(out).toContain('There is nothing to shrink');
  expect(existsSync(path.replace('.json', '.shrunk.json'))).toBe(false);
});

test.each([
  [['shrink'], "missing required argument 'failure'"],
  [['shrink', 'nowhere.json'], 'there is no file nowhere.json'],
  [['shrink', 'x.json', '--runs', '0'], 'write a whole number above 0'],
  [['shrink', 'x.json', '--for', '5'], 'did you mean 5s?'],
])('%j makes no sense', async (args, expected) => {
  const { exitCode, err } = await antecedent(...args);
  expect(exitCode).toBe(2);
  expect(err).toContain(expected);
});
