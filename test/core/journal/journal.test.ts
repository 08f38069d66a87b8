import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { Done } from '../../../core/journal/callbacks.js';
import { recordTypes, type RecordPlace } from '../../../core/journal/journal.js';
import { recordHeaderBytes } from '../../../core/journal/record.js';
import { segmentHeaderBytes } from '../../../core/journal/segment.js';
import type { DiskFile, Result } from '../../../core/ports.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  bytes,
  diskWith,
  fileOf,
  firstSegment,
  localBatch,
  open,
  openError,
  readText,
  secondSegment,
  settled,
  thirdSegment,
  text,
  tryAppend,
  tryOpen,
  valueOf,
} from './journal-fixture.js';

/** For places that must exist: reading here fails. */
const nowhere: RecordPlace = { address: 0, length: 0, lsn: 0 };

describe('append and reopen', () => {
  test('a fresh directory gets a journal of incarnation 1', () => {
    const opened = open(new MemoryDisk());
    expect(opened.journal.isNew).toBe(true);
    expect(opened.journal.incarnation).toBe(1);
    expect([...opened.disk.durableFiles().keys()]).toEqual([firstSegment]);
    expect(open(new MemoryDisk(opened.disk.files())).journal.isNew).toBe(false);
  });

  test('gives every record back in order, with its type, body and place', () => {
    const first = open(new MemoryDisk());
    const places = Object.values(recordTypes).flatMap((type) => {
      const entries = [
        { type, body: bytes(`body of ${type}`) },
        { type, body: new Uint8Array() },
      ];
      const result = settled<readonly RecordPlace[]>(first.disk, (done) => first.journal.append(entries, done));
      return result.value ?? [];
    });
    const { records } = open(new MemoryDisk(first.disk.durableFiles()));
    expect(records.map(({ entry }) => [entry.type, text(entry.body)])).toEqual(
      Object.values(recordTypes).flatMap((type) => [
        [type, `body of ${type}`],
        [type, ''],
      ]),
    );
    expect(records.map(({ place }) => place)).toEqual(places);
    expect(places.map(({ lsn }) => lsn)).toEqual(places.map((_, position) => position + 1));
  });

  test('any split of records into appends and segments gives the same records back', () => {
    const groups = fc.array(
      fc.array(fc.string({ unit: 'binary-ascii', maxLength: 60 }), { minLength: 1, maxLength: 5 }),
    );
    fc.assert(
      fc.property(groups, fc.integer({ min: 1, max: 400 }), fc.nat(20), (bodies, segmentBytesMax, reopenAfter) => {
        let opened = open(new MemoryDisk(), { segmentBytesMax });
        const places: RecordPlace[] = [];
        bodies.forEach((group, position) => {
          if (position === reopenAfter) opened = open(new MemoryDisk(opened.disk.files()), { segmentBytesMax });
          places.push(...append(opened, ...group));
        });
        const again = open(new MemoryDisk(opened.disk.durableFiles()), { segmentBytesMax });
        expect(again.texts).toEqual(bodies.flat());
        expect(again.records.map(({ place }) => place)).toEqual(places);
        expect(places.map((place) => readText(again, place))).toEqual(bodies.flat());
      }),
      { numRuns: 60 },
    );
  });

  test('a group is one write and one sync, and is reported after the sync', () => {
    const opened = open(new MemoryDisk());
    opened.disk.operations.length = 0;
    let result: Result<readonly RecordPlace[]> | undefined;
    opened.journal.append(['a', '', 'c'].map(localBatch), (answer) => (result = answer));
    opened.disk.step();
    expect(opened.disk.operations).toEqual([`write ${firstSegment}`]);
    expect(result).toBeUndefined();
    opened.disk.settle();
    expect(opened.disk.operations).toEqual([`write ${firstSegment}`, `sync ${firstSegment}`]);
    expect(result?.value).toHaveLength(3);
  });

  test('writes the bodies it was given without copying them', () => {
    const disk = new MemoryDisk();
    const opened = open(disk);
    const entry = localBatch('before');
    opened.journal.append([entry], () => undefined);
    entry.body.set(bytes('afterw')); // breaks the caller's promise: the checksum is of the old bytes, the chunk is not
    disk.settle();
    expect(text(fileOf(disk.files(), firstSegment))).toContain('afterw');
  });

  test('a record larger than a segment has room', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 100 });
    const large = 'x'.repeat(100_000);
    append(opened, large);
    append(opened, 'small');
    expect(open(new MemoryDisk(opened.disk.durableFiles())).texts).toEqual([large, 'small']);
  });

  test('more records in one append than headers were kept for', () => {
    const opened = open(new MemoryDisk());
    const bodies = Array.from({ length: 500 }, (_, position) => `${position}`);
    append(opened, ...bodies);
    append(opened, 'last');
    expect(open(new MemoryDisk(opened.disk.durableFiles())).texts).toEqual([...bodies, 'last']);
  });

  test('other files in the directory are left alone', () => {
    const disk = new MemoryDisk(
      new Map([
        ['LOCK', bytes('1')],
        ['journal-1.log', bytes('2')],
        ['x.tmp', bytes('3')],
      ]),
    );
    open(disk);
    expect([...disk.files().keys()].sort()).toEqual(['LOCK', firstSegment, 'journal-1.log', 'x.tmp']);
  });
});

