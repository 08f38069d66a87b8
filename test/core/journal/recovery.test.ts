import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { recordTypes } from '../../../core/journal/journal.js';
import { encodeRecordHeader, recordHeaderBytes, segmentChecksum } from '../../../core/journal/record.js';
import { recoverSegment, type SegmentRecovery } from '../../../core/journal/recovery.js';
import { decodeSegmentHeader, encodeSegmentHeader, segmentHeaderBytes } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  bytes,
  digests,
  diskWith,
  fileOf,
  firstSegment,
  open,
  openError,
  secondSegment,
  text,
  tryOpen,
} from './journal-fixture.js';

/** Appended one group after the other. */
const groups: readonly (readonly string[])[] = [
  ['a'],
  ['bb', '', 'b'],
  [''],
  ['cccccc', 'c'],
  ['d'.repeat(70)],
  ['e', 'ee'],
];
const bodies = groups.flat();

interface Log {
  readonly bytes: Uint8Array;
  /** `ends[n]` is the offset at which n records are whole. */
  readonly ends: readonly number[];
}

function writeLog(): Log {
  const opened = open(new MemoryDisk());
  const places = groups.flatMap((group) => append(opened, ...group));
  const ends = [segmentHeaderBytes, ...places.map(({ address, length }) => address + recordHeaderBytes + length)];
  return { bytes: fileOf(opened.disk.files(), firstSegment), ends };
}

function diskOf(content: Uint8Array): MemoryDisk {
  return new MemoryDisk(new Map([[firstSegment, content]]));
}

function recover(content: Uint8Array): SegmentRecovery {
  return recoverSegment(content, { index: 1, previous: undefined, isLast: true }, digests);
}

function textsOf(recovery: SegmentRecovery): readonly string[] {
  return recovery.records.map(({ body }) => text(body));
}

/** Number of records in all groups but the last: those that later headers prove to be synced. */
const proven = bodies.length - (groups.at(-1)?.length ?? 0);

describe('a cut log', () => {
  test('gives back exactly the whole records, wherever it is cut, and goes on', () => {
    const log = writeLog();
    for (let length = segmentHeaderBytes; length <= log.bytes.length; length++) {
      const whole = log.ends.findLastIndex((end) => end <= length);
      const end = log.ends[whole] ?? 0;
      const opened = open(diskOf(log.bytes.slice(0, length)));
      expect(opened.texts).toEqual(bodies.slice(0, whole));
      const cut = `${firstSegment}.${end}.torn`;
      expect([...opened.disk.durableFiles().keys()].sort()).toEqual(
        length === end ? [firstSegment] : [firstSegment, cut],
      );
      expect(opened.logged).toEqual(length === end ? [] : [`journal-torn-tail-cut ${firstSegment}:${end}`]);
      if (length > end) expect(opened.disk.durableFiles().get(cut)).toEqual(log.bytes.slice(end, length));

      expect(opened.disk.durableFiles().get(firstSegment)).toEqual(log.bytes.slice(0, end));

      append(opened, 'next', 'and next');
      const again = open(new MemoryDisk(opened.disk.durableFiles()));
      expect(again.texts).toEqual([...bodies.slice(0, whole), 'next', 'and next']);
      expect(again.logged).toEqual([]);
    }
  });

  test('is corrupt when not even the segment header is whole', () => {
    const log = writeLog();
    for (let length = 0; length < segmentHeaderBytes; length++) {
      expect(recover(log.bytes.slice(0, length)).verdict).toBe('corrupt');
    }
  });

  test('extended with zeros is torn, not corrupt', () => {
    const log = writeLog();
    for (const zeros of [1, 39, 40, 4096]) {
      const extended = new Uint8Array(log.bytes.length + zeros);
      extended.set(log.bytes);
      expect(recover(extended).verdict).toBe('torn');
      expect(open(diskOf(extended)).texts).toEqual(bodies);
    }
  });
});

