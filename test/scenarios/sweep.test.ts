import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import {
  findScenario,
  makePlan,
  readPlan,
  runSeed,
  scenario,
  sweep,
  type Goal,
  type Regression,
} from '../../scenarios/index.js';
import { failing, metrics, pretend, violation } from './pretended-runs.js';

const calm = findScenario('calm');
const lossy = findScenario('lossy');

function temporaryDirectory(): string {
  const path = mkdtempSync(join(tmpdir(), 'antecedent-test-'));
  onTestFinished(() => {
    rmSync(path, { recursive: true });
  });
  return path;
}

test('runs every scenario with one seed before it goes on to the next seed', async () => {
  const order: string[] = [];
  const fractions: number[] = [];
  await sweep({
    scenarios: [calm, lossy],
    seeds: { from: 3, to: 4 },
    runSeed: pretend(),
    onProgress: ({ latest, fraction }) => {
      order.push(`${latest.scenario} ${latest.seed}`);
      fractions.push(fraction);
    },
  });
  expect(order).toEqual(['calm 3', 'lossy 3', 'calm 4', 'lossy 4']);
  expect(fractions).toEqual([0.25, 0.5, 0.75, 1]);
});

test('adds up what the runs were', async () => {
  const result = await sweep({ scenarios: [calm, lossy], seeds: { from: 1, to: 10 }, runSeed: pretend() });
  expect(result).toMatchObject({
    runs: 20,
    passed: 20,
    failed: 0,
    undecided: 0,
    isInterrupted: false,
    events: 2000,
    broadcasts: 40,
    deliveries: 120,
    simulatedMs: 30_000,
    faults: { crash: 20 },
    scenarios: [
      { name: 'calm', runs: 10, failed: 0, events: 1000, deliveries: 60, simulatedMs: 15_000 },
      { name: 'lossy', runs: 10, failed: 0, events: 1000, deliveries: 60, simulatedMs: 15_000 },
    ],
  });
});

test('adds up what the runs cost, and keeps the slowest deliveries, the fullest disk and the largest node', async () => {
  const { scenarios } = await sweep({
    scenarios: [calm],
    seeds: { from: 1, to: 3 },
    runSeed: pretend((_, seed) =>
      seed === 2
        ? {
            broadcasts: 6,
            metrics: {
              ...metrics,
              messages: 38,
              deliveryMs: { p50: 1, p99: 90, max: 100 },
              diskBytesMax: 5000,
              memoryBytes: { max: 901, messages: 1, index: 0, tables: 900 },
            },
          }
        : {},
    ),
  });
  expect(scenarios[0]).toMatchObject({
    broadcasts: 10,
    metrics: {
      messages: 100,
      bytes: 3000,
      syncs: 15,
      messagesPerBroadcast: 10,
      bytesPerBroadcast: 300,
      syncsPerBroadcast: 1.5,
      deliveryMsMax: 100,
      deliveryP99MsMax: 90,
      linkBufferBytesMax: 7,
      diskBytesMax: 5000,
      memoryBytesMax: 901,
    },
  });
});

test('names the properties that some run was judged by, and no others', async () => {
  const { properties } = await sweep({
    scenarios: [calm, lossy],
    seeds: { from: 1, to: 1 },
    runSeed: pretend((scenario) => (scenario === 'lossy' ? { properties: ['deadlock', 'causal-order'] } : {})),
  });
  expect(properties).toEqual(['causal-order', 'integrity', 'deadlock']);
});

test('keeps the plan and the reports of a failure', async () => {
  const outDir = join(temporaryDirectory(), 'runs');
  const result = await sweep({
    scenarios: [calm, lossy],
    seeds: { from: 1, to: 3 },
    outDir,
    shrink: false,
    runSeed: failing((scenario, seed) => scenario === 'lossy' && seed === 2),
  });
  const planPath = join(outDir, 'lossy-2.json');
  const reportPath = join(outDir, 'lossy-2.txt');
  const htmlPath = join(outDir, 'lossy-2.html');
  expect(result).toMatchObject({ runs: 6, passed: 5, failed: 1 });
  expect(result.failures).toEqual([
    {
      scenario: 'lossy',
      seed: 2,
      signature: 'lossy/causal-order',
      property: 'causal-order',
      sentence: violation.sentence,
      planPath,
      reportPath,
      htmlPath,
      shrunkPath: null,
    },
  ]);
  expect(readPlan(readFileSync(planPath, 'utf8'), planPath)).toMatchObject({ scenario: 'lossy', seed: '2' });
  expect(readFileSync(reportPath, 'utf8')).toContain(violation.sentence);
  expect(readFileSync(htmlPath, 'utf8')).toContain(`<p class="sentence">${violation.sentence}</p>`);
  expect(readdirSync(outDir)).toEqual(['lossy-2.html', 'lossy-2.json', 'lossy-2.txt']);
});

test('writes nothing when nothing fails', async () => {
  const outDir = join(temporaryDirectory(), 'runs');
  await sweep({ scenarios: [calm], seeds: { from: 1, to: 2 }, outDir, runSeed: pretend() });
  expect(existsSync(outDir)).toBe(false);
});

