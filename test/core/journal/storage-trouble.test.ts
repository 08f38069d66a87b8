/** A disk that fails while the journal runs: what is tried again, what is final, and what the caller and the operator hear. */
import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../../core/errors.js';
import { MemoryDisk, type Operation } from '../../support/memory-disk.js';
import {
  append,
  appendBusily,
  close,
  firstSegment,
  localBatch,
  nowhere,
  open,
  operationsOf,
  readText,
  reopenDurable,
  retry,
  retryMs,
  secondSegment,
  startBusyCaller,
  survivorsOf,
  tryAppend,
  type BusyCaller,
  type OpenedJournal,
} from './journal-fixture.js';

/** Small enough for a roll at every third record. */
const segmentBytesMax = 200;
const texts = Array.from({ length: 7 }, (_, position) => `record ${position}`);
const groups = texts.map((body) => [body]);

const codes: readonly ErrorCode[] = ['E_DISK_FULL', 'E_STORAGE'];

/** What fails without doubt about what is on disk, and is tried again. */
const retried = /^(list|open|size|read|create|write|rename)/;
const sync = /^sync/;
const changesSomething = /^(write|truncate|sync|rename|create|remove)/;

/** What a healthy disk does for a busy caller, up to the last acknowledgement. */
const healthyOperations: readonly Operation[] = (() => {
  const { disk, journal } = open(new MemoryDisk(), { segmentBytesMax });
  return operationsOf(disk, () => {
    const caller = startBusyCaller(journal, groups);
    while (caller.acknowledged.length < texts.length) disk.step();
  });
})();

/** Where in `healthyOperations` those stand that match. */
function positionsOf(pattern: RegExp): readonly number[] {
  return healthyOperations.flatMap((operation, position) => (pattern.test(operation) ? [position] : []));
}

/** A journal with a busy caller whose disk fails in `count` operations that match, from the one at `position` on. */
function startFailing(
  position: number,
  count: number,
  pattern: RegExp,
  code: ErrorCode,
): OpenedJournal & { readonly caller: BusyCaller } {
  const opened = open(new MemoryDisk(), { segmentBytesMax });
  const { disk } = opened;
  const start = disk.operations.length;
  let failures = 0;
  disk.fails = (operation) => {
    const isReached = disk.operations.length > start + position;
    return isReached && pattern.test(operation) && failures++ < count && code;
  };
  const caller = startBusyCaller(opened.journal, groups);
  disk.settle();
  return { ...opened, caller };
}

/** Lets time pass for as long as the journal waits for the next attempt. */
function outwait(opened: OpenedJournal): void {
  for (let attempts = 0; opened.clock.pending > 0; attempts++) {
    if (attempts === 20) throw new Error('blocked for ever');
    retry(opened);
  }
}

/** Asserts that whatever is asked for, the journal never writes or syncs again, and that it says why. */
function expectStopped(opened: OpenedJournal, code: ErrorCode, why: string): void {
  const { disk } = opened;
  disk.fails = () => false;
  const operations = operationsOf(disk, () => {
    expect(opened.clock.pending).toBe(0);
    retry(opened);
    const refused = tryAppend(opened, 'refused').error;
    expect(refused?.code).toBe(code);
    expect(refused?.message).toContain(why);
    expect(close(opened).error).toBeUndefined();
  });
  expect(operations.filter((operation) => changesSomething.test(operation))).toEqual([]);
}

/** Asserts that a restart keeps what was acknowledged and goes on, whether the power went or the process alone. */
function expectRestart({ disk }: OpenedJournal, acknowledged: readonly string[], all: readonly string[]): void {
  for (const survivor of survivorsOf(disk)) {
    const again = open(survivor, { segmentBytesMax });
    expect(again.texts.length).toBeGreaterThanOrEqual(acknowledged.length);
    expect(again.texts).toEqual(all.slice(0, again.texts.length));
    append(again, 'next');
    expect(reopenDurable(again).texts).toEqual([...again.texts, 'next']);
  }
}

test('the operations of these tests are writes, syncs and two rolls', () => {
  expect(positionsOf(retried)).toHaveLength(7 + 2 * 7);
  expect(positionsOf(sync)).toHaveLength(7 + 2 * 2);
});

