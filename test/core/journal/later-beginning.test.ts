/** A log that has given up its beginning, as the next process finds it. */
import { describe, expect, test } from 'vitest';
import { recordTypes } from '../../../core/journal/journal.js';
import { segmentHeaderBytes, segmentName } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import { append, fileOf, openError, survivorsOf, tryOpen } from './journal-fixture.js';
import { KeepingCaller, fill, names, options, range, releaseBefore, reopen, segmentsOf } from './keeping-caller.js';

describe('a log that begins later', () => {
  test('survives a crash at any step of giving up, and what came back is removed at the next start', () => {
    for (let steps = 0; ; steps++) {
      const caller = fill(5);
      const { disk, journal } = caller.opened;
      journal.release(caller.places[3]?.address ?? NaN);
      disk.settle(steps);
      const isUnderWay = disk.step();
      for (const survivor of survivorsOf(disk)) {
        const again = new KeepingCaller(survivor);
        const isGivenUp = segmentsOf(again.opened)[0] === segmentName(4);
        expect(again.texts).toEqual(range(isGivenUp ? 4 : 1, 5));
        append(again.opened, 'record 6');
        const restarted = reopen(again.opened);
        expect(segmentsOf(restarted.opened)[0]).toBe(segmentName(isGivenUp ? 4 : 1));
        expect(restarted.texts).toEqual(range(isGivenUp ? 4 : 1, 6));
      }
      if (!isUnderWay) break;
    }
  });

  test('opens whatever removals the loss of power has undone, and removes them again', () => {
    const before = fill(5).opened.disk.files();
    const caller = fill(5);
    releaseBefore(caller, 5);
    const kept = caller.opened.disk.durableFiles();
    const gone = names(1, 4);
    for (const name of gone) kept.delete(name);
    for (let subset = 0; subset < 1 << gone.length; subset++) {
      const back = gone.filter((_, position) => (subset & (1 << position)) !== 0);
      const disk = new MemoryDisk(new Map([...kept, ...[...before].filter(([name]) => back.includes(name))]));
      const again = new KeepingCaller(disk);
      expect(segmentsOf(again.opened)).toEqual([...kept.keys()].sort());
      expect(again.texts).toEqual(['record 5']);
      expect(again.base).toBe(4);
    }
  });

  test('opens whatever has become of segments that it does not need any more', () => {
    const before = fill(5).opened.disk.files();
    const caller = fill(5);
    releaseBefore(caller, 4);
    const kept = caller.opened.disk.files();
    const damages: ((content: Uint8Array) => Uint8Array)[] = [
      () => new Uint8Array(0),
      (content) => content.slice(0, segmentHeaderBytes),
      (content) => content.slice(0, -1),
      () => fileOf(before, segmentName(5)),
      ...[0, 20, 40, 63, 70, 104].map((at) => (content: Uint8Array) => {
        const damaged = content.slice();
        damaged[at] = (damaged[at] ?? 0) ^ 0x10;
        return damaged;
      }),
    ];
    for (const name of names(1, 3)) {
      for (const [position, damage] of damages.entries()) {
        // Of a log id that is damaged alone nobody can tell that the segment was ours; the checksum tells.
        const back = [...before].filter(([other]) => names(1, 3).includes(other));
        const disk = new MemoryDisk(new Map([...kept, ...back, [name, damage(fileOf(before, name))]]));
        const again = new KeepingCaller(disk);
        expect(again.texts, `${name}, damage ${position}`).toEqual(range(4, 5));
        expect(segmentsOf(again.opened)[0]).toBe(segmentName(4));
      }
    }
  });

  test('survives a crash at any step of removing what came back', () => {
    const caller = fill(5);
    const before = caller.opened.disk.files();
    releaseBefore(caller, 5);
    // Segment 3 stays gone, so that 1 and 2 stand before a gap.
    before.delete(segmentName(3));
    const files = new Map([...before, ...caller.opened.disk.files()]);
    for (let steps = 0; ; steps++) {
      const disk = new MemoryDisk(files);
      const finished = tryOpen(disk, { ...options, steps }) !== undefined;
      for (const survivor of survivorsOf(disk)) {
        const again = new KeepingCaller(survivor);
        expect(segmentsOf(again.opened)[0]).toBe(segmentName(5));
        expect(again.texts).toEqual(['record 5']);
      }
      if (finished) break;
    }
  });

  test('is corrupt when the floor does not cover what is missing, and the file is named', () => {
    const caller = fill(5);
    releaseBefore(caller, 3);
    const files = caller.opened.disk.files();
    expect([...files.keys()].sort()[0]).toBe(segmentName(3));
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

  test('without any floor is corrupt, though it begins with a checkpoint', () => {
    const files = fill(3).opened.disk.files();
    files.delete(segmentName(1));
    expect(openError(new MemoryDisk(files), options).message).toContain(`${segmentName(1)}:0: the segment is missing`);
  });

  test('with a floor, but without a checkpoint at its beginning, is corrupt, and that is said', () => {
    const caller = fill(2);
    caller.isSilent = true;
    append(caller.opened, 'record 3');
    caller.isSilent = false;
    for (const record of [4, 5]) append(caller.opened, `record ${record}`);
    releaseBefore(caller, 4);
    const files = new Map([...fill(2).opened.disk.files(), ...caller.opened.disk.files()]);
    // Somebody has removed the segment that it begins with, and the one before is there again.
    const silent = fill(2);
    silent.isSilent = true;
    append(silent.opened, 'record 3');
    files.delete(segmentName(4));
    files.set(segmentName(3), fileOf(silent.opened.disk.files(), segmentName(3)));
    const error = openError(new MemoryDisk(files), options);
    expect(error.code).toBe('E_LOG_CORRUPT');
    expect(error.message).toContain(`${segmentName(3)}:${segmentHeaderBytes}: the log begins with this segment`);
  });

  test('counts a floor only if its record is whole and in the log', () => {
    const caller = fill(5);
    releaseBefore(caller, 5);
    const files = caller.opened.disk.files();
    // The segment with the floor record has lost it in a torn tail, and the one behind it is not there.
    const floorSegment = segmentName(6);
    files.delete(segmentName(7));
    files.set(floorSegment, fileOf(files, floorSegment).slice(0, -1));
    expect(openError(new MemoryDisk(files), options).code).toBe('E_LOG_CORRUPT');
  });

  test('repeats its floor in every later segment, so that the last one always tells', () => {
    const caller = fill(5);
    releaseBefore(caller, 4);
    for (let record = 6; record <= 9; record++) append(caller.opened, `record ${record}`);
    const again = reopen(caller.opened);
    append(again.opened, 'record 10');
    for (const { disk } of [caller.opened, again.opened]) {
      const files = disk.files();
      for (const [name, content] of files) {
        if (name <= segmentName(6) || content.length === segmentHeaderBytes) continue;
        expect(content[segmentHeaderBytes + 4], name).toBe(recordTypes.floor);
      }
      expect(files.has(segmentName(3))).toBe(false);
    }
    expect(reopen(again.opened).texts).toEqual(range(4, 10));
  });
});
