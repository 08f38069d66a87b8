/** What a port for pluto v0.4 peers must survive: nothing of it is stored, and the peer is heard as before; and what it may not refuse. */
import { readFileSync } from 'node:fs';
import { connect as connectPlain } from 'node:net';
import * as tls from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Delivery } from '../../../core/index.js';
import { openNode, showCertificate, type AntecedentNode, type OpenNodeOptions } from '../../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority, type PemPaths } from '../../support/certificates.js';
import type { LogLine } from '../link-party.js';
import { Inbox, within } from '../waiting.js';

let authority: TestAuthority;
let foreign: TestAuthority;
let node: AntecedentNode;
let log: Inbox<LogLine>;
let delivered: Inbox<Delivery>;

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'old', 'older', 'other']);
  foreign = await TestAuthority.make('demo', ['old']);
});
beforeEach(async () => {
  log = new Inbox<LogLine>('a log line');
  delivered = new Inbox<Delivery>('a delivery');
  node = await openNode({
    name: 'a',
    cluster: 'demo',
    dataDir: makeTestDirectory('pluto'),
    listen: '127.0.0.1:0',
    pluto: { listen: '127.0.0.1:0' },
    peers: { old: peer('old'), older: peer('older') },
    tls: authority.files('a'),
    logger: { log: (level, event, fields) => log.put({ level, event, ...fields }) },
    apply: (delivery) => delivered.put(delivery),
  });
});
afterEach(() => node.close());
afterAll(removeTestDirectories);

function peer(name: string): NonNullable<OpenNodeOptions['peers']>[string] {
  const { sha256 } = showCertificate(authority.files(name).cert);
  return { address: '127.0.0.1:1', protocol: 'pluto-0.4', fingerprint: `sha256:${sha256}` };
}

function port(): number {
  return Number(node.plutoAddress?.split(':').at(-1));
}

/** Connects as whoever has these files. */
async function dial(files: Partial<PemPaths>, localAddress = '127.0.0.1'): Promise<tls.TLSSocket> {
  const pem = Object.fromEntries(Object.entries(files).map(([name, path]) => [name, readFileSync(path)]));
  const socket = tls.connect({
    ...{ host: '127.0.0.1', port: port(), localAddress, ...pem },
    checkServerIdentity: () => undefined,
  });
  socket.on('error', () => undefined);
  socket.resume();
  await within(
    'a handshake, or its end',
    new Promise((resolve) => socket.on('secureConnect', resolve).on('close', resolve)),
  );
  return socket;
}

/** Writes it, and waits for the other end to end the connection. Returns how much has left. */
async function pour(socket: tls.TLSSocket, chunks: Iterable<string | Uint8Array>): Promise<number> {
  const closed = new Promise((resolve) => {
    if (socket.closed) resolve(undefined);
    else socket.on('close', resolve);
  });
  for (const chunk of chunks) {
    if (!socket.writable) break;
    if (!socket.write(chunk)) await Promise.race([closed, new Promise((resolve) => socket.once('drain', resolve))]);
  }
  await within('the end of the connection', closed);
  return socket.bytesWritten;
}

async function isRefusedWith(code: string): Promise<void> {
  const line = await log.takeWhere(({ event }) => event === 'link-refused' || event === 'refused');
  expect(line.code).toBe(code);
}

/** Nothing was stored, and the peer is heard. */
async function goesOn(): Promise<void> {
  expect(node.status().logs.find(({ origin }) => origin === 'old')?.durableSeq ?? 0).toBe(0);
  await pour(await dial(authority.files('old')), ['> ping <\r\n', '> ping <\r\n', 'old|old:1;a:0|', 'fine\r\n']);
  expect(new TextDecoder().decode((await delivered.take()).payload)).toBe('fine');
}

function* repeat(text: string, times: number): Iterable<string> {
  for (let time = 0; time < times; time++) yield text;
}

