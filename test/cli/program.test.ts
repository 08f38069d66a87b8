import { describe, expect, test } from 'vitest';
import { runCommandLine } from '../../cli/program.js';
import { antecedent, fakeStream } from './fake-terminal.js';

const commands = ['run', 'sweep', 'crash-points', 'replay', 'report', 'check', 'list', 'node', 'keys', 'log'];

test('the help names every command and ends with examples', async () => {
  const { exitCode, out, err } = await antecedent('--help');
  expect([exitCode, err]).toEqual([0, '']);
  for (const command of commands) expect(out).toMatch(new RegExp(`^  ${command} +\\S`, 'm'));
  expect(out).toContain('antecedent run --input words.txt');
  expect(out).toContain('Exit codes:');
});

test('no command at all is bad usage, and shows the help', async () => {
  const { exitCode, out, err } = await antecedent();
  expect([exitCode, out]).toEqual([2, '']);
  expect(err).toContain('Usage: antecedent');
});

test('the version is that of the package', async () => {
  const { exitCode, out } = await antecedent('--version');
  expect([exitCode, out]).toEqual([0, expect.stringMatching(/^\d+\.\d+\.\d+\n$/)]);
});

describe.each(commands)('%s', (command) => {
  test('explains itself', async () => {
    const { exitCode, out } = await antecedent(command, '--help');
    expect(exitCode).toBe(0);
    expect(out).toContain(`Usage: antecedent ${command}`);
  });

  test('refuses an unknown option', async () => {
    const { exitCode, err } = await antecedent(command, '--nonsense');
    expect(exitCode).toBe(2);
    expect(err).not.toBe('');
  });
});

test.each([
  [['swep'], 'Did you mean sweep?'],
  [['run', '--sed', '4'], 'Did you mean --seed?'],
  [['run', 'partitoin-heal'], 'did you mean "partition-heal"?'],
  [['sweep', 'calm', 'swrm'], 'did you mean "swarm"?'],
  [['run', 'nothing-like-it'], 'There are: calm, '],
  [['sweep', '--seeds', '9..3'], 'did you mean 3..9?'],
  [['sweep', '--seeds', '1..2', '--for', '3s'], 'cannot be used with'],
  [['run', 'lines'], 'name it with --input FILE'],
  [['run', '--seed'], 'argument missing'],
  [['run', 'calm', 'lossy'], 'too many arguments'],
  [['replay'], "missing required argument 'failure'"],
  [['replay', 'no-such-file.json'], 'there is no file no-such-file.json'],
  [['run', '--input', 'no-such-file.txt'], 'there is no file no-such-file.txt'],
])('%j is bad usage: %s', async (args, message) => {
  const { exitCode, out, err } = await antecedent(...args);
  expect([exitCode, out]).toEqual([2, '']);
  expect(err).toContain(message);
});

/** The exit code, and what is said, when writing the result throws `error`. */
async function whenWritingFails(error: Error): Promise<readonly [exitCode: number, err: string]> {
  const err = fakeStream();
  const out = {
    ...fakeStream(),
    write: (): never => {
      throw error;
    },
  };
  return [await runCommandLine(['list'], { out, err, exitCode: 0 }), err.text];
}

test('a failure of the machine is undecided, without a stack', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
  expect(await whenWritingFails(full)).toEqual([3, 'antecedent: ENOSPC: no space left on device\n']);
});

test('anything unforeseen is our bug, and comes with what a report needs', async () => {
  const [exitCode, err] = await whenWritingFails(new TypeError('x is not a function'));
  expect(exitCode).toBe(70);
  expect(err).toMatch(/antecedent: x is not a function\nThis is a bug of antecedent \d+\.\d+\.\d+\..*\nTypeError: /);
});
