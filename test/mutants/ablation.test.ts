import { describe, expect, test } from 'vitest';
import { isFoundWithout, withoutFaults, type FaultClassName } from '../../mutants/ablation.js';
import * as scenarios from '../../scenarios/index.js';

const { findScenario, makePlan, runPlan, runSeed } = scenarios;

describe('a plan without a class of faults', () => {
  test('lacks these faults and no other', () => {
    const plan = makePlan(findScenario('power-loss'), '1');
    const kinds = (one: scenarios.Plan): readonly string[] => [...new Set(one.faults.map(({ kind }) => kind))].sort();
    expect(kinds(plan)).toEqual(['hold', 'power-loss', 'release']);
    expect(kinds(withoutFaults(plan, 'power-loss'))).toEqual(['hold', 'release']);
    expect(kinds(withoutFaults(plan, 'clog'))).toEqual(['power-loss', 'release']);
    expect(withoutFaults(plan, 'crash')).toEqual(plan);
  });

  test('has links that lose nothing', () => {
    const plan = makePlan(findScenario('lossy'), '1');
    const { link } = withoutFaults(plan, 'lossy-link').options;
    expect(plan.options.link.loss).toBeGreaterThan(0);
    expect([link.loss, link.cut, link.corruption, link.splitting]).toEqual([0, 0, 0, 0]);
    expect(link.latency).toEqual(plan.options.link.latency);
  });
});

describe('a bug that was found in power-loss', () => {
  const plan = makePlan(findScenario('power-loss'), '1');
  const discovery = { scenario: 'power-loss', seed: 1, symptom: 'durability', sentence: '', plan } as const;
  const violation: scenarios.Violation = {
    ...{ property: 'durability', kind: 'safety', atMs: 1, sentence: '' },
    ...{ nodes: [], messages: [] },
  };
  const heldSeed = runSeed(findScenario('calm'), 1, { verifyShare: 0, planPath: undefined });
  const held = runPlan(makePlan(findScenario('calm'), '1'));

  /** Whether it is found without a class of faults, when it shows in the plans that `shows` names; and how many runs that took. */
  async function find(
    name: FaultClassName,
    shows: (plan: scenarios.Plan) => boolean,
    scenario?: string,
  ): Promise<{ readonly isFound: boolean; readonly runs: number }> {
    let runs = 0;
    const violationsOf = (one: scenarios.Plan): readonly scenarios.Violation[] => (shows(one) ? [violation] : []);
    const fake = {
      ...scenarios,
      catalogue: [findScenario('calm'), findScenario('lossy')],
      runPlan: (one: scenarios.Plan) => {
        runs += 1;
        return { ...held, violations: violationsOf(one) };
      },
      runSeed: (one: scenarios.Scenario, seed: number, options: scenarios.RunSeedOptions) => {
        runs += 1;
        const made = options.makePlan?.(one, String(seed)) ?? plan;
        const [found] = violationsOf(made);
        const failure =
          found === undefined
            ? undefined
            : { signature: '', violation: found, planText: '', planPath: undefined, reportText: '' };
        return { ...heldSeed, failure };
      },
    };
    const where = scenario === undefined ? {} : { scenario };
    const signal = new AbortController().signal;
    const isFound = await isFoundWithout(name, fake, where, { discovery, seeds: 1, runs: 1 }, signal);
    return { isFound, runs };
  }

  test('needs no run without faults that its plan does not have', async () => {
    expect(await find('crash', () => false)).toEqual({ isFound: true, runs: 0 });
  });

  test('may show in the same plan without them', async () => {
    const { isFound, runs } = await find('clog', ({ faults }) => faults.some(({ kind }) => kind === 'power-loss'));
    expect([isFound, runs]).toEqual([true, 1]);
  });

  test('may show in another one, first of its own scenario', async () => {
    const inAnother = await find('power-loss', ({ scenario, seed }) => scenario === 'power-loss' && seed === '3');
    expect(inAnother).toEqual({ isFound: true, runs: 4 });
    const elsewhere = await find('power-loss', ({ scenario }) => scenario === 'lossy');
    expect(elsewhere).toEqual({ isFound: true, runs: 1 + 50 + 2 });
  });

  test('needs them when it shows in none of a hundred runs', async () => {
    const powerless = ({ faults }: scenarios.Plan): boolean => faults.some(({ kind }) => kind === 'power-loss');
    expect(await find('power-loss', powerless)).toEqual({ isFound: false, runs: 1 + 50 + 100 });
    expect(await find('power-loss', powerless, 'power-loss')).toEqual({ isFound: false, runs: 1 + 100 });
  });
});
