/**
 * A log written by the first version of the format, in test/fixtures/journal-v1/: whatever version this is, it must read it.
 *
 * As long as the format is the same, the same calls also give the same bytes. The files change only when the format was
 * changed on purpose before anybody had logs of it: `ANTECEDENT_WRITE_FIXTURES=1 npx vitest run test/core/journal/fixture.test.ts`
 * makes them anew. Once a version was released, its files stay, and a new format gets a directory of its own.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Done } from '../../../core/journal/callbacks.js';
import { recordTypes, type JournalEntry, type RecordType } from '../../../core/journal/journal.js';
import { recoverSegment } from '../../../core/journal/recovery.js';
import { segmentIndexOf, segmentName } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  bytes,
  close,
  digests,
  fileOf,
  open,
  readText,
  reopenDurable,
  settled,
  text,
  valueOf,
  type OpenedJournal,
} from './journal-fixture.js';

const directory = join(import.meta.dirname, '../../fixtures/journal-v1');

const options = { segmentBytesMax: 300, seed: 7, checkpoint: () => bytes('a checkpoint') };

type Files = ReadonlyMap<string, Uint8Array>;

function entry(type: RecordType, body: string): JournalEntry {
  return { type, body: bytes(body) };
}

/** Everything a log can hold: records of every type, groups, marks, several segments, a missing beginning, a torn tail. */
function writeFixture(): Files {
  const { localBatch, remoteBatch, applied, skipped, membership, snapshotChunk, snapshot, lineBegun } = recordTypes;
  const appendTo = ({ disk, journal }: OpenedJournal, ...entries: readonly JournalEntry[]): void => {
    valueOf(settled<unknown>(disk, (done) => journal.append(entries, done)));
  };
  let opened = open(new MemoryDisk(), options);
  appendTo(opened, entry(localBatch, 'given up'), entry(remoteBatch, 'x'.repeat(200)));
  appendTo(opened, entry(localBatch, 'first that is kept'), entry(remoteBatch, ''), entry(applied, '\x00\xff'));
  appendTo(opened, entry(localBatch, 'after a pause'));
  opened.journal.release(Infinity);
  opened.disk.settle();
  appendTo(opened, entry(skipped, '\x07\x03why'), entry(membership, 'who'));
  appendTo(opened, entry(remoteBatch, 'larger than a segment '.repeat(20)));
  valueOf(settled(opened.disk, (done: Done<void>) => opened.journal.beginIncarnation(2, done)));
  appendTo(opened, entry(snapshotChunk, 'a piece'), entry(snapshot, 'the whole'));
  close(opened);

  // The last append of this life is cut off in the middle.
  opened = open(opened.disk, options);
  opened.journal.append([entry(localBatch, 'whole'), entry(localBatch, 'torn')], () => undefined);
  opened.disk.step();
  const files = opened.disk.files();
  const last = sortedNames(files).at(-1) ?? '';
  files.set(last, fileOf(files, last).slice(0, -1));

  opened = open(new MemoryDisk(files), options);
  appendTo(opened, entry(localBatch, 'behind what was torn'));
  appendTo(opened, entry(lineBegun, 'about to be sent'));
  close(opened);
  return opened.disk.files();
}

function sortedNames(files: Files): readonly string[] {
  return [...files.keys()].sort();
}

function hexOf(files: Files, name: string): string {
  return Buffer.from(fileOf(files, name)).toString('hex');
}

function readFixture(): Files {
  return new Map(readdirSync(directory).map((name) => [name, new Uint8Array(readFileSync(join(directory, name)))]));
}

function writeAnew(): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of writeFixture()) writeFileSync(join(directory, name), content);
}

if (process.env['ANTECEDENT_WRITE_FIXTURES'] === '1') writeAnew();

describe('a log of format version 1', () => {
  test('is read, to the last record', () => {
    const { journal, records, logged } = open(new MemoryDisk(readFixture()));
    expect(records.map(({ isFirst }) => isFirst)).toEqual(records.map((_, position) => position === 0));
    expect(
      records.map(({ entry: { type, body }, place: { lsn, address } }) => [lsn, address, type, text(body)]),
    ).toEqual([
      [3, 416, 7, 'a checkpoint'],
      [4, 468, 1, 'first that is kept'],
      [5, 526, 2, ''],
      [6, 566, 3, '\x00\xff'],
      [8, 648, 1, 'after a pause'],
      [11, 853, 7, 'a checkpoint'],
      [12, 905, 8, '\x07\x03why'],
      [13, 950, 9, 'who'],
      [15, 1105, 7, 'a checkpoint'],
      [16, 1157, 2, 'larger than a segment '.repeat(20)],
      [20, 1837, 7, 'a checkpoint'],
      [21, 1889, 10, 'a piece'],
      [22, 1936, 11, 'the whole'],
      [24, 2097, 7, 'a checkpoint'],
      [25, 2149, 1, 'whole'],
      [27, 2234, 1, 'behind what was torn'],
      [29, 2406, 7, 'a checkpoint'],
      [30, 2458, 12, 'about to be sent'],
    ]);
    expect(journal.isNew).toBe(false);
    expect(journal.incarnation).toBe(2);
    expect(logged).toEqual([]);
  });

  test('holds records of every type, in several segments, the first of which is gone, and what was torn off', () => {
    const files = readFixture();
    const types = new Set<number>();
    for (const name of files.keys()) {
      const index = segmentIndexOf(name);
      if (index === undefined) continue;
      const context = { index, previous: undefined, isLast: true };
      recoverSegment(fileOf(files, name), context, digests, ({ type }) => types.add(type));
    }
    expect([...types].sort((a, b) => a - b)).toEqual(Object.values(recordTypes));
    expect(sortedNames(files)).toEqual([
      ...[2, 3, 4, 5, 6].map(segmentName),
      `${segmentName(6)}.209.torn`,
      segmentName(7),
    ]);
  });

  test('can be read from and written to', () => {
    const opened = open(new MemoryDisk(readFixture()));
    for (const { entry, place } of opened.records) expect(readText(opened, place)).toBe(text(entry.body));
    append(opened, 'new');
    expect(reopenDurable(opened).texts).toEqual([...opened.texts, 'new']);
  });

  test('is what the same calls write today, byte for byte', () => {
    const today = writeFixture();
    const then = readFixture();
    expect(sortedNames(today)).toEqual(sortedNames(then));
    for (const name of then.keys()) expect(hexOf(today, name), name).toBe(hexOf(then, name));
  });
});
