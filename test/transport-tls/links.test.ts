import { readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AntecedentError, nodeName } from '../../core/index.js';
import type { Address } from '../../transport-tls/address.js';
import type { Credentials } from '../../transport-tls/credentials.js';
import { removeTestDirectories, TestAuthority, type PemPaths } from '../support/certificates.js';
import { LinkEnd, LinkParty, messageOf, nowhere } from './link-party.js';
import { Inbox } from './waiting.js';

let authority: TestAuthority;
const parties: LinkParty[] = [];

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'b', 'c']);
});
afterEach(async () => {
  for (const party of parties.splice(0)) await party.close();
});
afterAll(removeTestDirectories);

function party(name: string, peers: Readonly<Record<string, Address>>, unsentBytesMax = Infinity): LinkParty {
  const made = new LinkParty(name, authority.files(name), peers, {}, 'demo', undefined, unsentBytesMax);
  parties.push(made);
  return made;
}

/** A link from b to a, seen from both ends. */
async function connected(
  unsentBytesMax = Infinity,
): Promise<{ readonly dialled: LinkEnd; readonly accepted: LinkEnd }> {
  const a = party('a', { b: nowhere }, unsentBytesMax);
  const b = party('b', { a: await a.listen() });
  const dialled = await b.dial('a');
  if (dialled instanceof AntecedentError) throw dialled;
  return { dialled, accepted: await a.accepted.take() };
}

/** Lets the event loop go round, so that whatever was to come has come. */
async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}

describe('a link', () => {
  test('names the member that its certificate proves, on both ends', async () => {
    const { dialled, accepted } = await connected();
    expect(dialled.link.remote).toBe('a');
    expect(accepted.link.remote).toBe('b');
  });

  test('carries bytes both ways, unchanged and in order', async () => {
    const { dialled, accepted } = await connected();
    const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 31) % 251));
    for (let at = 0; at < bytes.length; at += 1000) dialled.link.write(bytes.subarray(at, at + 1000));
    accepted.link.write(Uint8Array.of(0, 255, 13, 10));
    expect((await accepted.read(bytes.length)).equals(bytes)).toBe(true);
    expect([...(await dialled.read(4))]).toEqual([0, 255, 13, 10]);
  });

  test('hands over plain Uint8Arrays, whose slice copies', async () => {
    const { dialled, accepted } = await connected();
    dialled.link.write(Uint8Array.of(1));
    const chunk = await accepted.chunks.take();
    expect(Object.getPrototypeOf(chunk)).toBe(Uint8Array.prototype);
  });

  test('counts what has not left, and reports the drain once it is zero', async () => {
    const { dialled, accepted } = await connected();
    dialled.link.write(new Uint8Array(3000));
    dialled.link.write(new Uint8Array(4000));
    expect(dialled.link.bufferedBytes).toBe(7000);
    await dialled.drains.take();
    expect(dialled.link.bufferedBytes).toBe(0);
    await accepted.read(7000);
    expect(dialled.drains.size).toBe(0);
  });

  test('holds the writer back while the reader is paused, and goes on after resume', async () => {
    const { dialled, accepted } = await connected();
    accepted.link.pause();
    // More than all buffers between the two together.
    const total = 16 << 20;
    dialled.link.write(new Uint8Array(total));
    // A round trip the other way: whatever was to come in spite of the pause has had its chance.
    accepted.link.write(Uint8Array.of(1));
    await dialled.read(1);
    expect(dialled.link.bufferedBytes).toBe(total);
    expect(accepted.chunks.size).toBe(0);
    accepted.link.resume();
    await accepted.read(total);
    await dialled.drains.take();
    expect(dialled.link.bufferedBytes).toBe(0);
  });

  test('does not listen to an end that reads no answers, and goes on when it reads them', async () => {
    const { dialled, accepted } = await connected(1 << 20);
    accepted.isEcho = true;
    dialled.link.pause();
    // Far more than the buffers of the system take.
    const total = 64 << 20;
    dialled.link.write(new Uint8Array(total));
    for (let before = -1; before !== accepted.receivedBytes || before === 0;) {
      before = accepted.receivedBytes;
      await turns(50);
    }
    expect(accepted.link.bufferedBytes).toBeGreaterThan(1 << 20);
    expect(accepted.link.bufferedBytes).toBeLessThan(2 << 20);
    expect(accepted.receivedBytes).toBeLessThan(total);
    dialled.link.resume();
    await dialled.read(total);
  });

  test('sends what was written before it closes, and ends once on both sides', async () => {
    const { dialled, accepted } = await connected();
    dialled.link.write(new Uint8Array(200_000));
    dialled.link.close();
    dialled.link.close();
    dialled.link.write(Uint8Array.of(9));
    expect((await accepted.read(200_000)).length).toBe(200_000);
    expect(await accepted.closes.take()).toBe('closed by the other end');
    expect(await dialled.closes.take()).toBe('closed here');
    expect(accepted.chunks.size + accepted.closes.size + dialled.closes.size).toBe(0);
  });

  test('lets the last bytes arrive although the other end was still sending', async () => {
    const { dialled, accepted } = await connected();
    accepted.link.write(new Uint8Array(4 << 20));
    dialled.link.write(Uint8Array.of(7));
    dialled.link.close();
    expect([...(await accepted.read(1))]).toEqual([7]);
    await dialled.closes.take();
    await accepted.closes.take();
  });

  test('calls nothing back before the call that asked for it has returned', async () => {
    const a = party('a', { b: nowhere });
    const b = party('b', { a: await a.listen() });
    const events = new Inbox<string>('an answer');
    let isInside = true;
    const note = (what: string): void => events.put(isInside ? `${what} too early` : what);
    const handlers = { onBytes: () => {}, onDrain: () => note('drain'), onClose: () => note('close') };
    b.links.dial(
      nodeName('a'),
      (link) => {
        isInside = true;
        link.write(Uint8Array.of(1));
        isInside = false;
        return handlers;
      },
      () => note('fail'),
    );
    isInside = false;
    expect(await events.take()).toBe('drain');
  });
});

