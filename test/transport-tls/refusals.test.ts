/** Whoever must not get in, in every way we know; after each the node lives and a member gets in. */
import * as net from 'node:net';
import * as tls from 'node:tls';
import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { AntecedentError } from '../../core/index.js';
import type { Address } from '../../transport-tls/address.js';
import type { TlsLimits } from '../../transport-tls/links.js';
import { removeTestDirectories, TestAuthority, type Oddities, type PemPaths } from '../support/certificates.js';
import { LinkEnd, LinkParty, messageOf, nowhere } from './link-party.js';
import { Inbox, within } from './waiting.js';

let demo: TestAuthority;
let other: TestAuthority;
const parties: LinkParty[] = [];

beforeAll(async () => {
  demo = await TestAuthority.make('demo', ['a', 'b', 'c']);
  other = await TestAuthority.make('demo', ['b']);
});
afterEach(async () => {
  for (const party of parties.splice(0)) await party.close();
});
afterAll(removeTestDirectories);

function party(
  name: string,
  files: PemPaths,
  peers: Readonly<Record<string, Address>>,
  limits: Partial<TlsLimits> = {},
): LinkParty {
  const made = new LinkParty(name, files, peers, limits);
  parties.push(made);
  return made;
}

/** Node a, listening, with b as its only peer. */
async function listener(
  limits: Partial<TlsLimits> = {},
): Promise<{ readonly a: LinkParty; readonly address: Address }> {
  const a = party('a', demo.files('a'), { b: nowhere }, limits);
  return { a, address: await a.listen() };
}

/** The member b gets in: the process lives and the listener works. With `isImpatient` it may have to try again, as members do. */
async function expectMemberGetsIn(a: LinkParty, address: Address, isImpatient = false): Promise<void> {
  const b = party('b', demo.files('b'), { a: address });
  let outcome = await b.dial('a');
  for (let more = isImpatient ? 20 : 0; more > 0 && !(outcome instanceof LinkEnd); more--) outcome = await b.dial('a');
  expect(outcome).toBeInstanceOf(LinkEnd);
  expect((await a.accepted.take()).link.remote).toBe('b');
  expect(a.accepted.size).toBe(0);
}

function credentials(files: PemPaths): { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer } {
  return { ca: readFileSync(files.ca), cert: readFileSync(files.cert), key: readFileSync(files.key) };
}

/** A client of our own making; resolves when its connection has ended. */
function strange(address: Address, options: tls.ConnectionOptions): Promise<void> {
  return within(
    'the end of a strange connection',
    new Promise((resolve) => {
      const socket = tls.connect({
        ...address,
        rejectUnauthorized: false,
        ALPNProtocols: ['antecedent/1'],
        ...options,
      });
      socket.on('error', () => {});
      socket.on('close', () => resolve());
      socket.resume();
    }),
  );
}

const oneDay = 24 * 60 * 60 * 1000;
/** id-kp-serverAuth, RFC 5280, section 4.2.1.12. */
const serverAuth = '1.3.6.1.5.5.7.3.1';

/** Certificates of the right CA that prove no member; `code` is why the listener refuses them. */
const oddCertificates: readonly (readonly [claim: string, code: string, reason: RegExp, oddities: Oddities])[] = [
  ['two URI names', 'E_CERTIFICATE', /2 URI names/, { names: uris('spiffe://demo/node/b', 'spiffe://demo/node/c') }],
  [
    'the same URI name twice',
    'E_CERTIFICATE',
    /2 URI names/,
    { names: uris('spiffe://demo/node/b', 'spiffe://demo/node/b') },
  ],
  ['only a common name', 'E_CERTIFICATE', /no URI name/, { commonName: 'b' }],
  ['only a common name that looks right', 'E_CERTIFICATE', /no URI name/, { commonName: 'spiffe://demo/node/b' }],
  ['only a DNS name', 'E_CERTIFICATE', /no URI name/, { names: [{ type: 'dns', value: 'b' }] }],
  [
    'a URI hidden in a DNS name',
    'E_CERTIFICATE',
    /no URI name/,
    { names: [{ type: 'dns', value: 'x, URI:spiffe://demo/node/b' }] },
  ],
  ['another cluster', 'E_CLUSTER', /"demo2", not demo/, { names: uris('spiffe://demo2/node/b') }],
  ['another scheme', 'E_CERTIFICATE', /not of the form/, { names: uris('https://demo/node/b') }],
  ['something behind the name', 'E_CERTIFICATE', /not of the form/, { names: uris('spiffe://demo/node/b/c') }],
  ['a query behind the name', 'E_CERTIFICATE', /not of the form/, { names: uris('spiffe://demo/node/b?x') }],
  ['a wildcard', 'E_CERTIFICATE', /not of the form/, { names: uris('spiffe://demo/node/*') }],
  ['the name of the listener itself', 'E_IDENTITY', /our own name, a/, { names: uris('spiffe://demo/node/a') }],
  [
    'a name that is no member',
    'E_NOT_MEMBER',
    /d is not a member; .*antecedent member add d/,
    { names: uris('spiffe://demo/node/d') },
  ],
  ['another case of the name', 'E_NOT_MEMBER', /B is not a member/, { names: uris('spiffe://demo/node/B') }],
  ['the rights of a CA', 'E_CERTIFICATE', /CA certificate/, { names: uris('spiffe://demo/node/b'), isCa: true }],
  [
    'no right to be a client',
    'E_TLS_REFUSED',
    /INVALID_PURPOSE/,
    { names: uris('spiffe://demo/node/b'), extendedKeyUsage: [serverAuth] },
  ],
  [
    'its time behind it',
    'E_TLS_REFUSED',
    /CERT_HAS_EXPIRED/,
    { names: uris('spiffe://demo/node/b'), notAfter: new Date(Date.now() - oneDay / 2) },
  ],
  [
    'its time before it',
    'E_TLS_REFUSED',
    /CERT_NOT_YET_VALID/,
    { names: uris('spiffe://demo/node/b'), notBefore: new Date(Date.now() + oneDay / 2) },
  ],
];

