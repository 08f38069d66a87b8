/** Whole files, or parts of them, that stand where others belong: backups mixed up, recycled blocks, a hand that slipped. */
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../core/errors.js';
import { recordHeaderBytes } from '../../../core/journal/record.js';
import { segmentHeaderBytes, segmentName } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  appendBusily,
  diskWith,
  fileOf,
  firstSegment,
  open,
  openError,
  secondSegment,
  thirdSegment,
} from './journal-fixture.js';

type Files = ReadonlyMap<string, Uint8Array>;

/** Three closed segments of one record each, and an empty one. */
function smallSegments(seed = 1): Map<string, Uint8Array> {
  const opened = open(new MemoryDisk(), { segmentBytesMax: 1, seed });
  for (const body of ['a', 'b', 'c']) append(opened, body);
  return opened.disk.files();
}

const bodies = Array.from({ length: 15 }, (_, position) => `record number ${String(position).padStart(2, '0')}`);

/** Three closed segments of four records each, and one of three records and a mark. All segments of all seeds have the same layout. */
function fullSegments(seed = 1): Map<string, Uint8Array> {
  const opened = open(new MemoryDisk(), { segmentBytesMax: segmentHeaderBytes + 4 * recordBytes, seed });
  appendBusily(
    opened,
    bodies.map((body) => [body]),
  );
  return opened.disk.files();
}

const recordBytes = recordHeaderBytes + (bodies[0] ?? '').length;
const indexes = [1, 2, 3, 4];
const fourthSegment = segmentName(4);

/** Asserts that the log is refused and left as it is; returns the message. */
function refusal(files: Files, code: ErrorCode): string {
  const disk = new MemoryDisk(files);
  const error = openError(disk);
  expect(error.code).toBe(code);
  expect(disk.files()).toEqual(files);
  return error.message;
}

function replaced(files: Files, ...changes: readonly (readonly [string, Uint8Array])[]): Files {
  return new Map([...files, ...changes]);
}

function without(files: Files, name: string): Files {
  return new Map([...files].filter(([other]) => other !== name));
}

test('the logs of these tests are whole', () => {
  expect([...fullSegments().keys()].sort()).toEqual(indexes.map(segmentName));
  expect(open(new MemoryDisk(fullSegments())).texts).toEqual(bodies);
  expect(open(new MemoryDisk(smallSegments())).texts).toEqual(['a', 'b', 'c']);
});

describe('segments of the same log', () => {
  test('any two swapped are corrupt, and the first of them is named', () => {
    const files = fullSegments();
    for (const one of indexes) {
      for (const other of indexes.filter((index) => index > one)) {
        const [name, otherName] = [segmentName(one), segmentName(other)];
        const swapped = replaced(files, [name, fileOf(files, otherName)], [otherName, fileOf(files, name)]);
        expect(refusal(swapped, 'E_LOG_CORRUPT')).toContain(
          `${name}:0: the header says segment ${other}, the name says ${one}`,
        );
      }
    }
  });

  test('any one standing in the place of another, or behind the last, is corrupt', () => {
    const files = fullSegments();
    for (const one of indexes) {
      for (const place of [...indexes, 5].filter((index) => index !== one)) {
        const name = segmentName(place);
        const doubled = replaced(files, [name, fileOf(files, segmentName(one))]);
        expect(refusal(doubled, 'E_LOG_CORRUPT')).toContain(
          `${name}:0: the header says segment ${one}, the name says ${place}`,
        );
      }
    }
  });

  test('one that is missing is named', () => {
    const files = fullSegments();
    for (const name of [firstSegment, secondSegment, thirdSegment]) {
      expect(refusal(without(files, name), 'E_LOG_CORRUPT')).toContain(`${name}:0: the segment is missing`);
    }
  });

  test('a log without its last segment looks like a shorter one: only peers can know better', () => {
    expect(open(new MemoryDisk(without(fullSegments(), fourthSegment))).texts).toEqual(bodies.slice(0, 12));
  });

  test('a closed one that lost its last record, or has bytes too many, is corrupt', () => {
    const files = smallSegments();
    const closed = fileOf(files, secondSegment);
    const shortened = replaced(files, [secondSegment, closed.slice(0, segmentHeaderBytes)]);
    expect(refusal(shortened, 'E_LOG_CORRUPT')).toContain('begins with lsn 3 at address');
    const extended = replaced(files, [secondSegment, new Uint8Array([...closed, 0])]);
    expect(refusal(extended, 'E_LOG_CORRUPT')).toContain(`${secondSegment}:${closed.length}`);
  });

  test('one that continues another version of the one before is corrupt', () => {
    const continued = (first: string): Files => {
      const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
      append(opened, first);
      append(opened, 'b');
      return opened.disk.files();
    };
    const mixed = replaced(continued('a'), [secondSegment, fileOf(continued('x'), secondSegment)]);
    expect(refusal(mixed, 'E_LOG_CORRUPT')).toContain('does not continue the chain');
  });

  test('records removed, doubled or swapped in any of them are corrupt', () => {
    const files = fullSegments();
    for (const index of indexes) {
      const name = segmentName(index);
      const bytes = fileOf(files, name);
      const record = (position: number): Uint8Array =>
        bytes.subarray(segmentHeaderBytes + position * recordBytes, segmentHeaderBytes + (position + 1) * recordBytes);
      const rest = bytes.subarray(segmentHeaderBytes + 3 * recordBytes);
      const join = (...positions: readonly number[]): Files => {
        const pieces = [bytes.subarray(0, segmentHeaderBytes), ...positions.map(record), rest];
        return replaced(files, [name, new Uint8Array(Buffer.concat(pieces))]);
      };
      expect(join(0, 1, 2)).toEqual(files);
      for (const positions of [[1, 2], [0, 2], [0, 1], [0, 0, 1, 2], [0, 1, 1, 2], [1, 0, 2], [0, 2, 1], []]) {
        expect(refusal(join(...positions), 'E_LOG_CORRUPT')).toContain(name);
      }
    }
  });

  test('damage in a closed one is corrupt, at every byte, and nothing is changed', () => {
    const files = smallSegments();
    const closed = fileOf(files, secondSegment);
    for (let at = 0; at < closed.length; at++) {
      const damaged = closed.slice();
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      const disk = diskWith(files, secondSegment, damaged);
      const before = disk.files();
      expect(openError(disk).code).toMatch(/^E_LOG_(CORRUPT|FOREIGN)$/);
      expect(disk.files()).toEqual(before);
    }
  });
});

