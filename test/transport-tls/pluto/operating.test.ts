/** A node with a peer that speaks pluto v0.4, as its operator sees it. */
import * as tls from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  openNode,
  showCertificate,
  type AntecedentNode,
  type OpenNodeOptions,
  type PeerEvent,
} from '../../../transport-tls/index.js';
import { makeTestDirectory, removeTestDirectories, TestAuthority } from '../../support/certificates.js';
import { PlutoNode } from '../../support/pluto-node.js';
import type { LogLine } from '../link-party.js';
import { quietPorts } from '../quiet-port.js';
import { Inbox, within } from '../waiting.js';

let authority: TestAuthority;
let ports: readonly number[] = [];
let log: Inbox<LogLine>;
let events: Inbox<PeerEvent>;
const open: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'a-for-pluto', 'old', 'other']);
});
afterEach(async () => {
  for (const one of open.splice(0)) await one.close();
});
afterAll(removeTestDirectories);

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

async function optionsWith(more: Partial<OpenNodeOptions> = {}): Promise<OpenNodeOptions> {
  ports = await quietPorts(3);
  log = new Inbox<LogLine>('a log line');
  events = new Inbox<PeerEvent>('a peer that comes or goes');
  return {
    name: 'a',
    cluster: 'demo',
    dataDir: makeTestDirectory('pluto'),
    listen: `127.0.0.1:${ports[0] ?? 0}`,
    pluto: { listen: `127.0.0.1:${ports[1] ?? 0}` },
    peers: { old: plutoPeer('old') },
    tls: authority.files('a'),
    timings: { backoffMs: 10, backoffMaxMs: 50 },
    logger: { log: (level, event, fields) => log.put({ level, event, ...fields }) },
    onPeer: (event) => events.put(event),
    apply: () => undefined,
    ...more,
  };
}

/** Reached where old listens, and known by the certificate of `name`. */
function plutoPeer(name: string): { address: string; protocol: 'pluto-0.4'; fingerprint: string } {
  const { sha256 } = showCertificate(authority.files(name).cert);
  return { address: `127.0.0.1:${ports[2] ?? 0}`, protocol: 'pluto-0.4', fingerprint: `sha256:${sha256}` };
}

async function start(options: OpenNodeOptions): Promise<AntecedentNode> {
  const node = await within('a node', openNode(options));
  open.push(node);
  return node;
}

async function startOld(received?: Inbox<string>): Promise<PlutoNode> {
  const node = new PlutoNode({
    ...{ name: 'old', files: authority.files('old'), port: ports[2] ?? 0, nodes: { a: ports[1] ?? 0 } },
    endsConnections: true,
    onApply: ({ payload }) => received?.put(payload),
  });
  open.push({ close: () => node.stop() });
  await node.start();
  return node;
}

describe('the status', () => {
  test('shows the peer like any other member: where it is, whether it is reached, and what it has told back', async () => {
    const node = await start(await optionsWith());
    expect(node.plutoAddress).toBe(`127.0.0.1:${ports[1] ?? 0}`);
    expect(node.status().members).toMatchObject([
      { name: 'old', state: 'down', address: `127.0.0.1:${ports[2] ?? 0}`, ackedSeq: 0 },
    ]);
    const received = new Inbox<string>('a message at old');
    const old = await startOld(received);
    await node.broadcast(bytes('one'));
    expect(await received.take()).toBe('one');
    expect(await events.take()).toMatchObject({ name: 'old', state: 'up' });
    const all = node.broadcast(bytes('two'), { durable: 'all' });
    expect(await received.take()).toBe('two');
    old.send('told back');
    await within('a receipt', all);
    expect(node.status().members).toMatchObject([{ name: 'old', state: 'up', ackedSeq: 2, lagBytes: 0 }]);
    await old.stop();
    await node.broadcast(bytes('three'));
    expect(await events.take()).toMatchObject({ name: 'old', state: 'down' });
  });
});

describe('messages for a peer', () => {
  test('that is away wait in the log, also through a restart', async () => {
    const options = await optionsWith();
    const first = await start(options);
    for (const text of ['one', 'two', 'three']) await first.broadcast(bytes(text));
    await first.close();
    const received = new Inbox<string>('a message at old');
    const old = await startOld(received);
    await start(options);
    expect([await received.take(), await received.take(), await received.take()]).toEqual(['one', 'two', 'three']);
    expect(old.spinning).toEqual([]);
  });

  test('with another certificate are not sent to whoever answers there', async () => {
    const options = await optionsWith();
    const node = await start({ ...options, peers: { old: plutoPeer('other') } });
    const old = await startOld();
    await node.broadcast(bytes('secret'));
    const line = await log.takeWhere(
      ({ event, reason }) => event === 'dial-failed' && /E_IDENTITY/.test(String(reason)),
    );
    expect(line.peer).toBe('old');
    expect(old.received).toEqual([]);
  });
});

