/** Giving up the beginning of a log: whole segments go, and the log then begins with a checkpoint. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeCounter, encodeCounter } from '../../../core/journal/fixed-width.js';
import { countReleasable, floorOf, type KeptSegment } from '../../../core/journal/retention.js';
import { firstHeader, segmentHeaderBytes, segmentName } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  close,
  fileOf,
  localBatch,
  nowhere,
  openError,
  operationsOf,
  readText,
  retry,
  settled,
  startBusyCaller,
  survivorsOf,
  text,
} from './journal-fixture.js';
import {
  KeepingCaller,
  fill,
  names,
  options,
  range,
  releaseBefore,
  removalsAmong,
  reopen,
  segmentsOf,
} from './keeping-caller.js';

describe('the body of a floor record', () => {
  test('gives every number back', () => {
    for (const lsn of [0, 1, 255, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      expect(decodeCounter(encodeCounter(lsn))).toBe(lsn);
    }
    expect([...encodeCounter(0x0102030405)]).toEqual([5, 4, 3, 2, 1, 0, 0, 0]);
  });

  test('that we cannot have written gives up nothing', () => {
    for (const body of [new Uint8Array(0), new Uint8Array(7), new Uint8Array(9), new Uint8Array(8).fill(255)]) {
      expect(decodeCounter(body)).toBe(0);
    }
  });

  test('gives up nothing that lies behind its record', () => {
    expect([floorOf(5, encodeCounter(3)), floorOf(5, encodeCounter(9))]).toEqual([3, 4]);
  });
});

test('as many segments go as a look at each of them says', () => {
  const sizes = fc.array(fc.record({ length: fc.integer({ min: 64, max: 70 }), hasCheckpoint: fc.boolean() }), {
    maxLength: 8,
  });
  fc.assert(
    fc.property(sizes, fc.oneof(fc.nat(600), fc.constant(Infinity)), (shapes, address) => {
      let baseAddress = 0;
      const segments = shapes.map(({ length, hasCheckpoint }): KeptSegment => {
        const segment = { ...firstHeader(new Uint8Array(16), 1), hasCheckpoint, baseAddress };
        baseAddress += length;
        return segment;
      });
      let expected = 0;
      segments.forEach((segment, at) => {
        if (segment.hasCheckpoint && segment.baseAddress <= address) expected = at;
      });
      expect(countReleasable(segments, address)).toBe(expected);
    }),
  );
});

describe('release', () => {
  test('sets a floor, and removes whole segments below it, the oldest first, once that is durable', () => {
    const caller = fill(5);
    const operations = operationsOf(caller.opened.disk, () => releaseBefore(caller, 4));
    const floorSegment = segmentName(6);
    expect(operations.slice(0, 2)).toEqual([`write ${floorSegment}`, `sync ${floorSegment}`]);
    expect(removalsAmong(operations.slice(2))).toEqual(names(1, 3));
    expect(segmentsOf(caller.opened)).toEqual(names(4, 7));
    const again = reopen(caller.opened);
    expect(again.texts).toEqual(range(4, 5));
    expect(again.base).toBe(3);
    expect(again.opened.records[0]?.isFirst).toBe(true);
  });

  test('spares a segment that holds anything behind the address', () => {
    const caller = new KeepingCaller(new MemoryDisk(), { segmentBytesMax: 300 });
    for (let record = 1; record <= 9; record++) append(caller.opened, `record ${record}`);
    const files = segmentsOf(caller.opened).length;
    for (let record = 1; record <= 9; record++) {
      releaseBefore(caller, record);
      const again = reopen(caller.opened);
      expect(again.texts).toContain(`record ${record}`);
      expect(again.texts.at(-1)).toBe('record 9');
    }
    expect(segmentsOf(caller.opened).length).toBeLessThan(files);
  });

  test('of everything spares the last segment that begins with a checkpoint, and what follows it', () => {
    const caller = fill(3);
    caller.opened.journal.release(Infinity);
    caller.opened.disk.settle();
    expect(segmentsOf(caller.opened)).toEqual(names(3, 5));
    let again = reopen(caller.opened);
    for (let round = 0; round < 3; round++) {
      expect(again.texts).toEqual(['record 3']);
      expect(again.base).toBe(2);
      again = reopen(again.opened);
    }
    append(again.opened, 'record 4');
    append(again.opened, 'record 5');
    again.opened.journal.release(Infinity);
    again.opened.disk.settle();
    expect(reopen(again.opened).texts).toEqual(['record 5']);
  });

  test('is told when the log begins later: once the floor is durable, and never while what lies in front can still be read', () => {
    const told: number[] = [];
    const caller = new KeepingCaller(new MemoryDisk(), { ...options, onReleased: (address) => told.push(address) });
    for (let record = 1; record <= 5; record++) append(caller.opened, `record ${record}`);
    const { disk, journal } = caller.opened;
    const canBeRead = (): boolean => {
      const answers: unknown[] = [];
      journal.read(caller.places[2] ?? nowhere, ({ error }) => answers.push(error));
      return answers.length === 0;
    };
    expect(journal.beginAddress).toBe(0);
    journal.release(caller.places[3]?.address ?? NaN);
    expect([told, canBeRead(), journal.beginAddress]).toEqual([[], true, 0]);
    while (told.length === 0) {
      expect(canBeRead()).toBe(true);
      expect(disk.step()).toBe(true);
    }
    expect(canBeRead()).toBe(false);
    expect(told).toEqual([journal.beginAddress]);
    expect(removalsAmong(disk.operations)).toEqual([]);
    disk.settle();
    expect(told).toHaveLength(1);
    const again = reopen(caller.opened);
    expect(again.opened.journal.beginAddress).toBe(told[0]);
    expect(again.opened.records[0]?.place.address).toBe((told[0] ?? NaN) + segmentHeaderBytes);
  });

  test('of nothing, of what is gone, or repeated, costs nothing', () => {
    const caller = fill(4);
    const { disk, journal } = caller.opened;
    const nothing = (address: number): void => {
      expect(
        operationsOf(disk, () => {
          journal.release(address);
          disk.settle();
        }),
      ).toEqual([]);
    };
    nothing(0);
    nothing(caller.places[0]?.address ?? NaN);
    releaseBefore(caller, 3);
    for (const record of [1, 2, 3]) nothing(caller.places[record - 1]?.address ?? NaN);
  });

  test('of a log in one segment does nothing, whatever it is asked', () => {
    const caller = new KeepingCaller(new MemoryDisk(), { segmentBytesMax: 1 << 20 });
    append(caller.opened, 'record 1');
    for (const address of [0, 64, Infinity]) caller.opened.journal.release(address);
    expect(operationsOf(caller.opened.disk, () => caller.opened.disk.settle())).toEqual([]);
  });

  test('leaves a witness behind the floor', () => {
    const caller = new KeepingCaller(new MemoryDisk(), { segmentBytesMax: 300 });
    for (let record = 1; record <= 9; record++) append(caller.opened, `record ${record}`);
    releaseBefore(caller, 9);
    const files = caller.opened.disk.files();
    const last = segmentsOf(caller.opened).at(-1) ?? '';
    // The last but one record is the floor: damage in it must not pass for a torn write.
    const damaged = fileOf(files, last).slice();
    const at = damaged.length - 40 - 8;
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    expect(openError(new MemoryDisk(new Map([...files, [last, damaged]]))).code).toBe('E_LOG_CORRUPT');
  });

  test('moves no record: places are as they were, also after a restart', () => {
    const caller = fill(6);
    releaseBefore(caller, 5);
    const kept = caller.places.slice(4);
    expect(kept.map((place) => readText(caller.opened, place))).toEqual(range(5, 6));
    const again = reopen(caller.opened);
    expect(again.places).toEqual(kept);
    expect(kept.map((place) => readText(again.opened, place))).toEqual(range(5, 6));
  });

  test('closes what was read from before it is removed', () => {
    const caller = fill(4);
    for (const place of caller.places) readText(caller.opened, place);
    const operations = operationsOf(caller.opened.disk, () => releaseBefore(caller, 3)).filter((operation) =>
      names(1, 2).some((name) => operation.endsWith(name)),
    );
    expect(operations).toEqual(names(1, 2).flatMap((name) => [`close ${name}`, `remove ${name}`]));
    expect(close(caller.opened).error).toBeUndefined();
  });

  test('removes what it gives up also under a caller who never pauses', () => {
    const caller = fill(4);
    const { journal, disk } = caller.opened;
    let asked = 0;
    const busy = startBusyCaller(
      journal,
      Array.from({ length: 6 }, (_, position) => [`record ${position + 5}`]),
    );
    while (disk.step()) {
      if (busy.acknowledged.length === 2 && asked++ === 0) journal.release(caller.places[3]?.address ?? NaN);
    }
    expect(busy.acknowledged).toEqual(range(5, 10));
    expect(segmentsOf(caller.opened)[0]).toBe(segmentName(4));
    expect(reopen(caller.opened).texts).toEqual(range(4, 10));
  });

  test('at any moment of appends, marks, rolls and of another release gives up what was asked last', () => {
    for (let steps = 0; ; steps++) {
      const caller = fill(4);
      const { journal, disk } = caller.opened;
      const busy = startBusyCaller(journal, [['record 5'], ['record 6']]);
      journal.release(caller.places[1]?.address ?? NaN);
      disk.settle(steps);
      const isUnderWay = disk.step();
      journal.release(caller.places[3]?.address ?? NaN);
      disk.settle();
      expect(busy.acknowledged).toEqual(range(5, 6));
      expect(segmentsOf(caller.opened)[0]).toBe(segmentName(4));
      expect(reopen(caller.opened).texts).toEqual(range(4, 6));
      if (!isUnderWay) break;
    }
  });

  test('from within the answer to an append is as good as from outside', () => {
    for (const goesOn of [false, true]) {
      const caller = fill(4);
      const { journal, disk } = caller.opened;
      let acknowledged = 0;
      journal.append([localBatch('record 5')], () => {
        journal.release(caller.places[2]?.address ?? NaN);
        if (goesOn) journal.append([localBatch('record 6')], () => acknowledged++);
      });
      disk.settle();
      expect(acknowledged).toBe(goesOn ? 1 : 0);
      expect(segmentsOf(caller.opened)[0]).toBe(segmentName(3));
      expect(reopen(caller.opened).texts).toEqual(range(3, goesOn ? 6 : 5));
    }
  });

  test('that cannot set its floor is cut off for good before the next segment begins: the cut could be undone by a loss of power', () => {
    const caller = fill(4);
    const { journal, disk } = caller.opened;
    const full = segmentName(5);
    let failures = 0;
    journal.append([localBatch('record 5')], () => {
      journal.release(caller.places[2]?.address ?? NaN);
      disk.fails = (operation) => operation === `write ${full}` && failures++ === 0 && 'E_DISK_FULL';
    });
    const operations = operationsOf(disk, () => disk.settle());
    const cut = operations.indexOf(`truncate ${full}`);
    expect(operations.slice(cut, cut + 2)).toEqual([`truncate ${full}`, `sync ${full}`]);
    expect(operations).toContain(`create ${segmentName(6)}.tmp`);
    expect(failures).toBe(1);
    expect(reopen(caller.opened).texts.slice(-3)).toEqual(range(3, 5));
  });

  test('lets reads that began earlier be answered, and later ones are told', () => {
    for (let steps = 0; steps < 12; steps++) {
      for (const isRead of [false, true]) {
        const caller = fill(4);
        const { journal, disk } = caller.opened;
        if (isRead) for (const place of caller.places) readText(caller.opened, place);
        const answers: string[] = [];
        for (const place of caller.places) {
          journal.read(place, ({ value, error }) => answers.push(value === undefined ? error.code : text(value)));
        }
        disk.settle(steps);
        journal.release(caller.places[3]?.address ?? NaN);
        disk.settle();
        expect(answers).toEqual(range(1, 4));
        expect(segmentsOf(caller.opened)[0]).toBe(segmentName(4));
        const { error } = settled(disk, (done) => journal.read(caller.places[0] ?? nowhere, done));
        expect(error?.code).toBe('E_RELEASED');
        expect(error?.message).toContain(`address ${caller.places[0]?.address} was given up`);
        expect(readText(caller.opened, caller.places[3] ?? nowhere)).toBe('record 4');
      }
    }
  });

  test('after close, or of a journal that has failed, does nothing', () => {
    const closed = fill(4);
    close(closed.opened);
    closed.opened.journal.release(Infinity);
    const failed = fill(4);
    failed.opened.disk.fails = (operation) => operation.startsWith('sync');
    failed.opened.journal.append([localBatch('record 5')], () => undefined);
    failed.opened.disk.settle();
    failed.opened.disk.fails = () => false;
    failed.opened.journal.release(Infinity);
    for (const { opened } of [closed, failed]) {
      expect(operationsOf(opened.disk, () => opened.disk.settle())).toEqual([]);
      expect(reopen(opened).texts.slice(0, 4)).toEqual(range(1, 4));
    }
  });

  test('and close, at any step: the journal closes, every file, and the next process goes on', () => {
    for (let steps = 0; ; steps++) {
      const caller = fill(4);
      const { disk, journal } = caller.opened;
      journal.release(Infinity);
      disk.settle(steps);
      const isUnderWay = disk.step();
      expect(close(caller.opened).error).toBeUndefined();
      const count = (verb: string): number => disk.operations.filter((line) => line.startsWith(`${verb} `)).length;
      expect(count('close')).toBe(count('open') + count('create'));
      const again = reopen(caller.opened);
      expect(again.texts.at(-1)).toBe('record 4');
      if (!isUnderWay) break;
    }
  });
});

describe('a floor that cannot be written', () => {
  test('is cut off, takes nothing along, and is written with the next append', () => {
    const caller = fill(4);
    const { disk } = caller.opened;
    disk.fails = (operation) => operation.startsWith('write') && 'E_DISK_FULL';
    const before = disk.files();
    const operations = operationsOf(disk, () => releaseBefore(caller, 3));
    expect(operations).toEqual([`write ${segmentName(5)}`, `truncate ${segmentName(5)}`]);
    expect(disk.files()).toEqual(before);
    expect(caller.opened.storage).toEqual([]);
    disk.fails = () => false;
    append(caller.opened, 'record 5');
    expect(segmentsOf(caller.opened)[0]).toBe(segmentName(3));
    expect(reopen(caller.opened).texts).toEqual(range(3, 5));
  });

  test('stops the journal when it cannot be synced, and nothing is removed', () => {
    const caller = fill(4);
    const { disk } = caller.opened;
    disk.fails = (operation) => operation.startsWith('sync');
    releaseBefore(caller, 3);
    disk.fails = () => false;
    expect(caller.opened.storage).toEqual(['failed E_STORAGE']);
    expect(segmentsOf(caller.opened)[0]).toBe(segmentName(1));
    expect(new KeepingCaller(new MemoryDisk(disk.durableFiles())).texts).toEqual(range(1, 4));
  });

  test('never speaks of a segment whose checkpoint is still on its way', () => {
    const caller = fill(4);
    const { disk, journal } = caller.opened;
    disk.fails = (operation) => operation.startsWith('write') && 'E_DISK_FULL';
    startBusyCaller(journal, [['record 5']]);
    disk.settle();
    journal.release(Infinity);
    // Room for the floor, and then none for the append that would bring the checkpoint.
    let writes = 0;
    disk.fails = (operation) => operation.startsWith('write') && writes++ > 0 && 'E_DISK_FULL';
    retry(caller.opened);
    for (const survivor of survivorsOf(disk)) {
      disk.fails = () => false;
      expect(new KeepingCaller(survivor).texts).toContain('record 4');
    }
  });

  test('goes in front of an append that waits for room, and makes it', () => {
    const caller = fill(4);
    const { disk, journal } = caller.opened;
    // Nothing new can be made until something has gone.
    disk.fails = (operation) => {
      const isFull = removalsAmong(disk.operations).length === 0;
      return isFull && operation.startsWith('create') && 'E_DISK_FULL';
    };
    const busy = startBusyCaller(journal, [['record 5'], ['record 6']]);
    disk.settle();
    expect(busy.acknowledged).toEqual(['record 5']);
    expect(caller.opened.storage).toEqual(['blocked E_DISK_FULL']);
    journal.release(caller.places[2]?.address ?? NaN);
    retry(caller.opened);
    retry(caller.opened);
    expect(busy.acknowledged).toEqual(range(5, 6));
    expect(caller.opened.storage).toEqual(['blocked E_DISK_FULL', 'ok']);
    expect(reopen(caller.opened).texts).toEqual(range(3, 6));
  });
});

describe('a segment that cannot be removed', () => {
  test('is told, stands in nobody’s way, and goes at the next start', () => {
    for (const failing of names(1, 3)) {
      const caller = fill(5);
      const { opened } = caller;
      opened.disk.fails = (operation) => operation === `remove ${failing}`;
      releaseBefore(caller, 4);
      expect(opened.logged).toEqual(['journal-segment-not-removed']);
      expect(opened.storage).toEqual([]);
      append(opened, 'record 6');
      expect(opened.disk.files().has(failing)).toBe(true);
      opened.disk.fails = () => false;
      const again = reopen(opened);
      expect(segmentsOf(again.opened)[0]).toBe(segmentName(4));
      expect(again.texts).toEqual(range(4, 6));
    }
  });
});
