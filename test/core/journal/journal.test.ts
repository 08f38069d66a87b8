import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Done } from '../../../core/journal/callbacks.js';
import { recordTypes, type RecordPlace } from '../../../core/journal/journal.js';
import { recordHeaderBytes } from '../../../core/journal/record.js';
import type { DiskFile, Result } from '../../../core/ports.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  appendBusily,
  bytes,
  close,
  diskWith,
  fileOf,
  firstSegment,
  localBatch,
  nowhere,
  open,
  operationsOf,
  readText,
  reopenDurable,
  secondSegment,
  settled,
  text,
  thirdSegment,
  tryOpen,
  valueOf,
} from './journal-fixture.js';

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
    const types = [recordTypes.localBatch, recordTypes.remoteBatch, recordTypes.applied];
    const entries = types.flatMap((type) => [
      { type, body: bytes(`body of ${type}`) },
      { type, body: new Uint8Array() },
    ]);
    const places = valueOf(settled<readonly RecordPlace[]>(first.disk, (done) => first.journal.append(entries, done)));
    const { records } = reopenDurable(first);
    expect(records.map(({ entry }) => [entry.type, text(entry.body)])).toEqual(
      types.flatMap((type) => [
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
      fc.property(
        groups,
        fc.integer({ min: 1, max: 400 }),
        fc.nat(20),
        fc.boolean(),
        (bodies, segmentBytesMax, reopenAfter, isBusy) => {
          let opened = open(new MemoryDisk(), { segmentBytesMax });
          const appendAll = (some: typeof bodies): readonly RecordPlace[] =>
            isBusy ? appendBusily(opened, some).places : some.flatMap((group) => append(opened, ...group));
          const places = [...appendAll(bodies.slice(0, reopenAfter))];
          opened = open(new MemoryDisk(opened.disk.files()), { segmentBytesMax });
          places.push(...appendAll(bodies.slice(reopenAfter)));
          const again = reopenDurable(opened, { segmentBytesMax });
          expect(again.texts).toEqual(bodies.flat());
          expect(again.records.map(({ place }) => place)).toEqual(places);
          expect(places.map((place) => readText(again, place))).toEqual(bodies.flat());
        },
      ),
      { numRuns: 80 },
    );
  });

  test('a group is one write and one sync, and is reported after the sync', () => {
    const opened = open(new MemoryDisk());
    let result: Result<readonly RecordPlace[]> | undefined;
    const writing = operationsOf(opened.disk, () => {
      opened.journal.append(['a', '', 'c'].map(localBatch), (answer) => (result = answer));
      opened.disk.step();
    });
    expect(writing).toEqual([`write ${firstSegment}`]);
    expect(result).toBeUndefined();
    expect(operationsOf(opened.disk, () => opened.disk.step())).toEqual([`sync ${firstSegment}`]);
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
    expect(reopenDurable(opened).texts).toEqual([large, 'small']);
  });

  test('more records in one append than headers were kept for', () => {
    const opened = open(new MemoryDisk());
    const bodies = Array.from({ length: 500 }, (_, position) => `${position}`);
    append(opened, ...bodies);
    append(opened, 'last');
    expect(reopenDurable(opened).texts).toEqual([...bodies, 'last']);
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
  const temporary = `${secondSegment}.tmp`;
  /** Whether the segment is still the one that its name leads to, then the next one, durable under its name. */
  const rollOperations = [
    'list',
    `open ${firstSegment}`,
    `size ${firstSegment}`,
    `read ${firstSegment}`,
    `close ${firstSegment}`,
    `create ${temporary}`,
    `write ${temporary}`,
    `sync ${temporary}`,
    `rename ${temporary} ${secondSegment}`,
    'syncDirectory',
    `close ${firstSegment}`,
  ];

  test('a new segment is durable under its name before anything is written to it', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
    const operations = operationsOf(opened.disk, () => appendBusily(opened, [['a'], ['b']]));
    expect(operations.slice(2, -rollOperations.length)).toEqual([
      ...rollOperations,
      `write ${secondSegment}`,
      `sync ${secondSegment}`,
    ]);
  });

  test('a segment is followed at once when it is full, but not while it is empty', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
    const operations = operationsOf(opened.disk, () => append(opened, 'a'));
    expect(operations).toEqual([`write ${firstSegment}`, `sync ${firstSegment}`, ...rollOperations]);
    expect(close(opened).error).toBeUndefined();
    const again = open(opened.disk, { segmentBytesMax: 1 });
    expect([...again.disk.files().keys()].sort()).toEqual([firstSegment, secondSegment]);
    append(again, 'b');
    expect([...again.disk.files().keys()].sort()).toEqual([firstSegment, secondSegment, thirdSegment]);
  });

  test('a segment that was full by a smaller limit goes on under a larger one, and the other way round', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
    append(opened, 'a');
    const larger = reopenDurable(opened, { segmentBytesMax: 10_000 });
    append(larger, 'b');
    append(larger, 'c');
    expect([...larger.disk.files().keys()].sort()).toEqual([firstSegment, secondSegment]);
    const smaller = reopenDurable(larger, { segmentBytesMax: 1 });
    append(smaller, 'd');
    expect(fileOf(smaller.disk.files(), secondSegment)).toEqual(fileOf(larger.disk.durableFiles(), secondSegment));
    expect(reopenDurable(smaller).texts).toEqual(['a', 'b', 'c', 'd']);
  });

  test('lsns and addresses go on across segments and restarts', () => {
    const options = { segmentBytesMax: 250 };
    let opened = open(new MemoryDisk(), options);
    const places: RecordPlace[] = [];
    for (let round = 0; round < 12; round++) {
      places.push(...append(opened, `round ${round}`));
      if (round % 5 === 4) opened = open(new MemoryDisk(opened.disk.files()), options);
    }
    for (const [position, place] of places.slice(1).entries()) {
      expect(place.lsn).toBeGreaterThan(places[position]?.lsn ?? NaN);
      expect(place.address).toBeGreaterThan(places[position]?.address ?? NaN);
    }
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
  });

  test('reports a record that has been damaged', () => {
    const opened = open(new MemoryDisk());
    const [place = nowhere] = append(opened, 'precious');
    append(opened, 'later');
    const file = valueOf(
      settled<DiskFile>(opened.disk, (done) => opened.disk.open(firstSegment, { create: false }, done)),
    );
    valueOf(
      settled(opened.disk, (done: Done<void>) => file.write(place.address + recordHeaderBytes, [bytes('P')], done)),
    );
    const { error } = settled(opened.disk, (done) => opened.journal.read(place, done));
    expect(error?.code).toBe('E_LOG_CORRUPT');
    expect(error?.message).toContain(`${firstSegment}:${place.address}`);
  });

  test("several that read on do not get into each other's way", () => {
    const opened = open(new MemoryDisk());
    const places = Array.from({ length: 300 }, (_, index) => append(opened, `${index} `.repeat(200))).flat();
    const readsBefore = opened.disk.operations.length;
    for (let index = 0; index < 100; index++) {
      for (const start of [0, 100, 200]) {
        const place = places[start + index] ?? nowhere;
        expect(readText(opened, place)).toBe(`${start + index} `.repeat(200));
      }
    }
    expect(opened.disk.operations.length - readsBefore).toBeLessThan(10);
  });

  test('reads are answered in the order asked, however many wait', () => {
    const opened = open(new MemoryDisk());
    const places = ['a', 'b', 'c', 'd', 'e'].flatMap((body) => append(opened, body));
    const answered: number[] = [];
    const total = 20_000;
    for (let turn = 0; turn < total; turn++) {
      const place = places[turn % places.length] ?? nowhere;
      opened.journal.read(place, ({ error }) => answered.push(error === undefined ? turn : -1));
    }
    opened.disk.settle();
    expect(answered).toEqual(Array.from({ length: total }, (_, turn) => turn));
  });

  test('a read brings along what was written behind, and nothing that was written later', () => {
    const opened = open(new MemoryDisk());
    const places = ['one', 'two', 'three'].flatMap((body) => append(opened, body));
    const readsBefore = opened.disk.operations.length;
    expect(places.map((place) => readText(opened, place))).toEqual(['one', 'two', 'three']);
    // The first read may be the only one; the second shows that somebody reads on.
    const [opening, ...reads] = opened.disk.operations.slice(readsBefore);
    expect(opening).toBe(`open ${firstSegment}`);
    expect(reads).toEqual([`read ${firstSegment}`, `read ${firstSegment}`]);
    const [later = nowhere] = append(opened, 'later');
    expect(readText(opened, later)).toBe('later');
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
    expect(reopenDurable(opened).texts).toEqual(['last']);
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

describe('opening', () => {
  /** A log that ends in half a record: two appends, each with its mark, and a byte of the second append is missing. */
  const tornLog = (): MemoryDisk => {
    const opened = open(new MemoryDisk());
    append(opened, 'first');
    append(opened, 'second');
    const files = opened.disk.files();
    return diskWith(files, firstSegment, fileOf(files, firstSegment).slice(0, -recordHeaderBytes - 1));
  };

  test('reports the failure of any disk operation, and can be done again', () => {
    const healthy = tornLog();
    const total = operationsOf(healthy, () => open(healthy)).length;
    for (let failing = 1; failing <= total; failing++) {
      const disk = tornLog();
      disk.fails = () => disk.operations.length === failing;
      expect(tryOpen(disk)?.error?.code).toBe('E_STORAGE');
      expect(open(new MemoryDisk(disk.files())).texts).toEqual(['first']);
      expect(open(new MemoryDisk(disk.durableFiles())).texts).toEqual(['first']);
    }
  });

  test('reports a full disk as such', () => {
    const disk = tornLog();
    disk.fails = (operation) => operation.startsWith('write') && 'E_DISK_FULL';
    expect(tryOpen(disk)?.error?.code).toBe('E_DISK_FULL');
  });
});
