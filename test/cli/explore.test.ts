import { expect, test } from 'vitest';
import { antecedent } from './fake-terminal.js';

test('every order of a small run, in one document', async () => {
  const { exitCode, out } = await antecedent('explore', 'calm', '--faults', '0', '--json');
  expect(exitCode).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    scenario: 'calm',
    seed: 1,
    nodes: 2,
    messages: 2,
    faults: 0,
    isExhaustive: true,
    isInterrupted: false,
    failed: 0,
    failures: [],
  });
});

test('what it did and found, for people', async () => {
  const { exitCode, out } = await antecedent('explore', '--messages', '1', '--faults', '0');
  expect(exitCode).toBe(0);
  expect(out).toMatch(/^HELD {2}every property held in every order\n/);
  expect(out).toMatch(/^ {2}explored +calm, seed 1: 2 nodes, 1 message, at most 0 faults a run$/m);
});

test('a limit that comes first leaves the verdict open', async () => {
  const { exitCode, out } = await antecedent('explore', '--limit', '3');
  expect(exitCode).toBe(3);
  expect(out).toMatch(/^UNDECIDED .*: the limit of 3 runs came first; --limit sets it$/m);
});

test.each([
  [['explore', '--nodes', '4'], '"4" is out of range: write a whole number from 1 to 3'],
  [['explore', '--messages', 'x'], '"x" is out of range: write a whole number from 1 to 4'],
  [['explore', 'lossi'], 'did you mean "lossy"?'],
])('%j makes no sense', async (args, expected) => {
  const { exitCode, err } = await antecedent(...args);
  expect(exitCode).toBe(2);
  expect(err).toContain(expected);
});
