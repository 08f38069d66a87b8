import { describe, expect, test } from 'vitest';
import { nodeName, type DiskFile, type JournalEntry } from '../../core/index.js';
import { AppendEncoder } from '../../core/journal/append-encoder.js';
import { recordTypes, segmentChecksum } from '../../core/journal/record.js';
import { encodeSegmentHeader, firstHeader, segmentName, tailOfEmptySegment } from '../../core/journal/segment.js';
import { emptyLogState } from '../../core/message/batch.js';
import { ByteWriter } from '../../core/message/bytes.js';
import { encodeCheckpoint } from '../../core/replica/checkpoint.js';
import { joinSnapshot, pieceBytes, writePiece } from '../../core/replica/snapshot.js';
import { DiskWitness } from '../../scenarios/disk-witness.js';
import type { DroppedRange } from '../../scenarios/history.js';
import { simulatedDigests } from '../../transport-sim/index.js';
import { BatchSource } from '../support/log-writer.js';
import { rig, type Rig } from '../transport-sim/disk-rig.js';
import { a } from '../transport-sim/programs.js';
import { dot } from './oracles/history-builder.js';

const file = segmentName(1);

/** The bytes of a segment that holds `entries`. */
function segment(entries: readonly JournalEntry[]): Uint8Array {
  const header = firstHeader(new Uint8Array(16).fill(7), 1);
  const { bytes, checksum } = encodeSegmentHeader(header, simulatedDigests);
  const tail = tailOfEmptySegment(header, checksum);
  const { chunks } = new AppendEncoder().encode(entries, tail, 0, segmentChecksum(simulatedDigests, header.logId, 1));
  return new Uint8Array([bytes, ...chunks].flatMap((chunk) => [...chunk]));
}

/** A log with b:1 and b:2, then b:3, then a:1. `ends`: where each of the three records ends. */
function sample(): { readonly bytes: Uint8Array; readonly ends: readonly number[] } {
  const [own, peer] = [new BatchSource('a', 'own'), new BatchSource('b', 'peer')];
  const entries = [peer.next(2), peer.next(), own.next()];
  const ends = entries.map((_, index) => segment(entries.slice(0, index + 1)).length);
  return { bytes: segment(entries), ends };
}

interface Watched extends Rig {
  readonly witness: DiskWitness;
  readonly dropped: (readonly DroppedRange[])[];
  readonly has: (text: string) => boolean;
  readonly write: (file: DiskFile, from: number, bytes: Uint8Array) => void;
  readonly sync: (file: DiskFile) => void;
}

function watched(counts = true): Watched {
  const made = rig();
  const witness = new DiskWitness();
  const dropped: (readonly DroppedRange[])[] = [];
  witness.add(a, made.sim.disk(a), (ranges) => {
    dropped.push(ranges);
    return counts;
  });
  return {
    ...made,
    witness,
    dropped,
    has: (text) => witness.holdersOf(dot(text)).includes(a),
    write: (to, from, bytes) => void made.answer((done) => to.write(from, [bytes], done)),
    sync: (to) => void made.answer((done) => to.sync(done)),
  };
}

/** With a segment whose name is synced. */
function withSegment(made: Watched): DiskFile {
  const opened = made.create(file);
  made.answer((done) => made.disk.syncDirectory(done));
  return opened;
}

describe('a message counts', () => {
  test('once its record and the name of its file are synced, not before', () => {
    const made = watched();
    const { bytes } = sample();
    const log = made.create(file);
    made.write(log, 0, bytes);
    expect(made.has('b:1')).toBe(false);
    made.sync(log);
    expect(made.has('b:1')).toBe(false);
    made.answer((done) => made.disk.syncDirectory(done));
    expect(['b:1', 'b:2', 'b:3', 'a:1'].map(made.has)).toEqual([true, true, true, true]);
    expect(['b:4', 'a:2', 'b~2:1', 'c:1'].map(made.has)).toEqual([false, false, false, false]);
  });

  test('record by record, as they are synced', () => {
    const made = watched();
    const { bytes, ends } = sample();
    const log = withSegment(made);
    let from = 0;
    for (const [index, end] of ends.entries()) {
      made.write(log, from, bytes.subarray(from, end));
      expect(['b:2', 'b:3', 'a:1'].map(made.has).indexOf(false)).toBe(index);
      made.sync(log);
      from = end;
    }
    expect(made.has('a:1')).toBe(true);
  });

  test('only when its record is whole', () => {
    const made = watched();
    const { bytes, ends } = sample();
    const log = withSegment(made);
    made.write(log, 0, bytes.subarray(0, (ends[1] ?? 0) - 1));
    made.sync(log);
    expect(['b:2', 'b:3'].map(made.has)).toEqual([true, false]);
    made.write(log, (ends[1] ?? 0) - 1, bytes.subarray((ends[1] ?? 0) - 1));
    made.sync(log);
    expect(['b:3', 'a:1'].map(made.has)).toEqual([true, true]);
  });

  test('not when its sync has failed, though later ones succeed', () => {
    const made = watched();
    const { bytes, ends } = sample();
    const log = withSegment(made);
    made.write(log, 0, bytes.subarray(0, ends[0]));
    made.sync(log);
    made.sim.disk(a).setProfile({ syncError: 1 });
    made.write(log, ends[0] ?? 0, bytes.subarray(ends[0], ends[1]));
    made.sync(log);
    made.sim.disk(a).setProfile({ syncError: 0 });
    made.write(log, ends[1] ?? 0, bytes.subarray(ends[1]));
    made.sync(log);
    expect(['b:2', 'b:3'].map(made.has)).toEqual([true, false]);
  });

  test('until the next start, which may cut it off', () => {
    const made = watched();
    const { bytes, ends } = sample();
    const log = withSegment(made);
    made.write(log, 0, bytes);
    made.sync(log);
    expect(made.has('a:1')).toBe(true);
    made.answer((done) => log.truncate(ends[0] ?? 0, done));
    made.sync(log);
    expect(made.has('a:1')).toBe(true);
    made.witness.forget(a);
    expect(['b:2', 'b:3', 'a:1'].map(made.has)).toEqual([true, false, false]);
  });
});