describe.each(codes)('a write that fails with %s', (code) => {
  test('is cut off, told once, and tried again until it works', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'kept');
    const before = opened.disk.files();
    opened.disk.fails = (operation) => operation.startsWith('write') && code;
    const caller = startBusyCaller(opened.journal, [['first', 'second'], ['third']]);
    const attempt = [`write ${firstSegment}`, `truncate ${firstSegment}`];
    expect(operationsOf(opened.disk, () => opened.disk.settle())).toEqual(attempt);
    expect(opened.disk.files()).toEqual(before);
    for (let attempts = 0; attempts < 3; attempts++) {
      opened.clock.advance(retryMs - 1);
      expect(operationsOf(opened.disk, () => opened.disk.settle())).toEqual([]);
      opened.clock.advance(1);
      expect(operationsOf(opened.disk, () => opened.disk.settle())).toEqual(attempt);
    }
    expect(opened.storage).toEqual([`blocked ${code}`]);
    expect(caller).toMatchObject({ acknowledged: [], error: undefined });

    opened.disk.fails = () => false;
    retry(opened);
    expect(opened.storage).toEqual([`blocked ${code}`, 'ok']);
    expect(caller).toMatchObject({ acknowledged: ['first', 'second', 'third'], error: undefined });
    expect(opened.clock.pending).toBe(0);
    expect(reopenDurable(opened).texts).toEqual(['kept', 'first', 'second', 'third']);
  });

  test('is told again when it comes again later', () => {
    const opened = open(new MemoryDisk());
    for (const body of ['a', 'b']) {
      const caller = startBusyCaller(opened.journal, [[body]]);
      opened.disk.fails = (operation) => operation.startsWith('write') && code;
      opened.disk.settle();
      opened.disk.fails = () => false;
      retry(opened);
      expect(caller.acknowledged).toEqual([body]);
    }
    expect(opened.storage).toEqual([`blocked ${code}`, 'ok', `blocked ${code}`, 'ok']);
  });

  test('at any operation of an append or a roll, however often, leaves no trace in the log', () => {
    const healthy = open(new MemoryDisk(), { segmentBytesMax });
    appendBusily(healthy, groups);
    for (const position of positionsOf(retried)) {
      for (const count of [1, 2, 5]) {
        const opened = startFailing(position, count, retried, code);
        const at = `${count} failures from operation ${position}, ${healthyOperations[position]}`;
        expect(opened.storage, at).toEqual([`blocked ${code}`]);
        outwait(opened);
        expect(opened.storage, at).toEqual([`blocked ${code}`, 'ok']);
        expect(opened.caller, at).toMatchObject({ acknowledged: texts, error: undefined });
        expect(opened.disk.files(), at).toEqual(healthy.disk.files());
        expect(opened.disk.durableFiles(), at).toEqual(healthy.disk.durableFiles());
      }
    }
  });

  test('in a roll is made good although for a while nothing at all works, not even removing what was begun', () => {
    for (const position of positionsOf(/\.tmp/).filter((at) => !sync.test(healthyOperations[at] ?? ''))) {
      for (const count of [1, 2, 3, 4]) {
        const opened = startFailing(position, count, /^(?!sync|truncate)/, code);
        outwait(opened);
        expect(opened.caller).toMatchObject({ acknowledged: texts, error: undefined });
        expect(opened.disk.files().has(`${secondSegment}.tmp`)).toBe(false);
        expect(reopenDurable(opened).texts).toEqual(texts);
      }
    }
  });

  test('loses nothing acknowledged when the process dies while it waits', () => {
    for (const position of positionsOf(retried)) {
      const opened = startFailing(position, Infinity, retried, code);
      retry(opened);
      opened.disk.fails = () => false;
      expectRestart(opened, opened.caller.acknowledged, texts);
    }
  });

  test('and cannot be cut off is final: nothing is written or synced any more, and a restart decides', () => {
    for (const position of positionsOf(/^write journal-\d+\.log$/)) {
      const opened = startFailing(position, Infinity, /^(write|truncate)/, code);
      const { acknowledged, error } = opened.caller;
      expect(error?.code).toBe('E_STORAGE');
      expect(opened.storage).toEqual([]);
      expect(opened.disk.operations.at(-1)).toMatch(/^truncate/);
      expectStopped(opened, 'E_STORAGE', 'injected failure of truncate');
      expectRestart(opened, acknowledged, texts);
    }
  });
});

describe.each(codes)('a sync that fails with %s', (code) => {
  test('at any time, of the log, of a new segment or of the directory, is final, and a restart decides', () => {
    for (const position of positionsOf(sync)) {
      const opened = startFailing(position, 1, sync, code);
      const failed = healthyOperations[position] ?? '';
      const { acknowledged, error } = opened.caller;
      expect(error?.code, failed).toBe('E_STORAGE');
      expect(acknowledged).toHaveLength(positionsOf(/^sync journal-\d+\.log$/).filter((at) => at < position).length);
      expect(opened.storage).toEqual([]);
      expectStopped(opened, 'E_STORAGE', `injected failure of ${failed}`);
      expectRestart(opened, acknowledged, texts);
    }
  });
});