describe('rolling', () => {
  test('a new segment is durable under its name before anything is written to it', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
    append(opened, 'a');
    opened.disk.operations.length = 0;
    append(opened, 'b');
    const temporary = `${secondSegment}.tmp`;
    expect(opened.disk.operations).toEqual([
      `create ${temporary}`,
      `write ${temporary}`,
      `sync ${temporary}`,
      `rename ${temporary} ${secondSegment}`,
      'syncDirectory',
      `close ${firstSegment}`,
      `write ${secondSegment}`,
      `sync ${secondSegment}`,
    ]);
  });

  test('an empty segment is not rolled', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
    append(opened, 'a');
    expect([...opened.disk.files().keys()]).toEqual([firstSegment]);
  });

  test('lsns and addresses go on across segments and restarts', () => {
    const options = { segmentBytesMax: 150 };
    let opened = open(new MemoryDisk(), options);
    const places: RecordPlace[] = [];
    for (let round = 0; round < 12; round++) {
      places.push(...append(opened, `round ${round}`));
      if (round % 5 === 4) opened = open(new MemoryDisk(opened.disk.files()), options);
    }
    expect(places.map(({ lsn }) => lsn)).toEqual(places.map((_, position) => position + 1));
    const addresses = places.map(({ address }) => address);
    expect(addresses).toEqual([...addresses].sort((a, b) => a - b));
    expect(opened.disk.files().size).toBeGreaterThan(3);
    expect(places.map((place) => readText(opened, place))).toEqual(places.map((_, round) => `round ${round}`));
  });
});

describe('read', () => {
  test('answers across segments while an append is under way', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
    const bodies = Array.from({ length: 20 }, (_, position) => `body ${position}`);
    const places = bodies.flatMap((body) => append(opened, body));
    const order = places.map((_, position) => (position * 7) % places.length);
    const answers: (string | undefined)[] = [];
    let appended = false;
    opened.journal.append([localBatch('next')], () => (appended = true));
    for (const position of order) {
      const place = places[position] ?? nowhere;
      opened.journal.read(place, ({ value }) => answers.push(value && text(value)));
    }
    opened.disk.settle();
    expect(answers).toEqual(order.map((position) => bodies[position]));
    expect(appended).toBe(true);
  });

  test('keeps a bounded number of files open', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
    const places = Array.from({ length: 30 }, (_, position) => append(opened, `${position}`)).flat();
    opened.disk.operations.length = 0;
    for (const place of [...places, ...places]) readText(opened, place);
    const count = (verb: string): number => opened.disk.operations.filter((line) => line.startsWith(`${verb} `)).length;
    expect(count('open') - count('close')).toBe(8);
    opened.disk.operations.length = 0;
    readText(opened, places.at(-1) ?? nowhere);
    expect(opened.disk.operations).toEqual(['read journal-00000030.log']);
  });

  test('reports a record that is no longer what was written', () => {
    const opened = open(new MemoryDisk());
    const [place = nowhere] = append(opened, 'precious');
    append(opened, 'later');
    const read = (length: number): Result<Uint8Array> =>
      settled(opened.disk, (done) => opened.journal.read({ address: place.address, length }, done));
    expect(read(place.length).error).toBeUndefined();
    expect(read(place.length - 1).error?.code).toBe('E_LOG_CORRUPT');

    const file = valueOf(
      settled<DiskFile>(opened.disk, (done) => opened.disk.open(firstSegment, { create: false }, done)),
    );
    valueOf(
      settled(opened.disk, (done: Done<void>) => file.write(place.address + recordHeaderBytes, [bytes('P')], done)),
    );
    const { error } = read(place.length);
    expect(error?.code).toBe('E_LOG_CORRUPT');
    expect(error?.message).toContain(`${firstSegment}:${place.address}`);
  });
});