/** The records of a snapshot that holds b:1 to b:5, in two pieces. */
function snapshotOfFive(): readonly JournalEntry[] {
  const log = { origin: 0, releasedSeq: 5, held: [], state: { ...emptyLogState, nextSeq: 6 } };
  const origins = [{ name: nodeName('b'), incarnation: 1 }];
  const checkpoint = encodeCheckpoint({ position: 5, skipped: [], members: [], logs: [log], begun: [] }, origins);
  const { id, bytes } = joinSnapshot(checkpoint, new Uint8Array(pieceBytes), simulatedDigests);
  const piece = (offset: number): JournalEntry => {
    const writer = new ByteWriter();
    writePiece(writer, { id, totalBytes: bytes.length, offset, bytes: bytes.subarray(offset, offset + pieceBytes) });
    return { type: recordTypes.snapshotChunk, body: writer.view() };
  };
  return [piece(0), piece(pieceBytes), { type: recordTypes.snapshot, body: id }];
}

describe('a snapshot', () => {
  test.each([
    ['', 0],
    [', also when what stood behind its first piece was cut off', 100],
  ])('counts from the record on that makes it count%s', (_when, tornBytes) => {
    const made = watched();
    const entries = snapshotOfFive();
    const bytes = segment(entries);
    const ends = entries.map((_, index) => segment(entries.slice(0, index + 1)).length);
    const log = withSegment(made);
    made.write(log, 0, bytes.subarray(0, ends[0]));
    made.write(log, ends[0] ?? 0, new Uint8Array(tornBytes));
    made.sync(log);
    expect(made.has('b:5')).toBe(false);
    made.answer((done) => log.truncate(ends[0] ?? 0, done));
    made.sync(log);
    for (const from of [0, 1]) {
      expect(made.has('b:5')).toBe(false);
      made.write(log, ends[from] ?? 0, bytes.subarray(ends[from], ends[from + 1]));
      made.sync(log);
    }
    expect(['b:1', 'b:5', 'b:6'].map(made.has)).toEqual([true, true, false]);
  });
});

describe('a file that is removed', () => {
  test('is reported with what was in it, which counts as held for ever', () => {
    const made = watched();
    const { bytes } = sample();
    const log = withSegment(made);
    made.write(log, 0, bytes);
    made.sync(log);
    made.answer((done) => made.disk.remove(file, done));
    expect(made.dropped).toEqual([
      [
        { origin: 'b', incarnation: 1, firstSeq: 1, lastSeq: 3, holders: ['a'] },
        { origin: 'a', incarnation: 1, firstSeq: 1, lastSeq: 1, holders: ['a'] },
      ],
    ]);
    made.witness.forget(a);
    expect(['b:1', 'b:3', 'a:1', 'b:4'].map(made.has)).toEqual([true, true, true, false]);
  });

  test('does not count as held when it was no node that removed it', () => {
    const made = watched(false);
    const log = withSegment(made);
    made.write(log, 0, sample().bytes);
    made.sync(log);
    made.answer((done) => made.disk.remove(file, done));
    expect([made.dropped.length, made.has('b:1')]).toEqual([1, true]);
    made.answer((done) => made.disk.syncDirectory(done));
    made.witness.forget(a);
    expect(made.has('b:1')).toBe(false);
  });

  test('is no matter when it is none of the log, or has no messages', () => {
    const made = watched();
    made.append(made.create('note'), 'x');
    made.answer((done) => made.disk.remove('note', done));
    withSegment(made);
    made.answer((done) => made.disk.remove(file, done));
    expect(made.dropped).toEqual([]);
  });
});

test('a node that nobody watches holds nothing', () => {
  expect(new DiskWitness().holdersOf({ origin: nodeName('a'), incarnation: 1, seq: 1 })).toEqual([]);
});