test('keeps ten plans of one kind of failure, and lists the others', async () => {
  const outDir = temporaryDirectory();
  const runSeed = failing(() => true);
  const result = await sweep({ scenarios: [calm], seeds: { from: 1, to: 15 }, outDir, shrink: false, runSeed });
  expect(result.failures.map(({ planPath }) => planPath !== null)).toEqual(
    Array.from({ length: 15 }, (_, i) => i < 10),
  );
  // Each with a report as text and one as a page.
  expect(readdirSync(outDir)).toHaveLength(30);
});

test('keeps the smallest plan of the first failure of each kind', async () => {
  const outDir = temporaryDirectory();
  const seen: string[] = [];
  const runSeed = failing((scenario) => scenario === 'lossy');
  const { failures } = await sweep({
    scenarios: [calm, lossy],
    seeds: { from: 4, to: 6 },
    outDir,
    runSeed,
    onShrinkProgress: ({ seed }, { size }) => seen.push(`${seed} ${size.nodes}`),
  });
  const shrunkPath = join(outDir, 'lossy-4.shrunk.json');
  expect(failures.map((failure) => failure.shrunkPath)).toEqual([shrunkPath, null, null]);
  const smallest = readPlan(readFileSync(shrunkPath, 'utf8'), shrunkPath);
  expect([smallest.nodes.length, smallest.operations.length, smallest.faults.length]).toEqual([1, 0, 0]);
  expect(readFileSync(join(outDir, 'lossy-4.shrunk.txt'), 'utf8')).toContain(`antecedent replay ${shrunkPath}`);
  expect(seen.at(0)).toBe('4 4');
  expect(seen.at(-1)).toBe('4 1');
});

test('an interrupted sweep shrinks nothing', async () => {
  const interruption = new AbortController();
  const outDir = temporaryDirectory();
  await sweep({
    scenarios: [calm],
    seeds: { from: 1, to: 9 },
    outDir,
    signal: interruption.signal,
    runSeed: failing(() => true),
    onProgress: () => interruption.abort(),
  });
  expect(readdirSync(outDir)).toEqual(['calm-1.html', 'calm-1.json', 'calm-1.txt']);
});

describe('plans of earlier failures', () => {
  const regression = (name: string): Regression => ({ path: `regressions/${name}.json`, plan: makePlan(calm, name) });
  const regressions = [regression('one'), regression('two')];

  test('are run first, and counted by themselves', async () => {
    const order: string[] = [];
    const { runPlan: run } = pretend();
    const result = await sweep({
      scenarios: [calm],
      seeds: { from: 1, to: 1 },
      regressions,
      verifyShare: 0,
      runSeed: {
        runPlan: (plan, options) => {
          order.push(plan.seed);
          return run(plan, options);
        },
      },
    });
    expect(order).toEqual(['one', 'two', '1']);
    expect(result).toMatchObject({ runs: 1, passed: 1, failed: 0 });
    expect(result.regressions).toEqual(
      regressions.map(({ path, plan }) => ({
        path,
        scenario: 'calm',
        seed: plan.seed,
        verdict: 'pass',
        signature: null,
        property: null,
        sentence: null,
      })),
    );
  });

  test('that fail say so, and end a sweep that stops at the first failure', async () => {
    const options = {
      scenarios: [calm],
      seeds: { from: 1, to: 3 },
      regressions,
      runSeed: failing((_, seed) => Number.isNaN(seed)),
    };
    const all = await sweep(options);
    expect(all).toMatchObject({ runs: 3, failed: 0 });
    expect(all.regressions[1]).toMatchObject({
      verdict: 'safety',
      signature: 'calm/causal-order',
      property: 'causal-order',
      sentence: violation.sentence,
    });
    const first = await sweep({ ...options, bail: true });
    expect(first).toMatchObject({ runs: 0 });
    expect(first.regressions).toHaveLength(1);
  });
});

test('stops at the first failure when asked to', async () => {
  const options = { scenarios: [calm, lossy], seeds: { from: 1, to: 9 }, runSeed: failing((_, seed) => seed === 2) };
  expect(await sweep({ ...options, bail: true })).toMatchObject({ runs: 3, failed: 1 });
  expect(await sweep(options)).toMatchObject({ runs: 18, failed: 2 });
});

test('a failure is run again, and one that does not repeat is told', async () => {
  let runs = 0;
  const flaky = failing(() => true);
  const result = await sweep({
    scenarios: [calm],
    seeds: { from: 1, to: 1 },
    runSeed: { runPlan: (plan, options) => ({ ...flaky.runPlan(plan, options), traceHash: String(runs++) }) },
  });
  expect(result).toMatchObject({ runs: 1, failed: 1, verified: 1, notReproducible: [{ scenario: 'calm', seed: 1 }] });
});

