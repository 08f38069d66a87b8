/**
 * The witness of the last append: without one, damage in it could not be told from a torn write, and would be cut off. It is a
 * mark, or the next segment when the mark would fill this one.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../core/errors.js';
import { recordTypes } from '../../../core/journal/journal.js';
import { decodeRecordHeader, recordHeaderBytes, segmentChecksum, viewOf } from '../../../core/journal/record.js';
import { recoverSegment } from '../../../core/journal/recovery.js';
import { segmentHeaderBytes, segmentIndexOf } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  appendBusily,
  close,
  digests,
  diskWith,
  fileOf,
  firstSegment,
  localBatch,
  open,
  openError,
  operationsOf,
  reopenDurable,
  retry,
  secondSegment,
  startBusyCaller,
  thirdSegment,
  tryAppend,
  tryOpen,
  type OpenedJournal,
} from './journal-fixture.js';

const codes: readonly ErrorCode[] = ['E_DISK_FULL', 'E_STORAGE'];

/** Bytes of a log whose first segment holds one record of this text. */
const lengthWith = (body: string): number => segmentHeaderBytes + recordHeaderBytes + body.length;

/** A limit that this record does not reach, but a mark behind it would. */
const almostFull = lengthWith('a') + 1;

/** The good records of one segment of a log. */
function recordsOf(files: ReadonlyMap<string, Uint8Array>, name: string): { type: number; offset: number }[] {
  const records: { type: number; offset: number }[] = [];
  const index = segmentIndexOf(name) ?? NaN;
  recoverSegment(fileOf(files, name), { index, previous: undefined, isLast: true }, digests, ({ type, offset }) => {
    records.push({ type, offset });
  });
  return records;
}

/** A journal that has acknowledged `body` and has not yet done anything more. */
function justAcknowledged(body: string, segmentBytesMax: number): OpenedJournal {
  const opened = open(new MemoryDisk(), { segmentBytesMax });
  const caller = startBusyCaller(opened.journal, [[body]]);
  while (caller.acknowledged.length === 0) opened.disk.step();
  return opened;
}

