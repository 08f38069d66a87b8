/** Crashes at every disk operation: the process alone dies, or the power goes and takes along what was not synced. */
import { describe, expect, test } from 'vitest';
import { recordHeaderBytes } from '../../../core/journal/record.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  appendBusily,
  bytes,
  diskWith,
  fileOf,
  firstSegment,
  localBatch,
  open,
  reopenDurable,
  retryMs,
  startBusyCaller,
  survivorsOf,
  tryOpen,
  type OpenedJournal,
} from './journal-fixture.js';
import { KeepingCaller, removalsAmong } from './keeping-caller.js';

const segmentBytesMax = 150;
const texts = Array.from({ length: 8 }, (_, position) => `record ${position}`);
const groups = texts.map((body) => [body]);

/** What somebody does with a journal until the process dies. */
interface Program {
  /** Number of records that were reported durable. */
  acknowledged(): number;
  /** Called when the disk is idle: does the next thing. False when nothing is left to do. */
  goOn(): boolean;
}

/** What a crashed process had achieved. */
interface Crashed {
  readonly disk: MemoryDisk;
  readonly acknowledged: number;
}

/** Runs the program again and again, each time to one disk operation more, up to its end. */
function expectKeptAfterEveryStep(start: (opened: OpenedJournal) => Program): void {
  for (let stepsMax = 0; ; stepsMax++) {
    const opened = open(new MemoryDisk(), { segmentBytesMax });
    const { disk } = opened;
    const program = start(opened);
    let steps = 0;
    while (steps < stepsMax && (disk.step() || (program.goOn() && disk.step()))) steps++;
    const acknowledged = program.acknowledged();
    disk.fails = () => false;
    expectKept({ disk, acknowledged });
    if (steps === stepsMax) continue;
    expect(acknowledged).toBe(texts.length);
    break;
  }
}

/** Asserts what must hold after a crash: nothing acknowledged is lost, nothing is made up, and the log goes on. */
function expectKept({ disk, acknowledged }: Crashed): void {
  for (const survivor of survivorsOf(disk)) {
    const again = open(survivor, { segmentBytesMax });
    expect(again.texts.length).toBeGreaterThanOrEqual(acknowledged);
    expect(again.texts).toEqual(texts.slice(0, again.texts.length));
    // What was reported at open must survive a loss of power right after it.
    const restarted = reopenDurable(again, { segmentBytesMax });
    expect(restarted.texts).toEqual(again.texts);
    append(restarted, 'next');
    expect(reopenDurable(restarted).texts).toEqual([...again.texts, 'next']);
  }
}

test('during creation leave a directory that opens, whatever was unsynced', () => {
  for (let steps = 0; ; steps++) {
    const disk = new MemoryDisk();
    const finished = tryOpen(disk, { steps }) !== undefined;
    for (const survivor of survivorsOf(disk)) {
      const again = open(survivor);
      expect(again.texts).toEqual([]);
      append(again, 'a');
      expect([...again.disk.files().keys()]).toEqual([firstSegment]);
      expect(reopenDurable(again).texts).toEqual(['a']);
    }
    if (finished) break;
  }
});

describe('during the mending of a torn tail', () => {
  /** Three records, the last of which misses its last byte. */
  const writeTorn = (): { readonly torn: Uint8Array; readonly offset: number } => {
    const opened = open(new MemoryDisk());
    const { places } = appendBusily(opened, [['a'], ['b'], ['c']]);
    const torn = fileOf(opened.disk.files(), firstSegment).slice(0, -recordHeaderBytes - 1);
    return { torn, offset: places.at(-1)?.address ?? NaN };
  };

  test('change nothing about the outcome', () => {
    const { torn, offset } = writeTorn();
    const leftover = `${firstSegment}.${offset}.torn.tmp`;
    for (let steps = 0; ; steps++) {
      const disk = diskWith(new Map([[leftover, bytes('of an earlier crash')]]), firstSegment, torn);
      const finished = tryOpen(disk, { steps }) !== undefined;
      for (const survivor of survivorsOf(disk)) {
        const again = open(survivor);
        expect(again.texts).toEqual(['a', 'b']);
        const after = again.disk.durableFiles();
        expect(after.get(firstSegment)).toEqual(torn.slice(0, offset));
        expect(after.get(`${firstSegment}.${offset}.torn`)).toEqual(torn.slice(offset));
      }
      if (finished) break;
    }
  });

  test('and during what is appended instead lose nothing', () => {
    const { torn } = writeTorn();
    for (let steps = 0; ; steps++) {
      const opened = open(diskWith(new Map(), firstSegment, torn));
      const caller = startBusyCaller(opened.journal, [['instead'], ['more']]);
      opened.disk.settle(steps);
      const finished = !opened.disk.step();
      for (const survivor of survivorsOf(opened.disk)) {
        const again = open(survivor).texts;
        expect(again.length).toBeGreaterThanOrEqual(2 + caller.acknowledged.length);
        expect(again).toEqual(['a', 'b', 'instead', 'more'].slice(0, again.length));
      }
      if (finished) break;
    }
  });
});

