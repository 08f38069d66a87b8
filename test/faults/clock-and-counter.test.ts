/** Section 5 of docs/FAULTS.md: clocks that jump, timers that are late, counters that end, names that are traps. Rows K1 to K7. */
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { defaultTimings, membersMax, nodeName, VectorClock } from '../../core/index.js';
import { BatchEncoder } from '../../core/message/batch-encoder.js';
import { decodeBatch, decodeBatchHeader, emptyLogState, lastSeq, type LogState } from '../../core/message/batch.js';
import { seqMax } from '../../core/message/origin.js';
import { Slab } from '../../core/message/slab.js';
import { OriginTable } from '../../core/replica/origin-table.js';
import { openNode } from '../../transport-tls/index.js';
import { removeTestDirectories, TestAuthority } from '../support/certificates.js';
import { nodeDigests } from '../support/digests.js';
import { connect, exchange, ReplicaUnderTest, settle } from '../support/replicas.js';
import { broadcastAll } from './besieged.js';
import { nobody, openPair, optionsOf } from './node-pair.js';

const trapNames = ['constructor', 'toString', 'hasOwnProperty', 'valueOf'];
let authority: TestAuthority;

beforeAll(async () => {
  authority = await TestAuthority.make('demo', ['a', 'b']);
});
afterAll(removeTestDirectories);
afterEach(() => {
  vi.useRealTimers();
});

test('K1: a wall clock that jumps by ten years, both ways, and to 1970, changes nothing between two nodes', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const downs: string[] = [];
  const { a, b } = await openPair(authority, {
    onPeer: ({ name, state, reason }) => {
      if (state === 'down') downs.push(`${name}: ${reason}`);
    },
  });
  await using _a = a;
  await using _b = b;
  const now = Date.now();
  const tenYearsMs = 10 * 365 * 24 * 60 * 60 * 1000;
  const times = [now, now + tenYearsMs, now - tenYearsMs, 0, now];
  for (const [index, time] of times.entries()) {
    vi.setSystemTime(time);
    expect(await a.broadcast(`a ${index}`, 'all')).toBe(index + 1);
    expect(await b.texts(1)).toEqual([`a ${index}`]);
    expect(await b.broadcast(`b ${index}`, 'all')).toBe(index + 1);
    expect(await b.texts(1)).toEqual([`b ${index}`]);
    expect(await a.texts(2)).toEqual([`a ${index}`, `b ${index}`]);
  }
  expect(downs).toEqual([]);
});

test('K2: timers that fire ten seconds late part nobody, as long as the others are heard', () => {
  const a = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
  const b = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 });
  connect(a, b, 1);
  let lateWakes = 0;
  for (let second = 1; second <= 300; second++) {
    for (const one of [a, b]) one.nowMs = second * 1000;
    // b is punctual; a's timers come when they should have come ten seconds ago.
    if ((b.wakeAtMs ?? Infinity) <= b.nowMs) b.wake(b.nowMs);
    if ((a.wakeAtMs ?? Infinity) + 10_000 <= a.nowMs) {
      lateWakes++;
      a.wake(a.nowMs);
    }
    if (second % 20 === 0) broadcastAll(a, [`${second}`]);
    exchange(a, b, 1);
    b.syncAll();
    exchange(a, b, 1);
  }
  expect(lateWakes).toBeGreaterThan(5);
  expect([a, b].flatMap(({ events }) => events.filter(({ type }) => type === 'peer-down'))).toEqual([]);
  expect(b.deliver()).toHaveLength(15);
});

test('K2: a node that has been stopped for longer than silence may last comes back by itself, with all messages', () => {
  const a = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
  const b = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 });
  connect(a, b, 1);
  broadcastAll(b, ['sent while a was stopped']);
  const late = b.takeSent(1);
  a.nowMs = 4 * defaultTimings.deadMs;
  a.wake(a.nowMs);
  for (const bytes of late) a.receive(1, bytes);
  for (const one of [a, b]) {
    one.replica.handleLinkClosed(1, 'closed by the other end', one.nowMs);
    one.step();
  }
  connect(a, b, 2);
  settle(a, b, 2);
  expect(a.deliver()).toEqual(['sent while a was stopped']);
});

