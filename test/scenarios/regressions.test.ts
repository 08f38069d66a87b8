/** The plans in `regressions/`: what was mended once stays so. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findScenario, formatPlan, makePlan, readRegressions, runRegression } from '../../scenarios/index.js';
import { antecedent } from '../cli/fake-terminal.js';
import { hopelessPlan } from '../cli/hopeless-plan.js';
import { temporaryDirectory } from '../cli/temporary-directory.js';

const directory = join(import.meta.dirname, '../../regressions');

describe('the plans in regressions/', () => {
  const regressions = readRegressions(directory);

  test('are there', () => {
    expect(regressions.length).toBeGreaterThanOrEqual(10);
  });

  test.each(regressions.map((regression) => [basename(regression.path), regression] as const))(
    '%s holds',
    (_, regression) => {
      expect(runRegression(regression)).toMatchObject({ verdict: 'pass', sentence: null });
    },
  );
});

describe('a directory of plans', () => {
  test('is read in the order of names; what is no plan by its name is left alone', () => {
    const own = temporaryDirectory();
    const text = formatPlan(makePlan(findScenario('calm'), '1'));
    for (const name of ['b.json', 'a.json', 'README.md', 'a.txt']) writeFileSync(join(own, name), text);
    mkdirSync(join(own, 'older'));
    expect(readRegressions(own).map(({ path }) => path)).toEqual([join(own, 'a.json'), join(own, 'b.json')]);
  });

  test('with a plan that cannot be read is refused, with the place', () => {
    const own = temporaryDirectory();
    writeFileSync(join(own, 'a.json'), '{"version": 1,}');
    expect(() => readRegressions(own)).toThrow(`${join(own, 'a.json')}:1:14 is no JSON`);
  });

  test('that is not there is refused', () => {
    expect(() => readRegressions('nowhere')).toThrow('regressions: cannot read the directory nowhere');
  });
});

describe('a sweep', () => {
  test('runs the plans of a directory first, and fails when one does', async () => {
    const own = temporaryDirectory();
    writeFileSync(join(own, 'hopeless.json'), formatPlan(hopelessPlan()));
    const args = ['sweep', 'calm', '--seeds', '1', '--regressions', own];
    const { exitCode, out } = await antecedent(...args, '--json');
    expect(exitCode).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      runs: 1,
      failed: 0,
      regressions: [{ path: join(own, 'hopeless.json'), verdict: 'liveness', signature: 'partition-heal/deadlock' }],
    });
    expect((await antecedent(...args)).out).toContain('REGRESSED  1 of 1 plan of earlier failures');
    expect((await antecedent('sweep', 'calm', '--seeds', '1', '--no-regressions')).exitCode).toBe(0);
  });

  test('names a directory that is not there as a mistake of the command line', async () => {
    const { exitCode, err } = await antecedent('sweep', 'calm', '--seeds', '1', '--regressions', 'nowhere');
    expect(exitCode).toBe(2);
    expect(err).toContain('cannot read the directory nowhere');
  });
});
