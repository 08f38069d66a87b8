import { describe, expect, test } from 'vitest';
import { search, withoutFaults, type SearchOptions } from '../../mutants/index.js';
import * as scenarios from '../../scenarios/index.js';

const { catalogue, findScenario, makePlan, runSeed } = scenarios;
const [first, second] = catalogue;

type Run = ReturnType<typeof runSeed>;

/** Any run that holds. */
const held = runSeed(findScenario('calm'), 1, { verifyShare: 0, planPath: undefined });

/** A search of two scenarios whose runs come to nothing but where `come` says so. */
async function searchThrough(
  come: (scenario: string, seed: number) => Partial<Run>,
  options: SearchOptions,
  scenario?: string,
): Promise<{ readonly tried: readonly string[]; readonly result: Awaited<ReturnType<typeof search>> }> {
  const tried: string[] = [];
  const result = await search(
    {
      ...scenarios,
      catalogue: [first, second].flatMap((one) => one ?? []),
      runSeed: ({ name }, seed) => {
        tried.push(`${name} ${seed}`);
        return { ...held, ...come(name, seed) };
      },
    },
    scenario === undefined ? {} : { scenario },
    options,
  );
  return { tried, result };
}

const nothing = (): Partial<Run> => ({});

describe('a search', () => {
  test('tries every scenario with every seed, from 1 on, and counts them', async () => {
    const { tried, result } = await searchThrough(nothing, { seeds: { from: 1, to: 2 } });
    expect(tried).toEqual(['calm 1', 'partition-heal 1', 'calm 2', 'partition-heal 2']);
    expect(result).toEqual({ discovery: undefined, seeds: 2, runs: 4 });
  });

  test('keeps to the scenario that a mutant names', async () => {
    const { tried } = await searchThrough(nothing, { seeds: { from: 1, to: 2 } }, 'lossy');
    expect(tried).toEqual(['lossy 1', 'lossy 2']);
  });

  test('ends with the first violation', async () => {
    const violation: scenarios.Violation = {
      property: 'idle',
      kind: 'liveness',
      atMs: 1,
      sentence: 'Somebody is busy.',
      nodes: [],
      messages: [],
    };
    const failure = { signature: '', violation, planText: '', reportText: '' };
    const { tried, result } = await searchThrough(
      (name, seed) => (name === 'partition-heal' && seed === 2 ? { failure } : {}),
      { seeds: { from: 1, to: 9 } },
    );
    expect(tried).toHaveLength(4);
    expect(result).toMatchObject({
      discovery: { scenario: 'partition-heal', seed: 2, symptom: 'idle', sentence: 'Somebody is busy.' },
      seeds: 2,
      runs: 4,
    });
  });

  test('notices a run that is not the same when it is made again', async () => {
    const { result } = await searchThrough((_name, seed) => ({ isReproducible: seed < 3 }), {
      seeds: { from: 1, to: 9 },
    });
    expect(result).toMatchObject({ discovery: { scenario: 'calm', seed: 3, symptom: 'reproducibility' }, seeds: 3 });
  });

  test('ends after the run in which it is interrupted', async () => {
    const { tried } = await searchThrough(nothing, { seeds: { from: 1, to: 9 }, signal: AbortSignal.abort() });
    expect(tried).toEqual(['calm 1']);
  });
});

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
