/** The shards of a sweep, joined, are the sweep. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  findScenario,
  makePlan,
  mergeResults,
  readResults,
  ResultsFile,
  sweep,
  type SweepOptions,
  type SweepResult,
} from '../../scenarios/index.js';
import { temporaryDirectory } from '../cli/temporary-directory.js';
import { failing, metrics, pretend, type PretendedRuns } from './pretended-runs.js';

const scenarios = [findScenario('calm'), findScenario('lossy'), findScenario('swarm')];

interface Parts {
  readonly whole: SweepResult;
  /** Where the plans of the whole are. */
  readonly outDir: string;
  readonly paths: readonly string[];
}

type Range = Pick<Extract<SweepOptions, { readonly seeds: object }>, 'seeds' | 'bail' | 'regressions'>;

/** Runs a sweep undivided, and then again in so many shards. */
async function divide(of: number, runSeed: PretendedRuns | undefined, range: Range): Promise<Parts> {
  const directory = temporaryDirectory();
  const outDir = join(directory, 'runs');
  const options = { scenarios, ...range, ...(runSeed === undefined ? {} : { runSeed }) };
  const whole = await sweep({ ...options, outDir, shrink: false });
  const paths: string[] = [];
  for (let index = 1; index <= of; index++) {
    const path = join(directory, `part-${index}.jsonl`);
    const shard = { index, of };
    const results = ResultsFile.open(path, { ...options, shard });
    // On another machine plans are kept elsewhere.
    await sweep({ ...options, shard, results, outDir: join(directory, `other-${index}`) });
    results.close();
    paths.push(path);
  }
  return { whole, outDir, paths };
}

function merge(paths: readonly string[], outDir?: string): ReturnType<typeof mergeResults> {
  return mergeResults(paths.map(readResults), outDir);
}

/** As JSON shows it, for that is what is promised; less what depends on the time it took. */
function comparable(result: SweepResult): string {
  const times = { elapsedMs: 0, eventsPerSecond: 0, runsPerSecond: 0, simulatedToWall: 0 };
  return JSON.stringify({ ...result, ...times }, undefined, 2);
}

/** Plans and reports. Pages show a run that is made again, and pretended runs cannot be. */
function contents(directory: string): Readonly<Record<string, string>> {
  const names = readdirSync(directory).filter((name) => !name.endsWith('.html'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(directory, name), 'utf8')]));
}

test.each([2, 5])('%d shards of real runs are bit for bit the undivided sweep', async (of) => {
  const { whole, paths } = await divide(of, undefined, { seeds: { from: 11, to: 13 } });
  const { result, missing } = merge([...paths].reverse());
  expect(missing).toEqual([]);
  expect(comparable(result)).toBe(comparable(whole));
});

test('failures, their plans and their reports are those of the undivided sweep', async () => {
  const runs = failing((scenario, seed) => scenario === 'lossy' && seed % 2 === 0);
  const { whole, outDir, paths } = await divide(4, runs, { seeds: { from: 1, to: 40 } });
  expect(whole.failures).toHaveLength(20);
  const kept = contents(outDir);
  // As many as one sweep keeps of a kind; all shards together have kept more.
  expect(Object.keys(kept)).toHaveLength(20);
  const { result } = merge(paths, outDir);
  expect(comparable(result)).toBe(comparable(whole));
  expect(contents(outDir)).toEqual(kept);
});

test('sums, goals and undecided runs are added in the order of the undivided sweep', async () => {
  const varied = pretend((scenario, seed) => ({
    simulatedMs: seed / 3 + 0.1,
    broadcasts: seed,
    metrics: { ...metrics, messages: 7 * seed, deliveryMs: { p50: 1, p99: seed / 7, max: seed / 3 } },
    faults: { [`fault-${seed % 3}`]: seed },
    goals: seed % 4 === 0 ? ['relayed'] : [],
    ...(scenario === 'swarm' && seed % 9 === 0 ? { verdict: 'undecided' } : {}),
  }));
  const { whole, paths } = await divide(3, varied, { seeds: { from: 1, to: 50 } });
  expect(whole).toMatchObject({ undecided: 5, goals: { relayed: 36 } });
  expect(comparable(merge(paths).result)).toBe(comparable(whole));
});

test('a sweep that stops at the first failure stops at the first of all shards', async () => {
  const runs = failing((scenario, seed) => scenario === 'calm' && seed >= 7);
  const { whole, outDir, paths } = await divide(3, runs, { seeds: { from: 1, to: 20 }, bail: true });
  expect(whole).toMatchObject({ runs: 19, failed: 1 });
  const { result, missing } = merge(paths, outDir);
  expect(missing).toEqual([]);
  expect(comparable(result)).toBe(comparable(whole));
});

