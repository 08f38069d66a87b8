/**
 * `npm run bench:check`: a short run, whose ratios to the raw limits must not be worse than those in `expected-ratios.json`. Exit 1 with the
 * place and the measured value when one is; `-- --update` stores what is measured instead. Whatever is worse is measured a second
 * time, and counts only when it is worse again: a host that takes cores or disk away for some seconds is no regression.
 *
 * Ratios of one run, alternating, because the machine is never the same; and still for a machine that does nothing else.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from './cluster.js';
import { withKeys } from './keys.js';
import {
  findRegressions,
  formatRegression,
  ratiosOf,
  updateExpected,
  type ExpectedRatios,
  type MeasuredRatios,
  type Regression,
} from './ratios.js';
import type { BenchResult } from './case.js';
import { benchWorkload, workloads } from './three-nodes.js';

const rounds = 3;
const limits = ['bare pipeline', 'raw TLS', 'raw disk'];
const expectedFile = join(import.meta.dirname, '../../bench/expected-ratios.json');

async function measure(keys: string): Promise<readonly BenchResult[]> {
  await using cluster = await Cluster.open(keys, ['a', 'b', 'c']);
  const results: BenchResult[] = [];
  for (const workload of workloads) results.push(...(await benchWorkload(keys, cluster, workload, rounds)));
  return results;
}

async function measureRatios(): Promise<MeasuredRatios> {
  return ratiosOf(await withKeys(measure), limits);
}

/** Those that a second run shows as well, as it has measured them. */
async function confirm(expected: ExpectedRatios, first: readonly Regression[]): Promise<readonly Regression[]> {
  for (const regression of first) process.stdout.write(`${formatRegression(regression)}\n`);
  process.stdout.write('measured once more, to see whether it stays so\n');
  const places = new Set(first.map(({ place }) => place));
  return findRegressions(expected, await measureRatios()).filter(({ place }) => places.has(place));
}

function isCost(place: string): boolean {
  return place.startsWith('CPU ');
}

async function run(isUpdate: boolean): Promise<void> {
  const expected = JSON.parse(readFileSync(expectedFile, 'utf8')) as ExpectedRatios;
  const places = Object.keys(expected).length;
  if (!isUpdate && places === 0) {
    process.stdout.write(
      'no ratios are stored: npm run bench:check -- --update, on a machine that does nothing else\n',
    );
    process.exitCode = 1;
    return;
  }
  const measured = await measureRatios();
  if (isUpdate) {
    writeFileSync(expectedFile, `${JSON.stringify(updateExpected(expected, measured, isCost), undefined, 2)}\n`);
    process.stdout.write(`stored ${Object.keys(measured).length} ratios in bench/expected-ratios.json\n`);
    return;
  }
  const first = findRegressions(expected, measured);
  const regressions = first.length === 0 ? [] : await confirm(expected, first);
  for (const regression of regressions) process.stdout.write(`${formatRegression(regression)}\n`);
  process.stdout.write(`${regressions.length} of ${places} ratios are worse than expected, or missing\n`);
  process.exitCode = regressions.length === 0 ? 0 : 1;
}

await run(process.argv.includes('--update'));