describe('segments of another log', () => {
  test('are foreign in whatever place', () => {
    const files = fullSegments(1);
    const others = fullSegments(2);
    for (const place of indexes) {
      for (const index of indexes) {
        const mixed = replaced(files, [segmentName(place), fileOf(others, segmentName(index))]);
        // The first segment says whose log it is, so a stranger there makes strangers of the rest.
        const code = place === 1 && index !== 1 ? 'E_LOG_CORRUPT' : 'E_LOG_FOREIGN';
        expect(refusal(mixed, code)).toContain(segmentName(place === 1 && index === 1 ? 2 : place));
      }
    }
  });

  test('behind the last are foreign', () => {
    const others = fullSegments(2);
    const shorter = without(fullSegments(1), fourthSegment);
    const continued = replaced(shorter, [fourthSegment, fileOf(others, fourthSegment)]);
    expect(refusal(continued, 'E_LOG_FOREIGN')).toContain(`${fourthSegment}:0`);
  });
});

describe('recycled bytes of an older log, where the same segment had the same layout', () => {
  test('anywhere in a closed segment are corrupt', () => {
    const files = fullSegments(1);
    const stale = fileOf(fullSegments(2), secondSegment);
    for (let position = 0; position < 4; position++) {
      const at = segmentHeaderBytes + position * recordBytes;
      const mixed = fileOf(files, secondSegment).slice();
      mixed.set(stale.subarray(at, at + recordBytes), at);
      expect(refusal(replaced(files, [secondSegment, mixed]), 'E_LOG_CORRUPT')).toContain(`${secondSegment}:${at}`);
    }
  });

  test('in the last segment are corrupt when a mark stands behind them', () => {
    const files = fullSegments(1);
    const stale = fileOf(fullSegments(2), fourthSegment);
    for (let position = 0; position < 3; position++) {
      const at = segmentHeaderBytes + position * recordBytes;
      const mixed = fileOf(files, fourthSegment).slice();
      mixed.set(stale.subarray(at, at + recordBytes), at);
      expect(refusal(replaced(files, [fourthSegment, mixed]), 'E_LOG_CORRUPT')).toContain(`${fourthSegment}:${at}`);
    }
  });

  test('behind the end are a torn tail, and nothing is lost', () => {
    const files = fullSegments(1);
    const ours = fileOf(files, fourthSegment);
    const stale = fileOf(fullSegments(2), fourthSegment);
    for (let whole = 1; whole <= 3; whole++) {
      const at = segmentHeaderBytes + whole * recordBytes;
      const recycled = stale.slice();
      recycled.set(ours.subarray(0, at));
      const opened = open(diskWith(files, fourthSegment, recycled));
      expect(opened.texts).toEqual(bodies.slice(0, 12 + whole));
      expect(opened.logged).toEqual([`journal-torn-tail-cut ${fourthSegment}:${at}`]);
    }
  });
});