test.each([
  { bail: false, runs: 12 },
  { bail: true, runs: 0 },
])('plans of earlier failures are run once, by the first shard: %o', async ({ bail, runs }) => {
  const regressions = ['one', 'two', 'three'].map((name) => ({
    path: `regressions/${name}.json`,
    plan: { ...makePlan(findScenario('calm'), '1'), scenario: name },
  }));
  const pretended = failing((scenario) => scenario === 'two');
  const { whole, paths } = await divide(3, pretended, { seeds: { from: 1, to: 4 }, bail, regressions });
  expect(whole.runs).toBe(runs);
  expect(whole.regressions.map(({ verdict }) => verdict)).toEqual(['pass', 'safety', ...(bail ? [] : ['pass'])]);
  const { result, missing } = merge([...paths].reverse());
  expect(missing).toEqual([]);
  expect(comparable(result)).toBe(comparable(whole));
});

test('what is missing is named, and the result counts as interrupted', async () => {
  const { paths } = await divide(3, pretend(), { seeds: { from: 1, to: 4 } });
  const [first = '', , third = ''] = paths;
  const { result, missing } = merge([third, first]);
  expect(missing).toEqual(['shard 2/3 is in none of the files']);
  expect(result).toMatchObject({ runs: 8, isInterrupted: true });
});

test('a shard that was cut short is named with what it lacks', async () => {
  const { paths } = await divide(2, pretend(), { seeds: { from: 1, to: 4 } });
  const [first, second] = paths.map(readResults);
  if (first === undefined || second === undefined) throw new Error('two shards have two files');
  const { missing } = mergeResults([first, { ...second, outcomes: second.outcomes.slice(0, 4), ends: [] }]);
  expect(missing).toEqual([
    `${second.path} has 4 of its 6 runs; give the sweep that wrote it the same --results again`,
  ]);
});

test('a run that two machines have made counts once, and must be the same', async () => {
  const { whole, paths } = await divide(2, pretend(), { seeds: { from: 1, to: 4 } });
  const [first, second] = paths.map(readResults);
  if (first === undefined || second === undefined) throw new Error('two shards have two files');
  expect(comparable(mergeResults([first, second, first]).result)).toBe(comparable(whole));
  const [run, ...rest] = first.outcomes;
  if (run === undefined) throw new Error('a shard has runs');
  const other = { ...first, outcomes: [{ ...run, traceHash: 'another course' }, ...rest] };
  expect(mergeResults([first, second, other]).result.notReproducible).toEqual([{ scenario: 'calm', seed: 1 }]);
});

test('of sweeps for a time all runs count, however far each of them came', async () => {
  const directory = temporaryDirectory();
  const all = [1, 2].map(async (index) => {
    const shard = { index, of: 2 };
    const results = ResultsFile.open(join(directory, `part-${index}.jsonl`), { scenarios, shard });
    const interruption = new AbortController();
    await sweep({
      ...{ scenarios, shard, results, forMs: 600_000, runSeed: pretend(), signal: interruption.signal },
      onProgress: ({ runs }) => {
        if (runs === 3 * index) interruption.abort();
      },
    });
    results.close();
    return readResults(join(directory, `part-${index}.jsonl`));
  });
  const [first, second] = await Promise.all(all);
  if (first === undefined || second === undefined) throw new Error('two shards have two files');
  const remedy = 'give the sweep that wrote it the same --results again';
  const cut = mergeResults([first, second]);
  expect(cut.result.runs).toBe(9);
  expect(cut.missing).toEqual([first, second].map(({ path }) => `the sweep of ${path} was cut short; ${remedy}`));
  const finished = [first, second].map((file) => ({ ...file, ends: [{ elapsedMs: 1000, isInterrupted: false }] }));
  expect(mergeResults(finished)).toMatchObject({ missing: [], result: { runs: 9, isInterrupted: false } });
});

test('results of different sweeps are not joined', async () => {
  const one = await divide(2, pretend(), { seeds: { from: 1, to: 4 } });
  const other = await divide(2, pretend(), { seeds: { from: 1, to: 5 } });
  const third = await divide(3, pretend(), { seeds: { from: 1, to: 4 } });
  const [a = '', b = ''] = [one.paths[0], other.paths[1]];
  expect(() => merge([a, b])).toThrow(`${b} and ${a} are results of different sweeps: its seeds`);
  expect(() => merge([a, third.paths[1] ?? ''])).toThrow('it is one of 3 shards, not of 2; merge those of one');
  expect(() => merge([])).toThrow('no results to merge');
});
