import { describe, expect, test } from 'vitest';
import { Adverts } from '../../../core/replica/adverts.js';
import type { AdvertFrame, Frame } from '../../../core/message/frame.js';
import { nodeName } from '../../../core/index.js';
import { groupOf, type ReplicaGroup } from '../../support/replica-group.js';

function advertsIn(frames: readonly Frame[]): AdvertFrame[] {
  return frames.flatMap((frame) => (frame.type === 'advert' ? [frame] : []));
}

/** What `to` answers when `from` pings it, not carried to `from`. */
function answerTo(group: ReplicaGroup, from: string, to: string): Frame[] {
  const link = group.linkOf(from, to);
  const before = group.get(from);
  group.nowMs += 5000;
  before.wake(group.nowMs);
  for (const bytes of before.takeSent(link)) group.get(to).receive(link, bytes);
  return group.get(to).takeFrames(link);
}

describe('versions of what we know', () => {
  test('every change has one, and a row belongs to its last', () => {
    const adverts = new Adverts();
    expect(adverts.version).toBe(0);
    expect(adverts.changedSince(0)).toEqual([]);
    adverts.touch(2);
    adverts.touch(0);
    expect(adverts.version).toBe(2);
    expect(adverts.changedSince(0)).toEqual([0, 2]);
    expect(adverts.changedSince(1)).toEqual([0]);
    adverts.touch(2);
    expect(adverts.changedSince(2)).toEqual([2]);
    expect(adverts.changedSince(3)).toEqual([]);
  });

  test('a change of the view has one and no row', () => {
    const adverts = new Adverts();
    adverts.touchView();
    expect([adverts.version, adverts.viewVersion]).toEqual([1, 1]);
    expect(adverts.changedSince(0)).toEqual([]);
  });
});

describe('a PING', () => {
  function connected(): ReplicaGroup {
    const group = groupOf(['a', 'b', 'c']);
    group.connectAll();
    group.get('a').broadcast('1');
    group.settle();
    group.passPings();
    return group;
  }

  test('is answered by PONG when nothing has changed', () => {
    const group = connected();
    const types = answerTo(group, 'b', 'a').map(({ type }) => type);
    expect(types).toContain('pong');
    expect(types).not.toContain('advert');
  });

  test('is answered by the rows that have changed, and no others', () => {
    const group = connected();
    group.get('c').broadcast('2');
    group.settle();
    const [advert] = advertsIn(answerTo(group, 'b', 'a'));
    expect(advert?.rows).toEqual([{ origin: 'c', incarnation: 1, durableSeq: 1, appliedSeq: 1 }]);
    expect(advert?.since).toBeGreaterThan(0);
  });

  test('makes good for a lost answer', () => {
    const group = connected();
    group.get('c').broadcast('2');
    group.settle();
    const [lost] = advertsIn(answerTo(group, 'b', 'a'));
    group.get('a').broadcast('3');
    group.settle();
    const [next] = advertsIn(answerTo(group, 'b', 'a'));
    expect(next?.since).toBe(lost?.since);
    expect(next?.rows.map(({ origin }) => origin).toSorted()).toEqual(['a', 'c']);
  });

  test('asks again for what was lost in front of an advert that came', () => {
    const group = connected();
    const link = group.linkOf('a', 'b');
    const b = group.get('b');
    const [ping] = group.get('b').takeFrames(link);
    expect(ping).toBeUndefined();
    group.nowMs += 5000;
    b.wake(group.nowMs);
    const seen = b.takeFrames(link).flatMap((frame) => (frame.type === 'ping' ? [frame.seenVersion] : []))[0] ?? 0;
    // Somebody else's gap: the rows between were in a frame that never came.
    const row = { origin: nodeName('a'), incarnation: 1, durableSeq: 1, appliedSeq: 1 };
    const view = new Uint8Array(8);
    b.receiveFrame(link, { type: 'advert', since: seen + 5, version: seen + 6, view, ownSeq: 1, rows: [row] });
    group.nowMs += 5000;
    b.wake(group.nowMs);
    expect(b.takeFrames(link)).toContainEqual(expect.objectContaining({ type: 'ping', seenVersion: seen }));
  });

  test('asks again for rows of a member of which nothing is known yet', () => {
    const group = connected();
    const link = group.linkOf('a', 'b');
    const b = group.get('b');
    const rows = [{ origin: nodeName('z'), incarnation: 1, durableSeq: 4, appliedSeq: 4 }];
    b.receiveFrame(link, { type: 'advert', since: 0, version: 1000, view: new Uint8Array(8), ownSeq: 1, rows });
    group.nowMs += 5000;
    b.wake(group.nowMs);
    const pings = b.takeFrames(link).flatMap((frame) => (frame.type === 'ping' ? [frame.seenVersion] : []));
    expect(pings[0]).toBeLessThan(1000);
    expect(b.isClosed(link)).toBe(false);
  });
});

test('what is written and applied without a rest is told in answers to pings, not by itself', () => {
  const group = groupOf(['a', 'b']);
  group.connectAll();
  group.settle();
  const link = group.linkOf('a', 'b');
  let frames = 0;
  for (let message = 0; message < 20; message++) {
    group.get('a').broadcast('x');
    group.get('a').syncAll();
    for (const bytes of group.get('a').takeSent(link)) group.get('b').receive(link, bytes);
    group.get('b').syncAll();
    group.get('b').apply();
    const answers = group.get('b').takeFrames(link);
    frames += answers.filter(({ type }) => type === 'advert').length;
    expect(answers.map(({ type }) => type)).toContain('ack');
    for (const answer of answers) if (answer.type === 'ack') group.get('a').receiveFrame(link, answer);
  }
  expect(frames).toBe(0);
});
