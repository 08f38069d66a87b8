/** Who may give a snapshot and who may not, and which one is not taken. */
import { describe, expect, test } from 'vitest';
import { recordTypes } from '../../../core/journal/journal.js';
import { anySnapshot } from '../../../core/replica/snapshot.js';
import { groupOf, type GroupMember, type ReplicaGroup } from '../../support/replica-group.js';

const options = {
  hasSnapshots: true,
  retention: { policy: 'demote', ageMs: 1000 },
  limits: { batchBytesTarget: 1 },
} as const;

const anySnapshotWanted = { type: 'snapshot-want', id: anySnapshot, offset: 0 } as const;

/** Both have given up what they have applied; `b` has stored its position. */
function bothReleased(): ReplicaGroup {
  const group = groupOf(['a', 'b'], (name) => ({ ...options, ...(name === 'b' ? { position: 0 } : {}) }));
  group.connectAll();
  for (const text of ['1', '2', '3']) group.get('a').broadcast(text);
  group.settle();
  group.passPings();
  for (const member of group.all) member.beginsSegment = true;
  for (const member of group.all) member.broadcast(`behind, of ${member.name}`);
  group.settle();
  group.passPings();
  for (const member of group.all) expect(member.release()).toBe(true);
  return group;
}

/** b again, with an application that begins anew. */
function withoutApplication(group: ReplicaGroup): GroupMember {
  const journal = group.get('b').keptJournal;
  expect(journal[0]?.type).toBe(recordTypes.checkpoint);
  return group.start({ name: 'b', peers: ['a', 'c'], ...options, position: 0, journal });
}

describe('an application that begins anew behind a journal without its beginning', () => {
  test('is given a snapshot, and then what follows', () => {
    const group = bothReleased();
    const b = withoutApplication(group);
    expect(b.refusalOf('too early')).toBe('E_CATCHING_UP');
    expect(b.replica.status().refusal?.code, 'it says so before it is asked').toBe('E_CATCHING_UP');
    expect(b.apply()).toBe(false);
    group.get('a').broadcast('meanwhile');
    group.connectAll();
    group.settle();
    group.passPings();
    expect(b.installed).toHaveLength(1);
    expect(b.applied).toEqual(group.get('a').applied);
    expect(b.refusalOf('now')).toBeUndefined();
    group.settle();
    const again = group.start({
      name: 'b',
      peers: ['a'],
      ...options,
      journal: b.journal,
      position: b.replica.position,
    });
    expect(again.replica.position).toBe(b.replica.position);
    expect(again.apply()).toBe(false);
  });

  test('gives nobody its own state, which is none', () => {
    const group = bothReleased();
    const b = withoutApplication(group);
    const peers = ['a', 'b'];
    const c = group.start({ name: 'c', peers, ...options });
    group.remove('a');
    group.connect('b', 'c');
    group.settle();
    group.passPings();
    expect(c.installed).toEqual([]);
    expect(c.applied).toEqual([]);
    expect(b.replica.isSnapshotWanted).toBe(false);
  });

  test('is refused when it has stored some position in front of the beginning, or without snapshots', () => {
    const group = bothReleased();
    const journal = group.get('b').keptJournal;
    for (const [position, hasSnapshots] of [
      [1, true],
      [0, false],
    ] as const) {
      expect(() => group.start({ name: 'b', peers: ['a'], ...options, hasSnapshots, position, journal })).toThrow(
        expect.objectContaining({ code: 'E_POSITION' }),
      );
    }
  });
});