function uris(...values: readonly string[]): { type: 'url'; value: string }[] {
  return values.map((value) => ({ type: 'url', value }));
}

describe('a listener refuses', () => {
  test.each(oddCertificates)('a certificate with %s', async (claim, code, reason, oddities) => {
    const { a, address } = await listener();
    const files = await demo.issueOdd(`odd-${claim.replaceAll(' ', '-')}`, oddities);
    await strange(address, credentials(files));
    const line = await a.log.take();
    expect(line).toMatchObject({ event: 'link-refused', code });
    expect(line.reason).toMatch(reason);
    await expectMemberGetsIn(a, address);
  });

  const strangers: readonly (readonly [
    claim: string,
    code: string,
    reason: RegExp,
    options: () => tls.ConnectionOptions,
  ])[] = [
    ['a client without a certificate', 'E_TLS_REFUSED', /did not return a certificate/, () => ({})],
    ['a certificate of another CA', 'E_TLS_REFUSED', /not trusted/, () => credentials(other.files('b'))],
    ['TLS 1.2', 'E_TLS_REFUSED', /protocol/, () => ({ ...credentials(demo.files('b')), maxVersion: 'TLSv1.2' })],
    [
      'no ALPN protocol',
      'E_TLS_REFUSED',
      /no named protocol/,
      () => ({ ...credentials(demo.files('b')), ALPNProtocols: undefined }),
    ],
    [
      'another ALPN protocol',
      'E_TLS_REFUSED',
      /protocol/,
      () => ({ ...credentials(demo.files('b')), ALPNProtocols: ['h2'] }),
    ],
  ];
  test.each(strangers)('%s', async (_claim, code, reason, options) => {
    const { a, address } = await listener();
    await strange(address, options());
    const line = await a.log.take();
    expect(line).toMatchObject({ event: 'link-refused', code });
    expect(line.reason).toMatch(reason);
    await expectMemberGetsIn(a, address);
  });

  test.each([
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['an SSH banner', Buffer.from('SSH-2.0-OpenSSH_9.6\r\n')],
    ['zeros', Buffer.alloc(5000)],
    ['bytes that mean nothing', Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 256))],
  ])('%s', async (_claim, bytes) => {
    const { a, address } = await listener();
    const socket = net.connect(address);
    socket.on('error', () => {});
    socket.resume();
    socket.write(bytes);
    await within('the end of it', new Promise((resolve) => socket.on('close', resolve)));
    expect(await a.log.take()).toMatchObject({ event: 'link-refused', code: 'E_TLS_REFUSED' });
    await expectMemberGetsIn(a, address);
  });

  test('whoever connects and says nothing, or not enough, or dribbles, when the handshake deadline is over', async () => {
    const { a, address } = await listener({ handshakeMs: 300 });
    const silent = net.connect(address);
    const breakingOff = net.connect(address);
    const dribbling = net.connect(address);
    breakingOff.write(Uint8Array.of(22, 3, 1, 0x40, 0));
    const ends = [silent, breakingOff, dribbling].map((socket) => {
      socket.on('error', () => {});
      socket.resume();
      return new Promise((resolve) => socket.on('close', resolve));
    });
    // A valid beginning, one byte at a time, faster than any idle timeout.
    const hello = [22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3, ...Array.from({ length: 500 }, () => 1)];
    const dribble = setInterval(() => dribbling.write(Uint8Array.of(hello.shift() ?? 0)), 20);
    await within('all ends', Promise.all(ends));
    clearInterval(dribble);
    for (const _ of ends) expect(await a.log.take()).toMatchObject({ event: 'link-refused', code: 'E_TLS_REFUSED' });
    await expectMemberGetsIn(a, address, true);
  });

  test('a resumed session: it offers none, and one that is presented proves nothing', async () => {
    const { a, address } = await listener();
    const sessions = new Inbox<Buffer>('a session');
    const first = tls.connect({
      ...address,
      ...credentials(demo.files('b')),
      checkServerIdentity: () => undefined,
      ALPNProtocols: ['antecedent/1'],
    });
    first.on('error', () => {});
    first.on('session', (session) => sessions.put(session));
    const accepted = await a.accepted.take();
    // The ticket, if there is one, came before these bytes.
    accepted.link.write(Uint8Array.of(1));
    await within('a byte', new Promise((resolve) => first.once('data', resolve)));
    first.destroy();
    await accepted.closes.take();
    const session = sessions.size > 0 ? await sessions.take() : first.getSession();
    await strange(address, { ...(session === undefined ? {} : { session }) });
    expect(await a.log.take()).toMatchObject({ event: 'link-refused', code: 'E_TLS_REFUSED' });
    await expectMemberGetsIn(a, address);
  });

  test('more handshakes from one address than may be pending, and takes new ones when they are gone', async () => {
    const { a, address } = await listener({ pendingPerAddressMax: 2, handshakeMs: 60_000 });
    const waiting = [net.connect(address), net.connect(address)];
    await Promise.all(
      waiting.map((socket) => within('a connection', new Promise((resolve) => socket.on('connect', resolve)))),
    );
    const b = party('b', demo.files('b'), { a: address });
    expect(await b.dial('a')).toMatchObject({ code: 'E_TLS_REFUSED' });
    expect(await a.log.take()).toMatchObject({
      code: 'E_TLS_REFUSED',
      reason: '2 handshakes are pending from this address',
    });
    for (const socket of waiting) {
      socket.on('error', () => {});
      socket.destroy();
      // Reported once the server has seen the end, and with it the place is free.
      expect((await a.log.take()).reason).not.toBe('');
    }
    await expectMemberGetsIn(a, address);
  });
});