describe('a damaged log', () => {
  test('every flipped bit is noticed: corrupt where a later record proves the sync, else torn', () => {
    const log = writeLog();
    const provenEnd = log.ends[proven] ?? 0;
    for (let bit = 0; bit < 8 * log.bytes.length; bit++) {
      const at = bit >> 3;
      const damaged = log.bytes.slice();
      damaged[at] = (damaged[at] ?? 0) ^ (1 << (bit & 7));
      const recovery = recover(damaged);
      expect(recovery.verdict, `bit ${bit}`).toBe(at < provenEnd ? 'corrupt' : 'torn');
      const whole = Math.max(
        0,
        log.ends.findLastIndex((end) => end <= at),
      );
      expect(textsOf(recovery)).toEqual(bodies.slice(0, whole));
    }
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
    const join = (...pieces: Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat([head, ...pieces]));
    const rest = piece(3, bodies.length);
    expect(recover(join(piece(0, 3), rest)).verdict).toBe('clean');
    for (const changed of [
      join(piece(1, 3), rest), // the first is gone
      join(piece(0, 1), piece(2, 3), rest), // the second is gone
      join(piece(0, 2), piece(1, 3), rest), // the second stands twice
      join(piece(0, 1), piece(2, 3), piece(1, 2), rest), // second and third swapped
    ]) {
      expect(recover(changed).verdict).toBe('corrupt');
    }
  });

  test('records of another log never count, even at the right place', () => {
    const log = writeLog();
    const other = open(new MemoryDisk(), { seed: 2 });
    for (const group of groups) append(other, ...group);
    const foreign = fileOf(other.disk.files(), firstSegment);
    const mixed = log.bytes.slice();
    const from = log.ends[3] ?? 0;
    mixed.set(foreign.subarray(from), from);
    const recovery = recover(mixed);
    expect(textsOf(recovery)).toEqual(bodies.slice(0, 3));
    expect(recovery.verdict).toBe('torn');
  });

  test('a record of an earlier, cut tail does not continue what was appended instead', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'a');
    const before = opened.disk.files();
    append(opened, 'old', 'stale');
    const stale = fileOf(opened.disk.files(), firstSegment);
    const instead = open(new MemoryDisk(before));
    append(instead, 'new');
    const recycled = stale.slice();
    recycled.set(fileOf(instead.disk.files(), firstSegment));
    expect(textsOf(recover(recycled))).toEqual(['a', 'new']);
    expect(recover(recycled).verdict).toBe('torn');
  });

  test('records of another segment are no evidence', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 200 });
    for (const body of ['a', 'b', 'c', 'd', 'e', 'f']) append(opened, body);
    const files = opened.disk.files();
    const first = fileOf(files, firstSegment);
    const recycled = new Uint8Array(Buffer.concat([first, fileOf(files, secondSegment)]));
    expect(recover(first).verdict).toBe('clean');
    expect(recover(recycled).verdict).toBe('torn');
  });

  test('a payload that holds a copy of the log is no evidence', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'a');
    append(opened, 'b');
    const copy = text(fileOf(opened.disk.files(), firstSegment));
    append(opened, `${copy}${copy}`);
    const torn = fileOf(opened.disk.files(), firstSegment).slice(0, -1);
    const recovery = recover(torn);
    expect(recovery.verdict).toBe('torn');
    expect(textsOf(recovery)).toEqual(['a', 'b']);
  });
});

describe('an unsynced tail', () => {
  const group = fc.array(fc.string({ unit: 'binary-ascii', maxLength: 40 }), { minLength: 1, maxLength: 6 });

  test('whose pages reached the disk in any order is torn, and nothing synced is lost', () => {
    fc.assert(
      fc.property(
        fc.array(group, { maxLength: 4 }),
        group,
        fc.constantFrom(8, 16, 64),
        fc.infiniteStream(fc.boolean()),
        (synced, unsynced, pageBytes, reached) => {
          const opened = open(new MemoryDisk());
          for (const records of synced) append(opened, ...records);
          const durable = fileOf(opened.disk.files(), firstSegment);
          append(opened, ...unsynced);
          const written = fileOf(opened.disk.files(), firstSegment);
          const image = new Uint8Array(written.length);
          for (let page = 0; page < written.length; page += pageBytes) {
            if (reached.next().value === true) image.set(written.subarray(page, page + pageBytes), page);
          }
          image.set(durable);
          const again = open(diskOf(image));
          const all = [...synced.flat(), ...unsynced];
          expect(again.texts.length).toBeGreaterThanOrEqual(synced.flat().length);
          expect(again.texts).toEqual(all.slice(0, again.texts.length));
        },
      ),
      { numRuns: 300 },
    );
  });

  test('is torn when the first record of a group is missing and the rest is whole', () => {
    const log = writeLog();
    const damaged = log.bytes.slice();
    damaged.fill(0, log.ends[proven], log.ends[proven + 1]);
    expect(recover(damaged).verdict).toBe('torn');
    expect(textsOf(recover(damaged))).toEqual(bodies.slice(0, proven));
  });
});

