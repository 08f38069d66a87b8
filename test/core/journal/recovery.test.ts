import { describe, expect, test } from 'vitest';
import { recordTypes } from '../../../core/journal/journal.js';
import { encodeRecordHeader, recordHeaderBytes, segmentChecksum, viewOf } from '../../../core/journal/record.js';
import { isGood, recoverSegment, type SegmentRecovery } from '../../../core/journal/recovery.js';
import { decodeSegmentHeader, encodeSegmentHeader, segmentHeaderBytes } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  appendBusily,
  bytes,
  digests,
  fileOf,
  firstSegment,
  open,
  openError,
  reopenDurable,
  secondSegment,
  text,
} from './journal-fixture.js';

/** Appended one group after the other. */
const groups: readonly (readonly string[])[] = [
  ['a'],
  ['bb', '', 'b'],
  [''],
  ['cccccc', 'c'],
  ['d'.repeat(30)],
  ['e', 'ee'],
];
const bodies = groups.flat();

interface Log {
  /** Ends with the last group: nothing says that it was synced. */
  readonly bytes: Uint8Array;
  /** The same with the mark that follows when nothing else does. */
  readonly marked: Uint8Array;
  /** `ends[n]` is the offset at which n records are whole. */
  readonly ends: readonly number[];
}

function writeLog(): Log {
  const opened = open(new MemoryDisk());
  const { places } = appendBusily(opened, groups);
  const ends = [segmentHeaderBytes, ...places.map(({ address, length }) => address + recordHeaderBytes + length)];
  const marked = fileOf(opened.disk.files(), firstSegment);
  return { bytes: marked.slice(0, ends.at(-1)), marked, ends };
}

function diskOf(content: Uint8Array): MemoryDisk {
  return new MemoryDisk(new Map([[firstSegment, content]]));
}

interface Recovered {
  readonly recovery: SegmentRecovery;
  /** The bodies of the good records, marks left out. */
  readonly texts: readonly string[];
}

function recover(content: Uint8Array): Recovered {
  const texts: string[] = [];
  const recovery = recoverSegment(content, { index: 1, previous: undefined, isLast: true }, digests, (record) => {
    if (record.type !== recordTypes.synced) texts.push(text(record.body));
  });
  return { recovery, texts };
}

function verdictOf(content: Uint8Array): SegmentRecovery['verdict'] {
  return recover(content).recovery.verdict;
}

/** `content` with one bit changed. */
function flipped(content: Uint8Array, bit: number): Uint8Array {
  const damaged = content.slice();
  damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
  return damaged;
}

/** Number of records in all groups but the last: those that later records prove to be synced. */
const proven = bodies.length - (groups.at(-1)?.length ?? 0);

describe('a cut log', () => {
  test('gives back exactly the whole records, wherever it is cut, and goes on', () => {
    const log = writeLog();
    const ends = [...log.ends, log.marked.length];
    for (let length = segmentHeaderBytes; length <= log.marked.length; length++) {
      const whole = ends.findLastIndex((end) => end <= length);
      const end = ends[whole] ?? 0;
      const opened = open(diskOf(log.marked.slice(0, length)));
      const cut = `${firstSegment}.${end}.torn`;
      expect(opened.texts).toEqual(bodies.slice(0, whole));
      expect([...opened.disk.durableFiles().keys()].sort()).toEqual(
        length === end ? [firstSegment] : [firstSegment, cut],
      );
      expect(opened.logged).toEqual(length === end ? [] : [`journal-torn-tail-cut ${firstSegment}:${end}`]);
      if (length > end) expect(opened.disk.durableFiles().get(cut)).toEqual(log.marked.slice(end, length));
      // Opening leaves a mark behind what it reports, if there is none.
      const isWitnessed = whole === 0 || end === log.marked.length;
      const content = fileOf(opened.disk.files(), firstSegment);
      expect(content).toHaveLength(isWitnessed ? end : end + recordHeaderBytes);
      expect(content.slice(0, end)).toEqual(log.marked.slice(0, end));
      // A cut that is lost with the power is made again, with the same outcome.
      expect(reopenDurable(opened).texts).toEqual(opened.texts);

      append(opened, 'next', 'and next');
      const again = reopenDurable(opened);
      expect(again.texts).toEqual([...bodies.slice(0, whole), 'next', 'and next']);
      expect(again.logged).toEqual([]);
    }
  });

  test('is corrupt when not even the segment header is whole', () => {
    const log = writeLog();
    for (let length = 0; length < segmentHeaderBytes; length++) {
      expect(verdictOf(log.bytes.slice(0, length))).toBe('corrupt');
    }
  });

  test('extended with zeros is torn, not corrupt', () => {
    const { bytes: unmarked, marked } = writeLog();
    for (const content of [unmarked, marked]) {
      for (const zeros of [1, 39, 40, 4096]) {
        const extended = new Uint8Array(content.length + zeros);
        extended.set(content);
        expect(verdictOf(extended)).toBe('torn');
        expect(open(diskOf(extended)).texts).toEqual(bodies);
      }
    }
  });
});

