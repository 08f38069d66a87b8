/** What is in no journal any more comes as the state of another member's application. */
import { describe, expect, test } from 'vitest';
import { recordTypes, type JournalEntry } from '../../../core/journal/journal.js';
import type { Frame, SnapshotFrame } from '../../../core/message/frame.js';
import { groupOf, type GroupMember, type ReplicaGroup } from '../../support/replica-group.js';

const old = ['1', '2', '3', '4'];
const pieceBytes = 64 << 10;
const options = {
  hasSnapshots: true,
  retention: { policy: 'demote', ageMs: 1000 },
  limits: { batchBytesTarget: 1 },
} as const;

/** a and b have given up what c, which was never here, would need. */
function withoutC({
  ballastBytes = 0,
  names = ['a', 'b'],
}: { ballastBytes?: number; names?: string[] } = {}): ReplicaGroup {
  const group = groupOf([...names, 'c'], () => options);
  group.remove('c');
  group.connectAll();
  for (const text of old) group.get('a').broadcast(text);
  group.settle();
  group.passPings();
  for (const member of group.all) member.beginsSegment = true;
  for (const member of group.all) member.broadcast(`behind, of ${member.name}`);
  group.settle();
  group.passPings();
  for (const member of group.all) {
    expect(member.release(), `${member.name} releases`).toBe(true);
    member.ballast = 'x'.repeat(ballastBytes);
  }
  return group;
}

function startC(group: ReplicaGroup, journal: readonly JournalEntry[] = [], position?: number): GroupMember {
  const peers = group.all.map(({ name }) => name).filter((name) => name !== 'c');
  return group.start({ name: 'c', peers, ...options, journal, ...(position === undefined ? {} : { position }) });
}

function all(group: ReplicaGroup): Set<string> {
  return new Set(group.get('a').applied);
}

function snapshotFrames(frames: readonly Frame[]): SnapshotFrame[] {
  return frames.flatMap((frame) => (frame.type === 'snapshot' ? [frame] : []));
}

