/** Section 1 of docs/FAULTS.md: peers that are slow, deaf, dumb, stuck, or there twice. Rows W20 to W23. */
import { describe, expect, test } from 'vitest';
import { defaultTimings } from '../../core/index.js';
import { connect, exchange, ReplicaUnderTest, settle } from '../support/replicas.js';
import { Besieged, broadcastAll } from './besieged.js';

function pair(): { readonly a: ReplicaUnderTest; readonly b: ReplicaUnderTest } {
  return {
    a: new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 }),
    b: new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 }),
  };
}

function alarmsOf({ events }: ReplicaUnderTest): readonly string[] {
  return events.flatMap((event) => (event.type === 'alarm' ? [event.alarm.code] : []));
}

const texts = Array.from({ length: 200 }, (_, index) => `${index} ${'x'.repeat(150)}`);

test('W20: a peer that reads nothing is sent no more than its link takes, slows nobody, and gets all when it reads', () => {
  const linkBufferBytesMax = 1000;
  const besieged = new Besieged({ limits: { linkBufferBytesMax, batchBytesTarget: 200 } });
  const { a, b, d, link } = besieged;
  const unread: Uint8Array[] = [];
  const unreadBytes = (): number => unread.reduce((sum, { length }) => sum + length, 0);
  for (const text of texts) {
    a.broadcast(text, 2);
    a.syncAll();
    settle(a, b, 1);
    unread.push(...a.takeSent(link));
    a.replica.handleBuffered(link, unreadBytes());
    a.step();
  }
  expect(b.deliver()).toEqual(texts);
  expect(a.receipts).toHaveLength(texts.length + 1);
  expect(unreadBytes()).toBeLessThan(linkBufferBytesMax + 500);
  for (const bytes of unread) d.receive(link, bytes);
  // What a and b have said to each other before is among the causes.
  connect(b, d, 99);
  settle(a, d, link);
  settle(b, d, 99);
  settle(a, d, link);
  expect(d.deliver()).toEqual(expect.arrayContaining(texts));
  besieged.deliver();
  settle(a, b, 1);
  expect(a.events.filter(({ type }) => type === 'peer-down')).toEqual([]);
});

test('W21: two links at once, whatever is on its way when the second comes up: one stays, nothing is lost or doubled', () => {
  const said = ['1', '2', '3'];
  for (let moved = 0; moved < 12; moved++) {
    const { a, b } = pair();
    broadcastAll(a, said);
    a.open(2, 'b', false);
    b.open(2, 'a', true);
    for (let step = 0; step < moved; step++) {
      const [from, to] = step % 2 === 0 ? [a, b] : [b, a];
      const [first, ...rest] = from.takeSent(2);
      if (first !== undefined) to.receive(2, first);
      for (const bytes of rest) from.actions.push({ type: 'send', link: 2, bytes });
      to.syncAll();
    }
    connect(a, b, 1);
    broadcastAll(b, ['4']);
    settle(a, b, 2);
    settle(a, b, 1);
    const closed = [1, 2].filter((link) => a.isClosed(link) || b.isClosed(link));
    expect(closed, `after ${moved} steps`).toEqual([2]);
    expect([...a.deliver()].sort()).toEqual([...said, '4']);
    expect([...b.deliver()].sort()).toEqual([...said, '4']);
  }
});

/** Lets both live through so many seconds; `carry` moves bytes after each. */
function live(a: ReplicaUnderTest, b: ReplicaUnderTest, seconds: number, carry: () => void): void {
  for (let second = 0; second < seconds; second++) {
    for (const one of [a, b]) one.wake(one.nowMs + 1000);
    carry();
  }
}

