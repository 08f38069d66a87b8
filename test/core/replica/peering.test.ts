import { describe, expect, test } from 'vitest';
import { defaultLimits, defaultTimings, nodeName } from '../../../core/index.js';
import { frameBytesMax } from '../../../core/replica/peering.js';
import { encodeBatchFrame, type HelloFrame, type WelcomeFrame } from '../../../core/message/frame.js';
import { ReplicaUnderTest, connect, settle } from '../../support/replicas.js';

const a = nodeName('a');
const b = nodeName('b');
const hello: HelloFrame = {
  type: 'hello',
  versionMin: 1,
  versionMax: 1,
  cluster: 'test',
  name: b,
  incarnation: 1,
  nonce: 2,
  windowBytes: 1000,
  frameBytesMax: frameBytesMax(defaultLimits),
};
const welcome: WelcomeFrame = { type: 'welcome', nonce: 1, ackedSeq: 0, durable: [] };

function opened(): ReplicaUnderTest {
  const replica = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
  replica.open(1, 'b', false);
  return replica;
}

function up(): ReplicaUnderTest {
  const replica = opened();
  replica.receiveFrame(1, hello);
  replica.receiveFrame(1, welcome);
  expect(replica.events).toContainEqual({ type: 'peer-up', peer: 'b' });
  replica.takeSent(1);
  return replica;
}

describe('a link counts only after HELLO and WELCOME', () => {
  test('nothing but HELLO is sent before', () => {
    const replica = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
    replica.broadcast('x');
    replica.syncAll();
    replica.open(1, 'b', false);
    expect(replica.takeFrames(1).map(({ type }) => type)).toEqual(['hello']);
    replica.receiveFrame(1, hello);
    expect(replica.takeFrames(1).map(({ type }) => type)).toEqual(['welcome']);
    expect(replica.events).toEqual([]);
    replica.receiveFrame(1, welcome);
    expect(replica.takeFrames(1).map(({ type }) => type)).toEqual(['batch']);
    expect(replica.events).toEqual([{ type: 'peer-up', peer: 'b' }]);
  });

  test.each([
    ['another cluster', { cluster: 'other' }, 'E_CLUSTER'],
    ['another name than the certificate', { name: nodeName('c') }, 'E_IDENTITY'],
    ['only versions to come', { versionMin: 2, versionMax: 3 }, 'E_VERSION'],
    ['incarnation 0', { incarnation: 0 }, 'E_COUNTER_RANGE'],
    ['an incarnation that nobody can have', { incarnation: 65 }, 'E_COUNTER_RANGE'],
    ['another size of messages', { frameBytesMax: 1000 }, 'E_CONFIG'],
  ])('a HELLO with %s is refused', (_what, change, code) => {
    const replica = opened();
    replica.receiveFrame(1, { ...hello, ...change });
    expect(replica.takeFrames(1)).toContainEqual(expect.objectContaining({ type: 'goaway', code }));
    expect(replica.isClosed(1)).toBe(true);
    expect(replica.events).toMatchObject([{ type: 'refused', by: 'us', peer: 'b', code }]);
  });

  test('a frame of the wrong state closes the link', () => {
    const cases: [ReplicaUnderTest, Parameters<ReplicaUnderTest['receiveFrame']>[1]][] = [
      [opened(), { type: 'ping', sentSeq: 0, seenVersion: 0 }],
      [opened(), { type: 'ack', seq: 0, creditBytes: 0 }],
      [up(), hello],
      [up(), welcome],
      [opened(), { ...welcome, nonce: 99 }],
    ];
    for (const [replica, frame] of cases) {
      replica.receiveFrame(1, frame);
      expect(replica.events.at(-1)).toMatchObject({ type: expect.stringMatching('refused|peer-down') as string });
      expect(replica.takeFrames(1)).toContainEqual(expect.objectContaining({ type: 'goaway', code: 'E_STATE' }));
      expect(replica.isClosed(1)).toBe(true);
    }
  });

  test('a HELLO of more than 4 KiB is refused by its length', () => {
    const replica = opened();
    replica.receive(1, encodeBatchFrame(new Uint8Array(5000)));
    expect(replica.events).toMatchObject([{ type: 'refused', code: 'E_FRAME_TOO_LARGE' }]);
  });

  test('a handshake that does not end in time is closed', () => {
    const replica = opened();
    replica.wake(4999);
    expect(replica.isClosed(1)).toBe(false);
    replica.wake(5000);
    expect(replica.isClosed(1)).toBe(true);
  });
});