describe('a dial', () => {
  test('to a closed port fails as unreachable, with address and reason', async () => {
    const a = party('a', { b: nowhere });
    const error = await a.dial('b');
    expect(error).toMatchObject({ code: 'E_UNREACHABLE' });
    expect(messageOf(error)).toMatch(/cannot reach b at 127\.0\.0\.1:1: .*ECONNREFUSED/);
  });

  test('to a name that does not resolve fails as unreachable', async () => {
    const a = party('a', { b: { host: 'no-such-host.invalid', port: 7101 } });
    expect(await a.dial('b')).toMatchObject({ code: 'E_UNREACHABLE' });
  });

  test('that was cancelled calls nothing back', async () => {
    const a = party('a', { b: nowhere });
    const b = party('b', { a: await a.listen() });
    const calls: string[] = [];
    const cancel = b.links.dial(
      nodeName('a'),
      () => {
        throw new Error('a cancelled dial made a link');
      },
      () => calls.push('fail'),
    );
    cancel();
    cancel();
    // A later dial of the same pair has gone the whole way: the cancelled one would have been heard of.
    expect(await b.dial('a')).toBeInstanceOf(LinkEnd);
    expect(calls).toEqual([]);
  });
});

describe('members that come and go', () => {
  test('a member that was learned is dialled, and let in', async () => {
    const a = party('a', {});
    const b = party('b', {});
    const { host, port } = await a.listen();
    const stranger = party('c', { a: { host, port } });
    expect(await stranger.dial('a')).toBeInstanceOf(LinkEnd);
    expect(await a.log.take()).toMatchObject({ event: 'link-refused', code: 'E_NOT_MEMBER' });
    a.links.learn(nodeName('b'), '127.0.0.1:1');
    b.links.learn(nodeName('a'), `${host}:${port}`);
    expect(await b.dial('a')).toBeInstanceOf(LinkEnd);
    expect((await a.accepted.take()).link.remote).toBe('b');
  });

  test('a member that was forgotten is not dialled, but let in, to be told; a link that it has stays', async () => {
    const a = party('a', { b: nowhere });
    const b = party('b', { a: await a.listen() });
    const before = await b.dial('a');
    if (before instanceof AntecedentError) throw before;
    const accepted = await a.accepted.take();
    a.links.forget(nodeName('b'));
    expect(await b.dial('a')).toBeInstanceOf(LinkEnd);
    expect(await a.dial('b')).toMatchObject({ code: 'E_UNREACHABLE' });
    before.link.write(Uint8Array.of(3));
    expect([...(await accepted.read(1))]).toEqual([3]);
  });

  test.each(['', 'nonsense', '127.0.0.1:0', '127.0.0.1:99999', '%s:1', 'x'.repeat(10_000)])(
    'an address that is none, %j, is logged and ignored; the member may still come',
    async (address) => {
      const a = party('a', {});
      const where = await a.listen();
      a.links.learn(nodeName('b'), address);
      expect(await a.log.take()).toMatchObject({ event: 'address-refused', peer: 'b', code: 'E_CONFIG' });
      expect(messageOf(await a.dial('b'))).toMatch(/no usable address of b is known; .*antecedent member add b/);
      expect(await party('b', { a: where }).dial('a')).toBeInstanceOf(LinkEnd);
    },
  );

  test('an address of the configuration wins over one that was learned, and an unusable one changes nothing', async () => {
    const a = party('a', { b: nowhere });
    const b = party('b', { a: await a.listen() });
    b.links.learn(nodeName('a'), '127.0.0.1:2');
    b.links.learn(nodeName('a'), 'nonsense');
    expect(await b.dial('a')).toBeInstanceOf(LinkEnd);
    b.links.useAddresses(new Map());
    expect(messageOf(await b.dial('a'))).toMatch(/127\.0\.0\.1:2/);
  });

  test('a dial without an address fails later than it was called, unless it was cancelled', async () => {
    const a = party('a', {});
    const failures: string[] = [];
    const dial = (name: string): (() => void) =>
      a.links.dial(
        nodeName('b'),
        () => {
          throw new Error('a link from nowhere');
        },
        () => failures.push(name),
      );
    dial('first')();
    dial('second');
    expect(failures).toEqual([]);
    await turns(2);
    expect(failures).toEqual(['second']);
  });
});

