/** `antecedent node --stdio` within this process: lines in, lines out, signals, exit codes. */
import { EventEmitter } from 'node:events';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AntecedentError, Logger } from '../../core/index.js';
import { askNode, exitCodeFor, loadConfig, runDaemon, type NodeConfig } from '../../transport-tls/index.js';
import { removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { eventsOf, linesOf, writeConfig, type Event } from './daemon-process.js';
import { lastStraw, leaveNoRoom, makeRoom } from './filling-disk.js';
import { within, type Inbox } from './waiting.js';

vi.mock(import('../../transport-tls/disk.js'), async (importOriginal) => {
  const { fillingDisks } = await import('./filling-disk.js');
  return fillingDisks(importOriginal);
});

let authority: TestAuthority;
const running: { stop(): Promise<void> }[] = [];

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'b']);
});
afterEach(async () => {
  for (const daemon of running.splice(0)) await daemon.stop();
});
afterAll(removeTestDirectories);

/** A daemon in this process, on streams and signals of its own. */
class Daemon {
  readonly input = new PassThrough();
  readonly output = new PassThrough();
  readonly signals = new EventEmitter();
  readonly exits: number[] = [];
  readonly log: string[] = [];
  readonly events: Inbox<Event> = eventsOf(this.output);
  readonly #ended: Promise<number>;

  constructor(configPath: string) {
    this.#ended = this.#run(configPath);
    this.#ended.catch(() => {});
    running.push(this);
  }

  async #run(configPath: string): Promise<number> {
    const logger: Logger = { log: (_level, event) => this.log.push(event) };
    const exit = (code: number): void => void this.exits.push(code);
    const { input, output, signals } = this;
    const readConfig = (): Promise<NodeConfig> => loadConfig(configPath);
    return runDaemon(await readConfig(), { input, output, signals, exit, readConfig, logger });
  }

  send(...lines: readonly unknown[]): void {
    this.input.write(linesOf(lines));
  }

  exitCode(): Promise<number> {
    return within('the end of the daemon', this.#ended);
  }

  async stop(): Promise<void> {
    this.signals.emit('SIGTERM');
    await this.#ended.catch(() => {});
  }
}

function configure(extra = ''): string {
  return writeConfig(authority, extra);
}

/** Emits SIGHUP; resolves when the configuration was taken or refused, with the alarm in the second case. */
async function reload(daemon: Daemon): Promise<Event | undefined> {
  const before = daemon.log.length;
  daemon.signals.emit('SIGHUP');
  const poll = (): string | undefined => daemon.log.slice(before).find((event) => event.startsWith('reload'));
  await within(
    'the end of reloading',
    new Promise<void>((resolve) => {
      const look = (): void => {
        if (poll() === undefined) setImmediate(look);
        else resolve();
      };
      look();
    }),
  );
  return poll() === 'reloaded' ? undefined : daemon.events.takeWhere(({ event }) => event === 'alarm');
}

function edit(config: string, from: string | RegExp, to: string): void {
  const text = readFileSync(config, 'utf8');
  const edited = text.replace(from, to);
  if (edited === text) throw new Error(`${String(from)} is not in ${config}`);
  writeFileSync(config, edited);
}