describe('a damaged log', () => {
  test('without a mark, every flipped bit is noticed: corrupt where a later record proves the sync, else torn', () => {
    const log = writeLog();
    const provenEnd = log.ends[proven] ?? 0;
    for (let bit = 0; bit < 8 * log.bytes.length; bit++) {
      const at = bit >> 3;
      const { recovery, texts } = recover(flipped(log.bytes, bit));
      expect(recovery.verdict, `bit ${bit}`).toBe(at < provenEnd ? 'corrupt' : 'torn');
      const whole = Math.max(
        0,
        log.ends.findLastIndex((end) => end <= at),
      );
      expect(texts).toEqual(bodies.slice(0, whole));
    }
  });

  test('says how many records are good, where they end, and up to where later headers prove them', () => {
    const log = writeLog();
    const { recovery } = recover(log.bytes);
    if (!isGood(recovery)) throw new Error(recovery.reason);
    expect(recovery.records).toBe(bodies.length);
    expect(recovery.tail).toMatchObject({ index: 1, end: log.bytes.length, nextLsn: bodies.length + 1 });
    expect(recovery.durableLsn).toBe(proven);
    expect(recovery.unprovenFrom).toBe(log.ends[proven]);

    const { recovery: marked } = recover(log.marked);
    if (!isGood(marked)) throw new Error(marked.reason);
    expect(marked.records).toBe(bodies.length + 1);
    expect(marked.durableLsn).toBe(bodies.length);
    expect(marked.unprovenFrom).toBe(log.bytes.length);
  });

  test('a corrupt log is refused with file and offset, and nothing is changed', () => {
    const log = writeLog();
    const at = log.ends[1] ?? 0;
    const damaged = log.bytes.slice();
    damaged[at + recordHeaderBytes] = 0;
    const leftover = `${secondSegment}.tmp`;
    const disk = new MemoryDisk(
      new Map([
        [firstSegment, damaged],
        [leftover, bytes('half')],
      ]),
    );
    const before = disk.files();
    const error = openError(disk);
    expect(error.code).toBe('E_LOG_CORRUPT');
    expect(error.message).toContain(`${firstSegment}:${at}: record 2 is damaged or missing`);
    expect(disk.files()).toEqual(before);
    expect(disk.operations.filter((line) => /^(write|truncate|sync|remove|rename|create)/.test(line))).toEqual([]);
  });

  test('removed, doubled and swapped records are corrupt', () => {
    const log = writeLog();
    const piece = (from: number, to: number): Uint8Array => log.bytes.slice(log.ends[from] ?? 0, log.ends[to] ?? 0);
    const head = log.bytes.slice(0, segmentHeaderBytes);
    const mark = log.marked.slice(log.bytes.length);
    const join = (...pieces: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat([head, ...pieces, mark]));
    const rest = piece(3, bodies.length);
    const last = bodies.length - 1;
    expect(verdictOf(join(piece(0, 3), rest))).toBe('clean');
    for (const changed of [
      join(piece(1, 3), rest), // the first is gone
      join(piece(0, 1), piece(2, 3), rest), // the second is gone
      join(piece(0, 2), piece(1, 3), rest), // the second stands twice
      join(piece(0, 1), piece(2, 3), piece(1, 2), rest), // second and third swapped
      join(piece(0, last)), // the last is gone
      join(), // all are gone
    ]) {
      expect(verdictOf(changed)).toBe('corrupt');
    }
    // What stands twice behind the last record takes nothing away.
    for (const extended of [join(piece(0, 3), rest, piece(last, last + 1)), join(piece(0, 3), rest, mark)]) {
      expect(verdictOf(extended)).toBe('torn');
      expect(recover(extended).texts).toEqual(bodies);
    }
  });

  test('records of another log never count, even at the right place', () => {
    const log = writeLog();
    const other = open(new MemoryDisk(), { seed: 2 });
    appendBusily(other, groups);
    const foreign = fileOf(other.disk.files(), firstSegment);
    const from = log.ends[3] ?? 0;
    const mixed = log.bytes.slice();
    mixed.set(foreign.subarray(from, mixed.length), from);
    expect(recover(mixed).texts).toEqual(bodies.slice(0, 3));
    expect(verdictOf(mixed)).toBe('torn');
    // The log's own mark tells that more than a torn write is missing.
    const markedMix = log.marked.slice();
    markedMix.set(mixed);
    expect(verdictOf(markedMix)).toBe('corrupt');
  });

  test('a record of an earlier, cut tail does not continue what was appended instead', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'a');
    const before = opened.disk.files();
    append(opened, 'old', 'stale');
    // Its mark never came to be: this append was not synced.
    const stale = fileOf(opened.disk.files(), firstSegment).slice(0, -recordHeaderBytes);
    const instead = open(new MemoryDisk(before));
    append(instead, 'new');
    const written = fileOf(instead.disk.files(), firstSegment);
    // What is left of it begins with a whole record, or in the middle of one.
    for (const behind of [recordHeaderBytes, 0]) {
      const recycled = stale.slice();
      recycled.set(written.subarray(0, written.length - behind));
      expect(recover(recycled).texts).toEqual(['a', 'new']);
      expect(verdictOf(recycled)).toBe('torn');
    }
  });

  test('records of another segment are no evidence', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 200 });
    for (const body of ['a', 'b', 'c', 'd', 'e', 'f']) append(opened, body);
    const files = opened.disk.files();
    const first = fileOf(files, firstSegment);
    const recycled = new Uint8Array(Buffer.concat([first, fileOf(files, secondSegment)]));
    expect(verdictOf(first)).toBe('clean');
    expect(verdictOf(recycled)).toBe('torn');
  });

  test('a payload that holds a copy of the log is no evidence', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'a');
    append(opened, 'b');
    const copy = text(fileOf(opened.disk.files(), firstSegment));
    append(opened, `${copy}${copy}`);
    const torn = fileOf(opened.disk.files(), firstSegment).slice(0, -recordHeaderBytes - 1);
    expect(verdictOf(torn)).toBe('torn');
    expect(recover(torn).texts).toEqual(['a', 'b']);
  });
});

