import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AntecedentError, nodeName } from '../../core/index.js';
import type { Address } from '../../transport-tls/address.js';
import { removeTestDirectories, TestAuthority } from '../support/certificates.js';
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
