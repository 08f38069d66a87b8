/**
 * pluto v0.4 in the simulator: it gets through a calm run, and each of its bugs is found in the smallest plan that shows it. Our
 * own nodes hold in every one of these plans.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  catalogue,
  catalogueFor,
  crashPoints,
  failureText,
  findScenario,
  formatPlan,
  makePlan,
  parsePlan,
  planForSystem,
  planLines,
  readPlan,
  runPlan,
  sweep,
  type Plan,
} from '../../scenarios/index.js';

const directory = 'examples/pluto';

function planOf(name: string): Plan {
  const path = `${directory}/${name}.json`;
  return readPlan(readFileSync(path, 'utf8'), path);
}

describe('the bugs of v0.4', () => {
  const bugs: readonly (readonly [name: string, property: string, sentence: RegExp])[] = [
    ['number-burnt', 'livelock', /^b was never given a:1, though events went on without progress; a has it/],
    ['number-used-again', 'livelock', /^b was never given a:3, though events went on without progress/],
    ['lost-behind-the-write', 'deadlock', /^b was never given a:1, and nothing is going on any more; a has it/],
    ['accepted-and-lost', 'deadlock', /^b was never given a:1, and nothing is going on any more; a has it/],
    ['dead-peer-blocks-all', 'deadlock', /^b was never given a:1, .* a has it \(1 of 3 nodes are down\)/],
    ['torn-clock-file', 'no-unexpected-stop', /^a stopped by itself with E_LOG_CORRUPT: the file of the clock holds /],
    ['bad-line-kills', 'no-unexpected-stop', /^b stopped by itself with E_LOG_CORRUPT: invalid sync message/],
    ['reset-kills', 'no-unexpected-stop', /^b stopped by itself with E_UNREACHABLE: a peer reset its connection/],
    ['applied-twice', 'no-duplication', /^b was given a:1 a second time, at position 2; the first was position 1/],
    ['sent-twice', 'no-duplication', /^c was given a:1 a second time, at position 2; the first was position 1/],
  ];

  test.each(bugs)('%s', (name, property, sentence) => {
    const plan = planOf(name);
    const { system, violations } = runPlan(plan);
    expect(system).toBe('pluto');
    expect(violations).toEqual([expect.objectContaining({ property })]);
    expect(violations[0]?.sentence).toMatch(sentence);
    const own = runPlan(planForSystem(plan, 'antecedent'));
    expect([own.system, own.violations]).toEqual(['antecedent', []]);
  });

  test('are all the plans that there are', () => {
    const names = [...bugs.map(([name]) => name), 'one-message'];
    expect(readdirSync(directory)).toEqual(names.map((name) => `${name}.json`).sort());
  });

  test('are shown in the docs as they are printed', () => {
    const text = readFileSync('docs/PLUTO.md', 'utf8');
    const shown = [...text.matchAll(/^#### ([a-z-]+)\n\n```\n\$ .*examples\/pluto\/([a-z-]+)\.json\n([^`]*)```$/gm)];
    expect(shown.length).toBeGreaterThanOrEqual(6);
    for (const [, heading, name = '', block = ''] of shown) {
      const plan = planOf(name);
      const { violations, history = [] } = runPlan(plan, { keepHistory: true });
      const printed = violations
        .map((violation) => failureText({ plan, violation, history, planPath: undefined }))
        .join('');
      const lines = new Set(`VIOLATED  ${printed}`.split('\n'));
      expect([name, block.split('\n').filter((line) => !lines.has(line))]).toEqual([heading, []]);
    }
  });

  test('a plan without its faults holds', () => {
    const held = bugs
      .map(([name]) => planOf(name))
      .filter((plan) => runPlan({ ...plan, faults: [] }).verdict === 'pass');
    expect(held.map(({ scenario }) => scenario)).toEqual(bugs.map(([name]) => name));
  });
});

test('one message holds, and of its crash points some do not', async () => {
  const plan = planOf('one-message');
  expect(runPlan(plan).verdict).toBe('pass');
  const { failures, notReproducible } = await crashPoints(plan, { nodes: plan.nodes.slice(0, 1), limit: 40 });
  expect(notReproducible).toBe(0);
  expect(new Set(failures.map(({ property }) => property)).size).toBeGreaterThanOrEqual(3);
});

test.each(['1', '2', '3', '4', '5'])('a calm run holds, and is the same each time (seed %s)', (seed) => {
  const plan = planForSystem(makePlan(findScenario('calm'), seed), 'pluto');
  const [first, second] = [runPlan(plan), runPlan(plan)];
  expect([first.verdict, first.violations]).toEqual(['pass', []]);
  expect(second.traceHash).toBe(first.traceHash);
  expect(first.deliveries).toBe(3 * first.broadcasts);
});

test('what TCP hides from a program does it no harm', () => {
  const calm = planForSystem(makePlan(findScenario('calm'), '1'), 'pluto');
  const rates = { loss: 0.1, duplication: 0.1, reordering: 0.1, corruption: 0.05, splitting: 0.2 };
  const link = { ...calm.options.link, ...rates };
  const plan: Plan = { ...calm, options: { ...calm.options, link }, deadlineMs: calm.healedAtMs + 20_000 };
  const { verdict, violations, faults } = runPlan(plan);
  expect([verdict, violations]).toEqual(['pass', []]);
  expect(Object.keys(faults)).toEqual(expect.arrayContaining(['loss', 'duplication', 'reordering', 'corruption']));
});

test('a sweep finds bugs of many kinds, each of which comes again', async () => {
  const names = ['crash-restart', 'power-loss', 'minority-dies-for-good', 'disk-full', 'small-log'];
  const scenarios = names.map(findScenario);
  const { failures, notReproducible, system } = await sweep({
    scenarios,
    variation: { system: 'pluto' },
    seeds: { from: 1, to: 4 },
  });
  expect([system, notReproducible]).toEqual(['pluto', []]);
  expect(new Set(failures.map(({ signature }) => signature)).size).toBeGreaterThanOrEqual(6);
  expect(new Set(failures.map(({ property }) => property)).size).toBeGreaterThanOrEqual(4);
});

test('lines may be empty', () => {
  const plan = planForSystem(planLines(findScenario('calm'), '1', new TextEncoder().encode('one\n\n\ntwo\n')), 'pluto');
  expect(runPlan(plan)).toMatchObject({ verdict: 'pass', broadcasts: 4, deliveries: 12 });
});

describe('a plan for v0.4', () => {
  test('is made of one for our own system and back again', () => {
    const plan = makePlan(findScenario('crash-restart'), '3');
    const pluto = planForSystem(plan, 'pluto');
    expect(readPlan(formatPlan(pluto), 'pluto.json')).toEqual(pluto);
    expect(planForSystem(pluto, 'pluto')).toBe(pluto);
    expect(planForSystem(plan, 'antecedent')).toBe(plan);
    const { system, budgets, ...back } = planForSystem(pluto, 'antecedent');
    expect([system, budgets]).toEqual([undefined, undefined]);
    expect({ ...back.options, pluto: undefined }).toEqual({ ...plan.options, pluto: undefined });
    expect([back.operations, back.faults, back.seed]).toEqual([plan.operations, plan.faults, plan.seed]);
  });

  test('is refused with what v0.4 does not know, at its place', () => {
    const plan = planOf('number-burnt');
    const [first] = plan.faults;
    const faults = [
      first,
      { atMs: 200, kind: 'repair', node: 'b' },
      { atMs: 300, kind: 'twin', node: 'a', copy: true },
    ];
    expect(() => parsePlan({ ...plan, joiners: ['b'], faults }, 'edited.json')).toThrow(
      /edited\.json is no valid plan:\n {2}joiners: pluto v0\.4 knows none.*\n {2}faults\[1\]: pluto v0\.4 knows no repair: .*; remove it\n {2}faults\[2\]: pluto v0\.4 knows no twin/,
    );
    expect(() => parsePlan({ ...plan, system: 'saturn' }, 'edited.json')).toThrow(/system: /);
  });

  test.each(catalogue.map((scenario) => [scenario.name, scenario] as const))(
    'the catalogue for v0.4 has %s exactly when every plan of it can be run',
    (_, scenario) => {
      const plans = ['1', '2', '3', '4', '5', '6'].map((seed) => makePlan(scenario, seed));
      const convert = () => plans.map((plan) => planForSystem(plan, 'pluto').system);
      if (catalogueFor('pluto').includes(scenario)) expect(new Set(convert())).toEqual(new Set(['pluto']));
      else expect(convert).toThrow(/^the scenario .* is not for pluto v0\.4: .*choose another one$/);
    },
  );
});
