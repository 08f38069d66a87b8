/**
 * `npm run bench:check`: a short run, whose ratios to the raw limits must not be worse than those in `expected-ratios.json`. Exit 1 with the
 * place and the measured value when one is; `-- --update` stores what is measured instead.
 *
 * Ratios of one run, alternating, because the machine is never the same; and still for a machine that does nothing else.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Cluster } from './cluster.js';
import { withKeys } from './keys.js';
import { findRegressions, formatRegression, ratiosOf, updateExpected, type ExpectedRatios } from './ratios.js';
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
  const measured = ratiosOf(await withKeys(measure), limits);
  if (isUpdate) {
    writeFileSync(expectedFile, `${JSON.stringify(updateExpected(expected, measured, isCost), undefined, 2)}\n`);
    process.stdout.write(`stored ${Object.keys(measured).length} ratios in bench/expected-ratios.json\n`);
    return;
  }
  const regressions = findRegressions(expected, measured);
  for (const regression of regressions) process.stdout.write(`${formatRegression(regression)}\n`);
  process.stdout.write(`${regressions.length} of ${places} ratios are worse than expected, or missing\n`);
  process.exitCode = regressions.length === 0 ? 0 : 1;
}

await run(process.argv.includes('--update'));
