import { describe, expect, test } from 'vitest';
import { checkSources, exitCodeOf } from '../../cli/mutants.js';
import { antecedent } from './fake-terminal.js';
import { temporaryDirectory } from './temporary-directory.js';

interface Document {
  readonly mutants: readonly Readonly<Record<string, unknown>>[];
}

test('tells of every bug after how many seeds it was found, and by what', async () => {
  const { exitCode, out } = await antecedent('mutants', 'm24', 'M07', '--json');
  expect(exitCode).toBe(0);
  const { mutants } = JSON.parse(out) as Document;
  expect(mutants).toMatchObject([
    { id: 'M07', name: 'accept-before-sync', found: true, property: 'durability' },
    { id: 'M24', name: 'fifo-only', found: true, property: 'causal-order' },
  ]);
  for (const mutant of mutants) {
    expect(mutant).toMatchObject({
      about: expect.stringMatching(/\.$/) as string,
      seeds: expect.any(Number) as number,
      scenario: expect.any(String) as string,
      shrunkFaults: null,
    });
    expect(mutant['seeds']).toBeGreaterThanOrEqual(1);
    expect(Object.keys(mutant)).not.toContain('needs');
  }
});

test('a bug that is not found is a violation', async () => {
  const name = 'restart-forgets-clock';
  const { exitCode, out } = await antecedent('mutants', name, '--seeds', '2', '--json');
  expect(exitCode).toBe(1);
  const { mutants } = JSON.parse(out) as Document;
  expect(mutants).toMatchObject([{ id: name, found: false, seeds: 2, runs: 2, property: null, scenario: null }]);
});

test('the text says what was planted, what was found, and what is missed', async () => {
  const { exitCode, out } = await antecedent('mutants', 'M24', 'restart-forgets-clock', '--seeds', '2');
  expect(exitCode).toBe(1);
  expect(out).toMatch(/│ M24 +│ +\d │ [a-z-]+ +│ causal-order +│ Messages of one origin/);
  expect(out).toMatch(/│ restart-forgets-clock +│ +> 2 │ power-loss alone +│ NOT FOUND +│ After a restart/);
  expect(out).toContain('MISSED  1 of 2 bugs in 2 seeds: restart-forgets-clock\n');
  expect(out).toContain('mutants restart-forgets-clock --seeds 5000');
});

test('tells which faults a bug needs', async () => {
  const { exitCode, out } = await antecedent('mutants', 'M14', '--ablate', '--seeds', '2', '--json');
  expect(exitCode).toBe(0);
  expect((JSON.parse(out) as Document).mutants).toMatchObject([{ id: 'M14', found: true, needs: ['disk'] }]);
  const text = await antecedent('mutants', 'M14', '--ablate', '--seeds', '2');
  expect(text.out).toMatch(/│ disk +│ +0 │ M14 +│/);
  expect(text.out).toMatch(/│ crash +│ +1 │ +│/);
  expect(text.out).toContain('FOUND  all 1 bug\n');
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

test('what was interrupted is undecided', () => {
  const interrupted = { findings: [], mutants: 40, seedsMax: 1000, isInterrupted: true };
  expect(exitCodeOf(interrupted)).toBe(3);
});

test('explains itself', async () => {
  const { exitCode, out } = await antecedent('mutants', '--help');
  expect(exitCode).toBe(0);
  for (const option of ['--seeds', '--all', '--ablate', '--json']) expect(out).toContain(option);
  expect((await antecedent('--help')).out).toMatch(/^ +mutants .*planted bugs/m);
});