describe('refused is', () => {
  test.each([
    ['garbage', ['\x00\xff garbage \x80\r\n'], 'E_PLUTO'],
    ['an end of line alone', ['\r\n'], 'E_PLUTO'],
    ['the line of a stranger', ['stranger|stranger:1|x\r\n'], 'E_IDENTITY'],
    ['a forged sender', ['a|a:1|x\r\n'], 'E_IDENTITY'],
    ['a clock with a stranger', ['old|old:1;stranger:1|x\r\n'], 'E_UNKNOWN_MEMBER'],
    ['a clock without the sender', ['old|a:0|x\r\n'], 'E_CLOCK'],
    ['HTTP', ['GET / HTTP/1.1\r\nHost: x\r\n\r\n'], 'E_PLUTO'],
    ['ten million separators', ['old|', ...repeat(';'.repeat(100_000), 100), '|x\r\n'], 'E_PLUTO'],
  ])('%s', async (_, chunks, code) => {
    await pour(await dial(authority.files('old')), chunks);
    await isRefusedWith(code);
    await goesOn();
  });

  test('a line of 100 MiB, when it is longer than any message', async () => {
    const written = await pour(await dial(authority.files('old')), repeat('x'.repeat(1 << 20), 100));
    // What did not fit was never taken in; the rest lies in the buffers of the system.
    expect(written).toBeLessThan(50 << 20);
    await isRefusedWith('E_PLUTO');
    await goesOn();
  });

  test('another certificate of the same CA', async () => {
    await pour(await dial(authority.files('other')), ['old|old:1|x\r\n']);
    await isRefusedWith('E_NOT_MEMBER');
    await goesOn();
  });

  test('a certificate of another CA, and none', async () => {
    await pour(await dial({ ...foreign.files('old'), ca: authority.files('old').ca }), ['old|old:1|x\r\n']);
    await isRefusedWith('E_TLS_REFUSED');
    await pour(await dial({ ca: authority.files('old').ca }), ['old|old:1|x\r\n']);
    await isRefusedWith('E_TLS_REFUSED');
    await goesOn();
  });

  test('plain TCP', async () => {
    const socket = connectPlain(port(), '127.0.0.1', () => socket.write('old|old:1|x\r\n'));
    socket.on('error', () => undefined);
    socket.resume();
    await within('the end of the connection', new Promise((resolve) => socket.on('close', resolve)));
    await isRefusedWith('E_TLS_REFUSED');
    await goesOn();
  });

  test('TLS 1.1', async () => {
    const { ca, cert, key } = authority.files('old');
    const pem = { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) };
    const socket = tls.connect({ host: '127.0.0.1', port: port(), ...pem, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' });
    await within('a refusal', new Promise((resolve) => socket.on('error', resolve)));
    await goesOn();
  });
});

describe('ignored is', () => {
  test('what comes behind the first message of a connection', async () => {
    await pour(await dial(authority.files('old')), ['old|old:1|first\r\nold|old:2|lost\r\n', 'x'.repeat(1_000_000)]);
    expect(new TextDecoder().decode((await delivered.take()).payload)).toBe('first');
    expect(node.status().logs.find(({ origin }) => origin === 'old')?.durableSeq).toBe(1);
  });

  test('a connection that ends before its line does, byte by byte', async () => {
    const line = '> ping <\r\nold|old:1|cut\r\n';
    for (let length = 0; length < line.length - 1; length++) {
      const socket = await dial(authority.files('old'));
      socket.end(line.slice(0, length));
      await within('the end of the connection', new Promise((resolve) => socket.on('close', resolve)));
    }
    await goesOn();
  });
});

test('a line in as many pieces as it has bytes is read like any other', async () => {
  const socket = await dial(authority.files('old'));
  socket.setNoDelay(true);
  await pour(socket, '> ping <\r\n> ping <\r\nold|old:1|in pieces\r\n'.split(''));
  expect(new TextDecoder().decode((await delivered.take()).payload)).toBe('in pieces');
});

describe('not refused is', () => {
  /** As v0.4 sends: over a connection of its own, which it leaves to us. */
  async function send(name: string, text: string, localAddress?: string): Promise<void> {
    (await dial(authority.files(name), localAddress)).write(text);
  }

  async function payloads(count: number): Promise<readonly string[]> {
    const all: string[] = [];
    while (all.length < count) all.push(new TextDecoder().decode((await delivered.take()).payload));
    return all;
  }

  async function refusals(): Promise<readonly LogLine[]> {
    const all: LogLine[] = [];
    while (log.size > 0) all.push(await log.take());
    return all.filter(({ event }) => event === 'link-refused' || event === 'refused');
  }

  test('a peer that sends as fast as it can, and ends no connection', async () => {
    const expected: string[] = [];
    for (let seq = 1; seq <= 500; seq++) {
      await send('old', `old|old:${seq}|message ${seq}\r\n`);
      expected.push(`message ${seq}`);
    }
    expect(await payloads(500)).toEqual(expected);
    expect(await refusals()).toEqual([]);
  });

  test('what comes in front of a gap, however much; nor does it keep others out', async () => {
    const late = await dial(authority.files('old'));
    // More than are read at once. Whoever waits behind them has no answer to its handshake.
    const early = Array.from({ length: 300 }, (_, index) =>
      send('old', `old|old:${index + 2}|message ${index + 2}\r\n`),
    );
    await send('older', 'older|older:1|of another one\r\n', '127.0.0.2');
    expect(await payloads(1)).toEqual(['of another one']);
    late.write('old|old:1|message 1\r\n');
    await Promise.all(early);
    expect(await payloads(301)).toEqual(Array.from({ length: 301 }, (_, index) => `message ${index + 1}`));
    expect(await refusals()).toEqual([]);
  });
});