describe('SIGHUP', () => {
  /** Certificates of a in files of their own. */
  function ownFiles(config: string): { readonly cert: string; readonly key: string } {
    const { cert, key } = authority.files('a');
    const copies = { cert: join(dirname(config), 'own.pem'), key: join(dirname(config), 'own.key') };
    copyFileSync(cert, copies.cert);
    copyFileSync(key, copies.key);
    edit(config, cert, copies.cert);
    edit(config, key, copies.key);
    return copies;
  }

  async function notAfter(config: string): Promise<unknown> {
    const answer = await askNode(join(dirname(config), 'data'), { request: 'status' });
    return 'result' in answer ? new Map(Object.entries(answer.result as object)).get('certificateNotAfter') : answer;
  }

  test('takes new certificates', async () => {
    const config = configure();
    const { cert, key } = ownFiles(config);
    const daemon = new Daemon(config);
    await daemon.events.take();
    const before = await notAfter(config);
    const next = await authority.issueOdd('a-next', { names: [{ type: 'url', value: 'spiffe://demo/node/a' }] });
    renameSync(next.key, key);
    renameSync(next.cert, cert);
    expect(await reload(daemon)).toBeUndefined();
    expect(await notAfter(config)).not.toBe(before);
  });

  test.each([
    [
      'a key of another certificate',
      'E_CERTIFICATE',
      (_cert: string, key: string) => copyFileSync(authority.files('b').key, key),
    ],
    ['a certificate that is half written', 'E_CERTIFICATE', (cert: string) => truncateSync(cert, 300)],
    ['a key that is half written', 'E_CERTIFICATE', (_cert: string, key: string) => truncateSync(key, 100)],
    ['an empty certificate', 'E_CERTIFICATE', (cert: string) => truncateSync(cert, 0)],
    ['a certificate that is gone', 'E_CONFIG', (cert: string) => rmSync(cert)],
    [
      'a certificate that is a directory',
      'E_CONFIG',
      (cert: string) => {
        rmSync(cert);
        mkdirSync(cert);
      },
    ],
    ['a key that others may read', 'E_KEY_MODE', (_cert: string, key: string) => chmodSync(key, 0o644)],
    [
      'the certificate of another member',
      'E_IDENTITY',
      (cert: string, key: string) => {
        copyFileSync(authority.files('b').cert, cert);
        copyFileSync(authority.files('b').key, key);
      },
    ],
  ])('keeps what it has, and raises an alarm, for %s', async (_claim, code, spoil) => {
    const config = configure('[peers]\nb = "127.0.0.1:1"\n');
    const { cert, key } = ownFiles(config);
    const daemon = new Daemon(config);
    await daemon.events.take();
    const before = await notAfter(config);
    spoil(cert, key);
    edit(config, '127.0.0.1:1"', '127.0.0.1:2"');
    expect(await reload(daemon)).toMatchObject({ event: 'alarm', code, peer: 'a' });
    expect(await notAfter(config)).toBe(before);
    // Nothing of the file was taken, the address of b neither.
    const status = await askNode(join(dirname(config), 'data'), { request: 'status' });
    expect(status).toMatchObject({ result: { members: [{ name: 'b', address: '127.0.0.1:1' }] } });
    daemon.send({ broadcast: 'x', ref: '1' });
    await daemon.events.takeWhere(({ event }) => event === 'accepted');
  });

  test('takes new addresses of peers', async () => {
    const config = configure('[peers]\nb = "127.0.0.1:1"\n');
    const daemon = new Daemon(config);
    await daemon.events.take();
    edit(config, '127.0.0.1:1"', '127.0.0.1:2"');
    expect(await reload(daemon)).toBeUndefined();
    const status = await askNode(join(dirname(config), 'data'), { request: 'status' });
    expect(status).toMatchObject({ result: { members: [{ name: 'b', address: '127.0.0.1:2' }] } });
  });

  test.each([
    ['a new peer', 'b = ', 'c = "127.0.0.1:3"\nb = ', /run antecedent member add c 127\.0\.0\.1:3 --config FILE/],
    ['a peer less', 'b = "127.0.0.1:1"\n', '', /run antecedent member remove b --config FILE/],
    ['another port', 'listen = "127.0.0.1:0"', 'listen = "127.0.0.1:7"', /listen changed, which needs a restart/],
    ['what is no TOML', 'name = ', 'name ', /not valid TOML/],
  ])('refuses %s, and says what to do', async (_claim, from, to, message) => {
    const config = configure('[peers]\nb = "127.0.0.1:1"\n');
    const daemon = new Daemon(config);
    await daemon.events.take();
    edit(config, from, to);
    expect(await reload(daemon)).toMatchObject({
      code: 'E_CONFIG',
      message: expect.stringMatching(message) as unknown,
    });
    // Mended, it is taken.
    writeFileSync(config, readFileSync(config, 'utf8').replace(to === '' ? /$/ : to, from));
    if (to !== '') expect(await reload(daemon)).toBeUndefined();
  });

  test('that comes while it starts is heeded when it has started', async () => {
    const daemon = new Daemon(configure());
    const listening = new Promise<void>((resolve) => {
      daemon.signals.on('newListener', (signal) => {
        if (signal === 'SIGHUP') setImmediate(resolve);
      });
    });
    await within('a listener for signals', listening);
    expect(await reload(daemon)).toBeUndefined();
    expect(await daemon.events.take()).toMatchObject({ event: 'ready' });
  });
});

