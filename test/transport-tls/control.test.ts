/** The control socket: how it is found, who may use it, and that no client can hurt the node. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { askNode } from '../../transport-tls/control-client.js';
import { requestBytesMax, type ControlRequest } from '../../transport-tls/control-protocol.js';
import { openControl, type ControlLimits, type ControlServer } from '../../transport-tls/control-server.js';
import { atControlSocket } from '../../transport-tls/control-socket.js';
import { inspectLog, lockDirectory } from '../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories } from '../support/certificates.js';
import { writeSampleLog } from '../support/log-writer.js';
import { Inbox, within } from './waiting.js';

let directory: string;
let socketPath: string;
const opened: ControlServer[] = [];
const sockets: Socket[] = [];

beforeEach(() => {
  directory = makeTestDirectory('control');
  socketPath = join(directory, '.control');
});
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const server of opened.splice(0)) server.close();
});
afterAll(removeTestDirectories);

type Handle = (request: ControlRequest) => Promise<unknown>;
const echo: Handle = (request) => Promise.resolve({ heard: request });

async function open(
  handle: Handle = echo,
  limits: ControlLimits = { connectionsMax: 4, idleMs: 60_000 },
  where = directory,
): Promise<ControlServer> {
  const server = await openControl(where, handle, { log: () => undefined }, limits);
  opened.push(server);
  return server;
}

/** A client that says what it likes. */
class Client {
  readonly socket: Socket;
  readonly lines = new Inbox<unknown>('an answer');
  readonly #closed: Promise<unknown>;

  constructor(where = directory) {
    this.socket = atControlSocket(where, (path) => connect({ path }));
    sockets.push(this.socket);
    this.socket.on('error', () => undefined);
    this.#closed = new Promise((resolve) => this.socket.once('close', resolve));
    let rest = '';
    this.socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.lines.put(JSON.parse(line));
    });
  }

  send(text: string): void {
    this.socket.write(text);
  }

  async closed(): Promise<void> {
    await within('the end of the connection', this.#closed);
  }
}

const statusLine = '{"request":"status"}\n';
const statusAnswer = { result: { heard: { request: 'status' } } };

describe('the control socket', () => {
  test('is for its owner alone, whatever the umask', async () => {
    const before = process.umask(0);
    try {
      await open();
    } finally {
      process.umask(before);
    }
    expect(fs.statSync(socketPath).mode & 0o777).toBe(0o600);
    expect(fs.readdirSync(directory)).toEqual(['.control']);
  });

  test('answers a request', async () => {
    await open();
    expect(await askNode(directory, { request: 'status' })).toEqual(statusAnswer);
    const add = { request: 'member-add', name: 'd', address: 'x:1' } as const;
    expect(await askNode(directory, add)).toEqual({ result: { heard: add } });
  });

  test('is gone when it is closed, and whoever is connected is cut off', async () => {
    const server = await open();
    const client = new Client();
    client.send(statusLine);
    await client.lines.take();
    server.close();
    server.close();
    await client.closed();
    expect(fs.readdirSync(directory)).toEqual([]);
  });

  test.each([80, 200])('is found behind a path longer than a socket may have: %i and more bytes', async (length) => {
    const long = join(directory, 'x'.repeat(length), 'y'.repeat(length));
    fs.mkdirSync(long, { recursive: true });
    await open(echo, undefined, long);
    expect(await askNode(long, { request: 'status' })).toEqual(statusAnswer);
    expect(fs.readdirSync(long)).toEqual(['.control']);
    opened.splice(0).forEach((server) => server.close());
    expect(fs.readdirSync(long)).toEqual([]);
    // Node would have cut the path off, and put the socket somewhere above.
    expect(fs.readdirSync(directory)).toEqual(['x'.repeat(length)]);
  });

  test('replaces what a killed process has left', async () => {
    const script = `require('node:net').createServer().listen(process.argv[1], () => console.log('listening'));`;
    const child = spawn(process.execPath, ['-e', script, socketPath], { stdio: ['ignore', 'pipe', 'inherit'] });
    await within('a listening process', once(child.stdout, 'data'));
    child.kill('SIGKILL');
    await once(child, 'close');
    expect(fs.lstatSync(socketPath).isSocket()).toBe(true);
    await expect(askNode(directory, { request: 'status' })).rejects.toMatchObject({ code: 'E_UNREACHABLE' });
    await open();
    expect(await askNode(directory, { request: 'status' })).toEqual(statusAnswer);
  });

  test('replaces what a process has left that was killed while it made one', async () => {
    fs.mkdirSync(join(directory, '.control-new'));
    fs.writeFileSync(join(directory, '.control-new', '.control'), '');
    await open();
    expect(await askNode(directory, { request: 'status' })).toEqual(statusAnswer);
  });

  test('does not replace what is no socket', async () => {
    fs.writeFileSync(socketPath, 'mine');
    await expect(open()).rejects.toMatchObject({ code: 'E_STORAGE' });
    expect(fs.readFileSync(socketPath, 'utf8')).toBe('mine');
    expect(fs.readdirSync(directory)).toEqual(['.control']);
  });

  test('leaves the socket of the next node alone', async () => {
    const first = await open();
    await open();
    first.close();
    expect(await askNode(directory, { request: 'status' })).toEqual(statusAnswer);
  });

  test('is no part of the log', async () => {
    await writeSampleLog(directory);
    const before = await inspectLog(directory);
    await open();
    expect(await inspectLog(directory)).toEqual(before);
  });
});

