import { describe, expect, test } from 'vitest';
import { describeFindings } from '../../cli/mutants-text.js';
import { checkSources, exitCodeOf, mutantsDocument } from '../../cli/mutants.js';
import { faultClassNames, idOf, knownBugs, type Findings } from '../../mutants/index.js';
import { findScenario, makePlan } from '../../scenarios/index.js';
import { antecedent, fakeStream } from './fake-terminal.js';
import { temporaryDirectory } from './temporary-directory.js';

interface Document {
  readonly mutants: readonly Readonly<Record<string, unknown>>[];
}

test('tells of every bug after how many seeds it was found, and by what', async () => {
  const { exitCode, out } = await antecedent('mutants', 'm24', 'M21', '--json');
  expect(exitCode).toBe(0);
  const { mutants } = JSON.parse(out) as Document;
  expect(mutants).toMatchObject([
    { id: 'M21', name: 'covered-means-less', found: true, property: 'deadlock' },
    { id: 'M24', name: 'fifo-only', found: true, property: 'causal-order' },
  ]);
  for (const mutant of mutants) {
    expect(mutant).toMatchObject({
      about: expect.stringMatching(/\.$/) as string,
      seeds: expect.any(Number) as number,
      scenario: expect.any(String) as string,
      shrunkFaults: expect.any(Number) as number,
      shrunk: { nodes: expect.any(Number) as number, operations: expect.any(Number) as number },
    });
    expect(mutant['shrunk']).toMatchObject({ faults: mutant['shrunkFaults'] });
    expect(mutant['seeds']).toBeGreaterThanOrEqual(1);
    expect(Object.keys(mutant)).not.toContain('needs');
  }
});

test('the canary is found at once', async () => {
  const { exitCode, out } = await antecedent('mutants', '--canary', '--seeds', '1', '--no-shrink', '--json');
  expect(exitCode).toBe(0);
  expect((JSON.parse(out) as Document).mutants).toMatchObject([
    { id: 'M07', found: true, seeds: 1, shrunkFaults: null, shrunk: null },
  ]);
});

test('a bug that is not found is a violation, and the text says which one', async () => {
  const { exitCode, out } = await antecedent('mutants', 'restart-forgets-clock', '--seeds', '2');
  expect(exitCode).toBe(1);
  expect(out).toMatch(/│ restart-forgets-clock +│ +> 2 │ power-loss alone +│ +│ NOT FOUND +│ After a restart/);
  expect(out).toContain('MISSED  1 of 1 bug in 2 seeds: restart-forgets-clock\n');
  expect(out).toContain('mutants restart-forgets-clock --seeds 5000');
});

describe('the text', () => {
  const vocabulary = { idOf, faultClassNames };
  const plan = makePlan(findScenario('calm'), '1');

  /** The first bugs, found after so many seeds each, or not found. */
  function findingsOf(...seeds: readonly (number | undefined)[]): Findings {
    const findings = seeds.flatMap((found, index): Findings['findings'] => {
      const mutant = knownBugs[index];
      if (mutant === undefined) return [];
      const discovery = { scenario: 'calm', seed: 1, symptom: 'idle', sentence: '', plan } as const;
      const result = found === undefined ? { discovery: undefined, seeds: 9 } : { discovery, seeds: found };
      return [
        { mutant, result: { ...result, runs: 10 }, shrunk: { nodes: 2, operations: 1, faults: 3 }, needs: undefined },
      ];
    });
    return { findings, mutants: seeds.length, seedsMax: 9, isInterrupted: false };
  }

  test('says what was planted, what gave it away, and after how many seeds', () => {
    const out = describeFindings(fakeStream(), findingsOf(1, 7), vocabulary);
    expect(out).toMatch(/│ M01 +│ +1 │ calm +│ 2 n 1 op 3 f +│ idle +│ While one message/);
    expect(out).toMatch(/│ M02 +│ +7 │ calm +│ 2 n 1 op 3 f +│ idle +│ An older duplicate/);
    expect(out).toContain(
      'FOUND  all 2 bugs\n  seeds needed: 1 in the median, 7 for 95 %, 7 at most; 20 runs in all\n',
    );
  });

  test('names those that were missed', () => {
    const out = describeFindings(fakeStream(), findingsOf(1, undefined, 3), vocabulary);
    expect(out).toContain('MISSED  1 of 3 bugs in 9 seeds: M02\n');
  });

  test('shows for every class of faults what is not found without it', () => {
    const { findings, ...rest } = findingsOf(1, 1);
    const ablated = findings.map((finding, index) => ({ ...finding, needs: index === 0 ? (['crash'] as const) : [] }));
    const out = describeFindings(fakeStream(), { ...rest, findings: ablated }, vocabulary);
    expect(out).toMatch(/│ crash +│ +1 │ M01 +│/);
    expect(out).toMatch(/│ clock +│ +2 │ +│/);
    const document = mutantsDocument({ ...rest, findings: ablated }, vocabulary);
    expect(document).toMatchObject({
      mutants: [
        { id: 'M01', needs: ['crash'] },
        { id: 'M02', needs: [] },
      ],
    });
  });

  test('says what was not tried when it was interrupted', () => {
    const interrupted = { ...findingsOf(1), mutants: 3, isInterrupted: true };
    expect(describeFindings(fakeStream(), interrupted, vocabulary)).toContain(
      'UNDECIDED  1 bug found (interrupted; 2 were not tried)\n',
    );
    expect(exitCodeOf(interrupted)).toBe(3);
  });
});

describe('bad usage', () => {
  test.each<[why: string, args: readonly string[], expected: string]>([
    ['an unknown number', ['M41'], 'did you mean'],
    ['a name that is misspelt', ['fifo-onyl'], 'did you mean "fifo-only"'],
    ['no seeds', ['--seeds', '0'], 'write a whole number above 0'],
    ['an unknown option', ['--bugs'], 'unknown option'],
  ])('%s', async (_why, args, expected) => {
    const { exitCode, out, err } = await antecedent('mutants', ...args);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).toContain(expected);
  });

  test('a directory without sources', () => {
    const directory = temporaryDirectory();
    expect(() => checkSources(directory)).toThrow(
      expect.objectContaining({ exitCode: 2, message: expect.stringContaining('clone the repository') as string }),
    );
  });
});

test('explains itself', async () => {
  const { exitCode, out } = await antecedent('mutants', '--help');
  expect(exitCode).toBe(0);
  for (const option of ['--seeds', '--all', '--canary', '--no-shrink', '--ablate', '--json']) {
    expect(out).toContain(option);
  }
  expect((await antecedent('--help')).out).toMatch(/^ +mutants .*planted bugs/m);
});
