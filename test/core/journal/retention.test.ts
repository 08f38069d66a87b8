/** The floor: segments that hold nothing above it go, and a log may then begin later than with its first segment. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { recordTypes, type JournalEntry, type RecordPlace } from '../../../core/journal/journal.js';
import { decodeCounter, encodeCounter } from '../../../core/journal/fixed-width.js';
import { countBelow } from '../../../core/journal/retention.js';
import { segmentName } from '../../../core/journal/segment.js';
import type { Result } from '../../../core/ports.js';
import { MemoryDisk, type Operation } from '../../support/memory-disk.js';
import {
  append,
  bytes,
  close,
  localBatch,
  nowhere,
  open,
  openError,
  operationsOf,
  readText,
  settled,
  startBusyCaller,
  survivorsOf,
  text,
  tryOpen,
  valueOf,
  type OpenedJournal,
} from './journal-fixture.js';

/** Every record closes its segment. */
const options = { segmentBytesMax: 1 };

interface Filled extends OpenedJournal {
  /** Where record n stands, in segment n, at n - 1. */
  readonly places: readonly RecordPlace[];
}

/** A log of `count` segments with one record each, 'record 1', ..., and an empty segment behind them. */
function fill(count: number, disk = new MemoryDisk()): Filled {
  const opened = open(disk, options);
  const places = Array.from({ length: count }, (_, position) => append(opened, `record ${position + 1}`)).flat();
  return { ...opened, places };
}

function floorOf(lsn: number): JournalEntry {
  return { type: recordTypes.floor, body: encodeCounter(lsn) };
}

/** Appends a floor record, alone, and lets the journal tidy up. */
function giveUp({ disk, journal }: OpenedJournal, lsn: number): Result<readonly RecordPlace[]> {
  return settled(disk, (done) => journal.append([floorOf(lsn)], done));
}

/** What the next process finds. (After a loss of power removed segments may be back: removing is not synced.) */
function reopen({ disk }: Pick<OpenedJournal, 'disk'>): OpenedJournal {
  return open(new MemoryDisk(disk.files()), options);
}

function segmentsOf(files: ReadonlyMap<string, Uint8Array>): readonly string[] {
  return [...files.keys()].sort();
}

function names(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, position) => segmentName(from + position));
}

function removalsAmong(operations: readonly Operation[]): readonly string[] {
  return operations.flatMap((operation) => /^remove (.*)$/.exec(operation)?.[1] ?? []);
}

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
});

test('as many segments go as a look at every record says', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(3), { minLength: 1, maxLength: 8 }), fc.nat(30), (lengths, floor) => {
      let lsn = 1;
      const segments = lengths.map((length) => ({ firstLsn: lsn, lastLsn: (lsn += length) - 1 }));
      const neededFrom = segments.findIndex(({ lastLsn }, at) => lastLsn > floor || at === segments.length - 1);
      expect(countBelow(segments, floor)).toBe(neededFrom);
    }),
  );
  expect(countBelow([], 5)).toBe(0);
});

