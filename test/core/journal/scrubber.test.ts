import { describe, expect, test } from 'vitest';
import type { Done } from '../../../core/journal/callbacks.js';
import { segmentHeaderBytes } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import { append, fileOf, firstSegment, open, secondSegment, settled, type OpenedJournal } from './journal-fixture.js';

/** Time between two passes. */
const scrubEveryMs = 1_000_000;

/** Three segments, the last of them open for appending. */
function threeSegments(bodyBytes = 400): OpenedJournal {
  const opened = open(new MemoryDisk(), { segmentBytesMax: 1000, scrubEveryMs });
  for (const letter of 'abcdefg') append(opened, letter.repeat(bodyBytes));
  expect([...opened.disk.files().keys()].length).toBeGreaterThanOrEqual(3);
  return opened;
}

/** Lets a whole pass happen. */
function pass({ clock, disk }: OpenedJournal): void {
  clock.advance(scrubEveryMs);
  disk.settle();
  for (let pieces = 0; pieces < 100; pieces++) {
    clock.advance(25);
    disk.settle();
  }
}

function flip({ disk }: OpenedJournal, name: string, at: number): void {
  const bytes = fileOf(disk.files(), name);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  disk.overwrite(name, bytes);
}

describe('the scrubber', () => {
  test('reads every closed segment again, and finds nothing in a good log', () => {
    const opened = threeSegments();
    opened.disk.operations.length = 0;
    pass(opened);
    const names = [...opened.disk.files().keys()];
    for (const name of names.slice(0, -1)) expect(opened.disk.operations).toContain(`read ${name}`);
    expect(opened.disk.operations).not.toContain(`read ${names.at(-1)}`);
    expect(opened.damage).toEqual([]);
    pass(opened);
    expect(opened.damage).toEqual([]);
  });

  test('finds a flipped bit wherever it is in a closed segment, names the place, and says so once', () => {
    const length = fileOf(threeSegments().disk.files(), firstSegment).length;
    for (let at = 0; at < length; at += 7) {
      const opened = threeSegments();
      flip(opened, firstSegment, at);
      pass(opened);
      pass(opened);
      expect(opened.damage, `byte ${at}`).toHaveLength(1);
      expect(opened.damage[0]).toMatch(new RegExp(`^E_LOG_CORRUPT ${firstSegment}:\\d+: `));
      append(opened, 'goes on');
    }
  });

  test('reads a record that is longer than a piece', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1000, scrubEveryMs });
    append(opened, 'x'.repeat(700_000));
    append(opened, 'y');
    pass(opened);
    expect(opened.damage).toEqual([]);
    flip(opened, firstSegment, segmentHeaderBytes + 650_000);
    pass(opened);
    expect(opened.damage).toHaveLength(1);
  });

  test('notices bytes that are missing or too many at the end, a segment that is gone, and one of another log', () => {
    const cases: [string, (opened: OpenedJournal) => void, RegExp][] = [
      ['cut', (opened) => opened.disk.replace(secondSegment, contentOf(opened).slice(0, -1)), /^E_LOG_CORRUPT/],
      [
        'longer',
        (opened) => opened.disk.replace(secondSegment, Buffer.concat([contentOf(opened), Buffer.of(0)])),
        /^E_LOG_CORRUPT/,
      ],
      ['gone', (opened) => opened.disk.replace(secondSegment, undefined), /^E_LOG_VANISHED/],
      [
        'foreign',
        (opened) => {
          const other = open(new MemoryDisk(), { segmentBytesMax: 1000, seed: 9 });
          for (const letter of 'abcdefg') append(other, letter.repeat(400));
          opened.disk.replace(secondSegment, contentOf(other));
        },
        /^E_LOG_CORRUPT .*the header/,
      ],
    ];
    for (const [what, change, expected] of cases) {
      const opened = threeSegments();
      change(opened);
      pass(opened);
      expect(opened.damage, what).toEqual([expect.stringMatching(expected)]);
    }
  });

  test('finds the hole in a segment that was cut under the journal and then written on', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1000, scrubEveryMs });
    append(opened, 'a'.repeat(100));
    // The next write fills the hole with zeros, and the length is right again.
    opened.disk.overwrite(firstSegment, contentOf(opened, firstSegment).slice(0, 120));
    for (const letter of 'bcdefgh') append(opened, letter.repeat(200));
    pass(opened);
    expect(opened.damage).toEqual([expect.stringMatching(new RegExp(`^E_LOG_CORRUPT ${firstSegment}:64: `))]);
  });

  test('a read that fails is reported as what the disk answered', () => {
    const opened = threeSegments();
    opened.disk.fails = (operation) => operation === `read ${firstSegment}`;
    pass(opened);
    // Once may be a passing trouble.
    expect(opened.damage).toEqual([]);
    pass(opened);
    expect(opened.damage).toEqual([expect.stringMatching(/^E_STORAGE/)]);
  });

  test('a file that cannot be opened for a moment is not taken for gone, and is read in the next pass', () => {
    const opened = threeSegments();
    opened.disk.fails = (operation) => operation === `open ${firstSegment}`;
    pass(opened);
    opened.disk.fails = () => false;
    opened.disk.operations.length = 0;
    pass(opened);
    expect(opened.disk.operations).toContain(`read ${firstSegment}`);
    expect(opened.damage).toEqual([]);
  });

  test('ends with the journal, at any step', () => {
    for (let steps = 0; steps < 12; steps++) {
      const opened = threeSegments();
      opened.clock.advance(scrubEveryMs);
      opened.disk.settle(steps);
      expect(settled(opened.disk, (done: Done<void>) => opened.journal.close(done)).error).toBeUndefined();
      opened.disk.operations.length = 0;
      opened.clock.advance(scrubEveryMs);
      opened.disk.settle();
      expect(opened.disk.operations).toEqual([]);
    }
  });
});

function contentOf({ disk }: OpenedJournal, name = secondSegment): Uint8Array {
  return fileOf(disk.files(), name);
}
