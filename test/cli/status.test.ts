import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lockDirectory } from '../../transport-tls/index.js';
import { antecedent } from './fake-terminal.js';
import { calmStatus, playNode, stoppedNode, troubledStatus } from './node-in-test.js';

describe('antecedent status', () => {
  test('shows a node that is well, its members and its logs', async () => {
    const { directory } = await playNode(() => calmStatus);
    const { exitCode, out, err } = await antecedent('status', directory);
    expect([exitCode, err]).toEqual([0, '']);
    expect(out).toContain('RUNNING  a (pid 4711), listening on 127.0.0.1:7101');
    expect(out).toContain('own to seq 1,204');
    expect(out).toContain('3,890, all applied');
    expect(out).toMatch(/b +│ up +│ 127\.0\.0\.1:7102 +│ +1,204 +│ +0 +│ +0 /);
    expect(out).toMatch(/c +│ down +│ unknown +│ +4 +│ +1,200 +│ +70,000 +│ needs a snapshot/);
    expect(out).toMatch(/b~2 +│ +9 +│ +8 +│ +3 +│ closed/);
    expect(out).not.toMatch(/to do|refused|waits for/);
  });

  test('shows what is wrong, why, who could help, and the commands', async () => {
    const { config } = await playNode(() => troubledStatus);
    const { exitCode, out } = await antecedent('status', '--config', config);
    expect(exitCode).toBe(0);
    for (const said of [
      'a~2 (pid 4711)',
      '3,890 delivered, 3,888 applied',
      '5,000 bytes for the application',
      '12 messages, see below',
      'at work on b:7 (position 3889) for 12.3 s, failed 3 times',
      'Error: no such account\\u202e',
      'antecedent delivery retry --config FILE',
      'antecedent delivery skip 3889 --reason TEXT',
      'refused, E_ROLLED_BACK: b holds more',
      'blocked, E_DISK_FULL: no room',
      'ended 2001-01-01T00:00:00.000Z: no new links; issue a new one and send SIGHUP',
      'b~2:9 waits for d:7, held by b, c (down)',
      'c:5 waits for d:8, held by c (down)',
      'e:5 waits for d:9, which no member is known to hold',
    ]) {
      expect(out).toContain(said);
    }
    expect(out).not.toContain('\u202e');
  });

  test('calls a member lagging that is up and has taken in nothing for half a minute', async () => {
    const [first, ...others] = calmStatus.members;
    const stalled = (stalledMs: number) => ({ ...calmStatus, members: [{ ...first, stalledMs }, ...others] });
    const shown = async (stalledMs: number) => {
      const { directory } = await playNode(() => stalled(stalledMs));
      return (await antecedent('status', directory)).out;
    };
    expect(await shown(31_000)).toMatch(/b +│ lagging +│.*│ has taken in nothing for 31\.0 s/);
    expect(await shown(29_000)).toMatch(/b +│ up +│/);
  });

  test('--json prints one document, with every field', async () => {
    const { directory } = await playNode(() => troubledStatus);
    const { exitCode, out } = await antecedent('status', directory, '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(out)).toEqual(troubledStatus);
  });

  test('says that no node runs there and how to start one, with 3', async () => {
    const { directory } = stoppedNode();
    const { exitCode, out, err } = await antecedent('status', directory);
    expect([exitCode, out]).toEqual([3, '']);
    expect(err).toMatch(/E_UNREACHABLE: no node runs in .*; start it with: antecedent node --config FILE --stdio/);
  });

  test('says which process is there that cannot be asked, with 3', async () => {
    const { directory } = stoppedNode();
    const lock = lockDirectory(directory);
    const { exitCode, err } = await antecedent('status', directory);
    lock.release();
    expect(exitCode).toBe(3);
    expect(err).toContain(`a process (pid ${process.pid}) uses ${directory} but cannot be asked`);
  });

  test('does not believe an answer that it does not understand, with 3', async () => {
    const { directory } = await playNode(() => ({ ...calmStatus, members: [{ name: 'b' }] }));
    const { exitCode, err } = await antecedent('status', directory);
    expect(exitCode).toBe(3);
    expect(err).toMatch(/E_VERSION: the node runs another version.*members\.0\./);
  });

  test('takes an answer of a newer node, and leaves out what it does not know', async () => {
    const { directory } = await playNode(() => ({ ...calmStatus, mood: 'good' }));
    const { out } = await antecedent('status', directory, '--json');
    expect(JSON.parse(out)).toEqual(calmStatus);
  });

  test.each([
    ['nothing', []],
    ['both', ['data/a', '--config', 'a.toml']],
    ['an unknown option', ['data/a', '--jsn']],
    ['two directories', ['data/a', 'data/b']],
    ['a configuration that is not there', ['--config', '/none.toml']],
  ])('given %s, it is a wrong command line, with 2', async (_claim, args) => {
    const { exitCode, out, err } = await antecedent('status', ...args);
    expect([exitCode, out]).toEqual([2, '']);
    expect(err).not.toBe('');
  });

  test('a directory whose path is longer than a socket may have is no obstacle', async () => {
    const { directory } = stoppedNode();
    const long = join(directory, 'x'.repeat(200));
    mkdirSync(long);
    const { exitCode } = await antecedent('status', long);
    expect(exitCode).toBe(3);
  });
});