describe('credentials that change while links live', () => {
  function credentialsOf(files: PemPaths): Credentials {
    const read = (path: string): string => readFileSync(path, 'utf8');
    return { ca: read(files.ca), cert: read(files.cert), key: read(files.key), notAfterMs: Infinity };
  }

  test('are used in the next handshake, on both sides; links stay', async () => {
    // Nobody takes this certificate for b.
    const odd = authority.files('c');
    const a = party('a', { b: nowhere, c: nowhere });
    const b = party('b', { a: await a.listen() });
    const before = await b.dial('a');
    if (before instanceof AntecedentError) throw before;
    const accepted = await a.accepted.take();
    b.links.useCredentials(credentialsOf(odd));
    expect(await b.dial('a')).toBeInstanceOf(LinkEnd);
    expect((await a.accepted.take()).link.remote).toBe('c');
    a.links.useCredentials(credentialsOf(odd));
    expect(messageOf(await b.dial('a'))).toMatch(/dialled a, but the certificate says c/);
    before.link.write(Uint8Array.of(3));
    expect([...(await accepted.read(1))]).toEqual([3]);
  });

  test('with other CA certificates end every link, so that nobody stays who would not be let in', async () => {
    const others = await TestAuthority.make('demo', ['a', 'b']);
    const a = party('a', { b: nowhere });
    const where = await a.listen();
    const b = party('b', { a: where });
    const before = await b.dial('a');
    if (before instanceof AntecedentError) throw before;
    const accepted = await a.accepted.take();
    a.links.useCredentials(credentialsOf(others.files('a')));
    expect(await accepted.closes.take()).toBe('the CA certificates have changed here');
    await before.closes.take();
    expect(await b.dial('a')).toMatchObject({ code: 'E_TLS_REFUSED' });
    b.links.useCredentials(credentialsOf(others.files('b')));
    expect(await b.dial('a')).toBeInstanceOf(LinkEnd);
  });

  test('that do not fit together change nothing', async () => {
    const a = party('a', { b: nowhere });
    const b = party('b', { a: await a.listen() });
    const [own, other] = [credentialsOf(authority.files('b')), credentialsOf(authority.files('c'))];
    const mismatched: Credentials = { ...own, key: other.key };
    const halfWritten: Credentials = { ...own, cert: own.cert.slice(0, own.cert.length / 2) };
    for (const bad of [mismatched, halfWritten]) {
      expect(() => b.links.useCredentials(bad)).toThrow(expect.objectContaining({ code: 'E_CERTIFICATE' }) as Error);
    }
    expect(await b.dial('a')).toBeInstanceOf(LinkEnd);
  });
});

describe('listening', () => {
  test('on a port in use fails with E_LISTEN and the address', async () => {
    const first = party('a', { b: nowhere });
    const { port } = await first.listen();
    const second = new LinkParty('b', authority.files('b'), { a: nowhere }, {}, 'demo', { host: '127.0.0.1', port });
    await expect(second.listen()).rejects.toMatchObject({ code: 'E_LISTEN' });
  });

  test('ends with close, while links that exist stay', async () => {
    const a = party('a', { b: nowhere });
    const b = party('b', { a: await a.listen() });
    const dialled = await b.dial('a');
    if (dialled instanceof AntecedentError) throw dialled;
    const accepted = await a.accepted.take();
    await a.close();
    expect(await b.dial('a')).toMatchObject({ code: 'E_UNREACHABLE' });
    dialled.link.write(Uint8Array.of(5));
    expect([...(await accepted.read(1))]).toEqual([5]);
  });

  test('refuses to begin while NODE_TLS_REJECT_UNAUTHORIZED=0 disarms every check', () => {
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      expect(() => party('a', {})).toThrow(/NODE_TLS_REJECT_UNAUTHORIZED=0.*unset it/);
    } finally {
      delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    }
  });
});
