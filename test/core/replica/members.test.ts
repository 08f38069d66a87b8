/** Members are added and removed while the others go on. */
import { describe, expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { encodeBatchFrame } from '../../../core/message/frame.js';
import { recordTypes } from '../../../core/journal/journal.js';
import { groupOf, type GroupMember, type ReplicaGroup } from '../../support/replica-group.js';

const names = ['a', 'b', 'c', 'x'];

function remove(by: GroupMember, name: string): number {
  const request = by.replica.removeMember(nodeName(name));
  by.step();
  return request;
}

function membersOf(member: GroupMember): readonly string[] {
  return [member.name, ...member.replica.peers].toSorted();
}

describe('a member that is removed', () => {
  /** x has sent its first messages to all, the next one to b and c, and the last ones to c alone. */
  function partialFanOut(): ReplicaGroup {
    const group = groupOf(names);
    group.connectAll();
    const x = group.get('x');
    const say = (text: string): void => {
      x.broadcast(text);
      group.settle();
    };
    say('to all');
    group.cut('a', 'x');
    group.get('a').takeSent(0);
    for (const [one, other] of [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'c'],
    ] as const) {
      group.cut(one, other);
    }
    say('to b and c');
    group.cut('b', 'x');
    say('to c');
    say('to c as well');
    return group;
  }

  test('ends where all remaining members agree, with everything that it has sent to any of them', () => {
    const group = partialFanOut();
    group.cutAll('x');
    remove(group.get('a'), 'x');
    group.settle();
    for (const [one, other] of [
      ['a', 'b'],
      ['a', 'c'],
      ['b', 'c'],
    ] as const) {
      group.connect(one, other);
    }
    group.settle();
    group.passPings();
    const all = ['to all', 'to b and c', 'to c', 'to c as well'];
    for (const name of ['a', 'b', 'c']) {
      expect(group.get(name).applied, name).toEqual(all);
      expect(membersOf(group.get(name))).toEqual(['a', 'b', 'c']);
    }
    group.get('a').broadcast('without x');
    group.settle();
    group.passPings();
    const { logs } = group.get('b').replica.status();
    expect(logs.find(({ origin }) => origin === 'x')).toMatchObject({ durableSeq: 4, stableSeq: 4, isClosed: true });
    expect(logs.find(({ origin }) => origin === 'a')).toMatchObject({ stableSeq: 1 });
  });

  test('is taken nothing from any more', () => {
    const group = partialFanOut();
    const link = group.linkOf('c', 'x');
    const c = group.get('c');
    remove(c, 'x');
    c.syncAll();
    group.get('x').broadcast('too late');
    group.get('x').syncAll();
    const batch = group.get('x').journal.findLast(({ type }) => type === recordTypes.localBatch);
    c.receive(link, encodeBatchFrame(batch?.body ?? new Uint8Array()));
    expect(c.unsynced).toBe(0);
    const again = group.linkOf('c', 'x') + 100;
    c.open(again, 'x', false);
    expect(c.takeFrames(again)).toContainEqual(expect.objectContaining({ type: 'goaway', code: 'E_REMOVED' }));
    expect(c.isClosed(again)).toBe(true);
    expect(c.journal.filter(({ type }) => type === recordTypes.remoteBatch)).toHaveLength(4);
  });

  test('is told by whoever knows, and broadcasts nothing more, also after a restart', () => {
    const group = partialFanOut();
    remove(group.get('c'), 'x');
    group.settle();
    const x = group.get('x');
    expect(x.alarms('E_REMOVED')).toBe(1);
    expect(x.refusalOf('still here?')).toBe('E_REMOVED');
    expect(x.replica.status().refusal).toMatchObject({ code: 'E_REMOVED' });
    x.syncAll();
    const again = group.start({ name: 'x', peers: ['a', 'b', 'c'], journal: x.journal });
    if (again.refusalOf('and now?') === undefined) {
      // It did not get to hear of the removal itself, but the first one that it reaches says so.
      group.connect('c', 'x');
      expect(again.refusalOf('and now?')).toBe('E_REMOVED');
    }
  });

  test('is reported as down', () => {
    const group = partialFanOut();
    remove(group.get('c'), 'x');
    group.get('c').syncAll();
    expect(group.get('c').events).toContainEqual(expect.objectContaining({ type: 'peer-down', peer: 'x' }));
  });

  test('by two members at once is removed once', () => {
    const group = groupOf(names);
    group.connectAll();
    for (const by of ['a', 'b']) remove(group.get(by), 'x');
    group.settle();
    group.passPings();
    for (const name of ['a', 'b', 'c']) {
      expect(membersOf(group.get(name))).toEqual(['a', 'b', 'c']);
      expect(group.get(name).events.filter(({ type }) => type === 'members')).toHaveLength(1);
    }
    expect(group.get('a').confirmations).toHaveLength(1);
    expect(group.get('b').confirmations).toHaveLength(1);
  });

  test('does not count after a restart either', () => {
    const group = groupOf(names);
    group.connectAll();
    remove(group.get('a'), 'x');
    group.settle();
    const again = group.start({ name: 'b', peers: ['a', 'c', 'x'], journal: group.get('b').journal });
    expect(membersOf(again)).toEqual(['a', 'b', 'c']);
    expect(again.events).toContainEqual(expect.objectContaining({ type: 'members', members: ['a', 'b', 'c'] }));
  });
});

