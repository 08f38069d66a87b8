/**
 * A journal that begins with a checkpoint in front of which messages lay that waited for a cause. They were applied before it was
 * cut there, and their payloads are gone; a repair may have cut off its end, with everything that says so.
 */
import { describe, expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { recordTypes, type JournalEntry } from '../../../core/journal/journal.js';
import { chainBytes } from '../../../core/message/batch.js';
import { encodeCheckpoint } from '../../../core/replica/checkpoint.js';
import { GroupMember } from '../../support/replica-group.js';
import { ReplicaUnderTest, type ReplicaUnderTestOptions } from '../../support/replicas.js';

const [b, c] = [0, 1];

/** b:1 waits for c:1. */
function heldCheckpoint(): JournalEntry {
  const origins = ['b', 'c'].map((name) => ({ name: nodeName(name), incarnation: 1 }));
  const state = { nextSeq: 2, chain: new Uint8Array(chainBytes).fill(1), dictionary: [c], clock: [1] };
  const logs = [{ origin: b, releasedSeq: 0, held: [[c, 1]], state }];
  return {
    type: recordTypes.checkpoint,
    body: encodeCheckpoint({ position: 0, skipped: [], members: [], begun: [], logs }, origins),
  };
}

/** c:1 and c:2. */
function batchesOfC(): readonly JournalEntry[] {
  const writer = new ReplicaUnderTest({ name: 'c', peers: ['a', 'b'] });
  for (const text of ['1', '2']) writer.broadcast(text);
  writer.syncAll();
  return writer.journal.map(({ body }) => ({ type: recordTypes.remoteBatch, body }));
}

function start(options: Pick<ReplicaUnderTestOptions, 'position' | 'hasSnapshots'>): GroupMember {
  return new GroupMember({ name: 'a', peers: ['b', 'c'], journal: [heldCheckpoint(), ...batchesOfC()], ...options });
}

describe('an application is not given what was applied in front of the journal', () => {
  test('when the journal keeps its mark: it has had it', () => {
    const a = start({});
    a.apply();
    expect(a.applied).toEqual(['1', '2']);
    expect(a.replica.status()).toMatchObject({ position: 3, appliedPosition: 3 });
  });

  test('when it begins anew: it needs a snapshot first', () => {
    const a = start({ position: 0, hasSnapshots: true });
    a.apply();
    expect(a.applied).toEqual([]);
    expect(a.refusalOf('too early')).toBe('E_CATCHING_UP');
  });

  test.each([
    ['begins anew, without the hooks for snapshots', 0, false],
    ['was set back', 1, true],
  ])('when it %s: it cannot go on', (_what, position, hasSnapshots) => {
    expect(() => start({ position, hasSnapshots })).toThrow(expect.objectContaining({ code: 'E_POSITION' }));
  });

  test('when it has stored that it has: it goes on behind that', () => {
    const a = start({ position: 2, hasSnapshots: true });
    expect(a.replica.status()).toMatchObject({ position: 2 });
    // What it has not been given stays on the disk until it takes it.
    for (const { id } of a.reads) a.replica.handleRead(id, a.journal.at(-1)?.body ?? new Uint8Array());
    a.step();
    a.apply();
    expect(a.applied).toEqual(['2']);
  });
});
