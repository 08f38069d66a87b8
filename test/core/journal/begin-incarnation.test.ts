/** A log that begins a new incarnation: while it is open, and in a directory that no node uses. */
import { describe, expect, test } from 'vitest';
import { AssertionError } from '../../../core/errors.js';
import { beginIncarnation, type BeginIncarnationOptions } from '../../../core/journal/begin-incarnation.js';
import type { Done } from '../../../core/journal/callbacks.js';
import { repairLog, type Repair } from '../../../core/journal/repair.js';
import { segmentName } from '../../../core/journal/segment.js';
import type { Result } from '../../../core/ports.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  close,
  countingRandom,
  digests,
  fileOf,
  firstSegment,
  localBatch,
  open,
  openError,
  operationsOf,
  reopenDurable,
  retry,
  settled,
  survivorsOf,
  tryAppend,
  tryOpen,
  valueOf,
  type OpenedJournal,
} from './journal-fixture.js';
import { KeepingCaller } from './keeping-caller.js';

function begin({ disk, journal }: OpenedJournal, incarnation: number): Result<void> {
  return settled(disk, (done: Done<void>) => journal.beginIncarnation(incarnation, done));
}

function beginOffline(disk: MemoryDisk, options: BeginIncarnationOptions = {}): Result<number> {
  return settled(disk, (done: Done<number>) => {
    beginIncarnation({ disk, digests, random: countingRandom(5) }, options, done);
  });
}

function newestIncarnation(disk: MemoryDisk): number {
  return open(new MemoryDisk(disk.files())).journal.incarnation;
}