test('verifies the share of runs that it should, the same ones every time', async () => {
  const verified = async (verifyShare?: number): Promise<number> => {
    const options = { scenarios: [calm, lossy], seeds: { from: 1, to: 300 }, runSeed: pretend() };
    return (await sweep(verifyShare === undefined ? options : { ...options, verifyShare })).verified;
  };
  const usual = await verified();
  expect(usual).toBeGreaterThan(15);
  expect(usual).toBeLessThan(50);
  expect(await verified()).toBe(usual);
  expect(await verified(0)).toBe(0);
  expect(await verified(1)).toBe(600);
});

test('tells runs that came to no verdict from those that held', async () => {
  const result = await sweep({
    scenarios: [calm],
    seeds: { from: 1, to: 4 },
    runSeed: pretend((_, seed) => (seed === 3 ? { verdict: 'undecided' } : {})),
  });
  expect(result).toMatchObject({
    runs: 4,
    passed: 3,
    failed: 0,
    undecided: 1,
    undecidedRuns: [{ scenario: 'calm', seed: 3 }],
  });
});

test('an interrupted sweep says what it found so far', async () => {
  const interruption = new AbortController();
  const result = await sweep({
    scenarios: [calm],
    seeds: { from: 1, to: 1000 },
    signal: interruption.signal,
    runSeed: pretend(),
    onProgress: ({ runs }) => {
      if (runs === 5) interruption.abort();
    },
  });
  expect(result).toMatchObject({ runs: 5, passed: 5, isInterrupted: true });
});

test('a sweep without scenarios is refused', async () => {
  await expect(sweep({ scenarios: [], seeds: { from: 1, to: 1 } })).rejects.toMatchObject({ code: 'E_CONFIG' });
});

test('what a seed gives depends on scenario and seed alone, and can be sent to another thread', () => {
  const options = { verifyShare: 1, planPath: undefined };
  const outcome = runSeed(lossy, 5, options);
  runSeed(calm, 1, options);
  expect(runSeed(lossy, 5, options)).toEqual(outcome);
  expect(structuredClone(outcome)).toEqual(outcome);
  expect(outcome).toMatchObject({ verdict: 'pass', isVerified: true, isReproducible: true, failure: undefined });
});

test('a shard makes its share of the runs', async () => {
  const order: string[] = [];
  const options = { scenarios: [calm, lossy], seeds: { from: 1, to: 4 }, runSeed: pretend() };
  const result = await sweep({
    ...options,
    shard: { index: 2, of: 2 },
    onProgress: ({ latest }) => order.push(`${latest.scenario} ${latest.seed}`),
  });
  expect(order).toEqual(['lossy 1', 'calm 2', 'lossy 3', 'calm 4']);
  expect(result).toMatchObject({ runs: 4, scenarios: [{ runs: 2 }, { runs: 2 }] });
});

test.each([
  { index: 0, of: 2 },
  { index: 3, of: 2 },
  { index: 1, of: 0.5 },
])('shard $index of $of is refused', async (shard) => {
  const options = { scenarios: [calm], seeds: { from: 1, to: 1 }, runSeed: pretend() };
  await expect(sweep({ ...options, shard })).rejects.toMatchObject({ code: 'E_CONFIG' });
});

const promising = scenario('promising', {
  about: 'Exists for two things.',
  goals: ['held-back', 'relayed'],
  vary: (streams) => calm.body(streams),
});

function reaching(goalsOf: (seed: number) => readonly Goal[]): ReturnType<typeof pretend> {
  return pretend((_, seed) => ({ goals: goalsOf(seed) }));
}

test('says how many runs came to each goal', async () => {
  const { goals, missedGoals } = await sweep({
    scenarios: [calm, promising],
    seeds: { from: 1, to: 5 },
    runSeed: reaching((seed) => (seed > 3 ? ['held-back', 'twin-refused'] : [])),
  });
  expect(goals).toMatchObject({ 'held-back': 4, 'twin-refused': 4, relayed: 0 });
  // Five runs are too few to expect anything of.
  expect(missedGoals).toEqual([]);
});

test('a goal that a scenario promises and none of a hundred runs came to is missed', async () => {
  const options = { scenarios: [calm, promising], seeds: { from: 1, to: 100 } };
  const heldBack = reaching((seed) => (seed === 70 ? ['held-back'] : []));
  expect((await sweep({ ...options, runSeed: heldBack })).missedGoals).toEqual([
    { scenario: 'promising', goal: 'relayed', runs: 100 },
  ]);
  const both = reaching((seed) => (seed === 70 ? ['held-back'] : seed === 71 ? ['relayed'] : []));
  expect((await sweep({ ...options, runSeed: both })).missedGoals).toEqual([]);
});

test('nothing is expected of a scenario whose faults are switched off', async () => {
  const { missedGoals, without } = await sweep({
    scenarios: [promising],
    seeds: { from: 1, to: 100 },
    variation: { without: ['crash'] },
    runSeed: pretend(),
  });
  expect({ missedGoals, without }).toEqual({ missedGoals: [], without: ['crash'] });
});

test('a goal that there is not is refused', () => {
  const vary = calm.body;
  expect(() => scenario('x', { about: '', vary, goals: ['held-bak' as Goal] })).toThrow('did you mean "held-back"');
});
