/** A line that is sent again, when the network has kept the first one back: it may not arrive a second time behind later ones. */
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { nodeName, type LineConnection, type LineOutcome } from '../../../core/index.js';
import { showCertificate } from '../../../transport-tls/index.js';
import { defaultTlsLimits } from '../../../transport-tls/links.js';
import { TlsLines } from '../../../transport-tls/pluto/lines.js';
import { SystemClock } from '../../../transport-tls/clock.js';
import { removeTestDirectories, TestAuthority } from '../../support/certificates.js';
import { PlutoNode } from '../../support/pluto-node.js';
import { freePorts } from '../free-ports.js';
import { within } from '../waiting.js';

const old = nodeName('old');

/** A network on loopback that keeps back what is sent to the peer once it is told to. */
class SlowNetwork {
  readonly #server: Server;
  /** Bytes that are kept back, for each connection in the order in which they came. */
  readonly kept: { readonly near: Socket; readonly far: Socket; readonly chunks: Buffer[] }[] = [];
  keepsBack = false;

  constructor(target: number) {
    // What the network keeps back may be the end of a connection, too.
    this.#server = createServer({ allowHalfOpen: true }, (near) => {
      const far = connect(target, '127.0.0.1');
      const chunks: Buffer[] = [];
      this.kept.push({ near, far, chunks });
      far.on('error', () => undefined).on('data', (chunk) => near.write(chunk));
      near.on('data', (chunk) => {
        if (this.keepsBack) chunks.push(chunk);
        else far.write(chunk);
      });
      near.on('error', () => undefined);
    });
  }

  async open(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  /** Whether the sender has dropped each connection: then nothing can be told to it any more. Call this last, for it tells nonsense. */
  areReset(): Promise<readonly boolean[]> {
    const reset = this.kept.map(
      ({ near }) => new Promise<boolean>((resolve) => near.write('?', (error) => resolve(!!error))),
    );
    return Promise.all(reset);
  }

  close(): void {
    this.#server.close();
    for (const { far, near } of this.kept) {
      far.destroy();
      near.destroy();
    }
  }
}

let authority: TestAuthority;
let peer: PlutoNode;
let network: SlowNetwork;
let lines: TlsLines;

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'old']);
});
beforeEach(async () => {
  const [port = 0] = await freePorts(1);
  peer = new PlutoNode({ name: 'old', files: authority.files('old'), port, nodes: { a: 1 } });
  await peer.start();
  network = new SlowNetwork(port);
  const files = authority.files('a');
  const pem = (path: string): string => readFileSync(path, 'utf8');
  const { sha256: fingerprint } = showCertificate(authority.files('old').cert);
  const address = { host: '127.0.0.1', port: await network.open() };
  lines = new TlsLines({
    listen: { host: '127.0.0.1', port: 0 },
    peers: new Map([[old, { name: old, address, fingerprint }]]),
    credentials: { ca: pem(files.ca), cert: pem(files.cert), key: pem(files.key) },
    messageBytesMax: 1_000,
    // Connections stay open until the test is over.
    limits: { ...defaultTlsLimits, lingerMs: 600_000 },
    clock: new SystemClock(),
    logger: { log: () => undefined },
  });
});
afterEach(async () => {
  await new Promise<void>((resolve) => lines.close(resolve));
  network.close();
  await peer.stop();
});
afterAll(removeTestDirectories);

async function send(text: string): Promise<LineOutcome> {
  const connection = await within(
    'a connection',
    new Promise<LineConnection>((resolve, reject) => {
      lines.connect(old, ({ error, value }) => (error === undefined ? resolve(value) : reject(error)));
    }),
  );
  // From here on the line is under way.
  network.keepsBack = true;
  const outcome = new Promise<LineOutcome>((resolve) => connection.send(new TextEncoder().encode(text), resolve));
  return await within('an outcome', outcome).finally(() => (network.keepsBack = false));
}

test('the connection of the first attempt is reset, so that the system sends nothing of it any more', async () => {
  expect(await send('a|a:1|one')).toEqual({ type: 'sent', isDoubtful: false });
  expect(await send('a|a:1|one')).toEqual({ type: 'sent', isDoubtful: false });
  expect(await network.areReset()).toEqual([true, false]);
});

test('the connection of the line before is left alone: what it holds is needed, and comes in time', async () => {
  await send('a|a:1|one');
  await send('a|a:2|two');
  await send('a|a:2|two');
  // It all arrives after all, the last one first.
  for (const { chunks, far } of network.kept.toReversed()) for (const chunk of chunks) far.write(chunk);
  await within(
    'both messages',
    (async () => {
      while (peer.applied.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    })(),
  );
  expect(peer.applied.map(({ payload }) => payload)).toEqual(['one', 'two']);
  expect(await network.areReset()).toEqual([false, true, false]);
});

test('what was sent last is dropped when the port is closed: the next process sends it again', async () => {
  await send('a|a:1|one');
  await new Promise<void>((resolve) => lines.close(resolve));
  expect(await network.areReset()).toEqual([true]);
});