describe('what cannot be asked for', () => {
  test.each([
    ['to add a member', (a: GroupMember) => a.replica.addMember(nodeName('b'), '')],
    ['to remove somebody who is none', (a: GroupMember) => a.replica.removeMember(nodeName('z'))],
    ['to remove itself', (a: GroupMember) => a.replica.removeMember(nodeName('a'))],
  ])('%s', (_what, ask) => {
    const group = groupOf(['a', 'b']);
    expect(() => ask(group.get('a'))).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });
});

describe('a member that is added', () => {
  function withNew(): { readonly group: ReplicaGroup; readonly d: GroupMember } {
    const group = groupOf(['a', 'b', 'c']);
    group.connectAll();
    for (const text of ['1', '2']) group.get('a').broadcast(text);
    group.settle();
    const d = group.start({ name: 'd', peers: ['a', 'b', 'c'], joins: true });
    return { group, d };
  }

  test('broadcasts nothing before it knows that it was, and has applied what the one that added it had', () => {
    const { group, d } = withNew();
    expect(d.refusalOf('too early')).toBe('E_CATCHING_UP');
    group.get('b').replica.addMember(nodeName('d'), 'd:1');
    group.get('b').step();
    group.settle();
    expect(d.refusalOf('too early')).toBe('E_CATCHING_UP');
    d.isApplying = false;
    group.connectAll();
    group.settle();
    expect(d.refusalOf('nothing applied')).toBe('E_CATCHING_UP');
    d.isApplying = true;
    group.settle();
    group.passPings();
    expect(d.refusalOf('here I am')).toBeUndefined();
    group.settle();
    group.passPings();
    for (const member of group.all) {
      expect(member.applied, member.name).toEqual(['1', '2', 'here I am']);
      expect(membersOf(member)).toEqual(['a', 'b', 'c', 'd']);
      expect(member.refusals.filter((refusal) => !refusal.includes('E_NOT_MEMBER'))).toEqual([]);
    }
  });

  test('is one for everybody, and nothing is stable without it', () => {
    const { group, d } = withNew();
    group.passPings();
    group.get('b').replica.addMember(nodeName('d'), 'd:1');
    group.get('b').step();
    group.settle();
    group.connectAll();
    group.settle();
    group.passPings();
    d.isApplying = false;
    group.get('a').broadcast('3');
    group.settle();
    group.passPings();
    const stable = (): number | undefined =>
      group
        .get('c')
        .replica.status()
        .logs.find(({ origin }) => origin === 'a')?.stableSeq;
    expect(group.get('c').applied).toEqual(['1', '2', '3']);
    expect(stable()).toBe(2);
    d.isApplying = true;
    group.settle();
    group.passPings();
    expect(stable()).toBe(3);
  });

  test('by one that is removed before anybody hears of it is none to the others, and does not disturb what they call stable', () => {
    const { group, d } = withNew();
    group.cutAll('a');
    group.get('a').replica.addMember(nodeName('d'), 'd:1');
    group.get('a').step();
    remove(group.get('b'), 'a');
    group.settle();
    group.connect('a', 'd');
    group.settle();
    group.passPings();
    expect(d.refusalOf('for a alone')).toBeUndefined();
    group.get('b').broadcast('3');
    group.settle();
    group.passPings();
    const stable = group
      .get('c')
      .replica.status()
      .logs.find(({ origin }) => origin === 'b');
    expect(stable).toMatchObject({ stableSeq: 1 });
    group.connectAll();
    group.settle();
    group.passPings();
    for (const name of ['b', 'c']) {
      expect(membersOf(group.get(name))).toEqual(['b', 'c']);
      expect(group.get(name).applied).toEqual(['1', '2', '3']);
    }
    expect(group.get('a').alarms('E_REMOVED')).toBe(1);
    expect(d.refusals.some((refusal) => refusal.includes('E_NOT_MEMBER'))).toBe(true);
  });

  test('again, after it was removed, begins as another incarnation', () => {
    const group = groupOf(['a', 'b', 'c']);
    group.connectAll();
    group.get('c').broadcast('of the first life');
    group.settle();
    remove(group.get('a'), 'c');
    group.settle();
    group.remove('c');
    group.get('b').replica.addMember(nodeName('c'), 'c:1');
    group.get('b').step();
    group.settle();
    const c = group.start({ name: 'c', peers: ['a', 'b'], joins: true });
    group.connect('a', 'c');
    expect(c.incarnation).toBeGreaterThan(1);
    const incarnation = c.incarnation ?? 0;
    group.cutAll('c');
    c.replica.handleIncarnation({ incarnation, nonce: 77, nowMs: group.nowMs });
    c.step();
    group.connectAll();
    group.settle();
    group.passPings();
    expect(c.applied).toEqual(['of the first life']);
    expect(c.refusalOf('of the second life')).toBeUndefined();
    group.settle();
    expect(group.get('a').applied).toEqual(['of the first life', 'of the second life']);
    const dots = group
      .get('a')
      .replica.status()
      .logs.filter(({ origin }) => origin === 'c');
    expect(dots.map(({ isClosed }) => isClosed)).toContain(true);
    expect(dots.find((log) => log.incarnation === incarnation)).toMatchObject({ durableSeq: 1, isClosed: false });
  });
});

