/** What is told once, and lost, is told again; and what is told late harms nobody. */
import { describe, expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { CatchUp } from '../../../core/replica/catch-up.js';
import { groupOf, type GroupMember, type ReplicaGroup } from '../../support/replica-group.js';

const membersOf = (member: GroupMember): readonly string[] => [member.name, ...member.replica.peers].toSorted();

function connected(names: readonly string[]): ReplicaGroup {
  const group = groupOf(names);
  group.connectAll();
  group.settle();
  group.passPings();
  return group;
}

function add(by: GroupMember, name: string): void {
  by.replica.addMember(nodeName(name), name);
  by.step();
}

function remove(by: GroupMember, name: string): void {
  by.replica.removeMember(nodeName(name));
  by.step();
}

describe('a change to the members', () => {
  test('that a peer has not heard is told again with the next pings, though the link lives on', () => {
    const group = connected(['a', 'b', 'c']);
    const [a, b] = [group.get('a'), group.get('b')];
    remove(a, 'c');
    a.takeSent(group.linkOf('a', 'b'));
    expect(membersOf(b)).toEqual(['a', 'b', 'c']);
    for (let round = 0; round < 3; round++) group.passPings();
    expect(membersOf(b)).toEqual(['a', 'b']);
  });

  test('that has been undone since does not fence who is added again', () => {
    const group = connected(['a', 'b', 'c']);
    group.get('c').broadcast('of the first life');
    group.settle();
    remove(group.get('a'), 'c');
    group.settle();
    group.remove('c');
    // b hears nothing of it.
    group.cutAll('b');
    add(group.get('a'), 'c');
    const c = group.start({ name: 'c', peers: ['a', 'b'], joins: true });
    group.connect('b', 'c');
    group.settle();
    expect(c.alarms('E_REMOVED')).toBe(0);
    expect(c.refusalOf('not added yet, as far as it knows')).toBe('E_CATCHING_UP');
  });
});

describe('who begins anew', () => {
  const a = nodeName('a');
  const gone = nodeName('gone');
  const position = (seq: number) => ({ origin: a, incarnation: 1, seq });

  test('goes by the welcome of any member, and not by that of a former one', () => {
    const catchUp = new CatchUp({ isNewIncarnation: true, isJoining: false }, () => true);
    catchUp.handleWelcome(gone, [position(1)], false);
    catchUp.handleWelcome(a, [position(5)], false);
    const check = (applied: number): boolean => {
      catchUp.check(
        () => applied,
        (name) => name !== gone,
      );
      return catchUp.isDone;
    };
    expect(check(4)).toBe(false);
    expect(check(5)).toBe(true);
  });

  test('and joins, goes by what the one that added it had as well', () => {
    const catchUp = new CatchUp({ isNewIncarnation: true, isJoining: true }, () => true);
    catchUp.handleWelcome(a, [position(1)], false);
    const check = (applied: number): boolean => {
      catchUp.check(
        () => applied,
        () => true,
      );
      return catchUp.isDone;
    };
    expect(check(9)).toBe(false);
    catchUp.handleAdded([position(3)]);
    expect(check(2)).toBe(false);
    expect(check(3)).toBe(true);
  });
});

test('who has not caught up adds nobody', () => {
  const group = connected(['a', 'b']);
  const d = group.start({ name: 'd', peers: ['a', 'b'], joins: true });
  expect(() => d.replica.addMember(nodeName('e'), 'e')).toThrow('begins anew');
});

test('a minority gives up nobody', () => {
  const group = groupOf(['a', 'b', 'c'], () => ({
    retention: { policy: 'demote', ageMs: 1000 },
    hasSnapshots: true,
    limits: { batchBytesTarget: 1 },
  }));
  group.connectAll();
  group.settle();
  const a = group.get('a');
  group.cutAll('a');
  for (const text of ['one', 'two']) {
    a.beginsSegment = true;
    a.broadcast(text);
    group.settle();
    group.pass(60_000);
  }
  group.pass(60_000);
  const { members } = a.replica.status();
  // With one of them it would be two of three.
  expect(members.filter(({ isDemoted }) => isDemoted)).toHaveLength(1);
  expect(a.releaseAddress).toBeLessThan(a.journal.length);
});