describe('an unsynced tail', () => {
  test('is torn when the first record of a group is missing and the rest is whole', () => {
    const log = writeLog();
    const damaged = log.bytes.slice();
    damaged.fill(0, log.ends[proven], log.ends[proven + 1]);
    expect(verdictOf(damaged)).toBe('torn');
    expect(recover(damaged).texts).toEqual(bodies.slice(0, proven));
  });
});

describe('a newer program', () => {
  /** The log with one more record, of this type. */
  const withRecord = (type: number, flags: number): Uint8Array => {
    const log = writeLog();
    const { recovery } = recover(log.bytes);
    if (!isGood(recovery)) throw new Error(recovery.reason);
    const { tail } = recovery;
    const checksum = segmentChecksum(digests, tail.logId, 1);
    const body = bytes('from the future');
    const header = new Uint8Array(recordHeaderBytes);
    const fields = {
      type,
      flags,
      bodyLength: body.length,
      chain: tail.chain,
      lsn: tail.nextLsn,
      durableLsn: tail.nextLsn - 1,
      bodyChecksum: checksum(body),
    };
    encodeRecordHeader(header, viewOf(header), 0, fields, checksum);
    return new Uint8Array(Buffer.concat([log.bytes, header, body]));
  };

  test('its format version is refused and the file is untouched', () => {
    const log = writeLog();
    const decoded = decodeSegmentHeader(log.bytes, digests);
    if (decoded === undefined) throw new Error('the header is whole');
    const newer = log.bytes.slice();
    newer.set(encodeSegmentHeader({ ...decoded.header, version: 2 }, digests).bytes);
    const disk = diskOf(newer.slice(0, -1));
    expect(openError(disk).code).toBe('E_LOG_VERSION');
    expect(disk.files()).toEqual(new Map([[firstSegment, newer.slice(0, -1)]]));
  });

  test('its critical record types are refused and the file is untouched', () => {
    const content = withRecord(200, 1);
    const disk = diskOf(content);
    const error = openError(disk);
    expect(error.code).toBe('E_LOG_VERSION');
    expect(error.message).toContain('type 200');
    expect(disk.files()).toEqual(new Map([[firstSegment, content]]));
  });

  test('its other record types are passed over and kept', () => {
    const opened = open(diskOf(withRecord(200, 0)));
    expect(opened.texts).toEqual(bodies);
    const [place] = append(opened, 'next');
    // Behind the unknown record stands the mark of the opening.
    expect(place?.lsn).toBe(bodies.length + 3);
    expect(reopenDurable(opened).texts).toEqual([...bodies, 'next']);
  });
});
