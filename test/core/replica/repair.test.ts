/** What a member has sent to one of us reaches all of us, also when it never returns. */
import { describe, expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { decodeBatchHeader } from '../../../core/message/batch.js';
import { framesIn } from '../../support/replicas.js';
import { groupOf, type ReplicaGroup } from '../../support/replica-group.js';

const texts = ['1', '2', '3'];

/** a has sent to b only, and can be reached by nobody any more. */
function afterPartialFanOut(repair: 'any-member' | 'origin-only' = 'any-member'): ReplicaGroup {
  const group = groupOf(['a', 'b', 'c'], () => ({ repair, limits: { batchBytesTarget: 1 } }));
  group.connect('a', 'b');
  for (const text of texts) group.get('a').broadcast(text);
  group.settle();
  group.cut('a', 'b');
  return group;
}

describe('messages that their origin has sent to one of two only', () => {
  test('are fetched from that one by the other', () => {
    const group = afterPartialFanOut();
    group.connect('b', 'c');
    group.settle();
    expect(group.get('c').applied).toEqual(texts);
  });

  test('are fetched also when the two were connected before', () => {
    const group = groupOf(['a', 'b', 'c']);
    group.connect('b', 'c');
    group.connect('a', 'b');
    for (const text of texts) group.get('a').broadcast(text);
    group.settle();
    expect(group.get('c').applied).toEqual([]);
    group.cut('a', 'b');
    group.passPings();
    expect(group.get('c').applied).toEqual(texts);
  });

  test('come from their origin alone when that is what was asked for', () => {
    const group = afterPartialFanOut('origin-only');
    group.connect('b', 'c');
    group.passPings();
    expect(group.get('c').applied).toEqual([]);
    group.connect('a', 'c');
    group.settle();
    expect(group.get('c').applied).toEqual(texts);
  });

  test('are not doubled when the origin returns while they are on their way', () => {
    const group = afterPartialFanOut();
    group.connect('b', 'c');
    const { reads } = group.get('b');
    expect(reads).toHaveLength(1);
    group.connect('a', 'c');
    group.settle();
    group.passPings();
    expect(group.get('c').applied).toEqual(texts);
    const seqs = group.get('c').journal.flatMap(({ type, body }) => {
      return type === 2 ? [decodeBatchHeader(body, undefined).firstSeq] : [];
    });
    expect(seqs).toEqual([1, 2, 3]);
    expect(group.all.flatMap(({ refusals }) => refusals)).toEqual([]);
    group.get('a').broadcast('4');
    group.settle();
    expect(group.get('c').applied).toEqual([...texts, '4']);
  });

  test('are fetched from another one when the first does not answer', () => {
    const group = groupOf(['a', 'b', 'c', 'd']);
    for (const other of ['b', 'c']) group.connect('a', other);
    group.get('a').broadcast('1');
    group.settle();
    group.remove('a');
    const link = group.connect('b', 'd');
    group.connect('c', 'd');
    // b says nothing any more.
    for (let atMs = 500; atMs <= 6000; atMs += 500) {
      group.get('b').takeSent(link);
      group.get('b').reads.length = 0;
      group.nowMs = atMs;
      for (const name of ['c', 'd']) group.get(name).wake(atMs);
      group.exchange('c', 'd');
      for (const name of ['c', 'd']) group.get(name).syncAll();
      for (const name of ['c', 'd']) group.get(name).answerReads();
    }
    group.get('d').apply();
    expect(group.get('d').applied).toEqual(['1']);
  });
});

describe('an answer whose cause is missing', () => {
  function withAnswer(repair: 'any-member' | 'origin-only'): { group: ReplicaGroup; link: number } {
    const group = groupOf(['a', 'b', 'c'], () => ({ repair }));
    group.connect('a', 'b');
    // c hears nothing of b's adverts: it gets one batch and no more.
    const link = group.connect('b', 'c');
    group.get('a').broadcast('question');
    group.settle();
    group.cut('a', 'b');
    group.get('b').broadcast('answer');
    group.get('b').syncAll();
    group.exchange('b', 'c');
    return { group, link };
  }

  test('makes the receiver ask its sender for the cause at once', () => {
    const { group, link } = withAnswer('any-member');
    // Nothing but the answer itself has told c of the question, and it is not even synced.
    expect(group.get('c').unsynced).toBe(1);
    expect(group.get('c').takeFrames(link)).toEqual([]);
    expect(group.get('b').reads).toHaveLength(1);
    group.settle();
    expect(group.get('c').applied).toEqual(['question', 'answer']);
  });

  test('waits for the origin of the cause when only that may give it', () => {
    const { group } = withAnswer('origin-only');
    group.passPings();
    expect(group.get('c').applied).toEqual([]);
    expect(group.get('c').replica.status().blocked).toEqual([
      {
        waiting: { origin: 'b', incarnation: 1, seq: 1 },
        missing: { origin: 'a', incarnation: 1, seq: 1 },
        suppliers: ['a', 'b'],
      },
    ]);
  });

  test('waits for its origin alone while that is up', () => {
    const group = groupOf(['a', 'b', 'c']);
    group.connect('a', 'b');
    const toC = group.connect('a', 'c');
    group.connect('b', 'c');
    group.get('a').broadcast('question');
    group.get('a').syncAll();
    const late = group.get('a').takeSent(toC);
    expect(late.flatMap(framesIn)).toMatchObject([{ type: 'batch' }]);
    group.exchange('a', 'b');
    group.get('b').syncAll();
    group.get('b').apply();
    group.get('b').broadcast('answer');
    group.get('b').syncAll();
    group.exchange('b', 'c');
    const wants = group
      .get('c')
      .takeFrames(group.linkOf('b', 'c'))
      .filter(({ type }) => type === 'want');
    expect(wants).toEqual([]);
    for (const bytes of late) group.get('c').receive(toC, bytes);
    group.settle();
    expect(group.get('c').applied).toEqual(['question', 'answer']);
  });
});

test('status names who could supply what is missing, and nobody who is not known to have it', () => {
  const group = groupOf(['a', 'b', 'c', 'd'], () => ({ repair: 'origin-only' }));
  for (const other of ['b', 'd']) group.connect('a', other);
  group.get('a').broadcast('question');
  group.settle();
  group.remove('a');
  group.connect('b', 'c');
  group.get('b').broadcast('answer');
  group.settle();
  const suppliers = (): unknown => group.get('c').replica.status().blocked[0]?.suppliers;
  expect(suppliers()).toEqual(['a', 'b']);
  group.connect('c', 'd');
  group.passPings();
  expect(suppliers()).toEqual(['a', 'b', 'd']);
  expect(group.get('c').replica.status().heldBackMessages).toBe(1);
  expect(
    group
      .get('c')
      .replica.status()
      .members.map(({ name, state }) => [name, state]),
  ).toEqual([
    [nodeName('a'), 'down'],
    [nodeName('b'), 'up'],
    [nodeName('d'), 'up'],
  ]);
});

test('what one member does not have any more is fetched from another one at once', () => {
  const options = { retention: { policy: 'demote', ageMs: 1000 }, limits: { batchBytesTarget: 1 } } as const;
  const group = groupOf(['a', 'b', 'c', 'x'], () => options);
  group.remove('c');
  group.connectAll();
  for (const text of texts) group.get('x').broadcast(text);
  group.settle();
  group.passPings();
  const a = group.get('a');
  a.beginsSegment = true;
  a.broadcast('4');
  group.settle();
  group.passPings();
  expect(a.release()).toBe(true);
  group.remove('x');
  const c = group.start({ name: 'c', peers: ['a', 'b', 'x'], ...options });
  // a is asked first, and b after that; nobody's clock has moved on.
  group.connect('a', 'c');
  group.connect('b', 'c');
  group.settle();
  expect(c.applied).toEqual([...texts, '4']);
});
