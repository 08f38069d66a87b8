import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  explore,
  findScenario,
  makePlan,
  readPlan,
  runPlan,
  smallPlan,
  type Plan,
  type PlannedStep,
  type Stepper,
} from '../../scenarios/index.js';
import { temporaryDirectory } from '../cli/temporary-directory.js';

const small = (nodes: number, messages: number): Plan =>
  smallPlan(makePlan(findScenario('calm'), '1'), { nodes, messages });

/** What the applications were given, in order, for each node. */
function given(plan: Plan, stepper?: Stepper): string {
  const { history = [], violations } = runPlan(plan, { keepHistory: true, ...(stepper && { stepper }) });
  expect(violations).toEqual([]);
  return plan.nodes
    .map((node) =>
      history
        .flatMap((event) =>
          event.type === 'deliver' && event.node === node ? `${event.dot.origin}${event.dot.seq}` : [],
        )
        .join(' '),
    )
    .join(' | ');
}

describe('a small plan', () => {
  test('has so many nodes and messages, each broadcast at the next node, and nothing goes wrong', () => {
    const { nodes, operations, faults, options } = small(3, 4);
    expect(nodes).toEqual(['a', 'b', 'c']);
    expect(operations.map(({ node }) => node)).toEqual(['a', 'b', 'c', 'a']);
    expect(faults).toEqual([]);
    expect(options.link).toMatchObject({ loss: 0, latency: { minMs: 0, maxMs: 0 } });
  });

  test.each([
    [{ nodes: 4, messages: 1 }, 'nodes is 4; give a whole number from 1 to 3'],
    [{ nodes: 1, messages: 5 }, 'messages is 5; give a whole number from 1 to 4'],
  ])('is refused where it is too large: %j', (size, expected) => {
    expect(() => smallPlan(makePlan(findScenario('calm'), '1'), size)).toThrow(expected);
  });
});

describe('without faults', () => {
  test('every order of two concurrent messages is found', async () => {
    const plan = small(2, 2);
    const orders = new Set<string>();
    const result = await explore(plan, {
      faults: 0,
      runPlan: (asked, options) => {
        const run = runPlan(asked, { ...options, keepHistory: true });
        const { history = [], verdict } = run;
        if (verdict === 'pass') {
          orders.add(
            plan.nodes
              .map((node) =>
                history
                  .flatMap((event) => (event.type === 'deliver' && event.node === node ? event.dot.origin : []))
                  .join(''),
              )
              .join(' '),
          );
        }
        return run;
      },
    });
    expect(result).toMatchObject({ isExhaustive: true, failed: 0, nodes: 2, messages: 2 });
    // Either node may hear of the other before it writes itself; that both do is impossible.
    expect([...orders].sort()).toEqual(['ab ab', 'ab ba', 'ba ba']);
  });

  test('what two orders have in common is followed once', async () => {
    const { isExhaustive, runs, ends } = await explore(small(3, 2), { faults: 0 });
    expect(isExhaustive).toBe(true);
    expect(ends).toBeLessThan(runs);
    // Of a's message two copies and two acknowledgements are on their way, of b's the same: 10!/4!/4! orders and more.
    expect(runs).toBeLessThan(2000);
  });
});

test('every fault has its turn, one a run', async () => {
  const kinds = new Set<PlannedStep['kind']>();
  const result = await explore(small(2, 1), {
    faults: 1,
    runPlan: (plan, asked) => {
      const { stepper, ...options } = asked ?? {};
      const taken: PlannedStep[] = [];
      const noting: Stepper = {
        next: (enabled, stateAfter) => {
          const step = stepper?.next(enabled, stateAfter);
          if (step !== undefined && step !== 'stop') taken.push(step);
          return step;
        },
      };
      const run = runPlan(plan, { ...options, stepper: noting });
      const faults = taken.filter(({ kind }) => ['drop', 'duplicate', 'overtake', 'crash'].includes(kind));
      expect(faults.length).toBeLessThanOrEqual(1);
      for (const { kind } of taken) kinds.add(kind);
      return run;
    },
  });
  expect(result).toMatchObject({ isExhaustive: true, failed: 0 });
  expect([...kinds].sort()).toEqual(['crash', 'deliver', 'drop', 'duplicate', 'operation', 'restart']);
});