describe('a peer that misbehaves loses its link and nothing else', () => {
  test.each([
    ['an acknowledgement of what was never written', { type: 'ack', seq: 1, creditBytes: 0 }, 'E_ACK'],
    ['a wish for what was never written', { type: 'want', origin: a, incarnation: 1, seq: 2 }, 'E_STATE'],
    [
      "a wish for more of somebody else's log than we hold",
      { type: 'want', origin: b, incarnation: 1, seq: 2 },
      'E_STATE',
    ],
  ] as const)('%s', (_what, frame, code) => {
    const replica = up();
    replica.receiveFrame(1, frame);
    expect(replica.takeFrames(1)).toContainEqual(expect.objectContaining({ type: 'goaway', code }));
    expect(replica.broadcast('still here')).toBe(1);
  });

  test('a batch in the name of somebody else', () => {
    const source = new ReplicaUnderTest({ name: 'c', peers: ['a', 'b'] });
    source.broadcast('forged');
    const replica = new ReplicaUnderTest({ name: 'a', peers: ['b', 'c'], nonce: 1 });
    replica.open(1, 'b', false);
    replica.receiveFrame(1, hello);
    replica.receiveFrame(1, welcome);
    source.syncAll();
    replica.receive(1, encodeBatchFrame(source.journal[0]?.body ?? new Uint8Array()));
    expect(replica.takeFrames(1)).toContainEqual(expect.objectContaining({ type: 'goaway', code: 'E_IDENTITY' }));
    expect(replica.unsynced).toBe(0);
  });

  test('bytes that are no frame', () => {
    const replica = up();
    replica.receive(1, new TextEncoder().encode('GET / HTTP/1.1\r\n\r\n'.repeat(10)));
    expect(replica.isClosed(1)).toBe(true);
    expect(replica.unsynced).toBe(0);
  });

  test('a link that ends in the middle of a frame delivers nothing of it', () => {
    const replica = up();
    replica.receive(1, Uint8Array.of(100, 3, 1));
    replica.replica.handleLinkClosed(1, 'reset', 0);
    replica.step();
    expect(replica.events.at(-1)).toMatchObject({
      type: 'peer-down',
      reason: expect.stringContaining('E_FRAME_TRUNCATED') as string,
    });
    expect(replica.unsynced).toBe(0);
  });
});

describe('of two links between one pair', () => {
  function pairOf(): { left: ReplicaUnderTest; right: ReplicaUnderTest } {
    return {
      left: new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 }),
      right: new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 }),
    };
  }

  test.each([
    ['first', 1, 2],
    ['second', 2, 1],
  ])('the one dialled by the smaller name stays when it comes up %s', (_when, first, second) => {
    const { left, right } = pairOf();
    // Link 1 is dialled by a, link 2 by b.
    for (const link of [first, second]) {
      left.open(link, 'b', link === 1);
      right.open(link, 'a', link === 2);
      settle(left, right, link);
    }
    expect(left.isClosed(2) || right.isClosed(2)).toBe(true);
    expect(left.isClosed(1) || right.isClosed(1)).toBe(false);
    left.broadcast('x');
    left.syncAll();
    settle(left, right, 1);
    expect(right.deliver()).toEqual(['x']);
  });

  test('a restarted peer replaces its own old link, whoever dialled', () => {
    const { left, right } = pairOf();
    connect(left, right, 1);
    const restarted = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 3 });
    connect(restarted, left, 2);
    expect(left.events, 'the old one may still be alive').toContainEqual(
      expect.objectContaining({ type: 'refused', by: 'us', code: 'E_TWIN' }),
    );
    left.nowMs = defaultTimings.heartbeatMs + defaultTimings.probeMs;
    connect(restarted, left, 2);
    expect(left.isClosed(1)).toBe(true);
    left.broadcast('x');
    left.syncAll();
    settle(left, restarted, 2);
    expect(restarted.deliver()).toEqual(['x']);
  });
});