describe('a floor record', () => {
  test('removes whole segments below it, the oldest first, once it is durable and reported', () => {
    const opened = fill(5);
    let reportedAt = NaN;
    const operations = operationsOf(opened.disk, () => {
      opened.journal.append([floorOf(3)], () => (reportedAt = opened.disk.operations.length));
      opened.disk.settle();
    });
    expect(operations.slice(0, 2)).toEqual([`write ${segmentName(6)}`, `sync ${segmentName(6)}`]);
    expect(reportedAt).toBe(opened.disk.operations.length - operations.length + 2);
    expect(removalsAmong(operations.slice(2))).toEqual(names(1, 3));
    expect(segmentsOf(opened.disk.files())).toEqual(names(4, 7));
    expect(reopen(opened).texts).toEqual(['record 4', 'record 5']);
  });

  test('spares a segment that holds anything above it', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 200 });
    for (let round = 1; round <= 9; round++) append(opened, `record ${round}`);
    const before = open(new MemoryDisk(opened.disk.files())).records;
    const second = before.find(({ place }) => place.address > 200)?.place ?? nowhere;
    giveUp(opened, second.lsn);
    const kept = reopen(opened);
    expect(segmentsOf(kept.disk.files())[0]).toBe(segmentName(2));
    expect(kept.records[0]?.place).toEqual(second);
  });

  test('above everything spares itself', () => {
    const opened = fill(3);
    giveUp(opened, 2 ** 53 - 1);
    expect(segmentsOf(opened.disk.files())).toEqual(names(4, 5));
    for (const again of [reopen(opened), reopen(reopen(opened))]) {
      expect(again.texts).toEqual([]);
      expect(segmentsOf(again.disk.files())).toEqual(names(4, 5));
      append(again, 'next');
      expect(reopen(again).texts).toEqual(['next']);
    }
  });

  test('below everything, or repeated, removes nothing', () => {
    const opened = fill(3);
    for (const lsn of [0, 0]) giveUp(opened, lsn);
    giveUp(opened, 1);
    const files = segmentsOf(opened.disk.files());
    expect(files[0]).toBe(segmentName(2));
    expect(removalsAmong(operationsOf(opened.disk, () => giveUp(opened, 1)))).toEqual([]);
  });

  test('in a group with others counts as if it stood alone', () => {
    const opened = fill(3);
    const group = [localBatch('x'), floorOf(1), floorOf(2), localBatch('y')];
    valueOf(settled<readonly RecordPlace[]>(opened.disk, (done) => opened.journal.append(group, done)));
    expect(segmentsOf(opened.disk.files())[0]).toBe(segmentName(3));
    expect(reopen(opened).texts).toEqual(['record 3', 'x', 'y']);
  });

  test('moves no record: places are as they were, also after a restart', () => {
    const opened = fill(6);
    giveUp(opened, 4);
    const kept = opened.places.slice(4);
    const expected = kept.map(({ lsn }) => `record ${lsn}`);
    expect(kept.map((place) => readText(opened, place))).toEqual(expected);
    const again = reopen(opened);
    expect(again.records.map(({ place }) => place)).toEqual(kept);
    expect(kept.map((place) => readText(again, place))).toEqual(expected);
  });

  test('closes what was read from before it is removed', () => {
    const opened = fill(4);
    for (const place of opened.places) readText(opened, place);
    const operations = operationsOf(opened.disk, () => giveUp(opened, 2)).filter((operation) =>
      names(1, 2).some((name) => operation.endsWith(name)),
    );
    expect(operations).toEqual(names(1, 2).flatMap((name) => [`close ${name}`, `remove ${name}`]));
    expect(close(opened).error).toBeUndefined();
  });

  test('removes what it gives up also under a caller who never pauses', () => {
    const opened = fill(4);
    let caller: ReturnType<typeof startBusyCaller> | undefined;
    opened.journal.append([floorOf(3)], () => (caller = startBusyCaller(opened.journal, [['x'], ['y'], ['z']])));
    opened.disk.settle();
    expect(caller?.acknowledged).toEqual(['x', 'y', 'z']);
    expect(segmentsOf(opened.disk.files())[0]).toBe(segmentName(4));
  });

  test('lets reads of what it gives up that are under way be answered, one way or the other', () => {
    for (const isRead of [false, true]) {
      for (let steps = 0; steps < 8; steps++) {
        const opened = fill(4);
        if (isRead) for (const place of opened.places) readText(opened, place);
        const answers: string[] = [];
        let isGivenUp = false;
        const wasGivenUp = (): boolean => isGivenUp;
        opened.journal.append([floorOf(3)], () => (isGivenUp = true));
        opened.disk.settle(steps);
        // From the answer on nobody asks for what is gone.
        const asked = wasGivenUp() ? opened.places.slice(3) : opened.places;
        for (const place of asked) {
          opened.journal.read(place, ({ value, error }) =>
            answers.push(value === undefined ? error.code : text(value)),
          );
        }
        opened.disk.settle();
        expect(answers).toHaveLength(asked.length);
        expect(answers.at(-1)).toBe('record 4');
        expect(segmentsOf(opened.disk.files())[0]).toBe(segmentName(4));
      }
    }
  });

  test('lower than one before it takes nothing back', () => {
    const opened = fill(5);
    giveUp(opened, 4);
    giveUp(opened, 2);
    expect(reopen(opened).texts).toEqual(['record 5']);
  });
});

describe('a segment that cannot be removed', () => {
  test('is told, stands in nobody’s way, and goes at the next start', () => {
    for (const failing of names(1, 3)) {
      const opened = fill(5);
      opened.disk.fails = (operation) => operation === `remove ${failing}`;
      expect(giveUp(opened, 3).error).toBeUndefined();
      expect(opened.logged).toEqual(['journal-segment-not-removed']);
      expect(opened.storage).toEqual([]);
      append(opened, 'next');
      expect(opened.disk.files().has(failing)).toBe(true);
      opened.disk.fails = () => false;
      const again = reopen(opened);
      expect(segmentsOf(again.disk.files())).toEqual(names(4, 8));
      expect(reopen(again).texts).toEqual(['record 4', 'record 5', 'next']);
    }
  });
});