describe('a member that is asked for a snapshot', () => {
  /** a has given up what c and d, who were never here, would need; e and f have it all, and have gone. */
  function withoutTwo(): ReplicaGroup {
    const group = groupOf(['a', 'c', 'd', 'e', 'f'], () => options);
    for (const away of ['c', 'd']) group.remove(away);
    group.connectAll();
    const a = group.get('a');
    for (const text of ['1', '2']) a.broadcast(text);
    group.settle();
    group.passPings();
    a.beginsSegment = true;
    a.broadcast('3');
    group.settle();
    group.passPings();
    expect(a.release()).toBe(true);
    for (const gone of ['e', 'f']) group.remove(gone);
    return group;
  }

  test('gives it once its own application has taken the one that it waits for itself', () => {
    const group = withoutTwo();
    const c = group.start({ name: 'c', peers: ['a', 'd', 'e', 'f'], ...options });
    c.isApplying = false;
    group.connect('a', 'c');
    group.settle();
    group.passPings();
    expect(c.journal.some(({ type }) => type === recordTypes.snapshot)).toBe(true);
    const d = group.start({ name: 'd', peers: ['a', 'c', 'e', 'f'], ...options });
    group.connect('c', 'd');
    group.remove('a');
    group.passPings();
    expect(c.replica.isSnapshotWanted).toBe(false);
    c.isApplying = true;
    group.passPings();
    expect(c.applied).toEqual(['1', '2', '3']);
    expect(d.applied).toEqual(['1', '2', '3']);
  });

  test('does not give what its application has made before it was given one itself', () => {
    const group = withoutTwo();
    const c = group.start({ name: 'c', peers: ['a', 'd', 'e', 'f'], ...options });
    const d = group.start({ name: 'd', peers: ['a', 'c', 'e', 'f'], ...options });
    const link = group.connect('c', 'd');
    c.isApplying = false;
    c.receiveFrame(link, anySnapshotWanted);
    expect(c.replica.isSnapshotWanted).toBe(true);
    // Its application is at work on that when the snapshot of a is installed.
    group.connect('a', 'c');
    group.settle();
    group.passPings();
    expect(c.journal.some(({ type }) => type === recordTypes.snapshot)).toBe(true);
    c.replica.provideSnapshot(new TextEncoder().encode('{"applied":[]}'), c.nowMs);
    c.step();
    group.settle();
    expect(c.replica.isSnapshotWanted, 'not before it has taken it').toBe(false);
    c.isApplying = true;
    group.passPings();
    expect([c.applied, d.applied]).toEqual([
      ['1', '2', '3'],
      ['1', '2', '3'],
    ]);
  });

  test('forgets who has asked when the link ends', () => {
    const group = withoutTwo();
    const a = group.get('a');
    a.isApplying = false;
    group.start({ name: 'c', peers: ['a', 'd', 'e', 'f'], ...options });
    for (let time = 0; time < 3; time++) {
      const link = group.connect('a', 'c');
      a.receiveFrame(link, anySnapshotWanted);
      expect(a.replica.isSnapshotWanted).toBe(true);
      group.cut('a', 'c');
      expect(a.replica.isSnapshotWanted).toBe(false);
    }
  });

  test('waits until it has applied what the other one holds', () => {
    const group = withoutTwo();
    const a = group.get('a');
    const c = group.start({ name: 'c', peers: ['a', 'd', 'e', 'f'], ...options });
    c.broadcast('own, before anything else');
    c.syncAll();
    c.apply();
    a.stopsAfter = 3;
    group.connect('a', 'c');
    group.settle();
    group.passPings();
    expect(c.installed).toEqual([]);
    expect(c.applied).toEqual(['own, before anything else']);
    a.stopsAfter = Infinity;
    group.settle();
    group.passPings();
    expect(c.applied).toEqual(['1', '2', '3', 'own, before anything else']);
    expect(c.replica.position).toBe(4);
  });

  test('counts what an operator gave up as applied, also after a restart', () => {
    const group = withoutTwo();
    const a = group.get('a');
    a.broadcast('poison');
    a.syncAll();
    const poison = a.replica.takeDelivery();
    const request = a.replica.skip(poison?.position ?? 0, 'cannot be applied');
    a.step();
    a.syncAll();
    expect(a.confirmations).toEqual([request]);
    const again = group.start({ name: 'a', peers: ['c', 'd', 'e', 'f'], ...options, journal: a.keptJournal });
    again.applied = a.applied;
    expect(again.apply()).toBe(false);
    expect(again.replica.status()).toMatchObject({ position: 4, appliedPosition: 4 });
    const c = group.start({ name: 'c', peers: ['a', 'd', 'e', 'f'], ...options });
    group.connect('a', 'c');
    group.settle();
    group.passPings();
    expect(c.applied).toEqual(['1', '2', '3']);
    expect(c.replica.position).toBe(4);
  });
});

describe('a snapshot that is not taken', () => {
  /** x is gone; a and b have all that it wrote, and a has given it up. c begins anew, and has asked a for a snapshot, which takes its time. */
  function asked(): { readonly group: ReplicaGroup; readonly c: GroupMember; readonly link: number } {
    const group = groupOf(['a', 'b', 'c', 'd', 'x'], () => options);
    for (const away of ['c', 'd']) group.remove(away);
    group.connectAll();
    for (const text of ['1', '2', '3']) group.get('x').broadcast(text);
    group.settle();
    group.passPings();
    const a = group.get('a');
    a.beginsSegment = true;
    a.broadcast('4');
    group.settle();
    group.passPings();
    expect(a.release()).toBe(true);
    group.remove('x');
    const c = group.start({ name: 'c', peers: ['a', 'b', 'd', 'x'], ...options });
    a.isApplying = false;
    const link = group.connect('a', 'c');
    group.settle();
    expect(a.replica.isSnapshotWanted).toBe(true);
    return { group, c, link };
  }

  test('lacks what the application has been given', () => {
    const { group, c } = asked();
    const d = group.start({ name: 'd', peers: ['a', 'b', 'c', 'x'], ...options });
    d.broadcast('of d, who knows nobody');
    group.connect('c', 'd');
    group.settle();
    expect(c.applied).toEqual(['of d, who knows nobody']);
    group.get('a').isApplying = true;
    group.settle();
    expect(c.installed).toEqual([]);
    group.passPings();
    expect(c.installed).toHaveLength(1);
    expect(c.applied.toSorted()).toEqual(['1', '2', '3', '4', 'of d, who knows nobody']);
  });

  test('holds no more than what has come another way, and may be in the hands of the application', () => {
    const { group, c } = asked();
    const b = group.get('b');
    for (const member of [b, c]) member.isApplying = false;
    group.connect('b', 'c');
    // b gives what a does not have any more, and one of them is asked for a snapshot again.
    group.pass(5000);
    const taken = Array.from({ length: 4 }, () => c.replica.takeDelivery()?.position);
    expect(taken).toEqual([1, 2, 3, 4]);
    for (const name of ['a', 'b']) group.get(name).isApplying = true;
    group.settle();
    expect(c.journal.some(({ type }) => type === recordTypes.snapshotChunk)).toBe(true);
    c.replica.handleApplied(4);
    c.step();
    c.syncAll();
    expect(c.journal.some(({ type }) => type === recordTypes.snapshot)).toBe(false);
    expect(c.replica.takeSnapshot()).toBeUndefined();
    expect(c.refusalOf('on we go')).toBeUndefined();
  });
});