describe('time', () => {
  test('a silent peer is pinged, then given up', () => {
    const replica = up();
    replica.wake(5000);
    expect(replica.takeFrames(1)).toEqual([{ type: 'ping', sentSeq: 0, seenVersion: 0 }]);
    replica.wake(14_999);
    expect(replica.isClosed(1)).toBe(false);
    replica.wake(15_000);
    expect(replica.isClosed(1)).toBe(true);
    expect(replica.events.at(-1)).toMatchObject({ type: 'peer-down', peer: 'b' });
  });

  test('a ping is answered, with what is durable here', () => {
    const replica = up();
    replica.receiveFrame(1, { type: 'ping', sentSeq: 0, seenVersion: 0 });
    expect(replica.takeFrames(1).map(({ type }) => type)).toEqual(['advert', 'ack']);
  });

  test('dials are repeated with a backoff that doubles up to its limit', () => {
    const replica = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
    const waits: number[] = [];
    for (let attempt = 0; attempt < 9; attempt++) {
      expect(replica.actions.splice(0)).toEqual([{ type: 'dial', peer: 'b' }]);
      replica.replica.handleDialFailed(b, 'refused', replica.nowMs);
      replica.step();
      const failedAtMs = replica.nowMs;
      // A wake-up may come too early; then nothing happens but a new one being asked for.
      while (replica.actions.length === 0) replica.wake(replica.wakeAtMs ?? Infinity);
      waits.push(replica.nowMs - failedAtMs);
    }
    // The test's random numbers are all one half of the range.
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 8000, 15_000, 15_000, 15_000]);
  });

  test('a dial without an answer is given up and tried again', () => {
    const replica = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
    replica.actions.length = 0;
    replica.wake(5000);
    expect(replica.actions.splice(0)).toEqual([{ type: 'cancel-dial', peer: 'b' }]);
    replica.wake(5250);
    expect(replica.actions).toEqual([{ type: 'dial', peer: 'b' }]);
  });

  test('bytes of a frame that never ends are no sign of life', () => {
    const replica = up();
    // Says that 100,000 bytes follow.
    replica.receive(1, Uint8Array.of(0xa0, 0x8d, 0x06));
    for (let atMs = 1000; atMs < 15_000; atMs += 1000) {
      replica.nowMs = atMs;
      replica.receive(1, new Uint8Array(100));
    }
    replica.wake(15_000);
    expect(replica.isClosed(1)).toBe(true);
  });

  test('a long frame on a thin line is one, as long as it gets on', () => {
    const replica = up();
    replica.receive(1, Uint8Array.of(0xa0, 0x8d, 0x06));
    for (let atMs = 10_000; atMs <= 60_000; atMs += 10_000) {
      replica.nowMs = atMs;
      replica.receive(1, new Uint8Array(5000));
      replica.wake(atMs);
    }
    expect(replica.isClosed(1)).toBe(false);
  });

  test('a peer that pings and does not read gets no more answers than its link takes', () => {
    const replica = up();
    replica.replica.handleBuffered(1, 1 << 30);
    for (let ping = 0; ping < 100; ping++) replica.receiveFrame(1, { type: 'ping', sentSeq: 0, seenVersion: 0 });
    expect(replica.takeFrames(1)).toEqual([]);
    replica.replica.handleBuffered(1, 0);
    replica.step();
    expect(replica.takeFrames(1).map(({ type }) => type)).toEqual(['ack']);
  });
});
