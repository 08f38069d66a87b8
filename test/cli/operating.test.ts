/** The commands that change something at a running node: what they ask it, and what becomes of a refusal. */
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AntecedentError, lockDirectory } from '../../transport-tls/index.js';
import { antecedent } from './fake-terminal.js';
import { playNode, stoppedNode } from './node-in-test.js';
import { temporaryDirectory } from './temporary-directory.js';

const commands: readonly {
  readonly name: string;
  readonly args: readonly string[];
  readonly asks: object;
  readonly says: string;
}[] = [
  {
    name: 'member add',
    args: ['member', 'add', 'd', '127.0.0.1:7104'],
    asks: { request: 'member-add', name: 'd', address: '127.0.0.1:7104' },
    says: 'd is a member, at 127.0.0.1:7104\n',
  },
  {
    name: 'member remove',
    args: ['member', 'remove', 'd'],
    asks: { request: 'member-remove', name: 'd' },
    says: 'd is no member any more\n',
  },
  {
    name: 'delivery skip',
    args: ['delivery', 'skip', '17', '--reason', 'no such account'],
    asks: { request: 'delivery-skip', position: 17, reason: 'no such account' },
    says: 'position 17 is given up; the application goes on with the next\n',
  },
  {
    name: 'delivery retry',
    args: ['delivery', 'retry'],
    asks: { request: 'delivery-retry' },
    says: 'the delivery is tried again',
  },
];

describe.each(commands)('antecedent $name', ({ args, asks, says }) => {
  test('asks the node of the configuration, and says what was done', async () => {
    const { config, asked } = await playNode(() => null);
    const { exitCode, out, err } = await antecedent(...args, '--config', config);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toContain(says);
    expect(asked).toEqual([asks]);
  });

  test('--json prints one document', async () => {
    const { config } = await playNode(() => null);
    const { out } = await antecedent(...args, '--config', config, '--json');
    expect(JSON.parse(out)).toEqual({ ...asks, outcome: 'done' });
  });

  test.each([
    ['E_CONFIG', 2],
    ['E_UNKNOWN_MEMBER', 2],
    ['E_POSITION', 2],
    ['E_STATE', 3],
    ['E_DISK_FULL', 3],
  ] as const)('says why the node refuses: %s, with %i', async (code, expected) => {
    const { config } = await playNode(() => {
      throw new AntecedentError(code, 'the reason');
    });
    const { exitCode, out, err } = await antecedent(...args, '--config', config);
    expect([exitCode, out, err]).toEqual([expected, '', `antecedent: ${code}: the reason\n`]);
  });

  test('says that no node runs, with 3', async () => {
    const { config } = stoppedNode();
    const { exitCode, err } = await antecedent(...args, '--config', config);
    expect(exitCode).toBe(3);
    expect(err).toContain('no node runs in');
  });

  test('without a configuration is a wrong command line, with 2', async () => {
    const { exitCode, err } = await antecedent(...args);
    expect(exitCode).toBe(2);
    expect(err).toContain("required option '--config <file>' not specified");
  });

  test('has a help text that names the exit codes', async () => {
    const { exitCode, out } = await antecedent(...args.slice(0, 2), '--help');
    expect(exitCode).toBe(0);
    expect(out).toContain('Exit codes: 0 done');
  });
});

test.each(['0', '-1', '1.5', 'x', '1e3'])('%s is no position to be skipped', async (position) => {
  const { config, asked } = await playNode(() => null);
  const { exitCode } = await antecedent('delivery', 'skip', '--reason', 'x', '--config', config, '--', position);
  expect([exitCode, asked]).toEqual([2, []]);
});

test('a delivery is not skipped without a reason', async () => {
  const { config, asked } = await playNode(() => null);
  const { exitCode } = await antecedent('delivery', 'skip', '17', '--config', config);
  expect([exitCode, asked]).toEqual([2, []]);
});

describe('antecedent restore', () => {
  test('lets an emptied directory begin the incarnation that was asked for', async () => {
    const directory = temporaryDirectory();
    const { exitCode, out } = await antecedent('restore', directory, '--incarnation', '3', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual({ directory, outcome: 'restored', incarnation: 3 });
  });

  test('does nothing while a node runs there, with 3', async () => {
    const directory = temporaryDirectory();
    const lock = lockDirectory(directory);
    const { exitCode, err } = await antecedent('restore', directory);
    lock.release();
    expect(exitCode).toBe(3);
    expect(err).toMatch(/E_LOCKED: .*stop it first/);
    expect(readdirSync(directory)).toEqual(['.lock']);
  });

  test('leaves a directory of other things alone, with 2', async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'letter.txt'), 'dear');
    const { exitCode, err } = await antecedent('restore', directory);
    expect(exitCode).toBe(2);
    expect(err).toMatch(/E_NOT_A_LOG: .*holds no log but other things \(letter\.txt\)/);
    expect(readdirSync(directory)).toEqual(['letter.txt']);
  });

  test('makes no directory, with 2', async () => {
    const directory = join(temporaryDirectory(), 'none');
    const { exitCode, err } = await antecedent('restore', directory);
    expect(exitCode).toBe(2);
    expect(err).toMatch(/does not exist; make it first/);
    expect(() => mkdirSync(directory)).not.toThrow();
  });

  test.each(['0', '1', '-2', 'x'])('%s is no incarnation to begin', async (incarnation) => {
    const { exitCode } = await antecedent('restore', temporaryDirectory(), `--incarnation=${incarnation}`);
    expect(exitCode).toBe(2);
  });
});
