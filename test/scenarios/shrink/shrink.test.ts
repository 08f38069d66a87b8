import { describe, expect, test } from 'vitest';
import {
  findScenario,
  makePlan,
  runPlan,
  shrink,
  type Plan,
  type Property,
  type RunResult,
  type Violation,
} from '../../../scenarios/index.js';

const original = makePlan(findScenario('flapping'), '7');
const calm = runPlan(makePlan(findScenario('calm'), '1'));

/** Runs nothing; `judge` names the property that a plan violates. */
function pretended(judge: (plan: Plan) => Property | undefined): {
  readonly run: typeof runPlan;
  readonly plans: Plan[];
} {
  const plans: Plan[] = [];
  const run = (plan: Plan): RunResult => {
    plans.push(plan);
    const property = judge(plan);
    const violation: Violation | undefined = property && {
      property,
      kind: 'liveness',
      atMs: plan.deadlineMs,
      sentence: 'It fails.',
      nodes: [],
      messages: [],
    };
    return {
      ...calm,
      scenario: plan.scenario,
      seed: plan.seed,
      verdict: violation === undefined ? 'pass' : violation.kind,
      violations: violation === undefined ? [] : [violation],
      traceHash: JSON.stringify(plan),
      plan,
    };
  };
  return { run, plans };
}

/** Takes one operation, a cut that reaches b, and b. */
const needsThree = (plan: Plan): Property | undefined => {
  const hasOperation = plan.operations.some((operation) => 'mailbox' in operation && operation.mailbox === 'box1');
  const hasCut = plan.faults.some((fault) => fault.kind === 'cut' && fault.to.some((node) => node === 'b'));
  return hasOperation && hasCut ? 'convergence' : undefined;
};

describe('the smallest plan', () => {
  test('has what the failure needs and nothing else', async () => {
    const { run } = pretended(needsThree);
    const result = await shrink(original, { runsMax: 5000, runPlan: run });
    expect(result).toMatchObject({
      signature: 'flapping/convergence',
      before: { nodes: 4, operations: original.operations.length, faults: original.faults.length },
      after: { nodes: 2, operations: 1, faults: 1 },
      isMinimal: true,
      isInterrupted: false,
      isReproducible: true,
    });
    expect(result.smallest.plan.faults[0]).toMatchObject({ kind: 'cut', to: ['b'] });
  });

  test('fails like the original: another property does not count', async () => {
    const { run } = pretended((plan) => needsThree(plan) ?? (plan.operations.length < 3 ? 'deadlock' : undefined));
    const { smallest } = await shrink(original, { runsMax: 5000, runPlan: run });
    expect(smallest.violations[0]?.property).toBe('convergence');
    expect(needsThree(smallest.plan)).toBe('convergence');
  });

  test('is the same for the same number of runs', async () => {
    const plansAfter = async (runsMax: number): Promise<Plan> => {
      const { run } = pretended(needsThree);
      return (await shrink(original, { runsMax, runPlan: run })).smallest.plan;
    };
    for (const runsMax of [3, 10, 40]) expect(await plansAfter(runsMax)).toEqual(await plansAfter(runsMax));
    expect(await plansAfter(3)).not.toEqual(await plansAfter(40));
  });

  test('is found with another seed where chance had hidden it', async () => {
    // With its own seed it takes two operations.
    const { run } = pretended((plan) =>
      plan.operations.length > (plan.seed === '7/2' ? 0 : 1) && plan.nodes.length > 1 ? 'convergence' : undefined,
    );
    const { smallest, after } = await shrink(original, { runsMax: 5000, runPlan: run });
    expect(smallest.plan.seed).toBe('7/2');
    expect(after).toEqual({ nodes: 2, operations: 1, faults: 0 });
  });

  test('keeps the operations of a plan that was too dear, for a budget is about each of them', async () => {
    const { run } = pretended((plan) => (plan.operations.length > 1 ? 'budget' : undefined));
    const dear: typeof run = (plan, options) => {
      const result = run(plan, options);
      return {
        ...result,
        violations: result.violations.map((violation) => ({ ...violation, kind: 'budget' as const })),
      };
    };
    const { smallest } = await shrink(
      { ...original, budgets: { bytesPerBroadcast: 1 } },
      { runsMax: 5000, runPlan: dear },
    );
    expect(smallest.plan.operations).toHaveLength(original.operations.length);
    expect(smallest.plan.budgets).toEqual({ bytesPerBroadcast: 1 });
    expect(smallest.plan.faults).toEqual([]);
  });
});

test('no plan is run twice, but for the first and the last', async () => {
  const { run, plans } = pretended(needsThree);
  await shrink(original, { runsMax: 5000, runPlan: run });
  const texts = plans.slice(2, -1).map((plan) => JSON.stringify(plan));
  expect(new Set(texts).size).toBe(texts.length);
});

test('a plan that holds is left as it is', async () => {
  const { run, plans } = pretended(() => undefined);
  const result = await shrink(original, { runPlan: run });
  expect(result).toMatchObject({ signature: undefined, isMinimal: false });
  expect(result.smallest.plan).toBe(original);
  expect(plans).toHaveLength(1);
});

test('a plan whose runs differ is left as it is', async () => {
  const { run } = pretended(() => 'convergence');
  let runs = 0;
  const flaky: typeof run = (plan) => ({ ...run(plan), traceHash: String(runs++) });
  expect(await shrink(original, { runPlan: flaky })).toMatchObject({ isReproducible: false, runs: 2 });
});

test('an interrupt ends the search, and what was found so far counts', async () => {
  const { run } = pretended(needsThree);
  const interruption = new AbortController();
  const result = await shrink(original, {
    runPlan: run,
    signal: interruption.signal,
    onProgress: ({ size }) => {
      if (size.nodes === 2) interruption.abort();
    },
  });
  expect(result).toMatchObject({ isInterrupted: true, isMinimal: false, after: { nodes: 2 } });
  expect(needsThree(result.smallest.plan)).toBe('convergence');
});

test('a candidate that a run refuses counts as one that does not fail', async () => {
  const { run } = pretended(needsThree);
  const refusing: typeof run = (plan, options) =>
    // With a workload that nobody knows.
    plan.faults.length === 0 ? runPlan({ ...plan, workload: 'unknown' }) : run(plan, options);
  const { after } = await shrink(original, { runsMax: 5000, runPlan: refusing });
  expect(after.faults).toBe(1);
});

test.each([{ forMs: 0 }, { runsMax: -1 }, { forMs: Number.NaN }])(
  'a budget of nothing is refused: %j',
  async (budget) => {
    await expect(shrink(original, budget)).rejects.toMatchObject({ code: 'E_CONFIG' });
  },
);

test('the plan that is shrunk here has what it is asked for', () => {
  expect(needsThree(original)).toBe('convergence');
});