describe('a dialler refuses', () => {
  /** A server with `files`; what b says about it when it wanted a. */
  async function dialTo(files: PemPaths, options: tls.TlsOptions = {}): Promise<LinkEnd | AntecedentError> {
    const server = tls.createServer({ ...credentials(files), ALPNProtocols: ['antecedent/1'], ...options });
    server.on('tlsClientError', () => {});
    server.on('secureConnection', (socket) => socket.on('error', () => {}));
    await within('listening', new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    const b = party('b', demo.files('b'), { a: { host: '127.0.0.1', port: bound.port }, c: nowhere });
    try {
      return await b.dial('a');
    } finally {
      server.close();
    }
  }

  test('a member that is not the one it dialled', async () => {
    const error = await dialTo(demo.files('c'));
    expect(error).toMatchObject({ code: 'E_IDENTITY' });
    expect(messageOf(error)).toContain('dialled a, but the certificate says c');
  });

  test('its own name', async () => {
    expect(await dialTo(demo.files('b'))).toMatchObject({ code: 'E_IDENTITY' });
  });

  test('a certificate of another CA', async () => {
    expect(await dialTo(other.files('b'))).toMatchObject({ code: 'E_TLS_REFUSED' });
  });

  test('a certificate with the right host name and no URI name', async () => {
    const files = await demo.issueOdd('host-only', { commonName: 'a', names: [{ type: 'ip', value: '127.0.0.1' }] });
    expect(await dialTo(files)).toMatchObject({ code: 'E_CERTIFICATE' });
  });

  test('a server that speaks TLS 1.2', async () => {
    expect(await dialTo(demo.files('a'), { maxVersion: 'TLSv1.2' })).toMatchObject({ code: 'E_TLS_REFUSED' });
  });

  test('a server that names no protocol', async () => {
    const error = await dialTo(demo.files('a'), { ALPNProtocols: undefined });
    expect(error).toMatchObject({ code: 'E_TLS_REFUSED' });
    expect(messageOf(error)).toContain('no named protocol');
  });

  test('a port where no TLS is spoken', async () => {
    const server = net.createServer((socket) => socket.end('220 mail ready\r\n'));
    await within('listening', new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)));
    const bound = server.address();
    if (bound === null || typeof bound === 'string') throw new Error('no port');
    const b = party('b', demo.files('b'), { a: { host: '127.0.0.1', port: bound.port } });
    expect(await b.dial('a')).toMatchObject({ code: 'E_TLS_REFUSED' });
    server.close();
  });
});
