import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { formatPlan } from '../../scenarios/index.js';
import { antecedent } from './fake-terminal.js';
import { hopelessPlan } from './hopeless-plan.js';
import { temporaryDirectory } from './temporary-directory.js';

function writePlan(): string {
  const path = join(temporaryDirectory(), 'failure.json');
  writeFileSync(path, formatPlan(hopelessPlan()));
  return path;
}

test('shows the same violation again', async () => {
  const path = writePlan();
  const first = await antecedent('replay', path, '--json');
  const again = await antecedent('replay', path, '--json');
  expect(first.exitCode).toBe(1);
  expect(JSON.parse(first.out)).toMatchObject({ verdict: 'liveness', planPath: path });
  expect({ ...JSON.parse(again.out), wallMs: 0 }).toEqual({ ...JSON.parse(first.out), wallMs: 0 });
});

test('verifies that two runs are equal', async () => {
  const path = writePlan();
  expect((await antecedent('replay', path, '--verify')).out).toContain('REPRODUCIBLE  both runs have the trace ');
  expect(JSON.parse((await antecedent('replay', path, '--verify', '--json')).out)).toMatchObject({
    isReproducible: true,
  });
});

test('shows what had happened by a time, and leaves the verdict open', async () => {
  const { exitCode, out } = await antecedent('replay', writePlan(), '--until', '400ms');
  expect(exitCode).toBe(3);
  expect(out).toContain('nothing was violated by 400 ms');
  expect(out).toMatch(/^ +0\.\d{3} s {2}\w: start at 0$/m);
  const times = [...out.matchAll(/^ +(\d+\.\d{3}) s /gm)].map(([, time]) => Number(time));
  expect(Math.max(...times)).toBeLessThanOrEqual(0.4);
});

test('a time after the violation changes nothing', async () => {
  const path = writePlan();
  const whole = await antecedent('replay', path);
  expect(whole.out).toContain('VIOLATED');
  expect((await antecedent('replay', path, '--until', '1h')).exitCode).toBe(1);
});

test('a file that no plan can be is refused before it is read', async () => {
  const path = join(temporaryDirectory(), 'huge.json');
  writeFileSync(path, '');
  // A hole: it takes no room.
  truncateSync(path, 3 * 2 ** 30);
  const { exitCode, err } = await antecedent('replay', path);
  expect(exitCode).toBe(2);
  expect(err).toContain('huge.json has 3221225472 bytes, a plan has at most 268435456');
});

test.each([
  ['bytes that are no text', Uint8Array.from([0xff, 0x00, 0x80]), ':1:1 is no JSON'],
  ['nothing at all', new Uint8Array(), ':1:1 is no JSON: the text ends where a value should be'],
  ['a list', new TextEncoder().encode('[]'), 'version: it has no "version"'],
])('%s is no plan, and says so', async (_what, bytes, expected) => {
  const path = join(temporaryDirectory(), 'odd.json');
  writeFileSync(path, bytes);
  const { exitCode, err } = await antecedent('replay', path);
  expect(exitCode).toBe(2);
  expect(err).toContain(expected);
});
