/** Section 1 of docs/FAULTS.md: rows that need real sockets. Rows W2 (with RST, through TLS) and W24. */
import * as net from 'node:net';
import * as tls from 'node:tls';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openNode, type AntecedentNode } from '../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { LinkParty, nowhere } from '../transport-tls/link-party.js';
import { Inbox, within } from '../transport-tls/waiting.js';

/** Small against a handshake of some 4,000 bytes, and a prime: resets fall on ever other places of its records. */
const stepBytes = 151;

let authority: TestAuthority;

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'b']);
});
afterAll(removeTestDirectories);

/** Passes connections on, and resets each after a number of bytes that grows from one to the next. */
class ResettingProxy {
  readonly #onReset: () => void;
  readonly #server: net.Server;
  #bytesMax = 0;

  constructor(targetPort: () => number, onReset: () => void) {
    this.#onReset = onReset;
    this.#server = net.createServer((near) => this.#pass(near, net.connect(targetPort(), '127.0.0.1')));
  }

  async listen(): Promise<number> {
    await within('the proxy', new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve)));
    const bound = this.#server.address();
    return typeof bound === 'object' && bound !== null ? bound.port : 0;
  }

  close(): void {
    this.#server.close();
  }

  #pass(near: net.Socket, far: net.Socket): void {
    const bytesMax = this.#bytesMax;
    this.#bytesMax += stepBytes;
    let bytes = 0;
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('error', () => {});
      from.on('close', () => to.destroy());
      from.on('data', (chunk: Buffer) => {
        const left = bytesMax - bytes;
        bytes += chunk.length;
        to.write(chunk.subarray(0, left));
        if (bytes < bytesMax) return;
        this.#onReset();
        near.resetAndDestroy();
        far.resetAndDestroy();
      });
    }
  }
}

test('W2: a connection that is reset at any place, of the TLS handshake too, is made again, and nothing is lost or doubled', async () => {
  let portOfB = 0;
  const outcomes = new Inbox<'reset' | 'all accepted'>('a reset');
  const proxy = new ResettingProxy(
    () => portOfB,
    () => outcomes.put('reset'),
  );
  const directory = makeTestDirectory('resets');
  const delivered = new Map<string, string[]>([
    ['a', []],
    ['b', []],
  ]);
  const arrived = new Inbox<string>('a delivery to b');
  const open = (name: string, peers: Readonly<Record<string, string>>): Promise<AntecedentNode> =>
    openNode({
      ...{ name, cluster: 'demo', dataDir: `${directory}/${name}`, listen: '127.0.0.1:0', peers },
      tls: authority.files(name),
      logger: { log: () => {} },
      timings: { backoffMs: 1, backoffMaxMs: 2 },
      transport: { handshakesPerSecondMax: 10_000, pendingMax: 1000, pendingPerAddressMax: 1000, lingerMs: 100 },
      apply: ({ payload }) => {
        const message = new TextDecoder().decode(payload);
        delivered.get(name)?.push(message);
        if (name === 'b') arrived.put(message);
      },
    });
  // Nobody listens there: b is dialled, and through the proxy.
  await using b = await open('b', { a: '127.0.0.1:1' });
  portOfB = Number(b.address.split(':')[1]);
  await using a = await open('a', { b: `127.0.0.1:${await proxy.listen()}` });
  const sent: string[] = [];
  const accepted: Promise<unknown>[] = [];
  // Until a connection carries everything that there is to say before its bytes are used up.
  for (let outcome = 'reset'; outcome === 'reset'; outcome = await outcomes.take()) {
    const text = `message ${sent.length}`;
    sent.push(text);
    accepted.push(a.broadcast(new TextEncoder().encode(text), { durable: 'all' }));
    void Promise.all(accepted).then(() => outcomes.put('all accepted'));
  }
  expect(sent.length * stepBytes).toBeGreaterThan(3_000);
  // Of an earlier round it may have been; the connections that are still reset carry more each time.
  await within('acceptance of all', Promise.all(accepted));
  await arrived.takeWhere((message) => message === sent.at(-1));
  expect(delivered.get('b')).toEqual(sent);
  expect(delivered.get('a')).toEqual(sent);
  proxy.close();
});

test('W24: a link can be neither renegotiated nor compressed: TLS 1.3 knows neither, and it goes on', async () => {
  const a = new LinkParty('a', authority.files('a'), { b: nowhere });
  const address = await a.listen();
  const { ca, cert, key } = authority.files('b');
  const socket = tls.connect({
    ...address,
    ...{ ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) },
    ALPNProtocols: ['antecedent/1'],
    checkServerIdentity: () => undefined,
  });
  socket.on('error', () => {});
  const { link, chunks } = await a.accepted.take();
  expect(socket.getProtocol()).toBe('TLSv1.3');
  const refused = new Promise((resolve) => socket.renegotiate({}, resolve));
  expect(await within('an answer', refused)).toMatchObject({ code: 'ERR_SSL_WRONG_SSL_VERSION' });
  socket.write(Uint8Array.of(7));
  expect([...(await chunks.take())]).toEqual([7]);
  link.close();
  socket.destroy();
  await a.close();
});
