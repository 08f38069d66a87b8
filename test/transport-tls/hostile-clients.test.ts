/**
 * Three nodes broadcast to each other while a stranger, or a member gone astray, is unkind to one of them. After each
 * case: refused with its code, every message of the members delivered, their links untouched, no socket left behind.
 */
import * as net from 'node:net';
import * as tls from 'node:tls';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { removeTestDirectories, TestAuthority, type PemPaths } from '../support/certificates.js';
import { ReplicaUnderTest } from '../support/replicas.js';
import { LiveCluster } from './live-cluster.js';
import { frame, isAnswer, ping, StrayMember, text, types, varint } from './stray-member.js';
import { within } from './waiting.js';

const handshakeMs = 1_000;

let authority: TestAuthority;
let other: TestAuthority;
let cluster: LiveCluster;

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'b', 'c', 'd', 'stranger']);
  other = await TestAuthority.make('demo', ['b']);
  cluster = await LiveCluster.open(authority, {
    // d is never there; dialling it would only be noise. The members find each other at the first try or from the other side.
    timings: { handshakeMs, backoffMs: 200, backoffMaxMs: 5_000 },
    transport: { handshakeMs, handshakesPerSecondMax: 1_000, refusalLinesPerSecondMax: 1_000, lingerMs: 500 },
  });
});
afterAll(async () => {
  await cluster.close();
  removeTestDirectories();
});

/** Runs `attack` while the members talk; checks that they hardly notice. */
async function undisturbed(attack: () => Promise<void>): Promise<void> {
  cluster.log.clear();
  const talk = cluster.exchange();
  await attack();
  await talk;
  await cluster.exchange();
  await cluster.onlyMembersAreConnected();
  expect(cluster.lost).toEqual([]);
}

/** The next refusal in the log of a. */
async function refusal(): Promise<{ readonly code: unknown; readonly text: string }> {
  const line = await cluster.log.takeWhere(({ event, by }) => event === 'link-refused' || by === 'us');
  return { code: line.code, text: JSON.stringify(line) };
}

/** A batch frame of the first message of `name`. */
function batchFrame(name: string): Uint8Array {
  const replica = new ReplicaUnderTest({ name, peers: ['a'], cluster: 'demo' });
  replica.broadcast('from nowhere');
  replica.syncAll();
  const batch = replica.journal[0]?.body ?? new Uint8Array();
  return Buffer.concat([Uint8Array.from([...varint(batch.length + 1), types.batch]), batch]);
}

describe('a stranger is refused', () => {
  function certified(files: PemPaths): tls.ConnectionOptions {
    return { ca: readFileSync(files.ca), cert: readFileSync(files.cert), key: readFileSync(files.key) };
  }

  const byTls: readonly (readonly [claim: string, code: string, options: () => tls.ConnectionOptions])[] = [
    ['without a certificate', 'E_TLS_REFUSED', () => ({})],
    ['with a certificate of another CA', 'E_TLS_REFUSED', () => certified(other.files('b'))],
    ['with a name that is no member', 'E_NOT_MEMBER', () => certified(authority.files('stranger'))],
    ['with the name of the node itself', 'E_IDENTITY', () => certified(authority.files('a'))],
    ['over TLS 1.2', 'E_TLS_REFUSED', () => ({ ...certified(authority.files('b')), maxVersion: 'TLSv1.2' })],
    ['without ALPN', 'E_TLS_REFUSED', () => ({ ...certified(authority.files('b')), ALPNProtocols: undefined })],
  ];
  test.each(byTls)('%s', async (_claim, code, options) => {
    await undisturbed(async () => {
      const socket = tls.connect({
        ...cluster.address,
        rejectUnauthorized: false,
        ALPNProtocols: ['antecedent/1'],
        ...options(),
      });
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.on('error', () => {});
      socket.resume();
      // What follows an unfinished handshake is nobody's message either.
      socket.write(batchFrame('b'));
      await within('the end of the connection', closed);
      expect(await refusal()).toMatchObject({ code });
    });
  });

  test.each([
    ['that speaks HTTP', Buffer.from('GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n')],
    ['that sends random bytes', randomBytes(20_000)],
    ['that sends a batch without TLS', Buffer.alloc(100, 3)],
  ])('%s', async (_claim, bytes) => {
    await undisturbed(async () => {
      const socket = net.connect(cluster.address);
      const closed = new Promise((resolve) => socket.on('close', resolve));
      socket.on('error', () => {});
      socket.resume();
      socket.write(bytes);
      await within('the end of the connection', closed);
      expect(await refusal()).toMatchObject({ code: 'E_TLS_REFUSED' });
    });
  });

  test('that says nothing, before TLS or after it, when its time is over; those beyond the limit at once', async () => {
    await undisturbed(async () => {
      const silent = Array.from({ length: 30 }, () => net.connect(cluster.address));
      const closed = silent.map((socket) => {
        socket.on('error', () => {});
        socket.resume();
        return new Promise((resolve) => socket.on('close', resolve));
      });
      await within('the end of all of them', Promise.all(closed));
      const reasons = await Promise.all(silent.map(() => refusal()));
      expect(reasons.every(({ code }) => code === 'E_TLS_REFUSED')).toBe(true);
      const beyond = reasons.filter(({ text: reason }) => reason.includes('8 handshakes are pending'));
      expect(beyond).not.toEqual([]);
      // 22, unless the machine is so busy that the time of the first ones is over before the last ones come.
      expect(beyond.length).toBeLessThanOrEqual(silent.length - 8);

      const member = new StrayMember('d', authority.files('d'), cluster.address);
      expect(await member.goAway()).toMatchObject({ code: 'E_TIMEOUT' });
      await member.closed();
      expect(await refusal()).toMatchObject({ code: 'E_TIMEOUT' });
    });
  });
});

