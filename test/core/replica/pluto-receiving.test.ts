/** Lines of members that speak pluto v0.4, as replicas take them. */
import { describe, expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { recordTypes } from '../../../core/journal/journal.js';
import { connect, ReplicaUnderTest, settle } from '../../support/replicas.js';
import { groupOf, type GroupMember, type ReplicaGroup } from '../../support/replica-group.js';

const plutoPeers = ['old', 'older'];

function member(name: string, others: readonly string[] = ['b'], options: object = {}): ReplicaUnderTest {
  return new ReplicaUnderTest({ name, peers: others.filter((other) => other !== name), plutoPeers, ...options });
}

/** Batches of others in the journal, as text that shows every byte. */
function copied(replica: ReplicaUnderTest): readonly string[] {
  return replica.journal
    .filter(({ type }) => type === recordTypes.remoteBatch)
    .map(({ body }) => Buffer.from(body).toString('latin1'));
}

function groupWith(names: readonly string[]): ReplicaGroup {
  const group = groupOf(names, () => ({ plutoPeers }));
  group.connectAll();
  return group;
}

/** The member has the line in its journal, and has said so. */
function give(to: GroupMember, peer: string, line: string): void {
  const id = to.receiveLine(peer, line);
  to.syncAll();
  expect(to.takeAnswers()).toEqual([[id, 'stored']]);
}

describe('a line', () => {
  test('is answered when its message is synced, and delivered behind its causes', () => {
    const a = member('a');
    const first = a.receiveLine('old', 'old|old:1;older:1|second');
    expect(a.takeAnswers()).toEqual([]);
    a.sync();
    expect(a.takeAnswers()).toEqual([[first, 'stored']]);
    expect(a.deliver()).toEqual([]);
    a.receiveLine('older', 'older|older:1;old:0;a:0|first');
    a.syncAll();
    expect(a.deliver()).toEqual(['first', 'second']);
    expect(a.replica.status().logs.map(({ origin, durableSeq }) => [origin, durableSeq])).toEqual(
      expect.arrayContaining([
        ['old', 1],
        ['older', 1],
      ]),
    );
  });

  test('gives every member the same bytes, in whatever order its clock is written', () => {
    const [a, b] = [member('a'), member('b', ['a'])];
    a.receiveLine('old', 'old|a:0;b:0;old:1;older:2|x\r\n');
    a.receiveLine('old', 'old|old:2;older:3;b:1|y');
    b.receiveLine('old', 'old|older:2;old:1|x');
    b.receiveLine('old', 'old|b:1;a:0;older:3;old:2|y');
    a.syncAll();
    b.syncAll();
    expect(copied(a)).toHaveLength(2);
    expect(copied(a)).toEqual(copied(b));
  });

  test('keeps every byte of its payload, whatever the encoding', () => {
    const a = member('a');
    const payload = Uint8Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 10 && byte !== 13);
    a.receiveLine('old', `old|old:1|${Buffer.from(payload).toString('latin1')}`);
    a.syncAll();
    expect(a.replica.takeDelivery()?.payload).toEqual(payload);
  });

  test('that comes too early waits for the one before it', () => {
    const a = member('a');
    const [third, second] = [a.receiveLine('old', 'old|old:3|c'), a.receiveLine('old', 'old|old:2|b')];
    a.syncAll();
    expect(a.takeAnswers()).toEqual([]);
    const first = a.receiveLine('old', 'old|old:1|a');
    a.syncAll();
    expect(a.takeAnswers()).toEqual([
      [first, 'stored'],
      [second, 'stored'],
      [third, 'stored'],
    ]);
    expect(a.deliver()).toEqual(['a', 'b', 'c']);
  });

  test('that one member has missed comes from another one, and what waited for it is taken', () => {
    const group = groupWith(['a', 'b']);
    const [a, b] = [group.get('a'), group.get('b')];
    give(a, 'old', 'old|old:1|one');
    give(a, 'old', 'old|old:2|two');
    const early = b.receiveLine('old', 'old|old:3|three');
    group.settle();
    group.passPings();
    expect(b.takeAnswers()).toEqual([[early, 'stored']]);
    expect(a.applied).toEqual(['one', 'two', 'three']);
    expect(b.applied).toEqual(['one', 'two', 'three']);
    expect(copied(a)).toEqual(copied(b));
  });

  test('is fetched from others also by who takes nothing else from them', () => {
    const [a, b] = [member('a', ['b'], { repair: 'origin-only' }), member('b', ['a'])];
    connect(a, b, 1);
    b.receiveLine('old', 'old|old:1|one');
    settle(a, b, 1);
    a.wake(5_000);
    b.wake(5_000);
    settle(a, b, 1);
    expect(a.deliver()).toEqual(['one']);
  });

  test('that is known already is answered at once, when it is the same', () => {
    const a = member('a');
    a.receiveLine('old', 'old|old:1|one');
    a.syncAll();
    a.takeAnswers();
    const again = a.receiveLine('old', 'old|old:1|one');
    a.answerReads();
    expect(a.takeAnswers()).toEqual([[again, 'stored']]);
    expect(a.deliver()).toEqual(['one']);
  });

  test('with a number that another message has had is refused with an alarm', () => {
    const a = member('a');
    a.receiveLine('old', 'old|old:1|a long one');
    a.syncAll();
    a.takeAnswers();
    for (const payload of ['another', 'one', 'a long onee']) {
      const id = a.receiveLine('old', `old|old:1|${payload}`);
      a.answerReads();
      expect(a.takeAnswers()).toEqual([[id, 'E_CHAIN']]);
    }
    expect(a.events).toContainEqual(expect.objectContaining({ type: 'alarm' }));
    expect(a.deliver()).toEqual(['a long one']);
  });
});