describe('a sync that fails', () => {
  test('when at last it could be written is as final, and nobody hears that all is well', () => {
    const opened = open(new MemoryDisk());
    opened.disk.fails = (operation) => operation.startsWith('write') && 'E_DISK_FULL';
    const caller = startBusyCaller(opened.journal, [['a']]);
    opened.disk.settle();
    opened.disk.fails = (operation) => operation.startsWith('sync');
    retry(opened);
    expect(caller.error?.code).toBe('E_STORAGE');
    expect(opened.storage).toEqual(['blocked E_DISK_FULL']);
    expectStopped(opened, 'E_STORAGE', 'injected failure of sync');
  });

  test('leaves the log readable', () => {
    const opened = open(new MemoryDisk());
    const [place = nowhere] = append(opened, 'kept');
    opened.disk.fails = (operation) => operation.startsWith('sync');
    expect(tryAppend(opened, 'lost').error?.code).toBe('E_STORAGE');
    expect(readText(opened, place)).toBe('kept');
  });

  test('is made good by a restart that reports the record, although its pages count as clean', () => {
    const opened = open(new MemoryDisk());
    append(opened, 'first');
    opened.disk.fails = (operation) => operation.startsWith('sync');
    tryAppend(opened, 'second');
    opened.disk.fails = () => false;
    const again = open(opened.disk);
    expect(again.texts).toEqual(['first', 'second']);
    expect(reopenDurable(again).texts).toEqual(['first', 'second']);
  });
});

test('how a file is closed changes nothing, at any time', () => {
  const opened = open(new MemoryDisk(), { segmentBytesMax });
  opened.disk.fails = (operation) => operation.startsWith('close');
  const caller = startBusyCaller(opened.journal, groups);
  opened.disk.settle();
  expect(caller).toMatchObject({ acknowledged: texts, error: undefined });
  expect(opened.storage).toEqual([]);
});

describe('close while nothing can be written', () => {
  test('fails the append that waits with what blocks it, asks for no further attempt, and leaves a clean log', () => {
    for (const code of codes) {
      for (const position of positionsOf(retried)) {
        const opened = startFailing(position, Infinity, retried, code);
        expect(close(opened).error).toBeUndefined();
        expect(opened.caller.error?.code).toBe(code);
        expect(opened.clock.pending).toBe(0);
        retry(opened);
        const again = reopenDurable(opened, { segmentBytesMax });
        expect(again.texts).toEqual(opened.caller.acknowledged);
        expect(again.logged).toEqual([]);
      }
    }
  });

  test('fails the append also when the write fails only then', () => {
    for (const steps of [0, 1]) {
      const opened = open(new MemoryDisk());
      append(opened, 'kept');
      opened.disk.fails = (operation) => operation.startsWith('write') && 'E_DISK_FULL';
      const order: string[] = [];
      opened.journal.append([localBatch('late')], ({ error }) => order.push(`append ${error?.code}`));
      opened.disk.settle(steps);
      opened.journal.close(({ error }) => order.push(`closed ${error?.code}`));
      opened.disk.settle();
      expect(order).toEqual(['append E_DISK_FULL', 'closed undefined']);
      expect(opened.clock.pending).toBe(0);
      expect(opened.storage).toEqual([]);
      expect(reopenDurable(opened)).toMatchObject({ texts: ['kept'], logged: [] });
    }
  });

  test('from within the notice that it is so ends like any other', () => {
    const order: string[] = [];
    const onStorage = (): void => {
      opened.journal.close(({ error }) => order.push(`closed ${error?.code}`));
      opened.journal.append([localBatch('late')], ({ error }) => order.push(`append ${error?.code}`));
    };
    const opened: OpenedJournal = open(new MemoryDisk(), { onStorage });
    opened.disk.fails = (operation) => operation.startsWith('write') && 'E_DISK_FULL';
    const caller = startBusyCaller(opened.journal, [['a']]);
    opened.disk.settle();
    expect(order).toEqual(['append E_CLOSED', 'closed undefined']);
    expect(caller.error?.code).toBe('E_DISK_FULL');
    expect(opened.clock.pending).toBe(0);
  });

  test('from within the notice that it is over lets the append be reported', () => {
    const order: string[] = [];
    const onStorage = (): void => {
      if (opened.storage.at(-1) === 'ok') opened.journal.close(({ error }) => order.push(`closed ${error?.code}`));
    };
    const opened: OpenedJournal = open(new MemoryDisk(), { onStorage });
    opened.disk.fails = (operation) => operation.startsWith('write') && 'E_DISK_FULL';
    opened.journal.append([localBatch('a')], ({ error }) => order.push(`append ${error?.code}`));
    opened.disk.settle();
    opened.disk.fails = () => false;
    retry(opened);
    expect(order).toEqual(['append undefined', 'closed undefined']);
    expect(reopenDurable(opened).texts).toEqual(['a']);
  });
});

test('while nothing can be written, what was written can be read', () => {
  const opened = open(new MemoryDisk());
  const [place = nowhere] = append(opened, 'kept');
  opened.disk.fails = (operation) => operation.startsWith('write');
  opened.journal.append([localBatch('waits')], () => undefined);
  opened.disk.settle();
  expect(opened.storage).toEqual(['blocked E_STORAGE']);
  expect(readText(opened, place)).toBe('kept');
});