describe('failure', () => {
  for (const verb of ['write', 'sync']) {
    test(`after a failed ${verb} nothing is appended or synced any more`, () => {
      const opened = open(new MemoryDisk());
      const [place = nowhere] = append(opened, 'kept');
      opened.disk.fails = (operation) => operation === `${verb} ${firstSegment}`;
      expect(tryAppend(opened, 'lost').error?.code).toBe('E_STORAGE');
      opened.disk.fails = () => false;
      opened.disk.operations.length = 0;
      const refused = tryAppend(opened, 'refused');
      expect(refused.error?.code).toBe('E_STORAGE');
      expect(refused.error?.message).toContain(`failed ${verb} of ${firstSegment}`);
      expect(opened.disk.operations).toEqual([]);
      expect(readText(opened, place)).toBe('kept');
      settled(opened.disk, (done: Done<void>) => opened.journal.close(done));
      expect(opened.disk.operations.filter((line) => line.startsWith('sync'))).toEqual([]);
    });
  }

  test('a failed roll at any step stops the journal, and a restart goes on', () => {
    for (let failing = 0; failing < 6; failing++) {
      const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
      append(opened, 'kept');
      const before = opened.disk.operations.length;
      opened.disk.fails = () => opened.disk.operations.length === before + failing + 1;
      expect(tryAppend(opened, 'lost').error?.code).toBe('E_STORAGE');
      opened.disk.fails = () => false;
      expect(tryAppend(opened, 'refused').error?.message).toContain('failed roll');
      const again = open(new MemoryDisk(opened.disk.files()), { segmentBytesMax: 1 });
      expect(again.texts).toEqual(['kept']);
      append(again, 'next');
      expect(open(new MemoryDisk(again.disk.durableFiles())).texts).toEqual(['kept', 'next']);
    }
  });

  test('after a failed sync a restart makes durable what it reports, although the pages count as clean', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'first');
    opened.disk.fails = (operation) => operation.startsWith('sync');
    tryAppend(opened, 'second');
    opened.disk.fails = () => false;
    const again = open(opened.disk);
    expect(again.texts).toEqual(['first', 'second']);
    expect(open(new MemoryDisk(again.disk.durableFiles())).texts).toEqual(['first', 'second']);
  });

  test('opening reports the failure of any disk operation', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'first');
    append(opened, 'second');
    const files = opened.disk.files();
    const torn = fileOf(files, firstSegment).slice(0, -1);
    const total = ((): number => {
      const disk = diskWith(files, firstSegment, torn);
      open(disk);
      return disk.operations.length;
    })();
    for (let failing = 1; failing <= total; failing++) {
      const disk = diskWith(files, firstSegment, torn);
      disk.fails = () => disk.operations.length === failing;
      const result = tryOpen(disk);
      expect(result?.error?.code).toBe('E_STORAGE');
      expect(open(new MemoryDisk(disk.files())).texts).toEqual(['first']);
    }
  });
});

