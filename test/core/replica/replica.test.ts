import { describe, expect, test } from 'vitest';
import { defaultLimits, nodeName, type Limits } from '../../../core/index.js';
import { ReplicaUnderTest, connect, exchange, framesIn, settle } from '../../support/replicas.js';

function pair(options: { readonly limits?: Partial<Limits> } = {}): {
  a: ReplicaUnderTest;
  b: ReplicaUnderTest;
} {
  const a = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1, ...options });
  const b = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2, ...options });
  return { a, b };
}

function alarm(code: string): unknown {
  return expect.objectContaining({ type: 'alarm', alarm: expect.objectContaining({ code, peer: 'b' }) as unknown });
}

describe('a broadcast', () => {
  test('is not sent, accepted or delivered before it is synced', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('x');
    expect(a.unsynced).toBe(1);
    expect(a.takeFrames(1)).toEqual([]);
    expect(a.receipts).toEqual([]);
    expect(a.deliver()).toEqual([]);
    a.sync();
    expect(a.takeFrames(1)).toMatchObject([{ type: 'batch' }]);
    expect(a.receipts).toEqual([1]);
    expect(a.deliver()).toEqual(['x']);
  });

  test('is not acknowledged or delivered by its receiver before it is synced there', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('x');
    a.sync();
    exchange(a, b, 1);
    expect(b.unsynced).toBe(1);
    expect(b.takeFrames(1)).toEqual([]);
    expect(b.deliver()).toEqual([]);
    b.sync();
    expect(b.takeFrames(1)).toEqual([{ type: 'ack', seq: 1, creditBytes: defaultLimits.windowBytes }]);
    expect(b.deliver()).toEqual(['x']);
  });

  test('shares one batch with all that come while a sync is under way', () => {
    const { a } = pair();
    a.broadcast('1');
    for (const text of ['2', '3', '4']) a.broadcast(text);
    expect(a.unsynced).toBe(1);
    a.sync();
    expect(a.receipts).toEqual([1]);
    expect(a.unsynced).toBe(1);
    a.sync();
    expect(a.receipts).toEqual([1, 2, 3, 4]);
  });

  test.each([
    ['here', [1], [1]],
    [2, [], [1]],
    ['all', [], [1]],
  ] as const)('that asks for %s is accepted when that many have synced it', (durable, afterOwnSync, afterPeerSync) => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('x', durable);
    a.sync();
    exchange(a, b, 1);
    expect(a.receipts).toEqual(afterOwnSync);
    b.sync();
    exchange(a, b, 1);
    expect(a.receipts).toEqual(afterPeerSync);
  });

  test.each([0, 3, 1.5, Number.NaN])('refuses durable: %d in a cluster of two', (durable) => {
    expect(() => pair().a.broadcast('x', durable)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });

  test('is refused when the journal cannot keep up, and nothing is lost', () => {
    const { a } = pair({ limits: { pendingBytesMax: 100 } });
    a.broadcast('first');
    a.broadcast('x'.repeat(90));
    expect(() => a.broadcast('y'.repeat(20))).toThrow(expect.objectContaining({ code: 'E_BACKPRESSURE' }));
    a.syncAll();
    expect(a.broadcast('y'.repeat(20))).toBe(3);
  });

  test('of more than the limit is refused', () => {
    const { a } = pair({ limits: { messageBytesMax: 4 } });
    expect(a.broadcast('1234')).toBe(1);
    expect(() => a.broadcast('12345')).toThrow(expect.objectContaining({ code: 'E_MESSAGE_TOO_LARGE' }));
  });
});

describe('causal order', () => {
  test('an answer is held back at a third node until what it answers has arrived', () => {
    const peers = { a: ['b', 'c'], b: ['a', 'c'], c: ['a', 'b'] };
    const [a, b, c] = (['a', 'b', 'c'] as const).map(
      (name, index) => new ReplicaUnderTest({ name, peers: peers[name], nonce: index }),
    );
    if (a === undefined || b === undefined || c === undefined) throw new Error('three replicas');
    connect(a, b, 1);
    connect(b, c, 2);
    connect(a, c, 3);
    a.broadcast('question');
    a.syncAll();
    const late = a.takeSent(3);
    settle(a, b, 1);
    expect(b.deliver()).toEqual(['question']);
    b.broadcast('answer');
    b.syncAll();
    settle(b, c, 2);
    expect(c.deliver()).toEqual([]);
    for (const bytes of late) c.receive(3, bytes);
    c.syncAll();
    expect(c.deliver()).toEqual(['question', 'answer']);
  });

  test('a clock names what was taken, not what merely waits', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('1');
    a.broadcast('2');
    a.syncAll();
    settle(a, b, 1);
    expect(b.replica.takeDelivery()?.seq).toBe(1);
    b.broadcast('after 1');
    b.syncAll();
    settle(a, b, 1);
    const clocks: unknown[] = [];
    for (let next = a.replica.takeDelivery(); next !== undefined; next = a.replica.takeDelivery()) {
      clocks.push(next.clock.toJSON());
    }
    expect(clocks).toEqual([{ a: 1 }, { a: 2 }, { a: 1, b: 1 }]);
  });
});