describe('the daemon', () => {
  test('says when it is ready, accepts broadcasts and prints deliveries, text as text and bytes as base64', async () => {
    const daemon = new Daemon(configure());
    const ready = await daemon.events.take();
    expect(ready).toMatchObject({ event: 'ready', name: 'a', incarnation: 1 });
    expect(ready['listen']).toMatch(/^127\.0\.0\.1:[1-9]\d*$/);
    daemon.send({ broadcast: 'text', ref: '1' }, { broadcastBase64: '/wA=', ref: '2', durable: 'all' });
    const events = [
      await daemon.events.take(),
      await daemon.events.take(),
      await daemon.events.take(),
      await daemon.events.take(),
    ];
    expect(events).toContainEqual({ event: 'accepted', ref: '1', seq: 1 });
    expect(events).toContainEqual({ event: 'accepted', ref: '2', seq: 2 });
    const delivered = { event: 'deliver', origin: 'a', incarnation: 1 };
    expect(events.filter(({ event }) => event === 'deliver')).toEqual([
      { ...delivered, seq: 1, position: 1, clock: { a: 1 }, payload: 'text' },
      { ...delivered, seq: 2, position: 2, clock: { a: 2 }, payloadBase64: '/wA=' },
    ]);
  });

  test('refuses a line it cannot read, and goes on', async () => {
    const daemon = new Daemon(configure('[limits]\nmessageBytesMax = 1000\n'));
    await daemon.events.take();
    daemon.send('what?', { brodcast: 'x', ref: '1' }, 'x'.repeat(20_000), { broadcast: 'x'.repeat(1001), ref: '2' });
    expect(await daemon.events.take()).toMatchObject({ event: 'refused', code: 'E_INPUT' });
    expect(await daemon.events.take()).toMatchObject({ event: 'refused', code: 'E_INPUT', ref: '1' });
    expect(await daemon.events.take()).toMatchObject({
      event: 'refused',
      code: 'E_INPUT',
      message: 'the line is longer than 10096 bytes',
    });
    expect(await daemon.events.take()).toMatchObject({ event: 'refused', code: 'E_MESSAGE_TOO_LARGE', ref: '2' });
    daemon.send({ broadcast: 'still here', ref: '3' });
    await daemon.events.takeWhere(({ event, ref }) => event === 'accepted' && ref === '3');
  });

  test('refuses lines while the disk is full, keeps what it has taken, and goes on by itself', async () => {
    leaveNoRoom();
    const daemon = new Daemon(configure('[timings]\nstorageRetryMs = 10\n'));
    await daemon.events.take();
    daemon.send({ broadcast: lastStraw, ref: '1' });
    expect(await daemon.events.take()).toMatchObject({ event: 'storage', state: 'blocked', code: 'E_DISK_FULL' });
    daemon.send({ broadcast: 'no', ref: '2' }, 'what?', { broadcast: 'no', ref: '3' });
    expect(await daemon.events.take()).toMatchObject({ event: 'refused', ref: '2', code: 'E_DISK_FULL' });
    expect(await daemon.events.take()).toMatchObject({ event: 'refused', code: 'E_INPUT' });
    expect(await daemon.events.take()).toMatchObject({ event: 'refused', ref: '3', code: 'E_DISK_FULL' });
    makeRoom();
    expect(await daemon.events.take()).toEqual({ event: 'storage', state: 'ok' });
    await daemon.events.takeWhere(({ event, ref, seq }) => event === 'accepted' && ref === '1' && seq === 1);
    daemon.send({ broadcast: 'yes', ref: '4' });
    await daemon.events.takeWhere(({ event, ref, seq }) => event === 'accepted' && ref === '4' && seq === 2);
  });

  test.each([
    [0, true],
    [1000, false],
  ])('run by user %i: warns in the log is %j', async (uid, warns) => {
    const getuid = vi.spyOn(process, 'getuid').mockReturnValue(uid);
    const daemon = new Daemon(configure());
    await daemon.events.take();
    getuid.mockRestore();
    expect(daemon.log.includes('running-as-root')).toBe(warns);
  });

  test('answers everything it has read when its input ends, and exits with 0', async () => {
    const daemon = new Daemon(configure());
    for (let ref = 1; ref <= 500; ref++) daemon.send({ broadcast: `message ${ref}`, ref: String(ref) });
    daemon.input.end();
    for (let ref = 1; ref <= 500; ref++) {
      expect(await daemon.events.takeWhere(({ event }) => event === 'accepted')).toMatchObject({
        ref: String(ref),
        seq: ref,
      });
    }
    expect(await daemon.exitCode()).toBe(0);
  });

  test('prints no delivery again after a restart', async () => {
    const config = configure();
    const first = new Daemon(config);
    first.send({ broadcast: 'one' });
    await first.events.takeWhere(({ event }) => event === 'deliver');
    first.input.end();
    expect(await first.exitCode()).toBe(0);
    const second = new Daemon(config);
    second.send({ broadcast: 'two' });
    expect(await second.events.takeWhere(({ event }) => event === 'deliver')).toMatchObject({ seq: 2, payload: 'two' });
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('drains and exits with 0 on %s', async (signal) => {
    const daemon = new Daemon(configure());
    await daemon.events.take();
    daemon.send({ broadcast: 'x', ref: '1' });
    await daemon.events.takeWhere(({ event }) => event === 'accepted');
    daemon.signals.emit(signal);
    expect(await daemon.exitCode()).toBe(0);
  });

  test('prints the deliveries of a reader that stops reading only when it reads again', async () => {
    const daemon = new Daemon(configure('[limits]\nmessageBytesMax = 100000\n'));
    await daemon.events.take();
    const { output } = daemon;
    output.pause();
    for (let ref = 1; ref <= 20; ref++) daemon.send({ broadcast: 'x'.repeat(50_000), ref: String(ref) });
    // Far less than what was broadcast: deliveries wait for the reader, not in memory.
    await within(
      'a full output',
      new Promise<void>((resolve) => (output.writableNeedDrain ? resolve() : setImmediate(poll, resolve))),
    );
    expect(output.readableLength + output.writableLength).toBeLessThan(200_000);
    output.resume();
    for (let seq = 1; seq <= 20; seq++) {
      expect(await daemon.events.takeWhere(({ event }) => event === 'deliver')).toMatchObject({ seq });
    }

    function poll(resolve: () => void): void {
      if (output.writableNeedDrain) resolve();
      else setImmediate(poll, resolve);
    }
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('ends at once on the second signal, %s with %i', async (signal, code) => {
    const daemon = new Daemon(configure());
    await daemon.events.take();
    daemon.signals.emit('SIGTERM');
    expect(daemon.exits).toEqual([]);
    daemon.signals.emit(signal);
    expect(daemon.exits).toEqual([code]);
    expect(await daemon.exitCode()).toBe(0);
  });

  test('goes on after SIGUSR1, and says in its log that it was ignored', async () => {
    const daemon = new Daemon(configure());
    await daemon.events.take();
    daemon.signals.emit('SIGUSR1');
    expect(daemon.log).toContain('signal-ignored');
    daemon.send({ broadcast: 'x', ref: '1' });
    await daemon.events.takeWhere(({ event }) => event === 'accepted');
  });

  test('may be stopped while it starts', async () => {
    const daemon = new Daemon(configure());
    const listening = new Promise<void>((resolve) => {
      daemon.signals.on('newListener', (signal) => {
        if (signal === 'SIGTERM') setImmediate(resolve);
      });
    });
    await within('a listener for signals', listening);
    await daemon.stop();
    expect(await daemon.exitCode()).toBe(0);
  });

  test('can be asked from the moment on at which it is ready until it stops', async () => {
    const config = configure();
    const daemon = new Daemon(config);
    await daemon.events.take();
    const directory = join(dirname(config), 'data');
    daemon.send({ broadcast: 'x', ref: '1' });
    await daemon.events.takeWhere(({ event }) => event === 'accepted');
    const status = await askNode(directory, { request: 'status' });
    expect(status).toMatchObject({ result: { name: 'a', state: 'running', seq: 1, storage: { state: 'ok' } } });
    const refused = await askNode(directory, { request: 'delivery-retry' });
    expect(refused).toMatchObject({ error: { code: 'E_STATE', message: 'no message waits to be applied again' } });
    expect(daemon.log).toContain('operator-request');
    daemon.input.end();
    expect(await daemon.exitCode()).toBe(0);
    await expect(askNode(directory, { request: 'status' })).rejects.toThrow(/no node runs/);
    expect(readdirSync(directory).filter((name) => name.startsWith('.'))).toEqual(['.lock']);
  });

  test('goes on without its control socket where it cannot have one', async () => {
    const config = configure();
    const directory = join(dirname(config), 'data');
    mkdirSync(directory, { mode: 0o700 });
    writeFileSync(join(directory, '.control'), '');
    const daemon = new Daemon(config);
    await daemon.events.take();
    expect(daemon.log).toContain('control-unavailable');
    daemon.send({ broadcast: 'x', ref: '1' });
    await daemon.events.takeWhere(({ event }) => event === 'accepted');
  });

  test('is refused a directory in use, which is no fault of the configuration', async () => {
    const config = configure();
    const first = new Daemon(config);
    await first.events.take();
    const second = new Daemon(config);
    const error = await second.exitCode().then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).toMatchObject({ code: 'E_LOCKED' });
    expect(exitCodeFor(error as AntecedentError)).toBe(3);
  });

  test('says where peers that speak pluto v0.4 reach it', async () => {
    const peer = `peers.old = { address = "127.0.0.1:1", protocol = "pluto-0.4" }\n[pluto]\nlisten = "127.0.0.1:0"\n`;
    const daemon = new Daemon(configure(peer));
    const ready = await daemon.events.take();
    expect(ready).toMatchObject({ event: 'ready', name: 'a' });
    expect(ready['plutoListen']).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(ready['plutoListen']).not.toBe(ready['listen']);
    daemon.send({ broadcast: 'line\nbreak', ref: '1' });
    const refused = await daemon.events.takeWhere(({ event }) => event === 'refused');
    expect(refused).toMatchObject({ ref: '1', code: 'E_PLUTO' });
  });

  test('needs a port for a peer that speaks pluto v0.4', async () => {
    const peer = `peers.old = { address = "x:1", protocol = "pluto-0.4", fingerprint = "sha256:${'00'.repeat(32)}" }\n`;
    const daemon = new Daemon(configure(peer));
    await expect(daemon.exitCode()).rejects.toThrow(/peers\.old speaks pluto v0\.4, which needs a port of its own/);
  });
});
