/** What a sweep has found survives the sweep: kept run by run, and not run again. */
import { appendFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  findScenario,
  makePlan,
  readResults,
  ResultsFile,
  runRegression,
  sweep,
  type SweepResult,
} from '../../scenarios/index.js';
import { temporaryDirectory } from '../cli/temporary-directory.js';
import { failing, pretend, type PretendedRuns } from './pretended-runs.js';

const scenarios = [findScenario('calm'), findScenario('lossy')];
const seeds = { from: 1, to: 6 };
const identity = { scenarios, seeds };

interface Kept {
  readonly result: SweepResult;
  /** Runs that were really made. */
  readonly made: readonly string[];
}

/** Sweeps with a results file; cut short after `runsMax` runs. */
async function sweepInto(path: string, runSeed: PretendedRuns, runsMax = Infinity): Promise<Kept> {
  const made: string[] = [];
  const interruption = new AbortController();
  const results = ResultsFile.open(path, identity);
  try {
    const result = await sweep({
      ...identity,
      results,
      verifyShare: 0,
      signal: interruption.signal,
      runSeed: {
        runPlan: (plan, options) => {
          made.push(`${plan.scenario} ${plan.seed}`);
          return runSeed.runPlan(plan, options);
        },
      },
      onProgress: ({ runs }) => {
        if (runs === runsMax) interruption.abort();
      },
    });
    return { result, made };
  } finally {
    results.close();
  }
}

function temporaryFile(): string {
  return join(temporaryDirectory(), 'results.jsonl');
}

test('a sweep that was cut short goes on where it was, and comes to the same result', async () => {
  const path = temporaryFile();
  const runs = failing((scenario, seed) => scenario === 'lossy' && seed % 2 === 0);
  const whole = await sweepInto(temporaryFile(), runs);
  const begun = await sweepInto(path, runs, 5);
  expect(begun.result).toMatchObject({ runs: 5, isInterrupted: true });
  const resumed = await sweepInto(path, runs);
  expect(resumed.result).toEqual({ ...whole.result, elapsedMs: expect.any(Number) as number, ...rates });
  // Each of the two scenarios was tried once more, to see whether the code is still the same; a failure is made twice.
  expect(resumed.made).toEqual([
    'calm 1',
    'lossy 1',
    'lossy 3',
    'calm 4',
    'lossy 4',
    'lossy 4',
    'calm 5',
    'lossy 5',
    'calm 6',
    'lossy 6',
    'lossy 6',
  ]);
});

const rates = {
  eventsPerSecond: expect.any(Number) as number,
  runsPerSecond: expect.any(Number) as number,
  simulatedToWall: expect.any(Number) as number,
};

test('a file that was cut at any byte loses at most the run that was being written', async () => {
  const path = temporaryFile();
  await sweepInto(path, pretend(), 4);
  const bytes = readFileSync(path);
  const text = bytes.toString();
  const header = text.indexOf('\n') + 1;
  for (let length = 0; length <= bytes.length; length += 97) {
    writeFileSync(path, bytes);
    truncateSync(path, length);
    const whole = text.slice(header, length).split('\n').slice(0, -1);
    const results = ResultsFile.open(path, identity);
    expect(results.recorded).toBe(length < header ? 0 : whole.filter((line) => line.includes('"seed"')).length);
    results.close();
    // What is left is whole.
    expect(() => readResults(path)).not.toThrow();
  }
});

test('results of other code are not mixed in', async () => {
  const path = temporaryFile();
  await sweepInto(path, pretend(), 4);
  const changed = pretend(() => ({ traceHash: 'another course' }));
  await expect(sweepInto(path, changed)).rejects.toMatchObject({
    code: 'E_CONFIG',
    message: `calm, seed 1, takes another course than in ${path}: that was written by other code; remove it to begin anew`,
  });
});