describe('lost and doubled frames', () => {
  test('a gap is asked for, and the sender goes back', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    for (const text of ['1', '2', '3']) {
      a.broadcast(text);
      a.syncAll();
    }
    const [, second, third] = a.takeSent(1);
    b.receive(1, second ?? new Uint8Array());
    expect(b.takeFrames(1)).toEqual([{ type: 'want', origin: 'a', incarnation: 1, seq: 1 }]);
    b.receive(1, third ?? new Uint8Array());
    expect(b.takeFrames(1), 'the same gap is not asked for again at once').toEqual([]);
    a.receiveFrame(1, { type: 'want', origin: nodeName('a'), incarnation: 1, seq: 1 });
    settle(a, b, 1);
    expect(b.deliver()).toEqual(['1', '2', '3']);
  });

  test('a lost end is noticed through a ping', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('lost');
    a.syncAll();
    expect(a.takeSent(1)).toHaveLength(1);
    expect(a.wakeAtMs).toBe(1000);
    a.wake(1000);
    settle(a, b, 1);
    expect(b.deliver()).toEqual(['lost']);
  });

  test('a batch that comes twice is journalled and delivered once', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('x');
    a.syncAll();
    const [bytes] = a.takeSent(1);
    b.receive(1, bytes ?? new Uint8Array());
    b.receive(1, bytes ?? new Uint8Array());
    b.syncAll();
    b.receive(1, bytes ?? new Uint8Array());
    expect(b.unsynced).toBe(0);
    expect(b.deliver()).toEqual(['x']);
  });
});

describe('a peer that was away', () => {
  test('gets what it missed from the journal when memory no longer holds it', () => {
    const { a, b } = pair({ limits: { cacheBytesMax: 1 } });
    for (const text of ['1', '2', '3']) {
      a.broadcast(text);
      a.syncAll();
    }
    connect(a, b, 1);
    settle(a, b, 1);
    expect(b.deliver()).toEqual(['1', '2', '3']);
  });

  test('is not sent what it holds already', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('1');
    a.syncAll();
    settle(a, b, 1);
    for (const one of [a, b]) one.replica.handleLinkClosed(1, 'cut', 0);
    a.broadcast('2');
    a.syncAll();
    connect(a, b, 2);
    settle(a, b, 2);
    expect(b.journal.map(({ type }) => type)).toHaveLength(2);
    expect(b.deliver()).toEqual(['1', '2']);
  });

  test('costs the others nothing: its window is its own', () => {
    const a = new ReplicaUnderTest({ name: 'a', peers: ['b', 'c'], limits: { windowBytes: 200 } });
    const b = new ReplicaUnderTest({ name: 'b', peers: ['a', 'c'], nonce: 2 });
    const c = new ReplicaUnderTest({ name: 'c', peers: ['a', 'b'], nonce: 3 });
    connect(a, b, 1);
    connect(a, c, 2);
    const texts = Array.from({ length: 20 }, (_, index) => `message ${index}`);
    for (const text of texts) {
      a.broadcast(text);
      a.syncAll();
      settle(a, b, 1);
    }
    expect(b.deliver()).toEqual(texts);
    // c has acknowledged nothing, so it was sent no more than its window.
    expect(a.takeSent(2).length).toBeLessThan(4);
  });
});