describe('a mark', () => {
  test('follows an append that nothing else follows, after it was reported, and is not synced', () => {
    const opened = justAcknowledged('a', 1000);
    const before = fileOf(opened.disk.files(), firstSegment);
    expect(before).toHaveLength(lengthWith('a'));
    expect(operationsOf(opened.disk, () => opened.disk.settle())).toEqual([`write ${firstSegment}`]);
    const after = fileOf(opened.disk.files(), firstSegment);
    expect(after).toHaveLength(lengthWith('a') + recordHeaderBytes);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(fileOf(opened.disk.durableFiles(), firstSegment)).toEqual(before);
  });

  test('is an empty record that says what is synced, and that an old program may pass over', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'a', 'b');
    const bytes = fileOf(opened.disk.files(), firstSegment);
    const checksum = segmentChecksum(digests, bytes.subarray(16, 32), 1);
    const mark = decodeRecordHeader(bytes, viewOf(bytes), bytes.length - recordHeaderBytes, checksum);
    expect(mark).toMatchObject({ type: recordTypes.synced, flags: 0, bodyLength: 0, lsn: 3, durableLsn: 2 });
  });

  test('is not written while appends follow one another', () => {
    const opened = open(new MemoryDisk());
    appendBusily(opened, [['a'], ['b'], ['c']]);
    const types = recordsOf(opened.disk.files(), firstSegment).map(({ type }) => type);
    const { localBatch: batch, synced } = recordTypes;
    expect(types).toEqual([batch, batch, batch, synced]);
  });

  test('has a number of its own and is not reported', () => {
    const opened = open(new MemoryDisk());
    expect([...append(opened, 'a'), ...append(opened, 'b', 'c')].map(({ lsn }) => lsn)).toEqual([1, 3, 4]);
    const again = reopenDurable(opened);
    expect(again.records.map(({ place }) => place.lsn)).toEqual([1, 3, 4]);
  });

  test('makes damage of the record before it corruption, where it was a torn tail without it', () => {
    const opened = justAcknowledged('precious', 1000);
    const damage = (): MemoryDisk => {
      const files = opened.disk.files();
      const damaged = fileOf(files, firstSegment);
      damaged[segmentHeaderBytes + recordHeaderBytes] = 0;
      return diskWith(files, firstSegment, damaged);
    };
    expect(open(damage()).texts).toEqual([]);
    opened.disk.settle();
    expect(openError(damage()).code).toBe('E_LOG_CORRUPT');
  });

  test('that is lost, cut or damaged takes nothing along', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'a');
    append(opened, 'b');
    const files = opened.disk.files();
    const whole = fileOf(files, firstSegment);
    for (let cut = 0; cut <= recordHeaderBytes; cut++) {
      expect(open(diskWith(files, firstSegment, whole.slice(0, whole.length - cut))).texts).toEqual(['a', 'b']);
    }
    for (let bit = 8 * (whole.length - recordHeaderBytes); bit < 8 * whole.length; bit++) {
      const damaged = whole.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const again = open(diskWith(files, firstSegment, damaged));
      expect(again.texts).toEqual(['a', 'b']);
      append(again, 'c');
      expect(reopenDurable(again).texts).toEqual(['a', 'b', 'c']);
    }
  });

  test.each(codes)('whose write fails with %s is cut off, and the log goes on without a word', (code) => {
    const opened = justAcknowledged('a', 1000);
    opened.disk.fails = (operation) => operation.startsWith('write') && code;
    expect(operationsOf(opened.disk, () => opened.disk.settle())).toEqual([
      `write ${firstSegment}`,
      `truncate ${firstSegment}`,
    ]);
    expect(fileOf(opened.disk.files(), firstSegment)).toHaveLength(lengthWith('a'));
    opened.disk.fails = () => false;
    expect(append(opened, 'b').map(({ lsn }) => lsn)).toEqual([2]);
    expect(opened.storage).toEqual([]);
    expect(reopenDurable(opened)).toMatchObject({ texts: ['a', 'b'], logged: [] });
  });

  test('that can neither be written nor cut off stops the journal, and says so though nobody asked', () => {
    const opened = justAcknowledged('a', 1000);
    opened.disk.fails = (operation) => /^(write|truncate)/.test(operation);
    opened.disk.settle();
    opened.disk.fails = () => false;
    expect(opened.storage).toEqual(['failed E_STORAGE']);
    const operations = operationsOf(opened.disk, () => {
      expect(tryAppend(opened, 'b').error?.message).toContain('injected failure of truncate');
      expect(close(opened).error).toBeUndefined();
    });
    expect(operations).toEqual([`close ${firstSegment}`]);
    expect(open(opened.disk).texts).toEqual(['a']);
    expect(opened.storage).toEqual(['failed E_STORAGE']);
  });
});

