import { describe, expect, test } from 'vitest';
import { search, type SearchOptions } from '../../mutants/index.js';
import * as scenarios from '../../scenarios/index.js';

const { catalogue, findScenario, runSeed } = scenarios;
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
    const failure = { signature: '', violation, planText: '', planPath: undefined, reportText: '' };
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