describe('members', () => {
  test('are not added while there is such a peer; it is removed like any other', async () => {
    const node = await start(await optionsWith());
    await expect(node.addMember('b', '127.0.0.1:1')).rejects.toThrow(/old cannot be told of b/);
    await expect(node.broadcast(bytes('line\nbreak'))).rejects.toMatchObject({ code: 'E_PLUTO' });
    await node.removeMember('old');
    expect(node.status().members).toEqual([]);
    const old = await startOld();
    old.send('too late');
    await log.takeWhere(({ event, code }) => event === 'link-refused' && code === 'E_NOT_MEMBER');
    await node.broadcast(bytes('line\nbreak'));
    await node.addMember('b', '127.0.0.1:1');
    expect(old.received).toEqual([]);
  });
});

describe('certificates', () => {
  test('for such peers may be others than ours, and are read again', async () => {
    const node = await start(
      await optionsWith({
        pluto: { listen: `127.0.0.1:${(await quietPorts(4))[3] ?? 0}`, tls: authority.files('a-for-pluto') },
      }),
    );
    expect(await shownBy(node)).toBe(showCertificate(authority.files('a-for-pluto').cert).sha256);
    node.reload({ tls: authority.files('a') });
    expect(await shownBy(node)).toBe(showCertificate(authority.files('a-for-pluto').cert).sha256);
    node.reload({ plutoTls: authority.files('other') });
    expect(await shownBy(node)).toBe(showCertificate(authority.files('other').cert).sha256);
    expect(() => node.reload({ plutoTls: { ...authority.files('a'), key: authority.files('old').key } })).toThrow(
      /is not the key of the certificate/,
    );
  });
});

/** The fingerprint of the certificate that the node shows to peers of pluto v0.4. */
async function shownBy(node: AntecedentNode): Promise<string | undefined> {
  const port = Number(node.plutoAddress?.split(':').at(-1));
  const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await within('a handshake', new Promise((resolve) => socket.on('secureConnect', resolve)));
  const shown = socket.getPeerX509Certificate()?.fingerprint256;
  socket.destroy();
  return shown;
}

describe('an option that cannot be is refused at once', () => {
  test.each([
    ['no port for such peers', { pluto: undefined }, /peers\.old speaks pluto v0\.4: give them a port of their own/],
    ['a port that is none', { pluto: { listen: 'here' } }, /"here" is no address/],
    ['a port without a text', { pluto: { listen: 7 } }, /pluto\.listen must be a text/],
    ['an unknown key', { pluto: { listen: '127.0.0.1:0', lisen: 1 } }, /unknown key in pluto "lisen"/],
    ['certificates that are none', { pluto: { listen: '127.0.0.1:0', tls: { ca: 'x' } } }, /pluto\.tls\.cert must be/],
    ['a peer that is nothing', { peers: { old: 7 } }, /peers\.old must be a text host:port, or \{ address/],
    ['another protocol', { peers: { old: { address: 'x:1', protocol: 'pluto' } } }, /protocol must be "pluto-0\.4"/],
    ['no address', { peers: { old: { protocol: 'pluto-0.4' } } }, /peers\.old\.address must be a text/],
    ['an unknown key of a peer', { peers: { old: { address: 'x:1', port: 1 } } }, /unknown key in peers\.old "port"/],
    [
      'a fingerprint that is none',
      { peers: { old: { address: 'x:1', protocol: 'pluto-0.4', fingerprint: 'md5:00' } } },
      /peers\.old\.fingerprint must be "sha256:" and 64/,
    ],
  ])('%s', async (_, wrong, message) => {
    const options = { ...(await optionsWith()), ...wrong } as OpenNodeOptions;
    await expect(openNode(options)).rejects.toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
    await expect(openNode(options)).rejects.toThrow(message);
  });

  test('a port that is taken', async () => {
    const options = await optionsWith();
    const first = await start(options);
    const second = openNode({ ...options, dataDir: makeTestDirectory('pluto'), listen: '127.0.0.1:0' });
    await expect(second).rejects.toMatchObject({ code: 'E_LISTEN' });
    expect(first.plutoAddress).toBeDefined();
  });
});