describe('a segment that a mark would fill', () => {
  test('is followed by the next one instead, which is the better witness', () => {
    const opened = open(new MemoryDisk(), { segmentBytesMax: almostFull });
    append(opened, 'a');
    const files = opened.disk.files();
    expect(fileOf(files, firstSegment)).toHaveLength(lengthWith('a'));
    expect(fileOf(files, secondSegment)).toHaveLength(segmentHeaderBytes);
    expect(opened.disk.durableFiles()).toEqual(files);
    const damaged = fileOf(files, firstSegment);
    damaged[segmentHeaderBytes + recordHeaderBytes] = 0;
    expect(openError(diskWith(files, firstSegment, damaged)).code).toBe('E_LOG_CORRUPT');
    expect(append(opened, 'b').map(({ lsn }) => lsn)).toEqual([2]);
    expect(reopenDurable(opened).texts).toEqual(['a', 'b']);
  });

  test('whatever is appended: no segment is filled by a mark', () => {
    const lengths = fc.array(fc.nat(60), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 400 }), fc.nat(3), (bodyLengths, segmentBytesMax, busy) => {
        const opened = open(new MemoryDisk(), { segmentBytesMax });
        const bodies = bodyLengths.map((length) => 'x'.repeat(length));
        appendBusily(
          opened,
          bodies.slice(0, busy).map((body) => [body]),
        );
        for (const body of bodies.slice(busy)) append(opened, body);
        const files = opened.disk.files();
        const marks = [...files.keys()].flatMap((name) =>
          recordsOf(files, name).filter(({ type }) => type === recordTypes.synced),
        );
        for (const { offset } of marks) expect(offset + recordHeaderBytes).toBeLessThan(segmentBytesMax);
      }),
      { numRuns: 60 },
    );
  });

  test.each(codes)('waits for the next append when the next one cannot be begun: %s', (code) => {
    const healthy = justAcknowledged('a', almostFull);
    const operations = operationsOf(healthy.disk, () => healthy.disk.settle());
    const failing = operations.filter((operation) => !/^(sync|close)/.test(operation));
    expect(failing).toHaveLength(7);
    for (const operation of failing) {
      const opened = justAcknowledged('a', almostFull);
      opened.disk.fails = (other) => other === operation && code;
      opened.disk.settle();
      expect(opened.storage).toEqual([]);
      expect(opened.clock.pending).toBe(0);
      expect(opened.disk.files().has(secondSegment)).toBe(false);
      expect(fileOf(opened.disk.files(), firstSegment)).toEqual(fileOf(healthy.disk.files(), firstSegment));
      opened.disk.fails = () => false;
      append(opened, 'b');
      append(opened, 'c');
      expect(opened.storage).toEqual([]);
      expect(reopenDurable(opened).texts).toEqual(['a', 'b', 'c']);
    }
  });

  test('stops the journal when the next one cannot be synced, and says so though nobody asked', () => {
    for (const operation of [`sync ${secondSegment}.tmp`, 'syncDirectory']) {
      const opened = justAcknowledged('a', almostFull);
      opened.disk.fails = (other) => other === operation;
      opened.disk.settle();
      opened.disk.fails = () => false;
      expect(opened.storage).toEqual(['failed E_STORAGE']);
      const after = operationsOf(opened.disk, () => {
        expect(tryAppend(opened, 'b').error?.message).toContain(`injected failure of ${operation}`);
        expect(close(opened).error).toBeUndefined();
      });
      expect(after).toEqual([`close ${firstSegment}`]);
      expect(reopenDurable(opened).texts).toEqual(['a']);
      expect(open(opened.disk).texts).toEqual(['a']);
    }
  });
});

describe('an append that comes while the witness is written', () => {
  test('waits for it and is then carried out, at whatever step it comes', () => {
    for (const segmentBytesMax of [1000, almostFull]) {
      const healthy = justAcknowledged('a', segmentBytesMax);
      const total = operationsOf(healthy.disk, () => healthy.disk.settle()).length;
      for (let steps = 0; steps < total; steps++) {
        const opened = justAcknowledged('a', segmentBytesMax);
        opened.disk.settle(steps);
        const caller = startBusyCaller(opened.journal, [['b'], ['c']]);
        opened.disk.settle();
        expect(caller).toMatchObject({ acknowledged: ['b', 'c'], error: undefined });
        expect(reopenDurable(opened).texts).toEqual(['a', 'b', 'c']);
      }
    }
  });

  test('is tried again like any other when there is no room', () => {
    const opened = justAcknowledged('a', almostFull);
    opened.disk.fails = (operation) => operation.startsWith('create') && 'E_DISK_FULL';
    const caller = startBusyCaller(opened.journal, [['b'], ['c']]);
    opened.disk.settle();
    retry(opened);
    // The segment still takes what is smaller than it; the append after that needs the next one.
    expect(caller.acknowledged).toEqual(['b']);
    expect(opened.storage).toEqual(['blocked E_DISK_FULL']);
    opened.disk.fails = () => false;
    retry(opened);
    expect(caller.acknowledged).toEqual(['b', 'c']);
    expect(opened.storage).toEqual(['blocked E_DISK_FULL', 'ok']);
    expect([...opened.disk.files().keys()].sort()).toEqual([firstSegment, secondSegment, thirdSegment]);
    expect(reopenDurable(opened).texts).toEqual(['a', 'b', 'c']);
  });

  test('hears why the journal stopped, instead of the operator', () => {
    for (const [segmentBytesMax, failing] of [
      [1000, /^(write|truncate)/],
      [almostFull, /^sync/],
    ] as const) {
      const opened = justAcknowledged('a', segmentBytesMax);
      opened.disk.fails = (operation) => failing.test(operation);
      const caller = startBusyCaller(opened.journal, [['b']]);
      opened.disk.settle();
      expect(caller.error?.code).toBe('E_STORAGE');
      expect(opened.storage).toEqual([]);
      opened.disk.fails = () => false;
      expect(tryAppend(opened, 'c').error?.code).toBe('E_STORAGE');
    }
  });

  test('is carried out before the journal closes', () => {
    for (const segmentBytesMax of [1000, almostFull]) {
      const opened = justAcknowledged('a', segmentBytesMax);
      const order: string[] = [];
      opened.journal.append([localBatch('b')], ({ error }) => order.push(`append ${error?.code}`));
      opened.journal.close(({ error }) => order.push(`closed ${error?.code}`));
      opened.disk.settle();
      expect(order).toEqual(['append undefined', 'closed undefined']);
      expect(reopenDurable(opened).texts).toEqual(['a', 'b']);
    }
  });
});