describe('a newer program', () => {
  /** The log with one more record, of this type. */
  const withRecord = (type: number, flags: number): Uint8Array => {
    const log = writeLog();
    const recovery = recover(log.bytes);
    if (!('tail' in recovery)) throw new Error('the log is good');
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
    encodeRecordHeader(header, 0, fields, checksum);
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
    expect(place?.lsn).toBe(bodies.length + 2);
    expect(open(new MemoryDisk(opened.disk.durableFiles())).texts).toEqual([...bodies, 'next']);
  });
});

describe('crashes', () => {
  /** The disk as it is found after a loss of power, and after the death of the process alone. */
  const survivors = (disk: MemoryDisk): readonly MemoryDisk[] => {
    const afterPowerLoss = new MemoryDisk(disk.durableFiles());
    disk.endProcess();
    return [afterPowerLoss, disk];
  };

  test('during creation leave a directory that opens, whatever was unsynced', () => {
    for (let steps = 0; ; steps++) {
      const disk = new MemoryDisk();
      const finished = tryOpen(disk, { steps }) !== undefined;
      for (const survivor of survivors(disk)) {
        const again = open(survivor);
        expect(again.texts).toEqual([]);
        append(again, 'a');
        expect([...again.disk.files().keys()]).toEqual([firstSegment]);
        expect(open(new MemoryDisk(again.disk.durableFiles())).texts).toEqual(['a']);
      }
      if (finished) break;
    }
  });

  test('during the mending of a torn tail change nothing about the outcome', () => {
    const log = writeLog();
    const torn = log.bytes.slice(0, -1);
    const expected = bodies.slice(0, -1);
    const offset = log.ends.at(-2) ?? 0;
    const leftover = `${firstSegment}.${offset}.torn.tmp`;
    for (let steps = 0; ; steps++) {
      const disk = diskWith(new Map([[leftover, bytes('of an earlier crash')]]), firstSegment, torn);
      const finished = tryOpen(disk, { steps }) !== undefined;
      for (const survivor of survivors(disk)) {
        const again = open(survivor);
        expect(again.texts).toEqual(expected);
        const after = again.disk.durableFiles();
        expect(after.get(firstSegment)).toEqual(log.bytes.slice(0, offset));
        expect(after.get(`${firstSegment}.${offset}.torn`)).toEqual(torn.slice(offset));
      }
      if (finished) break;
    }
  });

  test('at any disk operation of appends and rolls keep everything that was acknowledged', () => {
    const texts = Array.from({ length: 8 }, (_, position) => `record ${position}`);
    const run = (stepsMax: number): { disk: MemoryDisk; acknowledged: number; finished: boolean } => {
      const disk = new MemoryDisk();
      const opened = open(disk, { segmentBytesMax: 150 });
      let acknowledged = 0;
      const appendFrom = (position: number): void => {
        const body = texts[position];
        if (body === undefined) return;
        opened.journal.append([{ type: recordTypes.localBatch, body: bytes(body) }], ({ error }) => {
          if (error !== undefined) throw error;
          acknowledged = position + 1;
          appendFrom(position + 1);
        });
      };
      appendFrom(0);
      disk.settle(stepsMax);
      return { disk, acknowledged, finished: acknowledged === texts.length };
    };
    for (let stepsMax = 0; ; stepsMax++) {
      const { disk, acknowledged, finished } = run(stepsMax);
      for (const survivor of survivors(disk)) {
        const again = open(survivor, { segmentBytesMax: 150 });
        expect(again.texts.length).toBeGreaterThanOrEqual(acknowledged);
        expect(again.texts).toEqual(texts.slice(0, again.texts.length));
        // What was reported at open must survive a loss of power right after it.
        const restarted = open(new MemoryDisk(again.disk.durableFiles()), { segmentBytesMax: 150 });
        expect(restarted.texts).toEqual(again.texts);
        append(restarted, 'next');
        expect(open(new MemoryDisk(restarted.disk.durableFiles())).texts).toEqual([...again.texts, 'next']);
      }
      if (finished) break;
    }
  });
});
