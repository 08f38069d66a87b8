/** What a peer may send before it hears from us, and what happens when it does not keep to that, or is not the one it was. */
import { describe, expect, test } from 'vitest';
import { defaultLimits, defaultTimings, nodeName } from '../../../core/index.js';
import { encodeBatchFrame } from '../../../core/message/frame.js';
import { recordTypes } from '../../../core/journal/journal.js';
import { groupOf } from '../../support/replica-group.js';
import { connect, ReplicaUnderTest, settle } from '../../support/replicas.js';

function batchesOf(writer: ReplicaUnderTest): readonly Uint8Array[] {
  return writer.journal.flatMap(({ type, body }) => (type === recordTypes.localBatch ? [body] : []));
}

describe('a peer that sends more than it was told that we take', () => {
  test('loses its link, and what it had sent so far is kept', () => {
    const windowBytes = 2000;
    const a = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1, limits: { windowBytes } });
    const b = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 });
    connect(a, b, 1);
    for (let message = 0; message < 10; message++) {
      b.broadcast('x'.repeat(500));
      b.syncAll();
    }
    const batches = batchesOf(b);
    const allowed = Math.floor(windowBytes / (batches[0]?.length ?? 1));
    for (const batch of batches) if (!a.isClosed(1)) a.receive(1, encodeBatchFrame(batch));
    expect(a.isClosed(1)).toBe(true);
    expect(a.events).toContainEqual(expect.objectContaining({ type: 'refused', by: 'us', code: 'E_WINDOW' }));
    a.syncAll();
    const delivered = a.deliver().length;
    expect(delivered).toBeGreaterThanOrEqual(allowed);
    expect(delivered).toBeLessThanOrEqual(allowed + 2);
    b.replica.handleLinkClosed(1, 'refused', 0);
    connect(a, b, 2);
    settle(a, b, 2);
    expect(delivered + a.deliver().length, 'what came before it was refused is kept, the rest follows').toBe(10);
  });

  test('is not one that waits for acknowledgements, however much it sends in all', () => {
    const group = groupOf(['a', 'b'], (name) => ({
      limits: { windowBytes: name === 'a' ? 1500 : 1 << 20, batchBytesTarget: 1 },
    }));
    group.connectAll();
    for (let message = 0; message < 60; message++) group.get('b').broadcast(`${message} ${'x'.repeat(300)}`);
    group.settle();
    expect(group.get('a').applied).toHaveLength(60);
    expect(group.get('a').refusals).toEqual([]);
  });

  test('is not one that sends a batch longer than the window, when nothing else is under way', () => {
    const group = groupOf(['a', 'b'], () => ({ limits: { windowBytes: 100, batchBytesTarget: 1 } }));
    group.connectAll();
    for (let message = 0; message < 5; message++) group.get('b').broadcast('x'.repeat(1000));
    group.settle();
    expect(group.get('a').applied).toHaveLength(5);
    expect(group.get('a').refusals).toEqual([]);
  });

  test('is not one that sends again what was asked for again', () => {
    const group = groupOf(['a', 'b'], () => ({ limits: { windowBytes: 1500, batchBytesTarget: 1 } }));
    group.connectAll();
    const link = group.linkOf('a', 'b');
    const b = group.get('b');
    for (let message = 0; message < 40; message++) {
      b.broadcast('x'.repeat(300));
      b.syncAll();
      // Every third frame is lost, and everything comes twice.
      const sent = b.takeSent(link);
      if (message % 3 !== 0) for (const bytes of [...sent, ...sent]) group.get('a').receive(link, bytes);
      group.settle();
    }
    group.passPings();
    expect(group.get('a').applied).toHaveLength(40);
    expect(group.get('a').refusals).toEqual([]);
  });
});