describe('a member that needs what was given up', () => {
  test('is given a snapshot, and goes on from there', () => {
    const group = withoutC();
    const c = startC(group);
    group.connectAll();
    group.settle();
    group.passPings();
    expect(c.installed).toHaveLength(1);
    expect(new Set(c.applied)).toEqual(all(group));
    c.broadcast('here I am');
    group.get('b').broadcast('hello');
    group.settle();
    for (const member of group.all) expect(new Set(member.applied)).toEqual(all(group));
    expect(group.all.flatMap(({ refusals }) => refusals)).toEqual([]);
  });

  test('goes on after a restart behind what the snapshot held, at the same positions', () => {
    const group = withoutC();
    const c = startC(group);
    group.connectAll();
    group.settle();
    group.get('b').broadcast('hello');
    group.settle();
    const { applied, journal } = c;
    const again = startC(group, journal);
    again.applied = applied;
    expect(again.replica.position).toBe(c.replica.position);
    again.apply();
    expect(again.applied).toEqual(applied);
    group.connectAll();
    again.broadcast('back');
    group.settle();
    expect(new Set(group.get('a').applied)).toEqual(new Set(again.applied));
  });

  test('is handed the snapshot again when the application had not confirmed it', () => {
    const group = withoutC();
    const c = startC(group);
    c.isApplying = false;
    group.connectAll();
    group.settle();
    expect(c.journal.some(({ type }) => type === recordTypes.snapshot)).toBe(true);
    for (const position of [undefined, 0]) {
      const again = startC(group, c.journal, position);
      expect(again.refusalOf('too early')).toBe('E_CATCHING_UP');
      again.apply();
      expect(again.installed).toHaveLength(1);
      expect(again.applied).toEqual(group.get('a').applied);
      again.syncAll();
      expect(again.refusalOf('now')).toBeUndefined();
    }
  });

  test('is not given by one whose application may be further than it has confirmed since its restart', () => {
    const group = withoutC();
    const before = group.get('a');
    // Applied, and a crash came before the mark was synced.
    const unmarked = before.keptJournal.filter(({ type }) => type !== recordTypes.applied);
    const a = group.start({ name: 'a', peers: ['b', 'c'], ...options, journal: unmarked });
    a.applied = before.applied.slice(0, a.replica.position);
    expect(a.applied.length).toBeLessThan(before.applied.length);
    group.get('b').givesSnapshots = false;
    const c = startC(group);
    a.isApplying = false;
    group.connectAll();
    group.settle();
    expect([a.replica.isSnapshotWanted, c.installed]).toEqual([false, []]);
    a.isApplying = true;
    group.settle();
    group.passPings();
    expect(c.installed).toHaveLength(1);
    expect(c.applied).toEqual(a.applied);
  });

  test('is refused without hooks while the application has not taken the snapshot', () => {
    const group = withoutC();
    const c = startC(group);
    c.isApplying = false;
    group.connectAll();
    group.settle();
    const withoutHooks = { name: 'c', peers: ['a', 'b'], ...options, hasSnapshots: false, journal: c.journal };
    expect(() => group.start(withoutHooks)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
  });

  test('is told so once by its node when it has no hooks, and nothing is delivered', () => {
    const group = withoutC();
    const c = group.start({ name: 'c', peers: ['a', 'b'], ...options, hasSnapshots: false });
    group.connectAll();
    group.passPings();
    group.passPings();
    expect(c.alarms('E_NO_SNAPSHOT')).toBe(1);
    expect(c.applied).toEqual([]);
  });

  test('is told so when the others give none', () => {
    const group = withoutC();
    for (const member of group.all) member.givesSnapshots = false;
    const c = startC(group);
    group.connectAll();
    group.passPings();
    expect(c.alarms('E_NO_SNAPSHOT')).toBeGreaterThan(0);
    expect(c.alarms('E_NO_SNAPSHOT')).toBeLessThanOrEqual(2);
    for (const member of group.all) member.givesSnapshots = true;
    group.passPings();
    expect(new Set(c.applied)).toEqual(all(group));
  });

  test('takes none that is longer than its limit', () => {
    const group = withoutC({ ballastBytes: 100_000 });
    const limits = { ...options.limits, snapshotBytesMax: 1000 };
    const c = group.start({ name: 'c', peers: ['a', 'b'], ...options, limits });
    group.connectAll();
    group.passPings();
    expect(c.alarms('E_NO_SNAPSHOT')).toBeGreaterThan(0);
    expect(c.journal.filter(({ type }) => type === recordTypes.snapshotChunk)).toEqual([]);
  });
});

describe('a snapshot of several pieces', () => {
  const ballastBytes = 3 * pieceBytes;

  /** c has asked a for a snapshot and has journalled so many pieces. */
  function halfWay(pieces: number): { group: ReplicaGroup; c: GroupMember; link: number } {
    const group = withoutC({ ballastBytes });
    const c = startC(group);
    const link = group.connect('a', 'c');
    group.get('a').syncAll();
    for (let turn = 0; turn < 50 && chunksOf(c) < pieces; turn++) {
      group.exchange('a', 'c');
      group.get('a').apply();
      if (c.unsynced > 0) c.sync();
    }
    expect(chunksOf(c)).toBe(pieces);
    return { group, c, link };
  }

  function chunksOf(member: GroupMember): number {
    return member.journal.filter(({ type }) => type === recordTypes.snapshotChunk).length;
  }

  test('comes one at a time, each asked for when the one before is durable', () => {
    const { group, c } = halfWay(1);
    group.exchange('a', 'c');
    expect(c.unsynced).toBe(1);
    expect(c.replica.takeDelivery()).toBeUndefined();
    group.settle();
    expect(chunksOf(c)).toBe(4);
    expect(c.applied).toEqual(group.get('a').applied);
  });

  test('is asked for again when a piece is lost', () => {
    const { group, c, link } = halfWay(1);
    for (const bytes of c.takeSent(link)) group.get('a').receive(link, bytes);
    expect(snapshotFrames(group.get('a').takeFrames(link))).toHaveLength(1);
    group.passPings();
    expect(chunksOf(c)).toBe(4);
    expect(c.applied).toEqual(group.get('a').applied);
  });

  test('goes on where it was when the donor comes back', () => {
    const { group, c } = halfWay(2);
    group.cut('a', 'c');
    group.pass(1000);
    group.connect('a', 'c');
    group.settle();
    expect(chunksOf(c)).toBe(4);
    expect(c.applied).toEqual(group.get('a').applied);
  });

  test('starts over with another donor', () => {
    const { group, c } = halfWay(2);
    group.cut('a', 'c');
    group.connect('b', 'c');
    group.settle();
    group.passPings();
    expect(chunksOf(c)).toBe(2 + 4);
    expect(c.applied).toEqual(group.get('b').applied);
  });

  test('starts over with another donor when the first one does not answer', () => {
    const { group, c, link } = halfWay(2);
    group.connect('b', 'c');
    for (let turn = 0; turn < 12; turn++) {
      group.get('a').takeSent(link);
      c.takeSent(link);
      group.nowMs += 1000;
      for (const name of ['b', 'c']) group.get(name).wake(group.nowMs);
      group.exchange('b', 'c');
      for (const name of ['b', 'c']) group.get(name).apply();
      c.syncAll();
    }
    expect(c.applied).toEqual(group.get('b').applied);
  });

  test('goes on after a crash of its receiver where it was, if the donor keeps it', () => {
    const { group, c } = halfWay(2);
    const again = startC(group, c.journal);
    group.connect('a', 'c');
    group.settle();
    group.passPings();
    expect(chunksOf(again)).toBe(4);
    expect(again.applied).toEqual(group.get('a').applied);
  });

  test('is whole after a crash of its receiver at any record', () => {
    for (let length = 0, total = 1; length <= total; length++) {
      for (const isStored of [false, true]) {
        const { group, c } = halfWay(3);
        group.settle();
        group.get('b').broadcast('later');
        group.settle();
        const { journal } = c;
        total = journal.length;
        expect(total).toBeGreaterThan(5);
        const again = startC(group, journal.slice(0, length), isStored ? 0 : undefined);
        again.nowMs = group.nowMs;
        group.connectAll();
        group.settle();
        group.passPings();
        // In mark mode the application remembers what it had confirmed, and needs it no more.
        if (again.installed.length > 0) expect(new Set(again.applied), `after ${length} records`).toEqual(all(group));
        else expect(again.replica.position, `after ${length} records`).toBe(c.replica.position);
        expect(again.refusalOf('x')).toBeUndefined();
      }
    }
  });

  test('that was damaged on its way is not used', () => {
    const { group, c, link } = halfWay(1);
    for (const bytes of c.takeSent(link)) group.get('a').receive(link, bytes);
    const [frame] = snapshotFrames(group.get('a').takeFrames(link));
    if (frame === undefined) throw new Error('a piece was sent');
    c.receiveFrame(link, { ...frame, bytes: frame.bytes.map((byte) => byte ^ 1) });
    group.settle();
    expect(c.installed).toEqual([]);
    expect(c.journal.some(({ type }) => type === recordTypes.snapshot)).toBe(false);
    group.passPings();
    expect(c.applied).toEqual(group.get('a').applied);
  });

  test('whose donor goes away while its last piece is on its way to the disk is installed as it stands', () => {
    const { group, c } = halfWay(3);
    group.exchange('a', 'c');
    expect(c.unsynced).toBe(1);
    group.connect('b', 'c');
    group.cut('a', 'c');
    // The logs are about to jump: nothing may come between.
    expect(c.refusalOf('too early')).toBe('E_CATCHING_UP');
    group.get('b').broadcast('meanwhile');
    group.get('b').syncAll();
    group.exchange('b', 'c');
    c.sync();
    group.exchange('b', 'c');
    group.settle();
    group.passPings();
    expect(new Set(c.applied)).toEqual(new Set(group.get('b').applied));
    expect(c.applied).toHaveLength(group.get('b').applied.length);
    const again = startC(group, c.journal);
    expect(again.replica.position).toBe(c.replica.position);
  });
});

describe('what is being given', () => {
  test('ends in the middle of a batch, and nothing is doubled', () => {
    const group = groupOf(['a', 'b', 'c'], () => ({ ...options, limits: { batchBytesTarget: 10_000 } }));
    group.remove('c');
    const [a, b] = [group.get('a'), group.get('b')];
    group.connectAll();
    a.broadcast('0');
    group.settle();
    group.passPings();
    for (const member of group.all) member.beginsSegment = true;
    a.broadcast('1');
    group.settle();
    group.passPings();
    expect(b.release()).toBe(true);
    expect(a.release()).toBe(true);
    b.stopsAfter = b.applied.length + 2;
    // The first of them is a batch of its own, the others share the next one; and b's first batch is applied in its middle as well.
    for (const text of ['2', '3', '4', '5']) a.broadcast(text);
    group.settle();
    for (const text of ['b1', 'b2']) b.broadcast(text);
    group.settle();
    expect(b.applied).toEqual(['0', '1', '2', '3']);
    a.givesSnapshots = false;
    const c = group.start({ name: 'c', peers: ['a', 'b'], ...options, limits: { batchBytesTarget: 10_000 } });
    group.connect('b', 'c');
    group.settle();
    group.passPings();
    expect(c.applied.slice(0, 4)).toEqual(['0', '1', '2', '3']);
    b.stopsAfter = Infinity;
    group.connect('a', 'c');
    group.settle();
    group.passPings();
    expect(c.applied.toSorted()).toEqual(['0', '1', '2', '3', '4', '5', 'b1', 'b2']);
    expect(b.applied.toSorted()).toEqual(c.applied.toSorted());
  });

  test('ends in the middle of the first batch of a log, and nothing is doubled', () => {
    const group = groupOf(['a', 'b', 'c'], () => ({ ...options, limits: { batchBytesTarget: 10_000 } }));
    group.remove('c');
    group.connectAll();
    const [one, two] = [group.get('a'), group.get('b')];
    one.broadcast('1');
    group.settle();
    group.passPings();
    for (const member of group.all) member.beginsSegment = true;
    one.broadcast('2');
    group.settle();
    group.passPings();
    expect(two.release() && one.release()).toBe(true);
    // Two messages wait for the journal while it writes something else, so they share a batch.
    one.broadcast('3');
    one.syncAll();
    group.exchange('a', 'b');
    expect(two.unsynced).toBe(1);
    for (const text of ['x', 'y', 'z']) two.broadcast(text);
    two.stopsAfter = two.applied.length + 2;
    group.settle();
    expect(two.applied).toEqual(['1', '2', '3', 'x']);
    const c = group.start({ name: 'c', peers: ['a', 'b'], ...options });
    group.connect('b', 'c');
    group.settle();
    group.passPings();
    two.stopsAfter = Infinity;
    group.connectAll();
    group.settle();
    group.passPings();
    expect(c.applied.toSorted()).toEqual(['1', '2', '3', 'x', 'y', 'z']);
  });
});
