/** When the mark of what the application has applied is written: with other records, or after a while, but never after each delivery. */
import { expect, test } from 'vitest';
import { recordTypes, type JournalEntry } from '../../../core/index.js';
import { ReplicaUnderTest } from '../../support/replicas.js';

const markDelayMs = 20;

function alone(): ReplicaUnderTest {
  return new ReplicaUnderTest({ name: 'a', peers: [], timings: { markDelayMs } });
}

function typesOf(journal: readonly JournalEntry[]): readonly number[] {
  return journal.map(({ type }) => type);
}

const { applied, localBatch } = recordTypes;

test('a mark alone waits, and is then written by itself', () => {
  const a = alone();
  a.broadcast('1');
  a.syncAll();
  expect(a.deliver()).toEqual(['1']);
  expect(a.unsynced, 'no sync for the mark alone').toBe(0);
  expect(a.wakeAtMs).toBe(markDelayMs);
  expect(a.replica.isPersisted).toBe(false);
  a.wake(markDelayMs);
  a.syncAll();
  expect(typesOf(a.journal)).toEqual([localBatch, applied]);
  expect(a.replica.isPersisted).toBe(true);
});

test('a wake-up for something else does not write it early, nor forget it', () => {
  const a = alone();
  a.broadcast('1');
  a.syncAll();
  a.deliver();
  a.wake(markDelayMs - 1);
  expect(a.unsynced).toBe(0);
  expect(a.wakeAtMs).toBe(markDelayMs);
});

test('it goes with what is written anyway, and the next one waits its own time', () => {
  const a = alone();
  a.broadcast('1');
  a.syncAll();
  a.deliver();
  a.nowMs = markDelayMs / 2;
  a.broadcast('2');
  a.syncAll();
  expect(typesOf(a.journal)).toEqual([localBatch, localBatch, applied]);
  a.deliver();
  a.wake(markDelayMs);
  expect(a.unsynced).toBe(0);
  expect(a.wakeAtMs).toBe(markDelayMs / 2 + markDelayMs);
  a.wake(markDelayMs / 2 + markDelayMs);
  a.syncAll();
  expect(typesOf(a.journal)).toEqual([localBatch, localBatch, applied, applied]);
});

test('a node that closes writes it at once', () => {
  const a = alone();
  a.broadcast('1');
  a.syncAll();
  a.deliver();
  a.replica.handleClosing();
  a.step();
  a.syncAll();
  expect(typesOf(a.journal)).toEqual([localBatch, applied]);
  expect(a.replica.isPersisted).toBe(true);
});