describe('at any disk operation of appends, marks and rolls', () => {
  test('keep everything that was acknowledged to a busy caller', () => {
    expectKeptAfterEveryStep(({ journal }) => {
      const caller = startBusyCaller(journal, groups);
      return { acknowledged: () => caller.acknowledged.length, goOn: () => false };
    });
  });

  test('keep everything that was acknowledged to a caller who pauses, with a mark behind every append', () => {
    expectKeptAfterEveryStep(({ journal }) => {
      let acknowledged = 0;
      let begun = 0;
      const goOn = (): boolean => {
        const body = texts[begun++];
        if (body === undefined) return false;
        journal.append([localBatch(body)], ({ value }) => (acknowledged += value?.length ?? 0));
        return true;
      };
      return { acknowledged: () => acknowledged, goOn };
    });
  });

  test('keep everything that was acknowledged while the disk fills up again and again', () => {
    expectKeptAfterEveryStep(({ disk, journal, clock }) => {
      let tries = 0;
      disk.fails = (operation) => /^(write|create)/.test(operation) && tries++ % 3 === 0 && 'E_DISK_FULL';
      const caller = startBusyCaller(journal, groups);
      const goOn = (): boolean => {
        const isBlocked = clock.pending > 0;
        clock.advance(retryMs);
        return isBlocked;
      };
      return { acknowledged: () => caller.acknowledged.length, goOn };
    });
  });
});

describe('at any disk operation of a caller who gives up the beginning of its log again and again', () => {
  /** One record a segment; several; a floor alone in a segment now and then. */
  const limits = [1, 150, 250];

  interface Releasing {
    readonly caller: KeepingCaller;
    /** How many records were given up, from the first on. */
    released(): number;
    /** Called when the disk is idle. False when nothing is left to do. */
    goOn(): boolean;
  }

  /** Releases all but the last two records, as soon as a record is durable. */
  function start(segmentBytesMax: number, isBusy: boolean): Releasing {
    const caller = new KeepingCaller(new MemoryDisk(), { segmentBytesMax });
    const { journal } = caller.opened;
    let begun = 0;
    let released = 0;
    const appendNext = (): boolean => {
      const body = texts[begun++];
      if (body === undefined) return false;
      journal.append([localBatch(body)], ({ error }) => {
        if (error !== undefined) return;
        released = Math.max(0, caller.count - 2);
        journal.release(caller.places[released]?.address ?? NaN);
        if (isBusy) appendNext();
      });
      return true;
    };
    appendNext();
    return { caller, released: () => released, goOn: () => !isBusy && appendNext() };
  }

  /** Asserts that the next process finds what was needed, and goes on with it. */
  function expectNeeded(survivor: MemoryDisk, segmentBytesMax: number, acknowledged: number, released: number): void {
    const again = new KeepingCaller(survivor, { segmentBytesMax });
    expect(again.base).toBeLessThanOrEqual(released);
    expect(again.count).toBeGreaterThanOrEqual(acknowledged);
    expect(again.texts).toEqual(texts.slice(again.base, again.count));
    const restarted = new KeepingCaller(new MemoryDisk(survivor.durableFiles()), { segmentBytesMax });
    expect(restarted.count).toBe(again.count);
    append(restarted.opened, 'next');
    restarted.opened.journal.release(Infinity);
    restarted.opened.disk.settle();
    const last = new KeepingCaller(new MemoryDisk(restarted.opened.disk.files()), { segmentBytesMax });
    expect(last.count).toBe(again.count + 1);
    expect(last.base).toBeGreaterThanOrEqual(again.base);
  }

  test.each([true, false])('loses nothing that is needed (busy: %s)', (isBusy) => {
    for (const segmentBytesMax of limits) {
      for (let stepsMax = 0; ; stepsMax++) {
        const { caller, released, goOn } = start(segmentBytesMax, isBusy);
        const { disk } = caller.opened;
        let steps = 0;
        while (steps < stepsMax && (disk.step() || (goOn() && disk.step()))) steps++;
        const [acknowledged, givenUp] = [caller.count, released()];
        for (const survivor of survivorsOf(disk)) expectNeeded(survivor, segmentBytesMax, acknowledged, givenUp);
        if (steps === stepsMax) continue;
        expect(acknowledged).toBe(texts.length);
        expect(removalsAmong(disk.operations)).not.toEqual([]);
        break;
      }
    }
  });

  test('loses nothing that is needed when any one operation fails, and the power goes after it', () => {
    for (const code of ['E_DISK_FULL', 'E_STORAGE'] as const) {
      for (let failing = 0; ; failing++) {
        const { caller, released } = start(150, true);
        const { disk, clock } = caller.opened;
        const before = disk.operations.length;
        disk.fails = () => disk.operations.length === before + failing + 1 && code;
        disk.settle();
        clock.advance(retryMs);
        disk.settle();
        disk.fails = () => false;
        for (const survivor of survivorsOf(disk)) expectNeeded(survivor, 150, caller.count, released());
        if (disk.operations.length <= before + failing) break;
      }
    }
  });
});