describe('close', () => {
  test('lets the witness be finished', () => {
    for (const segmentBytesMax of [1000, almostFull]) {
      const healthy = justAcknowledged('a', segmentBytesMax);
      healthy.disk.settle();
      const opened = justAcknowledged('a', segmentBytesMax);
      let isClosed = false;
      opened.journal.close(({ error }) => (isClosed = error === undefined));
      opened.disk.settle();
      expect(isClosed).toBe(true);
      expect(opened.disk.files()).toEqual(healthy.disk.files());
    }
  });

  test('while the last append is under way leaves a witness too', () => {
    for (const segmentBytesMax of [1000, almostFull]) {
      const healthy = justAcknowledged('a', segmentBytesMax);
      healthy.disk.settle();
      const opened = open(new MemoryDisk(), { segmentBytesMax });
      startBusyCaller(opened.journal, [['a']]);
      expect(close(opened).error).toBeUndefined();
      expect(opened.disk.files()).toEqual(healthy.disk.files());
    }
  });

  test('as soon as the last append is done leaves a witness too', () => {
    for (const segmentBytesMax of [1000, almostFull]) {
      const healthy = justAcknowledged('a', segmentBytesMax);
      healthy.disk.settle();
      const opened = open(new MemoryDisk(), { segmentBytesMax });
      let isClosed = false;
      const closeJournal = (): void => opened.journal.close(({ error }) => (isClosed = error === undefined));
      opened.journal.append([localBatch('a')], closeJournal);
      opened.disk.settle();
      expect(isClosed).toBe(true);
      expect(opened.disk.files()).toEqual(healthy.disk.files());
    }
  });
});

describe('opening', () => {
  /** What a crash leaves of a journal that has acknowledged an append and not done anything more. */
  const crashed = (segmentBytesMax: number): MemoryDisk =>
    new MemoryDisk(justAcknowledged('precious', segmentBytesMax).disk.files());

  test('gives what it reports a witness too: peers hear that we keep it', () => {
    for (const segmentBytesMax of [1000, lengthWith('precious') + 1]) {
      const again = open(crashed(segmentBytesMax), { segmentBytesMax });
      expect(again.texts).toEqual(['precious']);
      const files = again.disk.files();
      const damaged = fileOf(files, firstSegment);
      damaged[segmentHeaderBytes + recordHeaderBytes] = 0;
      expect(openError(diskWith(files, firstSegment, damaged)).code).toBe('E_LOG_CORRUPT');
    }
  });

  test('again and again adds no second witness', () => {
    for (const segmentBytesMax of [1000, lengthWith('precious') + 1]) {
      const first = open(crashed(segmentBytesMax), { segmentBytesMax });
      for (const again of [reopenDurable(first, { segmentBytesMax }), open(first.disk, { segmentBytesMax })]) {
        expect(again.disk.files()).toEqual(first.disk.files());
      }
    }
  });

  test('lets an append wait for the witness that it writes', () => {
    for (const segmentBytesMax of [1000, lengthWith('precious') + 1]) {
      const disk = crashed(segmentBytesMax);
      const again = open(disk, { segmentBytesMax, steps: operationsToOpen(segmentBytesMax) });
      const caller = startBusyCaller(again.journal, [['next']]);
      disk.settle();
      expect(caller).toMatchObject({ acknowledged: ['next'], error: undefined });
      expect(reopenDurable(again).texts).toEqual(['precious', 'next']);
    }
  });

  /** Disk operations up to the answer. */
  function operationsToOpen(segmentBytesMax: number): number {
    for (let steps = 0; ; steps++) {
      if (tryOpen(crashed(segmentBytesMax), { segmentBytesMax, steps }) !== undefined) return steps;
    }
  }
});
