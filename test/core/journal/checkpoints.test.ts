/** Checkpoints: what a segment begins with, so that the log can. */
import { describe, expect, test } from 'vitest';
import { recordTypes } from '../../../core/journal/journal.js';
import { segmentName } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  bytes,
  fileOf,
  localBatch,
  open,
  operationsOf,
  readText,
  retry,
  startBusyCaller,
  text,
} from './journal-fixture.js';
import { KeepingCaller, fill, range, releaseBefore, reopen, segmentsOf } from './keeping-caller.js';

describe('a checkpoint', () => {
  test('is asked for by the append that begins a segment, and stands in front of its entries in the same write', () => {
    const caller = fill(2);
    const { disk, journal } = caller.opened;
    const asked = caller.asked;
    const operations = operationsOf(disk, () => {
      journal.append([localBatch('record 3')], () => undefined);
      expect(caller.asked).toBe(asked + 1);
      disk.settle(2);
    });
    expect(operations).toEqual([`write ${segmentName(3)}`, `sync ${segmentName(3)}`]);
    disk.settle();
    const { records } = reopen(caller.opened).opened;
    expect(records.map(({ entry }) => [entry.type, text(entry.body)])).toEqual([
      [recordTypes.localBatch, 'record 1'],
      [recordTypes.checkpoint, 'base 1'],
      [recordTypes.localBatch, 'record 2'],
      [recordTypes.checkpoint, 'base 2'],
      [recordTypes.localBatch, 'record 3'],
    ]);
    expect(records.map(({ isFirst }) => isFirst)).toEqual([true, false, false, false, false]);
  });

  test('has no place among those of the entries', () => {
    const caller = fill(3);
    const places = append(caller.opened, 'x', 'y');
    expect(places.map((place) => readText(caller.opened, place))).toEqual(['x', 'y']);
  });

  test('is never asked for in the first segment, nor where a segment goes on', () => {
    let asked = 0;
    const checkpoint = (): Uint8Array => bytes(`${++asked}`);
    const opened = open(new MemoryDisk(), { segmentBytesMax: 300, checkpoint });
    append(opened, 'a');
    append(opened, 'b');
    expect(asked).toBe(0);
    while (opened.disk.files().size === 1) append(opened, 'c');
    const before = asked;
    append(opened, 'first of the second');
    expect(asked).toBe(before + 1);
    append(opened, 'second of the second');
    expect(asked).toBe(before + 1);
  });

  test('is asked for once, however often the append is tried, and by the append whose segment an early one has begun', () => {
    const caller = fill(2);
    const { opened } = caller;
    opened.disk.fails = (operation) => operation.startsWith('write') && 'E_DISK_FULL';
    const before = caller.asked;
    const busy = startBusyCaller(opened.journal, [['record 3'], ['record 4']]);
    opened.disk.settle();
    for (let attempt = 0; attempt < 3; attempt++) retry(opened);
    expect(caller.asked).toBe(before + 1);
    opened.disk.fails = () => false;
    retry(opened);
    expect(busy.acknowledged).toEqual(['record 3', 'record 4']);
    expect(caller.asked).toBe(before + 2);
    expect(reopen(opened).texts).toEqual(range(1, 4));
  });

  test('is asked for again by the next process when the segment is still empty', () => {
    const again = reopen(fill(2).opened);
    append(again.opened, 'record 3');
    const { records } = reopen(again.opened).opened;
    expect(text(records.at(-2)?.entry.body ?? bytes(''))).toBe('base 2');
  });

  test('that the caller does not give leaves the segment without one, and the log does not begin there', () => {
    const caller = fill(2);
    caller.isSilent = true;
    append(caller.opened, 'record 3');
    caller.isSilent = false;
    for (const record of [4, 5]) append(caller.opened, `record ${record}`);
    releaseBefore(caller, 3);
    expect(segmentsOf(caller.opened)[0]).toBe(segmentName(2));
    expect(reopen(caller.opened).texts).toEqual(range(2, 5));
    releaseBefore(caller, 4);
    expect(segmentsOf(caller.opened)[0]).toBe(segmentName(4));
  });

  test('is right in front of an append that has waited for the witness of the one before', () => {
    for (let steps = 0; ; steps++) {
      const caller = fill(2);
      const { disk, journal } = caller.opened;
      journal.append([localBatch('record 3')], () => undefined);
      disk.settle(2 + steps);
      const isTidying = disk.step();
      journal.append([localBatch('record 4')], () => undefined);
      disk.settle();
      const again = reopen(caller.opened);
      expect(again.texts).toEqual(range(1, 4));
      const checkpoints = again.opened.records.filter(({ entry }) => entry.type === recordTypes.checkpoint);
      expect(checkpoints.map(({ entry }) => text(entry.body))).toEqual(['base 1', 'base 2', 'base 3']);
      if (!isTidying) break;
    }
  });

  test('stands in every segment, whatever is going on when the append comes that begins it', () => {
    // From full by a byte to full by a floor and a mark.
    for (let segmentBytesMax = 150; segmentBytesMax < 400; segmentBytesMax += 13) {
      for (let steps = 0; steps < 25; steps += 3) {
        const caller = new KeepingCaller(new MemoryDisk(), { segmentBytesMax });
        const { disk, journal } = caller.opened;
        for (let record = 1; record <= 8; record++) {
          let isDone = false;
          journal.append([localBatch(`record ${record}`)], () => {
            isDone = true;
            if (record % 3 === 0) journal.release(caller.places.at(-2)?.address ?? NaN);
          });
          const wasDone = (): boolean => isDone;
          while (!wasDone()) disk.step();
          disk.settle(steps);
        }
        disk.settle();
        const { records } = reopen(caller.opened).opened;
        const bases = records.flatMap(({ entry, place }) => (entry.type === recordTypes.checkpoint ? [place] : []));
        const starts = segmentsOf(caller.opened).filter((name) => name !== segmentName(1));
        const empty = starts.filter((name) => !text(fileOf(disk.files(), name)).includes('record'));
        expect(bases).toHaveLength(starts.length - empty.length);
      }
    }
  });
});