describe('W22: a link that carries one way only', () => {
  test('W22: is given up by who hears nothing, and what was said into it arrives over the next one', () => {
    const { a, b } = pair();
    connect(a, b, 1);
    broadcastAll(a, ['into the void']);
    broadcastAll(b, ['heard']);
    const carry = (): void => {
      a.takeSent(1);
      for (const bytes of b.takeSent(1)) a.receive(1, bytes);
      a.syncAll();
    };
    live(a, b, defaultTimings.deadMs / 1000 - 1, carry);
    expect(b.isClosed(1)).toBe(false);
    live(a, b, 1, carry);
    expect(b.isClosed(1)).toBe(true);
    expect(b.events).toContainEqual(expect.objectContaining({ type: 'refused', code: 'E_TIMEOUT', by: 'us' }));
    expect(a.isClosed(1), 'its goodbye came through').toBe(true);
    connect(a, b, 2);
    settle(a, b, 2);
    expect([...a.deliver()].sort()).toEqual(['heard', 'into the void']);
    expect([...b.deliver()].sort()).toEqual(['heard', 'into the void']);
  });
});

test('W20, W23: a peer that takes in nothing is reported once, and again only when it had got on between', () => {
  const { a, b } = pair();
  const stalledMs = (): number | undefined => a.replica.status().members[0]?.stalledMs;
  const { stuckMs } = defaultTimings;
  connect(a, b, 1);
  live(a, b, 100, () => settle(a, b, 1));
  a.broadcast('never synced there');
  a.syncAll();
  exchange(a, b, 1);
  live(a, b, stuckMs / 1000 - 5, () => exchange(a, b, 1));
  expect(stalledMs()).toBeGreaterThanOrEqual(stuckMs - 10_000);
  expect(alarmsOf(a)).toEqual([]);
  live(a, b, 200, () => exchange(a, b, 1));
  expect(alarmsOf(a)).toEqual(['E_STUCK']);
  settle(a, b, 1);
  live(a, b, 100, () => settle(a, b, 1));
  expect([stalledMs(), alarmsOf(a).length]).toEqual([0, 1]);
  expect(b.deliver()).toEqual(['never synced there']);
  a.broadcast('nor this');
  a.syncAll();
  live(a, b, 100, () => exchange(a, b, 1));
  expect(alarmsOf(a)).toHaveLength(2);
});

test('W23, C3: who slept itself does not take a peer for stuck', () => {
  const { a, b } = pair();
  connect(a, b, 1);
  live(a, b, 20, () => settle(a, b, 1));
  a.broadcast('not acknowledged yet');
  a.syncAll();
  live(a, b, 2, () => exchange(a, b, 1));
  a.wake(a.nowMs + 10 * defaultTimings.stuckMs);
  settle(a, b, 1);
  live(a, b, 20, () => settle(a, b, 1));
  expect(alarmsOf(a)).toEqual([]);
  expect(a.replica.status().members[0]?.stalledMs).toBe(0);
});

test('W23: a peer that is stuck is reported once, over however many links', () => {
  const { a, b } = pair();
  a.broadcast('never synced there');
  a.syncAll();
  for (let link = 1; link <= 4; link++) {
    connect(a, b, link);
    live(a, b, 100, () => exchange(a, b, link));
    for (const one of [a, b]) one.replica.handleLinkClosed(link, 'cut', one.nowMs);
  }
  expect(alarmsOf(a)).toEqual(['E_STUCK']);
});

test('W23: a peer whose disk hangs keeps its link, acknowledges nothing, is sent its window, and gets all in the end', () => {
  const windowBytes = 2000;
  const a = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1, limits: { windowBytes } });
  const b = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 });
  connect(a, b, 1);
  let sentBytes = 0;
  for (const text of texts) {
    a.broadcast(text, 'all');
    a.syncAll();
    sentBytes += a.actions.reduce((sum, action) => sum + (action.type === 'send' ? action.bytes.length : 0), 0);
    exchange(a, b, 1);
  }
  live(a, b, 600, () => exchange(a, b, 1));
  const troubles = ['peer-down', 'refused'];
  expect([a, b].flatMap(({ events }) => events.filter(({ type }) => troubles.includes(type)))).toEqual([]);
  expect([a, b].map(alarmsOf)).toEqual([['E_STUCK'], []]);
  expect(a.receipts).toEqual([]);
  expect(b.deliver()).toEqual([]);
  expect(sentBytes).toBeLessThan(windowBytes + 500);
  settle(a, b, 1);
  expect(a.receipts).toHaveLength(texts.length);
  expect(b.deliver()).toEqual(texts);
});