describe('K3: a log that has used all its numbers', () => {
  const self = { name: nodeName('a'), incarnation: 1 };
  const members = new OriginTable([self.name]);
  const nearTheEnd: LogState = { ...emptyLogState, nextSeq: seqMax - 1 };

  function encoder(): BatchEncoder {
    members.resolve(self.name, 1);
    const slab = new Slab();
    return new BatchEncoder({
      ...{ self, state: nearTheEnd, origins: members.at, digests: nodeDigests, slab, bytesTarget: 1 },
    });
  }

  test('K3: refuses the next broadcast with E_COUNTER_EXHAUSTED, and keeps those that had one', () => {
    const current = encoder();
    expect([current.add(Uint8Array.of(1), new Map()), current.add(Uint8Array.of(2), new Map())]).toEqual([
      seqMax - 1,
      seqMax,
    ]);
    const before = current.pendingBytes;
    expect(() => current.add(Uint8Array.of(3), new Map())).toThrow(
      expect.objectContaining({
        code: 'E_COUNTER_EXHAUSTED',
        message: expect.stringMatching(/^a .*incarnation$/) as unknown,
      }),
    );
    expect(current.pendingBytes).toBe(before);
    let state = nearTheEnd;
    const payloads = current.seal().flatMap(({ batch }) => {
      const header = decodeBatchHeader(batch, nodeDigests);
      const decoded = decodeBatch(batch, header, state, members.resolve, nodeDigests);
      state = decoded.next;
      expect(lastSeq(header)).toBeLessThanOrEqual(seqMax);
      return decoded.messages.map(({ payload }) => [...payload]);
    });
    expect(payloads).toEqual([[1], [2]]);
    expect(current.seal()).toEqual([]);
  });
});

describe('K4: names that are properties of every object', () => {
  test('K4: are members like any other, in clocks too', () => {
    const members = trapNames.map(
      (name, index) =>
        new ReplicaUnderTest({ name, peers: trapNames.filter((other) => other !== name), nonce: index + 1 }),
    );
    const [first, ...others] = members;
    if (first === undefined) throw new Error('there are four');
    others.forEach((other, index) => connect(first, other, index + 1));
    broadcastAll(first, ['to all']);
    others.forEach((other, index) => {
      settle(first, other, index + 1);
      expect(other.deliver()).toEqual(['to all']);
      broadcastAll(other, [`from ${other.name}`]);
      settle(first, other, index + 1);
    });
    const clocks: string[] = [];
    for (let next = first.replica.takeDelivery(); next !== undefined; next = first.replica.takeDelivery()) {
      clocks.push(JSON.stringify(next.clock));
    }
    expect(clocks).toEqual([
      '{"constructor":1}',
      '{"constructor":1,"toString":1}',
      '{"constructor":1,"hasOwnProperty":1}',
      '{"constructor":1,"valueOf":1}',
    ]);
  });

  test('K4: and __proto__ is no name; in a clock it would be an entry like any other', async () => {
    const peers = { ['__proto__']: nobody };
    expect(Object.keys(peers)).toEqual(['__proto__']);
    await expect(openNode(optionsOf(authority, 'a', peers))).rejects.toMatchObject({ code: 'E_NAME' });
    const clock = VectorClock.of([['__proto__', 3]]);
    expect(clock.get('__proto__')).toBe(3);
    expect(JSON.stringify(clock)).toBe('{"__proto__":3}');
    expect(clock.get('toString')).toBe(0);
  });
});

