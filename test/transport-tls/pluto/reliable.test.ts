/** `reliableConnect` and `reliableSend` against a node of pluto v0.4. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openNode, showCertificate } from '../../../transport-tls/index.js';
import { formatMessage, reliableConnect, reliableSend, type ReliableTls } from '../../../transport-tls/pluto/index.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority, type PemPaths } from '../../support/certificates.js';
import { PlutoNode, type AppliedMessage } from '../../support/pluto-node.js';
import { freePorts } from '../free-ports.js';
import { Inbox, within } from '../waiting.js';

let authority: TestAuthority;
let foreign: TestAuthority;
let port = 0;
const open: PlutoNode[] = [];

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['me', 'old']);
  foreign = await TestAuthority.make('demo', ['me']);
});
afterEach(async () => {
  for (const node of open.splice(0)) await node.stop();
});
afterAll(removeTestDirectories);

function tlsOf(files: PemPaths, more: Partial<ReliableTls> = {}): ReliableTls {
  return { ...files, fingerprint: `sha256:${showCertificate(authority.files('old').cert).sha256}`, ...more };
}

function line(count: number): string {
  return formatMessage({ sender: 'me', clock: [['me', count]], payload: `message ${count}` });
}

async function plutoNode(): Promise<{ readonly node: PlutoNode; readonly applied: Inbox<AppliedMessage> }> {
  [port = 0] = await freePorts(1);
  const applied = new Inbox<AppliedMessage>('a message');
  const node = new PlutoNode({
    ...{ name: 'old', files: authority.files('old'), port, nodes: { me: 1 }, endsConnections: true },
    onApply: (message) => applied.put(message),
  });
  open.push(node);
  return { node, applied };
}

const address = (): string => `127.0.0.1:${port}`;

test('a connection is made as soon as there is somebody, and each message gets one', async () => {
  const { node, applied } = await plutoNode();
  const connecting = reliableConnect(address(), tlsOf(authority.files('me')), { retryMs: 5 });
  await node.start();
  using connection = await within('a connection', connecting);
  for (const count of [1, 2, 3]) await within('a message', reliableSend(connection, line(count), { retryMs: 5 }));
  expect([(await applied.take()).payload, (await applied.take()).payload, (await applied.take()).payload]).toEqual([
    'message 1',
    'message 2',
    'message 3',
  ]);
  expect(connection.address).toBe(address());
});

test('a message waits until the node is back', async () => {
  const { node, applied } = await plutoNode();
  await node.start();
  using connection = await reliableConnect(address(), tlsOf(authority.files('me')));
  await node.stop();
  const sending = reliableSend(connection, line(1), { retryMs: 5 });
  await node.start();
  await within('a message', sending);
  expect((await applied.take()).payload).toBe('message 1');
});

test('the IP address in the certificate is enough', async () => {
  const { node, applied } = await plutoNode();
  await node.start();
  using connection = await reliableConnect(address(), authority.files('me'));
  await reliableSend(connection, line(1));
  expect((await applied.take()).payload).toBe('message 1');
});

test('who has another certificate is not spoken to', async () => {
  const { node } = await plutoNode();
  await node.start();
  const fingerprint = `sha256:${'00'.repeat(32)}`;
  const connecting = reliableConnect(address(), tlsOf(authority.files('me'), { fingerprint }));
  await expect(within('a refusal', connecting)).rejects.toMatchObject({ code: 'E_IDENTITY' });
  expect(node.received).toEqual([]);
});

test('who has a certificate of another CA is not spoken to', async () => {
  const { cert, key } = authority.files('old');
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
  const connecting = reliableConnect(address(), tlsOf(foreign.files('me')));
  await expect(within('a refusal', connecting)).rejects.toMatchObject({ code: 'E_TLS_REFUSED' });
  server.close();
});

test('a signal ends the waiting', async () => {
  await plutoNode();
  const controller = new AbortController();
  const connecting = reliableConnect(address(), tlsOf(authority.files('me')), {
    signal: controller.signal,
    retryMs: 5,
  });
  controller.abort(new Error('enough'));
  await expect(within('the end', connecting)).rejects.toThrow('enough');
  const aborted = AbortSignal.abort(new Error('before it began'));
  await expect(reliableConnect(address(), tlsOf(authority.files('me')), { signal: aborted })).rejects.toThrow(
    'before it began',
  );
});

test('a signal ends the sending', async () => {
  const { node } = await plutoNode();
  await node.start();
  using connection = await reliableConnect(address(), tlsOf(authority.files('me')));
  await node.stop();
  const controller = new AbortController();
  const sending = reliableSend(connection, line(1), { signal: controller.signal, retryMs: 5 });
  controller.abort(new Error('enough'));
  await expect(within('the end', sending)).rejects.toThrow('enough');
});

test('a text with a line break is refused', async () => {
  const { node } = await plutoNode();
  await node.start();
  using connection = await reliableConnect(address(), tlsOf(authority.files('me')));
  await expect(reliableSend(connection, 'two\nlines')).rejects.toMatchObject({ code: 'E_PLUTO' });
});

test('what cannot be an address, a certificate or a fingerprint is said at once', async () => {
  const files = authority.files('me');
  await expect(reliableConnect('nonsense', files)).rejects.toMatchObject({ code: 'E_CONFIG' });
  await expect(reliableConnect('old.example:1', files)).rejects.toThrow(/give the fingerprint/);
  await expect(reliableConnect('127.0.0.1:1', { ...files, fingerprint: 'md5:00' })).rejects.toThrow(/64 hexadecimal/);
  await expect(reliableConnect('127.0.0.1:1', { ...files, key: '/nowhere' })).rejects.toThrow(/private key/);
});

test('a node of ours takes what is sent so, over TLS 1.3', async () => {
  const [own = 0] = await freePorts(1);
  const delivered = new Inbox<string>('a delivery');
  const me = authority.files('me');
  await using node = await openNode({
    ...{ name: 'old', cluster: 'demo', dataDir: makeTestDirectory('reliable'), listen: `127.0.0.1:${own}` },
    pluto: { listen: '127.0.0.1:0' },
    peers: {
      me: {
        address: '127.0.0.1:1',
        protocol: 'pluto-0.4',
        fingerprint: `sha256:${showCertificate(me.cert).sha256}`,
      },
    },
    tls: authority.files('old'),
    apply: ({ payload }) => delivered.put(new TextDecoder().decode(payload)),
  });
  using connection = await reliableConnect(node.plutoAddress ?? '', tlsOf(me));
  await reliableSend(connection, line(1));
  await reliableSend(connection, line(2));
  expect([await delivered.take(), await delivered.take()]).toEqual(['message 1', 'message 2']);
});