describe('a member gone astray loses its link', () => {
  const limit = (1 << 20) + (64 << 10);

  /** What it sends instead of HELLO. */
  const instead: readonly (readonly [claim: string, code: string, frame: (member: StrayMember) => Uint8Array])[] = [
    ['a HELLO in the name of another', 'E_IDENTITY', (member) => member.hello({ name: 'b' })],
    ['a HELLO in the name of the node itself', 'E_IDENTITY', (member) => member.hello({ name: 'a' })],
    ['a HELLO of another cluster', 'E_CLUSTER', (member) => member.hello({ cluster: 'demo2' })],
    ['a HELLO with a name that cannot be', 'E_FRAME', (member) => member.hello({ name: '../d' })],
    ['a HELLO of a version to come', 'E_VERSION', (member) => member.hello({ versionMin: 2, versionMax: 9 })],
    ['a HELLO of incarnation 0', 'E_COUNTER_RANGE', (member) => member.hello({ incarnation: 0 })],
    ['a batch', 'E_STATE', () => ping],
    ['an announced frame of more than 4 KiB', 'E_FRAME_TOO_LARGE', () => Uint8Array.from(varint(4097))],
    [
      'HTTP, inside TLS',
      'E_FRAME',
      () => Buffer.from('GET / HTTP/1.1\r\nHost: a\r\nAccept: text/html, */*\r\nCookie: taste=chocolate\r\n\r\n'),
    ],
  ];
  test.each(instead)('for %s', async (_claim, code, bytes) => {
    await undisturbed(async () => {
      const member = new StrayMember('d', authority.files('d'), cluster.address);
      member.send(bytes(member));
      expect(await member.goAway()).toMatchObject({ code });
      await member.closed();
      expect(await refusal()).toMatchObject({ code });
    });
  });

  const position = (origin: string, incarnation: number, seq: number): readonly number[] => [
    ...text(origin),
    ...varint(incarnation),
    ...varint(seq),
  ];
  /** What it sends on a link that is up. */
  const later: readonly (readonly [claim: string, code: string, frame: (member: StrayMember) => Uint8Array])[] = [
    ['a frame longer than the limit', 'E_FRAME_TOO_LARGE', () => Uint8Array.from(varint(limit + 1))],
    ['a frame of 2^32-1 bytes', 'E_FRAME_TOO_LARGE', () => Uint8Array.from(varint(2 ** 32 - 1))],
    ['a frame of 2^53-1 bytes', 'E_FRAME_TOO_LARGE', () => Uint8Array.from(varint(2 ** 53 - 1))],
    ['a length that does not end', 'E_FRAME', () => new Uint8Array(20).fill(0x80)],
    ['a frame of no bytes', 'E_FRAME', () => Uint8Array.of(0)],
    ['a length not in its shortest form', 'E_FRAME', () => Uint8Array.of(0x85, 0x00, 1, 2, 3, 4, 5)],
    ['a wrong checksum', 'E_FRAME', () => Uint8Array.of(5, types.pong, 1, 2, 3, 4)],
    ['a frame shorter than its checksum', 'E_FRAME', () => Uint8Array.of(2, types.pong, 1)],
    ['bytes behind the end of a frame', 'E_FRAME', () => frame(types.pong, [1])],
    ['a frame type to come', 'E_VERSION', () => frame(100)],
    ['an empty batch', 'E_BATCH', () => Uint8Array.of(1, types.batch)],
    ['a garbage batch', 'E_BATCH', () => Uint8Array.of(100, types.batch, ...new Uint8Array(99).fill(1))],
    ['a batch in the name of another', 'E_IDENTITY', () => batchFrame('b')],
    ['a second HELLO', 'E_STATE', (member) => member.hello()],
    ['a second WELCOME', 'E_STATE', () => frame(types.welcome, varint(0), varint(0), varint(0))],
    ['an ACK of what was never sent', 'E_ACK', () => frame(types.ack, varint(2 ** 40), varint(0))],
    [
      'an ADVERT with a lying count',
      'E_FRAME',
      () => frame(9, varint(0), varint(1), new Array<number>(8).fill(0), varint(0), varint(2 ** 40)),
    ],
    [
      'an ADVERT with a bad name',
      'E_FRAME',
      () =>
        frame(
          9,
          varint(0),
          varint(1),
          new Array<number>(8).fill(0),
          varint(0),
          varint(1),
          position('', 1, 1),
          varint(0),
        ),
    ],
    ['a WANT of what was never written', 'E_STATE', () => frame(types.want, position('a', 1, 2 ** 40))],
    ["a WANT of more of another's log than we hold", 'E_STATE', () => frame(types.want, position('b', 1, 2 ** 40))],
    ['a counter above 2^53-1', 'E_COUNTER_RANGE', () => frame(types.ping, varint(2 ** 53))],
    ['a counter that does not end', 'E_COUNTER_RANGE', () => frame(types.ping, new Array<number>(20).fill(0xff))],
  ];
  test.each(later)('for %s', async (_claim, code, bytes) => {
    await undisturbed(async () => {
      const member = new StrayMember('d', authority.files('d'), cluster.address);
      await member.shakeHands();
      member.send(bytes(member));
      expect(await member.goAway()).toMatchObject({ code });
      await member.closed();
      expect(await refusal()).toMatchObject({ code });
    });
  });

  test('for a frame that is cut short at any byte, and nothing of the frame is delivered', async () => {
    const whole = batchFrame('d');
    await undisturbed(async () => {
      for (let length = 1; length < whole.length; length++) {
        const member = new StrayMember('d', authority.files('d'), cluster.address);
        await member.shakeHands();
        member.send(whole.subarray(0, length));
        await member.end();
        const down = await cluster.log.takeWhere(({ event }) => event === 'peer-down');
        expect(down.reason).toContain('E_FRAME_TRUNCATED');
      }
    });
    for (const payloads of cluster.delivered.values()) expect(payloads).not.toContain('from nowhere');
  });
});

describe('a member that is merely odd keeps its link', () => {
  test('when it sends optional frames of a version to come', async () => {
    await undisturbed(async () => {
      const member = new StrayMember('d', authority.files('d'), cluster.address);
      await member.shakeHands();
      member.send(frame(200, [1, 2, 3]), ping);
      await member.frames.takeWhere(isAnswer);
      await member.end();
    });
  });

  test('when it sends frames byte by byte, or very many at once', async () => {
    await undisturbed(async () => {
      const member = new StrayMember('d', authority.files('d'), cluster.address);
      await member.shakeHands();
      for (const byte of ping) member.send(Uint8Array.of(byte));
      await member.frames.takeWhere(isAnswer);
      const count = 20_000;
      member.send(...Array.from({ length: count }, () => ping));
      for (let pongs = 0; pongs < count; pongs++) await member.frames.takeWhere(isAnswer);
      await member.end();
    });
  });
});