describe('an open journal', () => {
  test('is of the incarnation that it began, durably, with a witness, and goes on', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'of the first');
    const operations = operationsOf(opened.disk, () => expect(begin(opened, 2).error).toBeUndefined());
    expect(operations).toEqual([`write ${firstSegment}`, `sync ${firstSegment}`, `write ${firstSegment}`]);
    expect(opened.journal.incarnation).toBe(2);
    append(opened, 'of the second');
    const again = reopenDurable(opened);
    expect(again.journal.incarnation).toBe(2);
    expect(again.texts).toEqual(['of the first', 'of the second']);
  });

  test('carries it into later segments, and a repair goes beyond it', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: 1 });
    append(opened, 'a');
    begin(opened, 7);
    append(opened, 'b');
    append(opened, 'c');
    const files = opened.disk.files();
    const last = segmentName(files.size);
    expect(new DataView(fileOf(files, last).buffer).getUint32(12, true)).toBe(7);
    // Damage in front of the record that began it: the repair finds it behind.
    const damaged = fileOf(files, firstSegment);
    damaged[70] = (damaged[70] ?? 0) ^ 1;
    const disk = new MemoryDisk(new Map([...files, [firstSegment, damaged]]));
    const repairs = settled<readonly Repair[]>(disk, (done) => {
      repairLog({ disk, digests, random: countingRandom(7) }, done);
    });
    expect(valueOf(repairs).at(-1)?.incarnation).toBe(8);
  });

  test('does not go back, nor begin the same again', () => {
    const opened = open(new MemoryDisk());
    begin(opened, 3);
    for (const incarnation of [1, 2, 3]) {
      expect(() => opened.journal.beginIncarnation(incarnation, () => undefined)).toThrow(AssertionError);
    }
    expect(begin(opened, 4).error).toBeUndefined();
  });

  test('waits with it for the witness of an append, and for room, like an append', () => {
    for (let steps = 0; ; steps++) {
      const opened = open(new MemoryDisk());
      let isDone = false;
      const wasDone = (): boolean => isDone;
      opened.journal.append([localBatch('a')], () => (isDone = true));
      while (!wasDone()) opened.disk.step();
      opened.disk.settle(steps);
      const isTidying = opened.disk.step();
      opened.disk.fails = (operation) => operation.startsWith('write') && 'E_DISK_FULL';
      const results: unknown[] = [];
      opened.journal.beginIncarnation(2, ({ error }) => results.push(error));
      opened.disk.settle();
      expect(results).toEqual([]);
      expect(opened.journal.incarnation).toBe(1);
      opened.disk.fails = () => false;
      retry(opened);
      expect(results).toEqual([undefined]);
      expect(opened.journal.incarnation).toBe(2);
      expect(reopenDurable(opened).texts).toEqual(['a']);
      if (!isTidying) break;
    }
  });

  test('is of the old one when it could not be written, and answers with what stopped it', () => {
    const opened = open(new MemoryDisk());
    opened.disk.fails = (operation) => operation.startsWith('sync');
    expect(begin(opened, 2).error?.code).toBe('E_STORAGE');
    expect(opened.journal.incarnation).toBe(1);
    opened.disk.fails = () => false;
    expect(tryAppend(opened, 'a').error?.code).toBe('E_STORAGE');
    expect(begin(opened, 2).error?.code).toBe('E_STORAGE');
    close(opened);
    expect(begin(opened, 2).error?.code).toBe('E_CLOSED');
  });

  test('leaves the checkpoint of a segment to the append that follows', () => {
    const caller = new KeepingCaller(new MemoryDisk());
    append(caller.opened, 'record 1');
    append(caller.opened, 'record 2');
    begin(caller.opened, 2);
    append(caller.opened, 'record 3');
    append(caller.opened, 'record 4');
    caller.opened.journal.release(caller.places[2]?.address ?? NaN);
    caller.opened.disk.settle();
    const again = new KeepingCaller(new MemoryDisk(caller.opened.disk.files()));
    expect([again.base, again.texts]).toEqual([2, ['record 3', 'record 4']]);
    expect(again.opened.journal.incarnation).toBe(2);
  });

  test('crashed at any step is of the old incarnation or of the new one, and of the new one once that was said', () => {
    for (const segmentBytesMax of [1, 1000]) {
      for (let steps = 0; ; steps++) {
        const opened = open(new MemoryDisk(), { segmentBytesMax });
        append(opened, 'a');
        let isBegun = false;
        const wasBegun = (): boolean => isBegun;
        opened.journal.beginIncarnation(2, () => (isBegun = true));
        opened.disk.settle(steps);
        const isUnderWay = opened.disk.step();
        for (const survivor of survivorsOf(opened.disk)) {
          const again = open(survivor, { segmentBytesMax });
          expect(again.texts).toEqual(['a']);
          expect([1, 2]).toContain(again.journal.incarnation);
          if (wasBegun()) expect(again.journal.incarnation).toBe(2);
        }
        if (!isUnderWay) break;
      }
    }
  });
});

