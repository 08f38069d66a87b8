/** The life of a node as a process: what it keeps, and how it ends, when real signals and real pipes come and go. */
import { chmodSync, copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bundleScript } from '../support/bundled-program.js';
import { removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { DaemonProcess, linesOf, writeConfig, type Event } from './daemon-process.js';
import type { Inbox } from './waiting.js';

let authority: TestAuthority;
let program: readonly string[];
const running: DaemonProcess[] = [];

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a']);
  program = [process.execPath, await bundleScript('cli/main.ts')];
});
afterEach(async () => {
  for (const daemon of running.splice(0)) await daemon.kill();
});
afterAll(removeTestDirectories);

function start(configPath: string): DaemonProcess {
  const daemon = new DaemonProcess(configPath, program);
  running.push(daemon);
  return daemon;
}

/** Everything that has arrived and not been taken. */
async function allOf(events: Inbox<Event>): Promise<readonly Event[]> {
  const all: Event[] = [];
  while (events.size > 0) all.push(await events.take());
  return all;
}

function named(events: readonly Event[], name: string): readonly Event[] {
  return events.filter(({ event }) => event === name);
}

/** Numbered messages, from `first` on. */
function broadcasts(first: number, count: number): readonly Event[] {
  return Array.from({ length: count }, (_, index) => ({
    broadcast: `message ${first + index}`,
    ref: `${first + index}`,
  }));
}

function* endless(): Generator<string> {
  for (;;) yield linesOf([{ broadcast: 'one more' }]);
}

describe('a node as a process', () => {
  test('finishes what it has read on SIGTERM under load: exactly what is on disk was accepted, exit 0', async () => {
    const config = writeConfig(authority);
    const first = start(config);
    await first.events.take();
    // More and more, for as long as it reads.
    Readable.from(endless()).pipe(first.child.stdin);
    await first.events.takeWhere(({ event, seq }) => event === 'accepted' && Number(seq) === 100);
    first.child.kill('SIGTERM');
    expect(await first.exitCode()).toBe(0);
    const accepted = 100 + named(await allOf(first.events), 'accepted').length;

    const second = start(config);
    const ready = await second.events.take();
    expect(ready).toMatchObject({ event: 'ready', seq: accepted });
    second.send({ broadcast: 'the last', ref: 'the last' });
    expect(await second.events.takeWhere(({ ref }) => ref === 'the last')).toMatchObject({ seq: accepted + 1 });
  });

  test('ends at once on a second SIGTERM, with 143', async () => {
    const daemon = start(writeConfig(authority));
    await daemon.events.take();
    // With nobody reading its output it cannot finish.
    daemon.child.stdout.pause();
    daemon.send(...broadcasts(1, 20_000));
    daemon.child.kill('SIGUSR1');
    await daemon.logged('signal-ignored');
    daemon.child.kill('SIGTERM');
    // A signal that is pending already would be merged with the second one.
    daemon.child.kill('SIGHUP');
    await daemon.logged('SIGHUP');
    daemon.child.kill('SIGTERM');
    daemon.child.stdout.resume();
    expect(await daemon.exitCode()).toBe(143);
  });

  test('loses nothing that was accepted when it is killed, and prints the rest in the same order', async () => {
    const config = writeConfig(authority);
    const first = start(config);
    await first.events.take();
    first.send(...broadcasts(1, 5_000));
    await first.events.takeWhere(({ event, seq }) => event === 'deliver' && Number(seq) >= 100);
    await first.kill();
    const before = await allOf(first.events);
    const acceptedBefore = named(before, 'accepted').length;
    const positions = new Map(named(before, 'deliver').map(({ position, payload }) => [position, payload]));

    const second = start(config);
    const { seq } = await second.events.take();
    const kept = Number(seq);
    expect(kept).toBeGreaterThanOrEqual(acceptedBefore);
    second.send(...broadcasts(kept + 1, 10));
    const after: Event[] = [];
    do after.push(await second.events.take());
    while (after.at(-1)?.['payload'] !== `message ${kept + 10}`);
    for (const { position, payload } of named(after, 'deliver')) {
      expect(payload).toBe(`message ${Number(position)}`);
      expect(positions.get(position) ?? payload).toBe(payload);
      positions.set(position, payload);
    }
    // From the first one read here to the last there is no hole.
    const seen = [...positions.keys()].map(Number).sort((a, b) => a - b);
    expect(seen.at(-1)).toBe(kept + 10);
    expect(seen).toEqual(Array.from({ length: seen.length }, (_, index) => kept + 11 - seen.length + index));
  });

  test('is refused a data directory that another process holds, and names it', async () => {
    const config = writeConfig(authority);
    const first = start(config);
    await first.events.take();
    const second = start(config);
    expect(await second.exitCode()).toBe(3);
    expect(second.log).toContain('E_LOCKED');
    expect(second.log).toContain(`is in use by process ${first.child.pid ?? 0}; stop it first`);
    first.send({ broadcast: 'still here', ref: '1' });
    await first.events.takeWhere(({ event }) => event === 'accepted');
  });

  test('accepts what it has read when its input ends, and exits with 0', async () => {
    const config = writeConfig(authority);
    const daemon = start(config);
    daemon.send(...broadcasts(1, 1_000));
    daemon.child.stdin.end();
    expect(await daemon.exitCode()).toBe(0);
    expect(named(await allOf(daemon.events), 'accepted')).toHaveLength(1_000);
  });

  test('keeps what it has read when nobody reads its output any more, and ends quietly', async () => {
    const config = writeConfig(authority);
    const first = start(config);
    await first.events.take();
    first.child.stdout.destroy();
    first.send({ broadcast: 'kept' });
    expect(await first.exitCode()).toBe(0);
    expect(first.log).not.toMatch(/EPIPE|rror/);

    const second = start(config);
    expect(await second.events.take()).toMatchObject({ event: 'ready', seq: 1 });
    expect(await second.events.take()).toMatchObject({ event: 'deliver', seq: 1, payload: 'kept' });
  });

  test('survives SIGHUP, which reads its files again, and opens no inspector on SIGUSR1', async () => {
    const daemon = start(writeConfig(authority));
    await daemon.events.take();
    daemon.child.kill('SIGHUP');
    await daemon.logged('"event":"reloaded"');
    daemon.child.kill('SIGUSR1');
    await daemon.logged('SIGUSR1');
    daemon.send({ broadcast: 'x', ref: '1' });
    await daemon.events.takeWhere(({ event }) => event === 'accepted');
    expect(daemon.log).toMatch(/signal-ignored/);
    expect(daemon.log).not.toMatch(/[Dd]ebugger/);
  });
});

describe('a node does not start, exits with 2 and says where and what to do', () => {
  test('for an unknown key', async () => {
    const daemon = start(writeConfig(authority, 'nme = "b"\n'));
    expect(await daemon.exitCode()).toBe(2);
    expect(daemon.log).toMatch(/E_CONFIG: .*node\.toml:5:1: unknown key "nme": did you mean "name"\?/);
  });

  test('for a key that others may read', async () => {
    const config = writeConfig(authority);
    const key = join(dirname(config), 'open.key');
    copyFileSync(authority.files('a').key, key);
    chmodSync(key, 0o644);
    writeFileSync(config, readFileSync(config, 'utf8').replace(authority.files('a').key, key));
    const daemon = start(config);
    expect(await daemon.exitCode()).toBe(2);
    expect(daemon.log).toContain(`E_KEY_MODE: ${key} has mode 0644, so others may read the key; run: chmod 600 ${key}`);
  });
});
