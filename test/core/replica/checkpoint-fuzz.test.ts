/**
 * A replica that is restored from a checkpoint and what follows it is the same as one that is restored from the whole journal: the
 * same positions, the same deliveries in the same order, the same next broadcasts.
 *
 * A checkpoint may be the first record only when the application has applied everything in front of it, so the histories end with that.
 */
import { describe, expect, test } from 'vitest';
import { Simulation } from '../../../transport-sim/index.js';
import { decodeBatchHeader } from '../../../core/message/batch.js';
import { recordTypes, type JournalEntry } from '../../../core/journal/journal.js';
import { groupOf, type GroupMember } from '../../support/replica-group.js';

const names = ['a', 'b', 'c', 'd'];

interface History {
  readonly journal: readonly JournalEntry[];
  /** What the application was given, by position. */
  readonly given: readonly string[];
  readonly appliedPosition: number;
  readonly heldAtCheckpoints: number;
}

/** The life of c, who hears of the others in any order, so that much is held back. */
function historyOf(seed: number, mode: 'mark' | 'position'): History {
  const random = new Simulation({ seed: `checkpoint ${seed}` }).random('history');
  const group = groupOf(names, (name) => ({
    ...(name === 'c' && mode === 'position' ? { position: 0 } : {}),
    repair: 'origin-only',
    limits: { batchBytesTarget: random.pick([20, 60, 10_000]) },
  }));
  const others = ['a', 'b', 'd'];
  const c = group.get('c');
  let heldAtCheckpoints = 0;
  let messages = 0;
  for (const one of others) for (const other of others) if (one < other) group.connect(one, other);
  for (let step = 0; step < 60; step++) {
    for (let count = random.below(4); count > 0; count--) group.get(random.pick(others)).broadcast(`m${messages++}`);
    // Everybody but c is in touch: c hears from one at a time.
    const origin = random.pick(others);
    const draw = random.below(10);
    if (draw < 4 && !group.isConnected('c', origin)) group.connect('c', origin);
    else if (draw < 6) group.cutAll('c');
    if (random.chance(0.3)) c.broadcast(`m${messages++}`);
    if (random.chance(0.2)) c.beginsSegment = true;
    const before = c.journal.length;
    settleExceptApplication(group, c);
    const hasCheckpoint = c.journal.slice(before).some(({ type }) => type === recordTypes.checkpoint);
    if (hasCheckpoint) heldAtCheckpoints += c.replica.status().heldBackMessages;
    for (let count = random.below(6); count > 0; count--) applyOne(c);
  }
  for (const origin of others) if (!group.isConnected('c', origin)) group.connect('c', origin);
  c.isApplying = true;
  group.settle();
  c.syncAll();
  return { journal: c.journal, given: c.applied, appliedPosition: c.replica.position, heldAtCheckpoints };
}

function settleExceptApplication(group: ReturnType<typeof groupOf>, c: GroupMember): void {
  c.isApplying = false;
  group.settle();
}

function applyOne(c: GroupMember): void {
  c.isApplying = true;
  c.stopsAfter = c.applied.length + 1;
  c.apply();
  c.stopsAfter = Infinity;
  c.isApplying = false;
}

function restored(journal: readonly JournalEntry[], position: number | undefined): GroupMember {
  const group = groupOf([]);
  const stored = position === undefined ? {} : { position };
  const member = group.start({ name: 'c', peers: ['a', 'b', 'd'], repair: 'origin-only', journal, ...stored });
  member.answerReads();
  return member;
}

/** All that can be seen of a replica from outside. */
function seen(member: GroupMember): unknown {
  const { position, appliedPosition, heldBackMessages, logs, seq, blocked } = member.replica.status();
  const sorted = logs
    .filter(({ durableSeq }) => durableSeq > 0)
    .toSorted((a, b) => (a.origin < b.origin ? -1 : 1))
    .map(({ stableSeq, ...rest }) => ({ ...rest, isStable: stableSeq > 0 }));
  return {
    position,
    appliedPosition,
    heldBackMessages,
    seq,
    logs: sorted,
    blocked: blocked.map((one) => ({ ...one, suppliers: [] })),
  };
}

