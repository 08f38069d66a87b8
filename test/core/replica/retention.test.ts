/** What the journal must keep, for whom, and for how long. */
import { describe, expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import type { RetentionPolicy } from '../../../core/replica/retention.js';
import { groupOf, type GroupMember, type ReplicaGroup } from '../../support/replica-group.js';

/** Three members of which c goes away; messages are batches of their own. */
function threeOf(retention: Partial<RetentionPolicy>, hasSnapshots = true): ReplicaGroup {
  return groupOf(['a', 'b', 'c'], () => ({ retention, hasSnapshots, limits: { batchBytesTarget: 1 } }));
}

/** a broadcasts, everything settles, and every member begins a segment with the next record. */
function say(group: ReplicaGroup, text: string): void {
  for (const member of group.all) member.beginsSegment = true;
  group.get('a').broadcast(text);
  group.settle();
  group.passPings();
}

/** Bodies that begin with it would be first in a journal that begins where the replica says. */
function neededTexts(member: GroupMember, texts: readonly string[]): readonly string[] {
  const kept = member.journal.slice(member.releaseAddress);
  return texts.filter((text) => kept.some(({ body }) => new TextDecoder().decode(body).includes(text)));
}

const texts = ['text one', 'text two', 'text three', 'text four'];

describe('the journal keeps', () => {
  test('nothing that all members have synced and all that we were handed is settled', () => {
    const group = threeOf({ policy: 'block' });
    group.connectAll();
    for (const text of texts) say(group, text);
    for (const member of group.all) expect(neededTexts(member, texts), member.name).toEqual([]);
  });

  test('what a member that is away has not synced, own messages and those of others', () => {
    const group = threeOf({ policy: 'block' });
    group.connectAll();
    for (const text of texts.slice(0, 2)) say(group, text);
    group.remove('c');
    for (const text of texts.slice(2)) say(group, text);
    for (let round = 0; round < 10; round++) group.passPings();
    for (const member of group.all) expect(neededTexts(member, texts), member.name).toEqual(texts.slice(2));
    expect(group.all.map((member) => member.alarms('E_RETENTION'))).toEqual([0, 0]);
  });

  test('what our own application may be handed again', () => {
    const group = threeOf({ policy: 'demote', ageMs: 0, bytesMax: 0 });
    group.connectAll();
    say(group, texts[0] ?? '');
    const b = group.get('b');
    b.isApplying = false;
    for (const text of texts.slice(1)) say(group, text);
    expect(neededTexts(b, texts)).toEqual(texts.slice(1));
    expect(neededTexts(group.get('a'), texts)).toEqual([]);
    // Handed over, but the mark is not synced.
    b.isApplying = true;
    b.apply();
    b.wake(b.nowMs + 5000);
    expect(neededTexts(b, texts)).toEqual(texts.slice(1));
    group.settle();
    group.passPings();
    say(group, 'later');
    expect(neededTexts(b, texts)).toEqual([]);
  });
});

describe('for a member that is away for too long', () => {
  /** c has synced the first message, and a writes on without it. */
  function withoutC(retention: Partial<RetentionPolicy>): ReplicaGroup {
    const group = threeOf(retention);
    group.connectAll();
    say(group, texts[0] ?? '');
    group.cutAll('c');
    for (const text of texts.slice(1)) {
      for (const member of group.all) if (member.name !== 'c') member.beginsSegment = true;
      group.get('a').broadcast(text);
      group.settle();
      group.nowMs += 20_000;
      for (const name of ['a', 'b']) group.get(name).wake(group.nowMs);
      group.settle();
    }
    group.passPings();
    return group;
  }

  test('an alarm is raised once, and everything is kept', () => {
    const group = withoutC({ policy: 'alarm', ageMs: 1000 });
    for (const name of ['a', 'b']) {
      expect(group.get(name).alarms('E_RETENTION'), name).toBe(1);
      expect(neededTexts(group.get(name), texts), name).toEqual(texts.slice(1));
    }
    group.connectAll();
    group.settle();
    expect(group.get('c').applied).toEqual(texts);
    group.cutAll('c');
    group.get('a').broadcast('more');
    for (let round = 0; round < 3; round++) {
      group.passPings();
      group.get('a').broadcast('and more');
    }
    group.passPings();
    expect(group.get('a').alarms('E_RETENTION'), 'and again when it goes away again').toBe(2);
  });

  test('nothing is kept when it may be given up, and it is said once', () => {
    const group = withoutC({ policy: 'demote', ageMs: 1000 });
    for (const name of ['a', 'b']) {
      expect(group.get(name).alarms('E_RETENTION'), name).toBe(1);
      expect(neededTexts(group.get(name), texts), name).toEqual([]);
    }
    const { members } = group.get('a').replica.status();
    expect(members.map(({ name, isDemoted }) => [name, isDemoted])).toEqual([
      ['b', false],
      ['c', true],
    ]);
  });

  test('bytes count as time does', () => {
    const group = withoutC({ policy: 'demote', bytesMax: 1 });
    expect(neededTexts(group.get('a'), texts)).toEqual([]);
    const patient = withoutC({ policy: 'demote', bytesMax: 1 << 20 });
    expect(neededTexts(patient.get('a'), texts)).toEqual(texts.slice(1));
  });

  test('it is waited for again once it is back', () => {
    const group = withoutC({ policy: 'demote', ageMs: 60_000, bytesMax: 1 });
    expect(group.get('a').release()).toBe(true);
    group.connectAll();
    group.settle();
    group.passPings();
    const c = group.get('c');
    expect(c.applied).toEqual(texts);
    expect(c.installed).toHaveLength(1);
    expect(
      group
        .get('a')
        .replica.status()
        .members.every(({ isDemoted }) => !isDemoted),
    ).toBe(true);
    c.isApplying = true;
    group.cutAll('c');
    group.get('a').broadcast('five');
    group.settle();
    group.get('a').wake(group.nowMs + 2000);
    expect(neededTexts(group.get('a'), ['five'])).toEqual(['five']);
  });
});

test('a member that was added long after the start is not away since then', () => {
  const group = groupOf(['a', 'b'], () => ({ retention: { policy: 'demote', ageMs: 60_000 }, hasSnapshots: true }));
  group.nowMs = 1e9;
  for (const member of group.all) member.wake(group.nowMs);
  group.connectAll();
  const a = group.get('a');
  a.replica.addMember(nodeName('d'), 'd:1');
  a.step();
  group.settle();
  a.broadcast('1');
  group.settle();
  group.passPings();
  expect(a.alarms('E_RETENTION')).toBe(0);
  expect(a.replica.status().members.some(({ isDemoted }) => isDemoted)).toBe(false);
});