describe('a client', () => {
  test('may ask many times, also all at once, and is answered in order', async () => {
    await open();
    const client = new Client();
    const names = Array.from({ length: 20 }, (_, index) => `n${index}`);
    client.send(names.map((name) => `{"request":"member-remove","name":"${name}"}\n`).join(''));
    for (const name of names) {
      expect(await client.lines.take()).toEqual({ result: { heard: { request: 'member-remove', name } } });
    }
  });

  test.each([
    ['no JSON', 'what?', /not JSON/],
    ['bytes that are no text', Buffer.from([0xff, 0x00, 0x16, 0x03]).toString('latin1'), /not JSON/],
    ['no object', '[1]', /no JSON object/],
    ['nothing', '', /not JSON/],
    ['no request', '{}', /request must be one of status, member-add/],
    ['a request that there is not', '{"request":"statsu"}', /unknown request "statsu": did you mean "status"/],
    ['the name of an inherited property', '{"request":"constructor"}', /unknown request "constructor"/],
    ['a key too many', '{"request":"member-remove","name":"d","force":true}', /unknown key "force"/],
    ['a key too few', '{"request":"member-add","name":"d"}', /address must be a text/],
    ['a position that is none', '{"request":"delivery-skip","position":"3","reason":"x"}', /position must be/],
    ['a reason that is none', '{"request":"delivery-skip","position":3,"reason":""}', /reason must be a text/],
    ['a reason without end', `{"request":"delivery-skip","position":3,"reason":"${'x'.repeat(2000)}"}`, /at most 1000/],
  ])('that says %s is told so, and may go on', async (_claim, line, message) => {
    await open();
    const client = new Client();
    client.send(`${line}\n`);
    const error: unknown = expect.objectContaining({
      code: 'E_INPUT',
      message: expect.stringMatching(message) as unknown,
    });
    expect(await client.lines.take()).toEqual({ error });
    client.send(statusLine);
    expect(await client.lines.take()).toEqual(statusAnswer);
  });

  test('that sends a line without end takes no memory, and is told so', async () => {
    await open();
    const client = new Client();
    for (let sent = 0; sent < 64; sent++) client.send('x'.repeat(requestBytesMax));
    client.send(`\n${statusLine}`);
    expect(await client.lines.take()).toMatchObject({ error: { code: 'E_INPUT', message: /longer than 16384 bytes/ } });
    expect(await client.lines.take()).toEqual(statusAnswer);
  });

  test.each([
    ['says nothing', ''],
    ['never ends its line', '{"request":'],
  ])('that %s is cut off', async (_claim, text) => {
    await open(echo, { connectionsMax: 4, idleMs: 20 });
    const client = new Client();
    if (text !== '') client.send(text);
    await client.closed();
  });

  test('that reads no answers is cut off, and held back meanwhile', async () => {
    let answered = 0;
    const long = 'x'.repeat(1 << 20);
    await open(
      () => {
        answered++;
        return Promise.resolve(long);
      },
      { connectionsMax: 4, idleMs: 50 },
    );
    const client = new Client();
    client.socket.pause();
    client.send(statusLine.repeat(500));
    // Who does not read sees the end only by what it writes.
    await within('the end of it', untilGone(client));
    expect(answered).toBeLessThan(100);
  });

  test('too many are turned away, and those who are there are answered', async () => {
    await open(echo, { connectionsMax: 2, idleMs: 60_000 });
    const clients = [new Client(), new Client()];
    for (const client of clients) {
      client.send(statusLine);
      expect(await client.lines.take()).toEqual(statusAnswer);
    }
    const third = new Client();
    await third.closed();
    clients[0]?.send(statusLine);
    expect(await clients[0]?.lines.take()).toEqual(statusAnswer);
  });

  test('that goes away while the node works for it leaves the others as they were', async () => {
    const begun = new Inbox<() => void>('a request');
    await open((request) =>
      request.request === 'status' ? echo(request) : new Promise((resolve) => begun.put(() => resolve(null))),
    );
    const gone = new Client();
    gone.send('{"request":"delivery-retry"}\n');
    const finish = await begun.take();
    gone.socket.destroy();
    await gone.closed();
    finish();
    expect(await askNode(directory, { request: 'status' })).toEqual(statusAnswer);
  });

  test('is told what the node throws', async () => {
    await open(() => Promise.reject(new Error('no')));
    expect(await askNode(directory, { request: 'status' })).toEqual({ error: { code: 'E_STATE', message: 'no' } });
  });
});