describe('close', () => {
  test('lets the append under way end and refuses what comes after', () => {
    const opened = open(new MemoryDisk());
    const order: string[] = [];
    opened.journal.append([localBatch('last')], ({ value }) => order.push(`appended ${value?.length}`));
    opened.journal.close(({ error }) => order.push(`closed ${error?.code}`));
    opened.journal.append([localBatch('late')], ({ error }) => order.push(`append ${error?.code}`));
    opened.journal.read({ address: 64, length: 4 }, ({ error }) => order.push(`read ${error?.code}`));
    opened.disk.settle();
    expect(order).toEqual(['append E_CLOSED', 'read E_CLOSED', 'appended 1', 'closed undefined']);
    expect(open(new MemoryDisk(opened.disk.durableFiles())).texts).toEqual(['last']);
  });

  test('lets the read under way end, refuses those that wait, and closes every file', () => {
    const opened = open(new MemoryDisk());
    const [place = nowhere] = append(opened, 'a');
    const order: string[] = [];
    opened.journal.read(place, ({ value }) => order.push(`read ${value && text(value)}`));
    opened.journal.read(place, ({ error }) => order.push(`waiting ${error?.code}`));
    opened.journal.close(() => order.push('closed'));
    opened.disk.settle();
    expect(order).toEqual(['waiting E_CLOSED', 'read a', 'closed']);
    const count = (verb: string): number => opened.disk.operations.filter((line) => line.startsWith(`${verb} `)).length;
    expect(count('close')).toBe(count('open') + count('create'));
  });
});

describe('files that do not belong together', () => {
  /** Three segments with one record each. */
  const threeSegments = (seed: number): Map<string, Uint8Array> => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1, seed });
    for (const body of ['a', 'b', 'c']) append(opened, body);
    return opened.disk.files();
  };

  test('a segment of another log is foreign', () => {
    const disk = diskWith(threeSegments(1), secondSegment, fileOf(threeSegments(2), secondSegment));
    const error = openError(disk);
    expect(error.code).toBe('E_LOG_FOREIGN');
    expect(error.message).toContain(`${secondSegment}:0`);
  });

  test('a missing segment is named', () => {
    const files = threeSegments(1);
    files.delete(secondSegment);
    const error = openError(new MemoryDisk(files));
    expect(error.code).toBe('E_LOG_CORRUPT');
    expect(error.message).toContain(secondSegment);
    const headless = threeSegments(1);
    headless.delete(firstSegment);
    expect(openError(new MemoryDisk(headless)).message).toContain(firstSegment);
  });

  test('swapped segments are corrupt', () => {
    const files = threeSegments(1);
    expect(openError(diskWith(files, secondSegment, fileOf(files, thirdSegment))).code).toBe('E_LOG_CORRUPT');
    const renamed = openError(new MemoryDisk(new Map([[firstSegment, fileOf(files, secondSegment)]])));
    expect(renamed.code).toBe('E_LOG_CORRUPT');
    expect(renamed.message).toContain('the header says segment 2, the name says 1');
  });

  test('a closed segment that lost its last record, or has bytes too many, is corrupt', () => {
    const files = threeSegments(1);
    const closed = fileOf(files, secondSegment);
    const shortened = openError(diskWith(files, secondSegment, closed.slice(0, segmentHeaderBytes)));
    expect(shortened.code).toBe('E_LOG_CORRUPT');
    expect(shortened.message).toContain('begins with lsn 3 at address');
    const extended = openError(diskWith(files, secondSegment, new Uint8Array([...closed, 0])));
    expect(extended.code).toBe('E_LOG_CORRUPT');
    expect(extended.message).toContain(`${secondSegment}:${closed.length}`);
  });

  test('a segment that continues another version of the one before is corrupt', () => {
    const continued = (first: string): Map<string, Uint8Array> => {
      const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
      append(opened, first);
      append(opened, 'b');
      return opened.disk.files();
    };
    const mixed = diskWith(continued('a'), secondSegment, fileOf(continued('x'), secondSegment));
    const error = openError(mixed);
    expect(error.code).toBe('E_LOG_CORRUPT');
    expect(error.message).toContain('does not continue the chain');
  });

  test('damage in a closed segment is corrupt, at every byte, and nothing is changed', () => {
    const files = threeSegments(1);
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