/** The bytes of the next broadcast name what it depends on, in relation to those before. */
function nextBroadcast(member: GroupMember): { readonly clock: unknown; readonly firstSeq: number | undefined } {
  member.broadcast('next');
  member.syncAll();
  const last = member.journal.findLast(({ type }) => type === recordTypes.localBatch);
  const firstSeq = last === undefined ? undefined : decodeBatchHeader(last.body, undefined).firstSeq;
  for (;;) {
    const next = member.replica.takeDelivery();
    if (next === undefined) throw new Error('its own broadcast comes to it');
    if (next.origin === 'c' && new TextDecoder().decode(next.payload) === 'next') {
      return { clock: next.clock.toJSON(), firstSeq };
    }
    member.replica.handleApplied(next.position);
    member.step();
    member.answerReads();
  }
}

/** Dots by position, of what comes behind the position that the application has stored. */
function deliveriesOf(member: GroupMember): readonly string[] {
  const dots: string[] = [];
  for (;;) {
    const next = member.replica.takeDelivery();
    if (next !== undefined) {
      dots.push(`${next.position} ${next.origin}:${next.seq}`);
      member.replica.handleApplied(next.position);
    }
    member.step();
    if (next === undefined && member.reads.length === 0) return dots;
    member.answerReads();
  }
}

/** Position by which everything in front of a record has been applied. */
function positionBehind(journal: readonly JournalEntry[], all: readonly string[]): number {
  const positions = new Map(all.map((line) => [line.split(' ')[1], Number(line.split(' ')[0])]));
  let highest = 0;
  for (const { type, body } of journal) {
    if (type !== recordTypes.localBatch && type !== recordTypes.remoteBatch) continue;
    const { origin, firstSeq, count } = decodeBatchHeader(body, undefined);
    for (let seq = firstSeq; seq < firstSeq + count; seq++) {
      highest = Math.max(highest, positions.get(`${origin}:${seq}`) ?? Infinity);
    }
  }
  return highest;
}

describe.each(['mark', 'position'] as const)('restored from a checkpoint, with its %s', (mode) => {
  let held = 0;
  let checkpoints = 0;
  let hadMore = 0;

  test.each(Array.from({ length: 8 }, (_, index) => index + 1))('seed %i', (seed) => {
    const { journal, given, appliedPosition, heldAtCheckpoints } = historyOf(seed, mode);
    held += heldAtCheckpoints;
    const position = mode === 'position' ? appliedPosition : undefined;
    for (const [at, { type }] of journal.entries()) {
      if (type !== recordTypes.checkpoint) continue;
      checkpoints++;
      const whole = restored(journal, position);
      const suffix = restored(journal.slice(at), position);
      expect(seen(suffix)).toEqual(seen(whole));
      expect(nextBroadcast(suffix)).toEqual(nextBroadcast(whole));
    }
    expect(new Set(given).size).toBe(given.length);
    const all = deliveriesOf(restored(journal, 0));
    expect(all).toHaveLength(given.length);
    for (const [at, { type }] of journal.entries()) {
      if (type !== recordTypes.checkpoint) continue;
      // The application may have stored less than everything, as long as it does not need what lies in front.
      const least = positionBehind(journal.slice(0, at), all);
      for (const stored of new Set([least, least + ((all.length - least) >> 1)])) {
        expect(deliveriesOf(restored(journal.slice(at), stored))).toEqual(all.slice(stored));
        hadMore += all.length > stored ? 1 : 0;
      }
    }
  });

  test('and much was held back at checkpoints', () => {
    expect(checkpoints).toBeGreaterThan(15);
    expect(held).toBeGreaterThan(15);
    expect(hadMore).toBeGreaterThan(15);
  });
});
