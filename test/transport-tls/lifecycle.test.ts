/** What happens to a node's process from outside: signals at any moment, pipes that close, files that cannot be opened. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { askNode } from '../../transport-tls/index.js';
import { bundleNode } from '../support/bundled-program.js';
import { removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { DaemonProcess, writeConfig } from './daemon-process.js';
import { processHangMs, within } from './waiting.js';

let authority: TestAuthority;
let program: readonly string[];
const running: DaemonProcess[] = [];

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'b']);
  program = [process.execPath, await bundleNode()];
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

function dataOf(config: string): string {
  return join(dirname(config), 'data');
}

/** Broadcasts one message and sees it accepted. */
async function works(daemon: DaemonProcess): Promise<void> {
  daemon.send({ broadcast: 'still here', ref: 'works' });
  await daemon.events.takeWhere(({ event, ref }) => event === 'accepted' && ref === 'works');
}

/** Resolves when `condition` holds, which nothing tells. */
async function until(what: string, condition: () => boolean): Promise<void> {
  const poll = async (): Promise<void> => {
    while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  await within(what, poll(), processHangMs);
}

describe('a node as a process', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('that is idle ends on %s with 0, and leaves no socket', async (signal) => {
    const config = writeConfig(authority);
    const daemon = start(config);
    await daemon.events.take();
    expect(existsSync(join(dataOf(config), '.control'))).toBe(true);
    daemon.child.kill(signal);
    expect(await daemon.exitCode()).toBe(0);
    expect(existsSync(join(dataOf(config), '.control'))).toBe(false);
  });

  test('that is stopped while it recovers ends with 0 and has lost nothing', async () => {
    const config = writeConfig(authority);
    const first = start(config);
    await first.events.take();
    const count = 20_000;
    for (let ref = 1; ref <= count; ref++) first.send({ broadcast: `message ${ref}`, ref: String(ref) });
    first.child.stdin.end();
    expect(await first.exitCode()).toBe(0);

    const second = start(config);
    // Its pid is there once it holds the directory, and recovery comes next.
    const lock = join(dataOf(config), '.lock');
    await until('the lock', () => readFileSync(lock, 'utf8') === `${second.child.pid ?? 0}\n`);
    second.child.kill('SIGTERM');
    expect(await second.exitCode()).toBe(0);

    const third = start(config);
    expect(await third.events.take()).toMatchObject({ event: 'ready', seq: count });
  });

  test('that is killed leaves a socket that the next one replaces', async () => {
    const config = writeConfig(authority);
    const first = start(config);
    await first.events.take();
    await first.kill();
    expect(existsSync(join(dataOf(config), '.control'))).toBe(true);
    await expect(askNode(dataOf(config), { request: 'status' })).rejects.toThrow(/no node runs in/);
    const second = start(config);
    await second.events.take();
    const answer = await askNode(dataOf(config), { request: 'status' });
    expect(answer).toMatchObject({ result: { name: 'a', pid: second.child.pid } });
  });

  test('lives through SIGPIPE, and through a log that nobody reads any more', async () => {
    const daemon = start(writeConfig(authority));
    await daemon.events.take();
    daemon.child.kill('SIGPIPE');
    await works(daemon);
    daemon.child.stderr.destroy();
    // Each of these would be logged.
    daemon.child.kill('SIGUSR1');
    daemon.send('what?');
    await daemon.events.takeWhere(({ event }) => event === 'refused');
    await works(daemon);
    daemon.child.kill('SIGTERM');
    expect(await daemon.exitCode()).toBe(0);
  });

  test('takes new certificates on SIGHUP, and keeps the old ones when the new ones are half written', async () => {
    const config = writeConfig(authority);
    const { cert } = authority.files('a');
    const own = join(dirname(config), 'own.pem');
    copyFileSync(cert, own);
    writeFileSync(config, readFileSync(config, 'utf8').replace(cert, own));
    const daemon = start(config);
    await daemon.events.take();
    truncateSync(own, 200);
    daemon.child.kill('SIGHUP');
    expect(await daemon.events.take()).toMatchObject({ event: 'alarm', code: 'E_CERTIFICATE', peer: 'a' });
    await works(daemon);
    copyFileSync(cert, own);
    daemon.child.kill('SIGHUP');
    await daemon.logged('"event":"reloaded"');
    await works(daemon);
  });
});

const canLimit = spawnSync('prlimit', ['--version']).status === 0 && existsSync('/proc/self/fd');
const limitSkipped = canLimit ? '' : ' (skipped: this machine has no prlimit or no /proc)';

describe.skipIf(!canLimit)(`a node that can open no more files${limitSkipped}`, () => {
  /** With `limit` as the lowest descriptor that it may not have. */
  function limitFiles(daemon: DaemonProcess, limit: number): void {
    const { status } = spawnSync('prlimit', ['--pid', String(daemon.child.pid), `--nofile=${limit}:`]);
    if (status !== 0) throw new Error('the limit could not be set');
  }

  /** The system gives whoever opens a file the lowest descriptor that is free. */
  function lowestFree(daemon: DaemonProcess): number {
    const taken = new Set(readdirSync(`/proc/${daemon.child.pid ?? 0}/fd`).map(Number));
    let lowest = 0;
    while (taken.has(lowest)) lowest++;
    return lowest;
  }

  /** Resolves when a connection to `port` was ended by the other side. */
  async function turnedAway(port: number): Promise<void> {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    socket.resume();
    await within('the end of the connection', new Promise<void>((resolve) => socket.once('close', () => resolve())));
  }

  test('goes on, turns strangers away, and lets them in again when there are files', async () => {
    const config = writeConfig(authority);
    const daemon = start(config);
    const { listen } = await daemon.events.take();
    const port = Number(String(listen).split(':').at(-1));
    await works(daemon);
    limitFiles(daemon, lowestFree(daemon));
    await turnedAway(port);
    await expect(askNode(dataOf(config), { request: 'status' })).rejects.toThrow();
    await works(daemon);
    limitFiles(daemon, 1024);
    expect(await askNode(dataOf(config), { request: 'status' })).toMatchObject({ result: { state: 'running' } });
  });

  test('takes no broadcasts while it needs a new file for its log, and goes on by itself when it gets one', async () => {
    const config = writeConfig(authority, '[limits]\nsegmentBytesMax = 65536\n[timings]\nstorageRetryMs = 10\n');
    const daemon = start(config);
    await daemon.events.take();
    limitFiles(daemon, lowestFree(daemon));
    for (let ref = 1; ref <= 10; ref++) daemon.send({ broadcast: 'x'.repeat(20_000), ref: String(ref) });
    const storage = await daemon.events.takeWhere(({ event }) => event === 'storage');
    expect(storage).toMatchObject({ state: 'blocked', code: 'E_STORAGE' });
    limitFiles(daemon, 1024);
    await daemon.events.takeWhere(({ event, state }) => event === 'storage' && state === 'ok');
    await works(daemon);
  });
});