test('K5: a member that was removed and added again begins a new incarnation; what is left of the old one matches nothing', () => {
  const member = (name: string, incarnation = 1): ReplicaUnderTest =>
    new ReplicaUnderTest({
      ...{ name, peers: ['a', 'b', 'c'].filter((other) => other !== name), nonce: incarnation, incarnation },
    });
  const [a, b, old] = [member('a'), member('b'), member('c')];
  connect(a, b, 1);
  connect(a, old, 2);
  broadcastAll(old, ['before']);
  settle(a, old, 2);
  expect(a.deliver()).toEqual(['before']);
  old.replica.handleLinkClosed(2, 'cut', 0);
  broadcastAll(old, ['sent to nobody']);
  a.replica.handleLinkClosed(2, 'cut', 0);
  for (const change of [
    () => a.replica.removeMember(nodeName('c')),
    () => a.replica.addMember(nodeName('c'), 'somewhere'),
  ]) {
    change();
    a.step();
    a.syncAll();
    // What it has heard of, b is told with the next heartbeats: the last message of c, and who is a member.
    for (let second = 0; second < 20; second++) {
      for (const one of [a, b]) one.wake(one.nowMs + 1000);
      settle(a, b, 1);
    }
  }
  expect(b.deliver()).toEqual(['before']);
  connect(old, a, 3);
  expect(a.isClosed(3)).toBe(true);
  expect(a.events).toContainEqual(expect.objectContaining({ type: 'refused', peer: 'c', code: 'E_ROLLED_BACK' }));

  const back = member('c', 2);
  connect(back, a, 4);
  settle(a, back, 4);
  settle(a, b, 1);
  expect(back.deliver()).toEqual(['before']);
  settle(a, back, 4);
  expect(back.replica.broadcast(Uint8Array.of(0x21), 'here')).toEqual({ origin: 'c', incarnation: 2, seq: 1 });
  back.step();
  back.syncAll();
  settle(a, back, 4);
  connect(back, b, 5);
  settle(b, back, 5);
  for (const one of [a, b]) expect(one.deliver()).toEqual(['!']);
});

test('K6: a number that a crash has taken away was seen by nobody, and so may be used again', () => {
  const a = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
  const b = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 });
  connect(a, b, 1);
  expect(a.broadcast('lost')).toBe(1);
  expect([a.takeFrames(1), a.receipts, a.deliver()]).toEqual([[], [], []]);
  const again = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 3, journal: a.journal });
  expect(again.broadcast('kept')).toBe(1);
  again.syncAll();
  b.replica.handleLinkClosed(1, 'reset', 0);
  connect(again, b, 2);
  settle(again, b, 2);
  expect(b.deliver()).toEqual(['kept']);
});

describe('K7: many members', () => {
  const names = Array.from({ length: membersMax }, (_, index) => `n${index}`);

  test('K7: with 256, a clock that names them all costs each message only what has changed', () => {
    const origins = new OriginTable(names.map(nodeName));
    const indices = names.map((name) => origins.resolve(nodeName(name), 1));
    const current = new BatchEncoder({
      self: origins.at(0),
      state: emptyLogState,
      ...{ origins: origins.at, digests: nodeDigests, slab: new Slab(), bytesTarget: 1 << 20 },
    });
    current.add(new Uint8Array(), new Map(indices.slice(1).map((index) => [index, 1_000_000])));
    const before = current.pendingBytes;
    current.add(new Uint8Array(), new Map([[200, 1_000_001]]));
    expect(current.pendingBytes - before).toBeLessThanOrEqual(6);
    const [sealed] = current.seal();
    const batch = sealed?.batch ?? new Uint8Array();
    const header = decodeBatchHeader(batch, nodeDigests);
    const { next } = decodeBatch(batch, header, emptyLogState, origins.resolve, nodeDigests);
    expect(next.clock).toHaveLength(membersMax - 1);
  });

  test('K7: more are refused with the limit, before anything is made', async () => {
    const peers = (count: number): Record<string, string> =>
      Object.fromEntries(names.slice(0, count).map((name) => [name, nobody]));
    await expect(openNode(optionsOf(authority, 'a', peers(membersMax)))).rejects.toMatchObject({
      code: 'E_CONFIG',
      message: '257 members are too many: a cluster has at most 256',
    });
    // One less gets as far as the directory, which is a file.
    const options = { ...optionsOf(authority, 'a', peers(membersMax - 1)), dataDir: authority.files('a').cert };
    await expect(openNode(options)).rejects.toMatchObject({ code: 'E_STORAGE' });
  });
});