describe('after a restart', () => {
  test('deliveries go on behind the last mark, in the same order, and the log goes on behind its end', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('a1');
    b.broadcast('b1');
    for (const one of [a, b]) one.syncAll();
    settle(a, b, 1);
    a.broadcast('a2');
    a.syncAll();
    const first = a.deliver();
    expect(first).toEqual(['a1', 'b1', 'a2']);

    const unmarked = new ReplicaUnderTest({ name: 'a', peers: ['b'], journal: a.journal });
    expect(unmarked.deliver(), 'the marks were never synced').toEqual(first);
    a.syncAll();
    const marked = new ReplicaUnderTest({ name: 'a', peers: ['b'], journal: a.journal });
    expect(marked.deliver()).toEqual([]);
    expect(marked.broadcast('a3')).toBe(3);
  });

  test('a stored position is where deliveries go on, whatever the marks say', () => {
    const { a } = pair();
    for (const text of ['1', '2', '3']) a.broadcast(text);
    a.syncAll();
    a.deliver();
    a.syncAll();
    const restarted = new ReplicaUnderTest({ name: 'a', peers: ['b'], journal: a.journal, position: 1 });
    expect(restarted.deliver()).toEqual(['2', '3']);
  });

  test('a stored position beyond the journal is refused', () => {
    expect(() => new ReplicaUnderTest({ name: 'a', peers: ['b'], position: 1 })).toThrow(
      expect.objectContaining({ code: 'E_POSITION' }),
    );
  });

  test('what is delivered again does not set back what the next broadcast is ordered behind', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('a1');
    a.broadcast('a2');
    a.syncAll();
    settle(a, b, 1);
    const restarted = new ReplicaUnderTest({ name: 'b', peers: ['a'], journal: b.journal, nonce: 9 });
    expect(restarted.replica.takeDelivery()?.seq).toBe(1);
    restarted.broadcast('b1');
    restarted.syncAll();
    restarted.replica.takeDelivery();
    expect(restarted.replica.takeDelivery()?.clock.toJSON()).toEqual({ a: 2, b: 1 });
  });

  test('a broadcast is ordered behind what may have been applied before, marked or not', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('a1');
    a.syncAll();
    settle(a, b, 1);
    const restarted = new ReplicaUnderTest({ name: 'b', peers: ['a'], journal: b.journal, nonce: 9 });
    restarted.broadcast('b1');
    restarted.syncAll();
    a.replica.handleLinkClosed(1, 'reset', 0);
    connect(a, restarted, 2);
    settle(a, restarted, 2);
    a.replica.takeDelivery();
    expect(a.replica.takeDelivery()?.clock.toJSON()).toEqual({ a: 1, b: 1 });
  });
});

describe('memory is bounded', () => {
  test('an origin whose messages wait for a cause has no credit; the others have', () => {
    const a = new ReplicaUnderTest({ name: 'a', peers: ['b', 'c'], nonce: 1 });
    const b = new ReplicaUnderTest({ name: 'b', peers: ['a', 'c'], nonce: 2 });
    const limits = { heldBackBytesMax: 1000 };
    const c = new ReplicaUnderTest({ name: 'c', peers: ['a', 'b'], nonce: 3, limits, repair: 'origin-only' });
    connect(a, b, 1);
    connect(b, c, 2);
    a.broadcast('cause');
    a.syncAll();
    settle(a, b, 1);
    b.deliver();
    b.syncAll();
    for (let turn = 0; turn < 20; turn++) {
      b.broadcast('x'.repeat(100));
      b.syncAll();
      settle(b, c, 2);
    }
    expect(c.deliver()).toEqual([]);
    b.broadcast('wanted by all', 'all');
    b.syncAll();
    settle(b, c, 2);
    connect(a, c, 3);
    settle(a, c, 3);
    const delivered = c.deliver();
    settle(b, c, 2);
    expect([...delivered, ...c.deliver()]).toHaveLength(22);
    settle(a, b, 1);
    expect(b.receipts.at(-1)).toBe(21);
  });

  test('while the application does not take what waits for it, its peers have no credit', () => {
    const a = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
    const b = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2, limits: { undeliveredBytesMax: 1000 } });
    connect(a, b, 1);
    for (let turn = 0; turn < 10; turn++) {
      a.broadcast('x'.repeat(200), 'all');
      a.syncAll();
      settle(a, b, 1);
    }
    expect(a.receipts, 'what was sent is acknowledged all the same').toEqual([1, 2, 3]);
    expect(b.deliver()).toHaveLength(3);
    settle(a, b, 1);
    expect(a.receipts).toHaveLength(10);
  });

  test('a peer that asks for the same range again and again causes one read at a time', () => {
    const { a, b } = pair({ limits: { cacheBytesMax: 1 } });
    for (const text of ['1', '2', '3']) {
      a.broadcast(text);
      a.syncAll();
    }
    connect(a, b, 1);
    for (let turn = 0; turn < 100; turn++) {
      a.receiveFrame(1, { type: 'want', origin: nodeName('a'), incarnation: 1, seq: 1 });
    }
    expect(a.reads).toHaveLength(1);
    settle(a, b, 1);
    expect(b.deliver()).toEqual(['1', '2', '3']);
  });
});

