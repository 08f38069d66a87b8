/** A member comes back as a new incarnation, having forgotten a part of what it wrote before. */
import { describe, expect, test } from 'vitest';
import { recordTypes, type JournalEntry } from '../../../core/journal/journal.js';
import {
  clusterName,
  decodeBatchHeader,
  defaultLimits,
  defaultTimings,
  nodeName,
  type Limits,
  type ReplicaOptions,
} from '../../../core/index.js';
import { viewBytes, type AdvertFrame, type HelloFrame } from '../../../core/message/frame.js';
import { frameBytesMax } from '../../../core/replica/peering.js';
import { connect, exchange, ReplicaUnderTest, settle } from '../../support/replicas.js';

const a = nodeName('a');

/** What somebody says it holds. */
function advertOf(positions: readonly { readonly incarnation: number; readonly seq: number }[]): AdvertFrame {
  const rows = positions.map(({ incarnation, seq }) => ({ origin: a, incarnation, durableSeq: seq, appliedSeq: seq }));
  return { type: 'advert', since: 0, version: 1, view: new Uint8Array(viewBytes), ownSeq: 0, rows };
}

function helloOf(name: string, incarnation: number): HelloFrame {
  const { windowBytes } = defaultLimits;
  const named = { cluster: clusterName('test'), name: nodeName(name), incarnation, nonce: 99 };
  return {
    type: 'hello',
    versionMin: 1,
    versionMax: 1,
    ...named,
    windowBytes,
    frameBytesMax: frameBytesMax(defaultLimits),
  };
}

interface Life {
  readonly journal?: readonly JournalEntry[];
  readonly incarnation?: number;
  readonly limits?: Partial<Limits>;
  readonly repair?: ReplicaOptions['repair'];
}

function member(name: string, life: Life = {}): ReplicaUnderTest {
  const peers = ['a', 'b', 'c'].filter((other) => other !== name);
  return new ReplicaUnderTest({ name, peers, position: 0, nonce: life.incarnation ?? 1, ...life });
}

function broadcastAll(from: ReplicaUnderTest, texts: readonly string[]): void {
  for (const text of texts) {
    from.broadcast(text);
    from.syncAll();
  }
}

/** The messages of `from`, one a batch, as `to` gets them over a link of its own. */
function send(from: ReplicaUnderTest, to: ReplicaUnderTest, link: number): void {
  connect(from, to, link);
  settle(from, to, link);
  from.replica.handleLinkClosed(link, 'cut', from.nowMs);
  to.replica.handleLinkClosed(link, 'cut', to.nowMs);
}

const texts = ['1', '2', '3', '4', '5', '6'];

/** a has written six messages, b holds all of them, c the first three; a is back with the first one or two. */
function afterRepair(
  kept = 2,
  limits: Partial<Limits> = {},
  repair: ReplicaOptions['repair'] = 'any-member',
): Record<'a' | 'b' | 'c', ReplicaUnderTest> {
  const before = member('a');
  const b = member('b', { limits, repair });
  const c = member('c', { limits, repair });
  broadcastAll(before, texts.slice(0, 3));
  send(before, c, 1);
  broadcastAll(before, texts.slice(3));
  send(before, b, 2);
  return { a: member('a', { journal: before.journal.slice(0, kept), incarnation: 2, limits }), b, c };
}

describe('a member that has forgotten messages', () => {
  test('gets them back from a peer that holds them, and goes on under its new incarnation', () => {
    const { a: back, b } = afterRepair();
    expect(back.deliver()).toEqual(['1', '2']);
    connect(back, b, 1);
    settle(back, b, 1);
    expect(back.deliver()).toEqual(['3', '4', '5', '6']);
    expect(back.broadcast('7')).toBe(1);
    back.syncAll();
    settle(back, b, 1);
    expect(b.deliver()).toEqual([...texts, '7']);
    expect(back.events.filter(({ type }) => type === 'alarm' || type === 'refused')).toEqual([]);
  });

  test('passes them on to a peer that has missed them', () => {
    const { a: back, b, c } = afterRepair();
    connect(back, b, 1);
    connect(back, c, 2);
    settle(back, c, 2);
    settle(back, b, 1);
    // Nothing but acknowledgements tells c of what a has got back.
    settle(back, c, 2);
    expect(c.deliver()).toEqual(texts);
  });

  test('two peers give each other what they hold of its earlier incarnation once they know of the new one', () => {
    const { a: back, b, c } = afterRepair(2, {}, 'origin-only');
    connect(b, c, 3);
    settle(b, c, 3);
    expect(c.deliver()).toEqual(['1', '2', '3']);
    connect(back, c, 2);
    settle(b, c, 3);
    connect(back, b, 1);
    settle(b, c, 3);
    expect(c.deliver()).toEqual(['4', '5', '6']);
  });
});