describe('credit', () => {
  test('is nothing while the application does not keep up, and comes back as soon as it does', () => {
    const group = groupOf(['a', 'b'], () => ({ limits: { undeliveredBytesMax: 1000, batchBytesTarget: 1 } }));
    group.connectAll();
    const [a, b] = [group.get('a'), group.get('b')];
    a.isApplying = false;
    for (let message = 0; message < 20; message++) {
      b.broadcast('x'.repeat(200));
      group.settle();
    }
    const taken = a.journal.filter(({ type }) => type === recordTypes.remoteBatch).length;
    expect(taken).toBeLessThan(8);
    const link = group.linkOf('a', 'b');
    a.receiveFrame(link, { type: 'ping', sentSeq: taken, seenVersion: 0 });
    expect(a.takeFrames(link)).toContainEqual({ type: 'ack', seq: taken, creditBytes: 0 });
    group.passPings();
    expect(a.journal.filter(({ type }) => type === recordTypes.remoteBatch)).toHaveLength(taken);
    a.isApplying = true;
    a.apply();
    expect(a.takeFrames(link)).toContainEqual({ type: 'ack', seq: taken, creditBytes: defaultLimits.windowBytes });
    group.passPings();
    group.cut('a', 'b');
    group.connect('a', 'b');
    group.settle();
    expect(a.applied).toHaveLength(20);
  });
});

describe('two processes of one name', () => {
  test('the second is refused while the first answers, which stays', () => {
    const left = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
    const first = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 });
    const second = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 3 });
    connect(left, first, 1);
    for (let turn = 0; turn < 5; turn++) {
      left.nowMs += 5000;
      left.receiveFrame(1, { type: 'pong' });
      const link = 10 + turn;
      connect(second, left, link);
      expect(left.isClosed(link)).toBe(true);
      expect(left.isClosed(1)).toBe(false);
      // The first is asked at once whether it is still there.
      left.wake(left.nowMs);
      expect(left.takeFrames(1).map(({ type }) => type)).toContain('ping');
    }
    expect(left.events.filter((event) => event.type === 'refused' && event.code === 'E_TWIN')).toHaveLength(5);
  });

  test('the second takes over when the first does not answer', () => {
    const left = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
    const first = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 });
    const second = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 3 });
    connect(left, first, 1);
    left.nowMs = defaultTimings.heartbeatMs + defaultTimings.probeMs - 1;
    connect(second, left, 2);
    expect(left.isClosed(2)).toBe(true);
    left.nowMs += 1;
    connect(second, left, 3);
    expect(left.isClosed(3)).toBe(false);
    expect(left.isClosed(1)).toBe(true);
  });
});

test('two others that hold different messages under one dot are reported once, and keep their links', () => {
  const [one, another] = ['one story', 'another story'].map((text) => {
    const x = new ReplicaUnderTest({ name: 'x', peers: ['a', 'b'] });
    x.broadcast(text);
    x.syncAll();
    return x;
  });
  if (one === undefined || another === undefined) throw new Error('two processes');
  const a = new ReplicaUnderTest({ name: 'a', peers: ['b', 'x'], nonce: 1 });
  const b = new ReplicaUnderTest({ name: 'b', peers: ['a', 'x'], nonce: 2 });
  connect(a, one, 1);
  connect(b, another, 2);
  for (const [reader, writer, link] of [
    [a, one, 1],
    [b, another, 2],
  ] as const) {
    for (const bytes of writer.takeSent(link)) reader.receive(link, bytes);
    reader.syncAll();
    reader.replica.handleLinkClosed(link, 'cut', 0);
    reader.step();
  }
  for (const link of [3, 4]) {
    connect(a, b, link);
    expect(a.isClosed(link)).toBe(false);
    for (const side of [a, b]) {
      const alarms = side.events.filter((event) => event.type === 'alarm' && event.alarm.code === 'E_CHAIN');
      expect(alarms).toMatchObject([{ alarm: { peer: side === a ? nodeName('b') : nodeName('a') } }]);
      side.replica.handleLinkClosed(link, 'cut', 0);
      side.step();
    }
  }
  expect(a.broadcast('still taken')).toBe(1);
});