describe('a log that begins later', () => {
  test('survives a crash at any step of giving up, and what came back is removed at the next start', () => {
    const all = ['record 1', 'record 2', 'record 3', 'record 4', 'record 5'];
    for (let steps = 0; ; steps++) {
      const opened = fill(5);
      const reports: unknown[] = [];
      opened.journal.append([floorOf(3)], ({ error }) => reports.push(error));
      opened.disk.settle(steps);
      const finished = !opened.disk.step();
      for (const survivor of survivorsOf(opened.disk)) {
        const again = open(survivor, options);
        // Segments that are still there are read before they go.
        expect(again.texts).toEqual(all.slice(all.length - again.texts.length));
        const [first] = segmentsOf(again.disk.files());
        if (reports.length > 0) expect(first).toBe(segmentName(4));
        append(again, 'next');
        const restarted = reopen(again);
        expect(segmentsOf(restarted.disk.files())[0]).toBe(first);
        expect(restarted.texts).toEqual([...(first === segmentName(4) ? all.slice(3) : all), 'next']);
      }
      if (finished) break;
    }
  });

  test('opens whatever removals the loss of power has undone, and removes them again', () => {
    const before = fill(5).disk.files();
    const opened = fill(5);
    giveUp(opened, 4);
    const kept = opened.disk.durableFiles();
    const gone = names(1, 4);
    for (const name of gone) kept.delete(name);
    for (let subset = 0; subset < 1 << gone.length; subset++) {
      const back = gone.filter((_, position) => (subset & (1 << position)) !== 0);
      const disk = new MemoryDisk(new Map([...kept, ...[...before].filter(([name]) => back.includes(name))]));
      const again = open(disk, options);
      expect(segmentsOf(again.disk.files())).toEqual(segmentsOf(kept));
      expect(reopen(again).texts).toEqual(['record 5']);
    }
  });

  test('survives a crash at any step of removing what came back', () => {
    const opened = fill(5);
    const before = opened.disk.files();
    giveUp(opened, 4);
    // Segment 3 stays gone, so that 1 and 2 stand before a gap.
    before.delete(segmentName(3));
    const files = new Map([...before, ...opened.disk.files()]);
    for (let steps = 0; ; steps++) {
      const disk = new MemoryDisk(files);
      const finished = tryOpen(disk, { ...options, steps }) !== undefined;
      for (const survivor of survivorsOf(disk)) {
        const again = open(survivor, options);
        expect(segmentsOf(again.disk.files())).toEqual(names(5, 7));
        expect(reopen(again).texts).toEqual(['record 5']);
      }
      if (finished) break;
    }
  });

  test('is corrupt when the floor does not cover what is missing, and the file is named', () => {
    const opened = fill(5);
    giveUp(opened, 2);
    const files = opened.disk.files();
    expect(segmentsOf(files)[0]).toBe(segmentName(3));
    for (const missing of [3, 4, 5]) {
      const damaged = new Map(files);
      damaged.delete(segmentName(missing));
      const disk = new MemoryDisk(damaged);
      const error = openError(disk, options);
      expect(error.code).toBe('E_LOG_CORRUPT');
      expect(error.message).toContain(`${segmentName(missing)}:0: the segment is missing`);
      expect(disk.files()).toEqual(damaged);
    }
  });

  test('without any floor is corrupt', () => {
    const { disk } = fill(3);
    const files = disk.files();
    files.delete(segmentName(1));
    expect(openError(new MemoryDisk(files), options).message).toContain(segmentName(1));
  });

  test('counts a floor only if its record is whole and in the log', () => {
    const opened = fill(5);
    giveUp(opened, 4);
    const files = opened.disk.files();
    // The segment with the floor record has lost it in a torn tail, and the one behind it is not there.
    const floorSegment = segmentName(6);
    files.delete(segmentName(7));
    files.set(floorSegment, (files.get(floorSegment) ?? bytes('')).slice(0, -1));
    expect(openError(new MemoryDisk(files), options).code).toBe('E_LOG_CORRUPT');
  });
});