test('a limit ends it, and it says so', async () => {
  expect(await explore(small(2, 2), { limit: 5 })).toMatchObject({ runs: 5, isExhaustive: false });
});

test('a failure is a plan with its steps, which fails again', async () => {
  const outDir = join(temporaryDirectory(), 'runs');
  // Nobody may take in more than what there is: in the order in which the other comes first, b has something to hold against it.
  const judged: typeof runPlan = (plan, options) => {
    const run = runPlan(plan, { ...options, keepHistory: true });
    const atB = (run.history ?? []).filter((event) => event.type === 'deliver' && event.node === 'b');
    const [first] = atB;
    if (run.verdict !== 'pass' || first?.type !== 'deliver' || first.dot.origin !== 'a') return run;
    const violation = {
      property: 'causal-order',
      kind: 'safety',
      atMs: 1,
      sentence: 'a came first.',
      nodes: [],
      messages: [],
    } as const;
    return { ...run, verdict: 'safety', violations: [violation] };
  };
  const { failures, failed } = await explore(small(2, 2), { faults: 0, outDir, runPlan: judged });
  expect(failed).toBeGreaterThan(0);
  const [failure] = failures;
  expect(failure).toMatchObject({ signature: 'calm/causal-order', property: 'causal-order' });
  const path = failure?.planPath ?? '';
  const plan = readPlan(readFileSync(path, 'utf8'), path);
  expect(plan.steps).toEqual(failure?.steps);
  expect(judged(plan).verdict).toBe('safety');
  expect(existsSync(failure?.reportPath ?? '')).toBe(true);
});

describe('steps of a plan', () => {
  test('decide in which order messages come', () => {
    const plan = small(2, 2);
    const [a, b] = plan.nodes as [Plan['nodes'][number], Plan['nodes'][number]];
    const deliver = { kind: 'deliver', from: a, to: b } as const;
    const steps = { first: { kind: 'operation', node: a } as const, second: { kind: 'operation', node: b } as const };
    expect(given({ ...plan, steps: [steps.first, deliver, steps.second] })).toBe('a1 b1 | a1 b1');
    expect(given({ ...plan, steps: [steps.first, steps.second, deliver] })).toBe('a1 b1 | b1 a1');
  });

  test('let the second of two writes overtake the first', () => {
    const plan = small(2, 3);
    const [a, b] = plan.nodes as [Plan['nodes'][number], Plan['nodes'][number]];
    const operation = { kind: 'operation', node: a } as const;
    const lane = { from: a, to: b } as const;
    const faults = runPlan(
      { ...plan, steps: [operation, operation, { kind: 'overtake', ...lane }] },
      { keepTrace: 1000 },
    );
    expect(faults.violations).toEqual([]);
    // The second one arrives alone, and the first is still on its way.
    const held = (faults.trace ?? []).filter((line) => line.includes('release'));
    expect(held[0]).toMatch(/release.* 2$/);
    expect(given({ ...plan, steps: [operation, operation, { kind: 'overtake', ...lane }] })).toContain('a1 a2');
  });

  test('that do not fit do nothing, and what is left goes on by itself', () => {
    const plan = small(2, 2);
    const [a, b] = plan.nodes as [Plan['nodes'][number], Plan['nodes'][number]];
    const odd: readonly PlannedStep[] = [
      { kind: 'deliver', from: a, to: b },
      { kind: 'restart', node: a },
      { kind: 'overtake', from: b, to: a },
    ];
    expect(
      given({ ...plan, steps: odd })
        .split(' | ')
        .map((order) => order.split(' ').sort()),
    ).toEqual([
      ['a1', 'b1'],
      ['a1', 'b1'],
    ]);
  });
});
