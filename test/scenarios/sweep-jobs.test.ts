/** Sweeps on worker threads: the same results, and nothing that a run does ends the sweep. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findScenario, loadScenarios, sweep, type Scenario, type SweepResult } from '../../scenarios/index.js';
import { SeedPool } from '../../scenarios/seed-pool.js';
import { firstUnrulySeed } from '../support/unruly-scenarios.js';

const file = join(import.meta.dirname, '../support/unruly-scenarios.ts');
const unruly = new Map((await loadScenarios(file)).map((scenario) => [scenario.name, scenario]));

function own(name: string): Scenario {
  const scenario = unruly.get(name);
  if (scenario === undefined) throw new Error(`${file} has no scenario ${name}`);
  return scenario;
}

/** What does not depend on how long it took. */
function withoutTimes(result: SweepResult): Partial<SweepResult> {
  const { elapsedMs: _, eventsPerSecond: _events, runsPerSecond: _runs, simulatedToWall: _ratio, ...rest } = result;
  return rest;
}

test('whatever the number of jobs, the result is the same, and so is the order in which runs are told', async () => {
  const scenarios = [findScenario('calm'), own('dear'), findScenario('crash-restart'), own('quick')];
  const sweepWith = async (jobs?: number): Promise<{ result: Partial<SweepResult>; order: string[] }> => {
    const order: string[] = [];
    const result = await sweep({
      scenarios,
      seeds: { from: 1, to: 6 },
      ...(jobs === undefined ? {} : { jobs }),
      onProgress: ({ latest }) => order.push(`${latest.scenario} ${latest.seed}`),
    });
    return { result: withoutTimes(result), order };
  };
  const here = await sweepWith();
  expect(here.result).toMatchObject({ runs: 24, failed: 6 });
  expect(await sweepWith(1)).toEqual(here);
  expect(await sweepWith(3)).toEqual(here);
});

test('a sweep that stops at the first failure stops at the same one', async () => {
  const options = { scenarios: [own('quick'), own('dear')], seeds: { from: 5, to: 500 }, bail: true } as const;
  const { runs, failures } = await sweep({ ...options, jobs: 3 });
  expect({ runs, seeds: failures.map(({ seed }) => seed) }).toEqual({ runs: 2, seeds: [5] });
});

test.each([
  { name: 'hanging', property: 'livelock', sentence: /^The run did not end within 5 s of real time, and neither when/ },
  {
    name: 'exiting',
    property: 'no-unexpected-stop',
    sentence: /^The run ended its whole thread, .*exited with code: 3/,
  },
])('a run that is $name is a finding, and the sweep goes on', async ({ name, property, sentence }) => {
  const scenario = own(name);
  const seed = firstUnrulySeed(scenario);
  const result = await sweep({
    scenarios: [scenario, own('quick')],
    seeds: { from: seed, to: seed },
    jobs: 2,
    runLimitMs: 5_000,
  });
  expect(result).toMatchObject({ runs: 2, passed: 1, failed: 1, notReproducible: [] });
  expect(result.failures).toEqual([expect.objectContaining({ scenario: name, seed, property })]);
  expect(result.failures[0]?.sentence).toMatch(sentence);
});

test('a run that runs out of memory is a finding', async () => {
  const scenario = own('greedy');
  const seed = firstUnrulySeed(scenario);
  const pool = await SeedPool.open({ jobs: 1, runLimitMs: 60_000, heapMegabytes: 96 });
  try {
    const settings = { verifyShare: 0, planPath: 'x.json', program: 'antecedent', variation: {} };
    const { failure } = await pool.run({ scenario, seed }, settings);
    expect(failure?.violation).toMatchObject({ property: 'bounded-memory', kind: 'safety' });
    // The plan is there all the same.
    expect(JSON.parse(failure?.planText ?? '')).toMatchObject({ scenario: 'greedy', seed: String(seed) });
  } finally {
    await pool.close();
  }
});

test('a scenario that makes no sense is told as it is without threads', async () => {
  const options = { scenarios: [own('senseless')], seeds: { from: 1, to: 4 } } as const;
  const refusal = { code: 'E_CONFIG', message: 'a scenario with 0 nodes; it needs a whole number from 1 to 256' };
  await expect(sweep(options)).rejects.toMatchObject(refusal);
  await expect(sweep({ ...options, jobs: 2 })).rejects.toMatchObject(refusal);
});

test('an interrupt cuts off a run that hangs, and what was found is told', async () => {
  const scenario = own('hanging');
  const seed = firstUnrulySeed(scenario);
  const interruption = new AbortController();
  const result = await sweep({
    scenarios: [own('quick'), scenario],
    seeds: { from: seed, to: seed },
    jobs: 2,
    signal: interruption.signal,
    onProgress: () => interruption.abort(),
  });
  expect(result).toMatchObject({ runs: 1, passed: 1, isInterrupted: true });
});

test('a scenario that threads cannot find again is refused', async () => {
  const { file: _, ...homeless } = own('quick');
  await expect(sweep({ scenarios: [homeless], seeds: { from: 1, to: 1 }, jobs: 1 })).rejects.toMatchObject({
    code: 'E_CONFIG',
    message: expect.stringContaining('loadScenarios()') as string,
  });
});

test.each([0, 1.5, 2000])('%d jobs are refused', async (jobs) => {
  const options = { scenarios: [own('quick')], seeds: { from: 1, to: 1 }, jobs };
  await expect(sweep(options)).rejects.toMatchObject({ code: 'E_CONFIG' });
});

test('two scenarios of one name are refused', async () => {
  const options = { scenarios: [own('quick'), { ...own('quick') }], seeds: { from: 1, to: 1 } };
  await expect(sweep(options)).rejects.toMatchObject({ code: 'E_CONFIG' });
});