describe('fetching', () => {
  test('asks again when an answer is lost, and not before', () => {
    const { a: back, b } = afterRepair();
    back.open(1, 'b', true);
    b.open(1, 'a', false);
    exchange(back, b, 1);
    b.answerReads();
    expect(b.takeFrames(1).filter(({ type }) => type === 'batch')).toHaveLength(1);
    const advert = advertOf([{ incarnation: 1, seq: 6 }]);
    back.receiveFrame(1, advert);
    expect(back.takeFrames(1)).toEqual([]);
    back.nowMs = defaultTimings.wantRetryMs;
    back.receiveFrame(1, advert);
    expect(back.takeFrames(1)).toEqual([{ type: 'want', origin: a, incarnation: 1, seq: 3 }]);
  });

  test('takes one log from one peer at a time, and from another one when that goes away', () => {
    const { a: back, b } = afterRepair();
    const other = member('c', { journal: b.journal });
    expect(other.deliver()).toEqual(texts);
    connect(back, b, 1);
    back.open(2, 'c', true);
    other.open(2, 'a', false);
    exchange(back, other, 2);
    expect(other.reads).toEqual([]);
    back.replica.handleLinkClosed(1, 'cut', 0);
    back.nowMs = defaultTimings.wantRetryMs;
    other.receiveFrame(2, { type: 'ping', sentSeq: 0, seenVersion: 0 });
    settle(back, other, 2);
    expect(back.deliver()).toEqual(texts);
  });

  test('waits while the application is behind', () => {
    const { a: back, b } = afterRepair(2, { undeliveredBytesMax: 1 });
    // What it had applied in its earlier life is read back from the disk: now it waits for the application.
    back.answerReads();
    connect(back, b, 1);
    settle(back, b, 1);
    expect(b.reads).toEqual([]);
    expect(back.deliver()).toEqual(['1', '2']);
    back.receiveFrame(1, advertOf([{ incarnation: 1, seq: 6 }]));
    settle(back, b, 1);
    expect(back.deliver()).toContain('3');
  });
});

test('a member that comes back as an earlier incarnation is refused, and fences itself', () => {
  const { a: back, b } = afterRepair();
  connect(back, b, 1);
  settle(back, b, 1);
  back.deliver();
  broadcastAll(back, ['7']);
  settle(back, b, 1);
  back.replica.handleLinkClosed(1, 'cut', 0);
  b.replica.handleLinkClosed(1, 'cut', 0);
  const old = member('a', {
    journal: b.journal.slice(0, 2).map(({ body }) => ({ type: recordTypes.localBatch, body })),
  });
  connect(old, b, 2);
  expect(b.events.at(-1)).toMatchObject({ type: 'refused', by: 'us', code: 'E_ROLLED_BACK' });
  expect(() => old.broadcast('under a dot that is in use')).toThrow(/set back/);
});

test('what others say of a member closes none of its logs', () => {
  const { b } = afterRepair();
  const c = member('c');
  connect(b, c, 3);
  b.receiveFrame(3, advertOf([{ incarnation: 2, seq: 1 }]));
  b.receiveFrame(3, { type: 'want', origin: a, incarnation: 64, seq: 1 });
  expect(b.events.at(-1)).toMatchObject({ type: 'peer-down', reason: expect.stringContaining('E_STATE') as string });
  const still = member('a');
  connect(still, b, 4);
  expect(b.events.at(-1)).not.toMatchObject({ type: 'refused', code: 'E_ROLLED_BACK' });
});

test('two members that hold different versions of a closed log keep their link', () => {
  const { a: back, b } = afterRepair();
  const other = member('a');
  const c = member('c');
  broadcastAll(other, ['another', 'story']);
  send(other, c, 1);
  connect(back, b, 2);
  settle(back, b, 2);
  connect(b, c, 3);
  settle(b, c, 3);
  // c hears of the new incarnation, which closes the log that it holds in another version.
  c.open(4, 'a', false);
  c.receiveFrame(4, { ...helloOf('a', 2) });
  c.receiveFrame(3, advertOf([{ incarnation: 1, seq: 6 }]));
  settle(b, c, 3);
  expect(c.events.filter(({ type }) => type === 'refused')).toEqual([]);
  expect(c.events).toContainEqual(expect.objectContaining({ type: 'fetched-refused', peer: 'b', code: 'E_CHAIN' }));
  broadcastAll(b, ['still heard']);
  settle(b, c, 3);
  expect(c.deliver()).toContain('still heard');
});

test('a WANT that goes back while a batch is being read is answered from there', () => {
  const { a: back, b } = afterRepair(0);
  connect(back, b, 1);
  const wantFrom = (seq: number): void => b.receiveFrame(1, { type: 'want', origin: a, incarnation: 1, seq });
  b.answerReads();
  b.answerReads();
  expect(b.reads).toHaveLength(1);
  wantFrom(1);
  while (b.reads.length > 0) b.answerReads();
  const seqs = b
    .takeFrames(1)
    .flatMap((frame) => (frame.type === 'batch' ? [decodeBatchHeader(frame.batch, undefined).firstSeq] : []));
  expect(seqs).toEqual([1, 2, 1, 2, 3, 4, 5, 6]);
});