describe('a broadcast that is to be durable', () => {
  test('with all waits for a member that is away, and no longer once that is removed', () => {
    const group = groupOf(names);
    group.connectAll();
    group.cutAll('x');
    const a = group.get('a');
    a.broadcast('1', 'all');
    group.settle();
    expect(a.receipts).toEqual([]);
    remove(a, 'x');
    group.settle();
    expect(a.receipts).toEqual([1]);
    expect(a.impossible).toEqual([]);
  });

  test('with all waits for a member that was added meanwhile', () => {
    const group = groupOf(['a', 'b']);
    group.connectAll();
    const a = group.get('a');
    a.replica.addMember(nodeName('d'), 'd:1');
    a.step();
    group.settle();
    a.broadcast('1', 'all');
    group.settle();
    expect(a.receipts).toEqual([]);
    group.start({ name: 'd', peers: ['a', 'b'], joins: true });
    group.connectAll();
    group.settle();
    group.passPings();
    expect(a.receipts).toEqual([1]);
  });

  test('with more members than are left is said to be impossible, and stays broadcast', () => {
    const group = groupOf(names);
    const a = group.get('a');
    group.connect('a', 'b');
    a.broadcast('all four', 4);
    a.broadcast('three', 3);
    group.settle();
    remove(a, 'x');
    group.settle();
    expect(a.impossible).toEqual([1]);
    expect(a.receipts).toEqual([]);
    group.connect('a', 'c');
    group.settle();
    expect(a.receipts).toEqual([2]);
    expect(group.get('c').applied).toEqual(['all four', 'three']);
    expect(() => a.broadcast('four again', 4)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });
});