describe('refused, and nothing of it is kept, is a line', () => {
  test.each([
    ['without any structure', 'garbage', 'E_PLUTO'],
    ['of nothing', '', 'E_PLUTO'],
    ['of another sender', 'older|older:1|x', 'E_IDENTITY'],
    ['of ourselves', 'a|a:1|x', 'E_IDENTITY'],
    ['of a stranger', 'stranger|stranger:1|x', 'E_IDENTITY'],
    ['that counts a stranger', 'old|old:1;stranger:0|x', 'E_UNKNOWN_MEMBER'],
    ['that counts what is no name', 'old|old:1;..:0|x', 'E_UNKNOWN_MEMBER'],
    ['that does not count itself', 'old|a:0|x', 'E_CLOCK'],
    ['that counts itself 0', 'old|old:0|x', 'E_CLOCK'],
    ['with a number that is none', 'old|old:1;a:-1|x', 'E_PLUTO'],
    ['with two numbers for one name', 'old|old:1;a:0;a:1|x', 'E_PLUTO'],
    ['with a payload that is too long', `old|old:1|${'x'.repeat(101)}`, 'E_MESSAGE_TOO_LARGE'],
    ['with ten million separators', `old|${';'.repeat(10_000_000)}|x`, 'E_PLUTO'],
  ])('%s', (_, line, code) => {
    const a = member('a', ['b'], { limits: { messageBytesMax: 100 } });
    const id = a.receiveLine('old', line);
    expect(a.takeAnswers()).toEqual([[id, code]]);
    expect(a.unsynced).toBe(0);
    expect(a.events).toContainEqual(expect.objectContaining({ type: 'refused', peer: 'old', code }));
    give1(a);
  });

  test('whose clock goes back', () => {
    const a = member('a');
    a.receiveLine('old', 'old|old:1;older:5|x');
    const id = a.receiveLine('old', 'old|old:2;older:4|y');
    expect(a.takeAnswers()).toEqual([[id, 'E_CLOCK']]);
    const better = a.receiveLine('old', 'old|old:2;older:5|y');
    a.syncAll();
    expect(a.takeAnswers()).toContainEqual([better, 'stored']);
  });
});

/** The peer is heard as before. */
function give1(a: ReplicaUnderTest): void {
  const id = a.receiveLine('old', 'old|old:1|fine');
  a.syncAll();
  expect(a.takeAnswers()).toEqual([[id, 'stored']]);
}

describe('while there is no room', () => {
  test('lines wait unanswered, and are taken when the application goes on', () => {
    const a = member('a', ['b'], { limits: { undeliveredBytesMax: 1 } });
    give1(a);
    const id = a.receiveLine('old', 'old|old:2|later');
    a.syncAll();
    expect(a.takeAnswers()).toEqual([]);
    expect(a.deliver()).toEqual(['fine']);
    a.syncAll();
    expect(a.takeAnswers()).toEqual([[id, 'stored']]);
    expect(a.deliver()).toEqual(['later']);
  });
});

describe('after a restart', () => {
  test('lines go on where they were', () => {
    const before = member('a');
    give1(before);
    const a = member('a', ['b'], { journal: before.journal });
    const id = a.receiveLine('old', 'old|old:2|next');
    a.syncAll();
    expect(a.takeAnswers()).toEqual([[id, 'stored']]);
    expect(a.deliver()).toEqual(['fine', 'next']);
  });
});

describe('a member that speaks pluto v0.4', () => {
  test('is removed like any other: what waits is refused, and its log is closed for all', () => {
    const group = groupWith(['a', 'b']);
    const [a, b] = [group.get('a'), group.get('b')];
    give(a, 'old', 'old|old:1|one');
    const waiting = a.receiveLine('old', 'old|old:3|three');
    a.replica.removeMember(nodeName('old'));
    a.step();
    group.settle();
    group.passPings();
    expect(a.takeAnswers()).toEqual([[waiting, 'E_REMOVED']]);
    for (const replica of [a, b]) {
      const late = replica.receiveLine('old', 'old|old:2|two');
      expect(replica.takeAnswers()).toEqual([[late, 'E_NOT_MEMBER']]);
      expect(replica.applied).toEqual(['one']);
      expect(replica.replica.status().members.map(({ name }) => name)).not.toContain('old');
    }
  });

  test('keeps others from being added, because it could not be told of them', () => {
    const a = member('a');
    expect(() => a.replica.addMember(nodeName('c'), 'c:1')).toThrow(/old, older cannot be told of c/);
  });
});