test('results of another sweep are left alone', async () => {
  const path = temporaryFile();
  await sweepInto(path, pretend(), 4);
  const before = readFileSync(path, 'utf8');
  const others = [
    { ...identity, seeds: { from: 1, to: 7 } },
    { ...identity, scenarios: [findScenario('calm')] },
    { ...identity, shard: { index: 1, of: 2 } },
    { ...identity, bail: true },
    { ...identity, regressions: [{ path: 'regressions/one.json', plan: makePlan(findScenario('calm'), '1') }] },
    { ...identity, variation: { profile: 'calm' } as const },
  ];
  for (const other of others) {
    expect(() => ResultsFile.open(path, other)).toThrow(`${path} holds results of another sweep: its `);
  }
  expect(() => ResultsFile.open(path, { ...identity, seeds: { from: 1, to: 7 } })).toThrow(
    'its seeds {"from":1,"to":6}, not {"from":1,"to":7}; name another file, or remove this one to begin anew',
  );
  expect(readFileSync(path, 'utf8')).toBe(before);
});

test.each([
  ['not a line of JSON\n', ':6 is no JSON; take the line out, or the file'],
  ['{"scenario":"calm","seed":1}\n', ':6 is no result at verdict ('],
  ['{"end":{"elapsedMs":-1,"isInterrupted":false}}\n', ':6 is no result at end.elapsedMs ('],
])('a damaged line is named: %j', async (line, message) => {
  const path = temporaryFile();
  await sweepInto(path, pretend(), 4);
  const whole = readFileSync(path, 'utf8').split('\n').slice(0, 5).join('\n');
  writeFileSync(path, `${whole}\n${line}`);
  expect(() => readResults(path)).toThrow(`${path}${message}`);
});

test.each([
  ['{}\n', 'holds no results of a sweep; name a file that --results has written'],
  ['{"antecedentResults":9}\n', 'has the format 9, and this version reads 1; use the version that wrote it'],
  ['text\n', ':1 is no JSON'],
])('a file of something else is refused: %j', (text, message) => {
  const path = temporaryFile();
  writeFileSync(path, text);
  expect(() => readResults(path)).toThrow(message);
  expect(() => ResultsFile.open(path, identity)).toThrow(message);
  expect(readFileSync(path, 'utf8')).toBe(text);
});

test('what came of a regression is written once, and must be the same when it is run again', () => {
  const path = temporaryFile();
  const regressions = [{ path: 'regressions/one.json', plan: makePlan(findScenario('calm'), '1') }];
  const [regression] = regressions;
  const outcome = runRegression(regression ?? expect.fail(), pretend());
  const open = (): ResultsFile => ResultsFile.open(path, { ...identity, regressions });
  for (let sweeps = 0; sweeps < 2; sweeps++) {
    const results = open();
    results.addRegression(outcome);
    results.close();
  }
  expect(readResults(path).regressions).toEqual([outcome]);
  const results = open();
  expect(() => results.addRegression({ ...outcome, verdict: 'undecided' })).toThrow(
    `regressions/one.json takes another course than in ${path}: that was written by other code`,
  );
  results.close();
});

test('what a run came to is read back as it was', async () => {
  const path = temporaryFile();
  const outcomes: unknown[] = [];
  const results = ResultsFile.open(path, identity);
  await sweep({ ...identity, results, verifyShare: 1, onProgress: ({ latest }) => outcomes.push(latest) });
  results.close();
  appendFileSync(path, '{"torn');
  expect(readResults(path).outcomes).toEqual(outcomes);
});

test.each([
  ['a line of its own', '{"my":"data"}'],
  ['text without a line break', 'do not lose this'],
])('a file of somebody else, %s, is not written over', (_what, text) => {
  const path = temporaryFile();
  writeFileSync(path, text);
  expect(() => ResultsFile.open(path, identity)).toThrow('holds no results of a sweep');
  expect(readFileSync(path, 'utf8')).toBe(text);
});
