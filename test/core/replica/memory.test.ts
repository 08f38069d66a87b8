/** What a node counts of its own memory: every part rises with what it counts, and falls when that is gone. */
import { expect, test } from 'vitest';
import { groupOf } from '../../support/replica-group.js';
import { connect, settle, ReplicaUnderTest } from '../../support/replicas.js';

/** What a message costs beside its payload, in the hold-back queue and before it is sealed. */
const overheadBytes = 200;

test('messages count while they wait for the disk, for the application, and as a cached batch', () => {
  const a = new ReplicaUnderTest({ name: 'a', peers: ['b'] });
  const messageBytes = (): number => a.replica.status().memory.messageBytes;
  expect(messageBytes()).toBe(0);
  a.broadcast('x'.repeat(1000));
  const waiting = messageBytes();
  expect(waiting).toBeGreaterThan(1000);
  a.broadcast('y'.repeat(1000));
  expect(messageBytes(), 'not sealed yet').toBeGreaterThan(waiting + 1000);
  a.syncAll();
  const cached = messageBytes() - 2 * (1000 + overheadBytes);
  expect(cached).toBeGreaterThan(2000);
  a.deliver();
  expect(messageBytes()).toBe(cached);
});

test('messages count while they are held back, and a frame of which a part has come', () => {
  const peers = { a: ['b', 'c'], b: ['a', 'c'], c: ['a', 'b'] };
  const limits = { cacheBytesMax: 0 };
  const [a, b, c] = (['a', 'b', 'c'] as const).map(
    (name, index) => new ReplicaUnderTest({ name, peers: peers[name], nonce: index, limits }),
  );
  if (a === undefined || b === undefined || c === undefined) throw new Error('three replicas');
  connect(a, b, 1);
  connect(b, c, 2);
  connect(a, c, 3);
  a.broadcast('question');
  a.syncAll();
  const [late = new Uint8Array(0)] = a.takeSent(3);
  settle(a, b, 1);
  b.deliver();
  b.broadcast('answer');
  b.syncAll();
  settle(b, c, 2);
  const messageBytes = (): number => c.replica.status().memory.messageBytes;
  expect(messageBytes()).toBe('answer'.length + overheadBytes);
  const part = late.subarray(0, 40);
  c.receive(3, part);
  expect(messageBytes()).toBeGreaterThan('answer'.length + overheadBytes + part.length);
  c.receive(3, late.subarray(40));
  c.syncAll();
  c.deliver();
  expect(messageBytes()).toBe(0);
});

test('the index grows with the logs, and the tables with logs times members', () => {
  const [small, large] = [2, 8].map((size) => {
    const names = Array.from({ length: size }, (_, index) => `n${index}`);
    const group = groupOf(names);
    const [one] = group.all;
    expect(one?.replica.status().memory).toEqual({ messageBytes: 0, indexBytes: 0, tableBytes: 0 });
    group.connectAll();
    for (const member of group.all) member.broadcast('hello');
    group.settle();
    group.passPings();
    return one?.replica.status().memory;
  });
  expect(small?.indexBytes).toBeGreaterThan(2 * 32);
  expect(large?.indexBytes).toBe(4 * (small?.indexBytes ?? 0));
  // Of every log, what every member has synced and applied.
  expect(small?.tableBytes).toBeGreaterThanOrEqual(2 * 2 * 2 * 8);
  expect(large?.tableBytes).toBeGreaterThan(12 * (small?.tableBytes ?? 0));
  expect(large?.tableBytes).toBeLessThan(40 * (small?.tableBytes ?? 0));
});