async function untilGone(client: Client): Promise<void> {
  while (!client.socket.destroyed) {
    client.send('x');
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('whoever asks', () => {
  test('where no node runs is told how to start one', async () => {
    await expect(askNode(directory, { request: 'status' })).rejects.toThrow(
      /no node runs in .*; start it with: antecedent node/,
    );
  });

  test('where there is no directory is told that', async () => {
    await expect(askNode(join(directory, 'none'), { request: 'status' })).rejects.toThrow(/there is no directory/);
  });

  test('a process that has no control socket is told which one that is', async () => {
    const lock = lockDirectory(directory);
    await expect(askNode(directory, { request: 'status' })).rejects.toThrow(
      new RegExp(
        `a process \\(pid ${process.pid}\\) uses .* but cannot be asked: .*a program that has opened the node itself`,
      ),
    );
    lock.release();
  });

  test('a node that does not answer gives up in time', async () => {
    await open(() => new Promise(() => undefined));
    await expect(askNode(directory, { request: 'status' }, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'E_TIMEOUT',
    });
  });

  test.each(['gibberish\n', '{"neither":1}\n', '{"error":"x"}\n', 'x'.repeat(100)])(
    'something that is no node is not believed: %j',
    async (answer) => {
      const server = createServer((socket) => socket.end(answer));
      await new Promise<void>((resolve) => server.listen(socketPath, resolve));
      const code: unknown = expect.stringMatching(/^E_(VERSION|CLOSED)$/);
      await expect(askNode(directory, { request: 'status' })).rejects.toMatchObject({ code });
      server.close();
    },
  );
});