describe('the log in a directory', () => {
  test('begins the next incarnation, or the one that is named, and keeps what it holds', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'a');
    close(opened);
    const { disk } = opened;
    expect(beginOffline(disk).value).toBe(2);
    expect(beginOffline(disk).value).toBe(3);
    expect(beginOffline(disk, { incarnation: 9 }).value).toBe(9);
    const again = open(new MemoryDisk(disk.durableFiles()));
    expect([again.journal.incarnation, again.texts]).toEqual([9, ['a']]);
    append(again, 'b');
    expect(reopenDurable(again).texts).toEqual(['a', 'b']);
  });

  test('is made where there is none, and begins the second, or the one that is named', () => {
    for (const incarnation of [undefined, 5]) {
      const disk = new MemoryDisk();
      expect(beginOffline(disk, { incarnation }).value).toBe(incarnation ?? 2);
      const opened = open(new MemoryDisk(disk.durableFiles()));
      expect([opened.journal.incarnation, opened.texts]).toEqual([incarnation ?? 2, []]);
    }
  });

  test('is refused an incarnation that is not later, and one beyond all, and stays as it was', () => {
    const disk = new MemoryDisk();
    beginOffline(disk, { incarnation: 7 });
    const files = disk.files();
    for (const incarnation of [0, 1, 6, 7, 65, 7.5, NaN]) {
      const { error } = beginOffline(disk, { incarnation });
      expect(error?.code).toBe('E_CONFIG');
      expect(error?.message).toContain('is of incarnation 7 and can begin 8 to 64');
    }
    expect(disk.files()).toEqual(files);
    beginOffline(disk, { incarnation: 64 });
    expect(beginOffline(disk).error?.code).toBe('E_COUNTER_RANGE');
  });

  test('that is damaged is refused, and stays as it was', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'precious');
    const damaged = fileOf(opened.disk.files(), firstSegment);
    damaged[110] = (damaged[110] ?? 0) ^ 1;
    const disk = new MemoryDisk(new Map([[firstSegment, damaged]]));
    expect(beginOffline(disk).error?.code).toBe('E_LOG_CORRUPT');
    expect(disk.files()).toEqual(new Map([[firstSegment, damaged]]));
  });

  test('that began later goes on beginning there', () => {
    const caller = new KeepingCaller(new MemoryDisk());
    for (let record = 1; record <= 4; record++) append(caller.opened, `record ${record}`);
    caller.opened.journal.release(caller.places[2]?.address ?? NaN);
    caller.opened.disk.settle();
    const { disk } = caller.opened;
    expect(beginOffline(disk).value).toBe(2);
    const again = new KeepingCaller(disk);
    expect([again.base, again.texts]).toEqual([2, ['record 3', 'record 4']]);
    append(again.opened, 'record 5');
    expect(new KeepingCaller(disk).texts).toEqual(['record 3', 'record 4', 'record 5']);
  });

  test('answers with the error of any disk operation, closes every file, and can be done again', () => {
    const source = open(new MemoryDisk());
    append(source, 'a');
    close(source);
    for (const code of ['E_DISK_FULL', 'E_STORAGE'] as const) {
      for (let failing = 1; ; failing++) {
        const disk = new MemoryDisk(source.disk.files());
        disk.fails = () => disk.operations.length >= failing && code;
        const { error } = beginOffline(disk);
        const wasReached = disk.operations.length >= failing;
        disk.fails = () => false;
        if (wasReached && error === undefined) expect(newestIncarnation(disk)).toBe(2);
        const count = (verb: string): number => disk.operations.filter((line) => line.startsWith(`${verb} `)).length;
        const opens = disk.operations.filter((line, at) => line.startsWith('open ') && !(at + 1 >= failing)).length;
        expect(count('close')).toBe(opens);
        expect(open(new MemoryDisk(disk.files())).texts).toEqual(['a']);
        expect([2, 3]).toContain(beginOffline(new MemoryDisk(disk.files())).value);
        if (!wasReached) break;
      }
    }
  });

  test('crashed at any disk operation opens as before or as begun, and can be done again', () => {
    for (const isNew of [false, true]) {
      const source = open(new MemoryDisk());
      append(source, 'a');
      const files = isNew ? new Map<string, Uint8Array>() : source.disk.files();
      for (let steps = 0; ; steps++) {
        const disk = new MemoryDisk(files);
        const results: unknown[] = [];
        beginIncarnation({ disk, digests, random: countingRandom(5) }, {}, (result) => results.push(result));
        disk.settle(steps);
        for (const survivor of survivorsOf(disk)) {
          const opened = tryOpen(new MemoryDisk(survivor.files()));
          expect(opened?.error).toBeUndefined();
          expect([1, 2]).toContain(opened?.value?.journal.incarnation);
          if (results.length > 0) expect(opened?.value?.journal.incarnation).toBe(2);
          expect(beginOffline(survivor, { incarnation: 9 }).value).toBe(9);
          expect(open(survivor).texts).toEqual(isNew ? [] : ['a']);
        }
        if (results.length > 0) break;
      }
    }
  });
});

test('a log without its newest segment looks older, but not older than what a repair has put aside', () => {
  const opened = open(new MemoryDisk());
  append(opened, 'a');
  const files = new Map([...opened.disk.files(), [`${segmentName(2)}.3.damaged`, new Uint8Array(1)]]);
  expect(openError(new MemoryDisk(files)).message).toContain('a repair has begun incarnation 3');
  expect(beginOffline(new MemoryDisk(files)).error?.code).toBe('E_LOG_CORRUPT');
});