test('a link that takes nothing is given no more than its limit and one batch', () => {
  const { a, b } = pair({ limits: { linkBufferBytesMax: 1000, batchBytesTarget: 200 } });
  for (let turn = 0; turn < 50; turn++) {
    a.broadcast('x'.repeat(150));
    a.syncAll();
  }
  connect(a, b, 1);
  a.replica.handleLinkClosed(1, 'cut', 0);
  a.open(2, 'b', true);
  b.replica.handleLinkClosed(1, 'cut', 0);
  b.open(2, 'a', false);
  for (const bytes of b.takeSent(2)) a.receive(2, bytes);
  for (const bytes of a.takeSent(2)) b.receive(2, bytes);
  // b's WELCOME lets a begin; nothing of what it writes leaves.
  for (const bytes of b.takeSent(2)) a.receive(2, bytes);
  let unsentBytes = 0;
  for (let round = 0; round < 20; round++) {
    for (const bytes of a.takeSent(2)) unsentBytes += bytes.length;
    a.replica.handleBuffered(2, unsentBytes);
    a.step();
  }
  expect(unsentBytes).toBeGreaterThan(500);
  expect(unsentBytes).toBeLessThan(1500);
});

test('a journal of another node is refused', () => {
  const { a } = pair();
  a.broadcast('x');
  a.syncAll();
  expect(() => new ReplicaUnderTest({ name: 'b', peers: ['a'], journal: a.journal })).toThrow(
    expect.objectContaining({ code: 'E_LOG_FOREIGN' }),
  );
});

describe('a node whose log went back', () => {
  test('is fenced by the first peer that remembers more', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('x');
    a.syncAll();
    settle(a, b, 1);
    const wiped = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 7 });
    connect(wiped, b, 2);
    expect(wiped.incarnation, 'nothing was broadcast: a new incarnation is begun').toBe(2);
    expect(() => wiped.broadcast('y')).toThrow(expect.objectContaining({ code: 'E_CATCHING_UP' }));
    expect(wiped.events).not.toContainEqual(alarm('E_ROLLED_BACK'));
  });

  test('goes on as a new incarnation once it has delivered what was forgotten, when it has broadcast nothing yet', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('x');
    a.syncAll();
    settle(a, b, 1);
    b.replica.handleLinkClosed(1, 'reset', 0);
    const wiped = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 7 });
    connect(wiped, b, 2);
    wiped.replica.handleIncarnation({ incarnation: 2, nonce: 8, nowMs: 0 });
    wiped.step();
    connect(wiped, b, 3);
    expect(() => wiped.broadcast('y')).toThrow(expect.objectContaining({ code: 'E_CATCHING_UP' }));
    settle(wiped, b, 3);
    expect(wiped.deliver()).toEqual(['x']);
    expect(wiped.broadcast('y')).toBe(1);
    wiped.syncAll();
    settle(wiped, b, 3);
    b.replica.takeDelivery();
    expect(b.replica.takeDelivery()?.clock.toJSON()).toEqual({ a: 1, 'a~2': 1 });
  });

  test('is fenced by the first peer that remembers more, when it has broadcast', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('x');
    a.syncAll();
    const old = [...a.journal];
    a.broadcast('y');
    a.syncAll();
    settle(a, b, 1);
    b.replica.handleLinkClosed(1, 'reset', 0);
    const setBack = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 7, journal: old });
    connect(setBack, b, 2);
    expect(setBack.events).toContainEqual(alarm('E_ROLLED_BACK'));
    expect(() => setBack.broadcast('z')).toThrow(expect.objectContaining({ code: 'E_ROLLED_BACK' }));
  });

  test('is fenced when it wrote something else under its old numbers', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    a.broadcast('x');
    a.syncAll();
    settle(a, b, 1);
    const wiped = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 7 });
    wiped.broadcast('y');
    wiped.syncAll();
    connect(wiped, b, 2);
    expect(wiped.events).toContainEqual(alarm('E_CHAIN'));
    expect(b.deliver()).toEqual(['x']);
  });
});

test('a peer that forgets what it had acknowledged is reported, and gets it again', () => {
  const { a, b } = pair();
  connect(a, b, 1);
  a.broadcast('x');
  a.syncAll();
  settle(a, b, 1);
  a.replica.handleLinkClosed(1, 'reset', 0);
  const wiped = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 7 });
  connect(a, wiped, 2);
  settle(a, wiped, 2);
  expect(a.events).toContainEqual(alarm('E_PEER_FORGOT'));
  expect(wiped.deliver()).toEqual(['x']);
});

test('a group of frames for a peer names nothing that is not on disk', () => {
  const { a, b } = pair();
  connect(a, b, 1);
  for (let round = 0; round < 5; round++) {
    a.broadcast(`${round}`);
    const sent = a.takeSent(1).flatMap(framesIn);
    expect(sent.filter((frame) => frame.type === 'batch')).toHaveLength(round === 0 ? 0 : 1);
    a.sync();
  }
});
