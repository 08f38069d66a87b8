import { expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import {
  failureText,
  findScenario,
  makePlan,
  type HistoryEvent,
  type Plan,
  type Violation,
} from '../../../scenarios/index.js';
import { HistoryBuilder } from '../oracles/history-builder.js';

const plan: Plan = makePlan(findScenario('partition-heal'), '1');

/** c is given b:1 without its cause. */
const overtaking = new HistoryBuilder('a b c')
  .broadcast('a:1')
  .deliver('a', 'a:1')
  .deliver('b', 'a:1')
  .broadcast('b:1')
  .deliver('c', 'b:1');

function violationOf(history: HistoryBuilder): Violation {
  const violation = history.safety();
  if (violation === undefined) throw new Error('the history is correct');
  return violation;
}

function report(
  overrides: { readonly plan?: Plan; readonly history?: readonly HistoryEvent[]; readonly planPath?: string } = {},
): string {
  const { history = overtaking.events } = overrides;
  return failureText({ plan, planPath: undefined, violation: violationOf(overtaking), ...overrides, history });
}

test('says what was violated, shows what led to it, and how to see it again', () => {
  const text = report({ planPath: 'runs/partition-heal-1.json' });
  expect(text).toContain(
    'partition-heal, seed 1: causal-order violated (nothing is delivered before what its sender had seen)',
  );
  expect(text).toContain('c was given b:1 before a:1, which b had been given when it broadcast b:1.');
  expect(text).toContain('antecedent replay runs/partition-heal-1.json');
  expect(text).toContain('partition ');
  expect(text).toContain('24 operations');
});

test('the grid has a column a node, and time runs down', () => {
  const lines = report().split('\n');
  const start = lines.indexOf('What led to it');
  const rows = lines.slice(start + 1, lines.indexOf('', start)).map((line) => line.trimEnd());
  expect(rows).toEqual([
    '              a                     b                     c',
    '     0.000 s  start at 0',
    '     0.001 s                        start at 0',
    '     0.002 s                                              start at 0',
    '     0.003 s  broadcast a:1',
    '     0.004 s  given a:1',
    '     0.005 s                        given a:1',
    '     0.006 s                        broadcast b:1',
    '     0.007 s                                              given b:1',
  ]);
});

test('what was done to a disk stands in the column of its node, before what came of it', () => {
  const history = new HistoryBuilder('a b').damaged('b').stopped('b', 'E_LOG_CORRUPT').stopped('a', 'E_LOG_CORRUPT');
  const text = failureText({
    plan: {
      ...plan,
      faults: [
        { atMs: 2, kind: 'bit-rot', node: nodeName('b'), at: 0.5, bits: 1 },
        { atMs: 3, kind: 'disk-stall', node: nodeName('c') },
      ],
    },
    violation: { ...violationOf(history), nodes: ['a', 'b'] },
    history: history.events,
    planPath: undefined,
  });
  const rows = text.split('\n').filter((line) => /^ +0\.00[2-9] s/.test(line));
  expect(rows.slice(2)).toEqual([
    '     0.002 s                        -- bit-rot --',
    '     0.002 s                        disk damaged',
    '     0.003 s                        stop E_LOG_CORRUPT',
    '     0.004 s  stop E_LOG_CORRUPT',
  ]);
});

test('of a plan with steps the order is told, and never takes the place of the rest', () => {
  const [a, b] = [nodeName('a'), nodeName('b')];
  const steps: Plan['steps'] = [
    { kind: 'operation', node: a },
    { kind: 'deliver', from: a, to: b },
    { kind: 'drop', from: b, to: a },
    { kind: 'crash', node: b },
    { kind: 'restart', node: b },
  ];
  const text = report({ plan: { ...plan, steps } });
  expect(text).toContain('Steps of the plan (5)\n');
  expect(text).toContain('a broadcasts · a > b arrives · b > a is lost · b crashes · b starts\n');
  const long = report({
    plan: { ...plan, steps: Array.from({ length: 500 }, () => steps[1] ?? steps[0]) as typeof steps },
  });
  expect(long.trimEnd().split('\n').length).toBeLessThanOrEqual(40);
  expect(long).toContain('What led to it');
});

test('without a kept plan, scenario and seed are enough', () => {
  expect(report()).toContain('antecedent run partition-heal --seed 1');
});

test('a path with spaces can be pasted into a shell', () => {
  expect(report({ planPath: "my runs/it's.json" })).toContain(String.raw`antecedent replay 'my runs/it'\''s.json'`);
});

test('never more than 40 lines, nor wider than asked; what is left out is counted', () => {
  const fault = plan.faults[0];
  if (fault === undefined) throw new Error('the plan has no fault');
  const long = new HistoryBuilder('a b c');
  for (let seq = 1; seq <= 300; seq++) long.broadcast(`a:${seq}`).deliver('b', `a:${seq}`);
  const text = failureText({
    plan: { ...plan, faults: Array.from({ length: 200 }, () => fault) },
    violation: { ...violationOf(overtaking), atMs: 1e9, messages: [], sentence: 'word '.repeat(200) },
    history: long.events,
    planPath: 'runs/x.json',
    columns: 80,
  });
  const lines = text.trimEnd().split('\n');
  expect(lines.length).toBeLessThanOrEqual(40);
  expect(Math.max(...lines.slice(1).map((line) => line.length))).toBeLessThanOrEqual(80);
  expect(text).toContain('and 192 more, see the plan');
  expect(text).toContain('antecedent replay runs/x.json');
});

test('says with which file the plan of a program of the user is read', () => {
  const own = { ...plan, workload: 'my-lines' };
  const input = { plan: own, planPath: 'runs/own-1.json', violation: violationOf(overtaking), history: [] };
  const known = failureText({ ...input, scenarioFile: 'tests/my faults.ts' });
  expect(known).toContain("antecedent replay runs/own-1.json --scenario-file 'tests/my faults.ts'");
  expect(known).toContain("antecedent report runs/own-1.json --scenario-file 'tests/my faults.ts' (");
  expect(failureText(input)).toContain('antecedent replay runs/own-1.json --scenario-file FILE\n');
  const unkept = failureText({ ...input, planPath: undefined, scenarioFile: 'tests/faults.ts' });
  expect(unkept).toContain("antecedent run 'tests/faults.ts#partition-heal' --seed 1\n");
});
