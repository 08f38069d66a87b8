/** Somebody else changes the data directory while the journal writes there: noticed when a segment is closed. */
import { describe, expect, test } from 'vitest';
import { recordHeaderBytes } from '../../../core/journal/record.js';
import { segmentHeaderBytes } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  bytes,
  close,
  fileOf,
  firstSegment,
  open,
  openError,
  operationsOf,
  retry,
  startBusyCaller,
  tryAppend,
  type OpenedJournal,
} from './journal-fixture.js';

/** The segment is full after 'kept', its mark and 'full'. */
const segmentBytesMax = segmentHeaderBytes + 3 * recordHeaderBytes + 8;

/** The segment that our journal is writing. */
function ours(disk: MemoryDisk): Uint8Array {
  return fileOf(disk.files(), firstSegment);
}

/** The same records under another log id. */
function strangers(): Uint8Array {
  const stranger = open(new MemoryDisk(), { seed: 2 });
  append(stranger, 'kept');
  append(stranger, 'full');
  return ours(stranger.disk).slice(0, segmentBytesMax);
}

interface Interference {
  readonly what: string;
  readonly interfere: (disk: MemoryDisk) => void;
  /** What the error says. */
  readonly says: string;
}

const interferences: readonly Interference[] = [
  {
    what: 'deleted',
    interfere: (disk) => disk.replace(firstSegment, undefined),
    says: 'was deleted or renamed',
  },
  {
    what: 'renamed',
    interfere: (disk) => {
      disk.replace('elsewhere', ours(disk));
      disk.replace(firstSegment, undefined);
    },
    says: 'was deleted or renamed',
  },
  {
    what: 'replaced by the same segment of another log',
    interfere: (disk) => disk.replace(firstSegment, strangers()),
    says: 'was replaced by another file',
  },
  {
    what: 'replaced by something else',
    interfere: (disk) => disk.replace(firstSegment, bytes('x'.repeat(segmentBytesMax))),
    says: 'was replaced by another file',
  },
  {
    what: 'replaced by an older copy of itself',
    interfere: (disk) => disk.replace(firstSegment, ours(disk).slice(0, -1)),
    says: `has ${segmentBytesMax - 1} bytes, we have written ${segmentBytesMax}`,
  },
  {
    what: 'emptied',
    interfere: (disk) => disk.overwrite(firstSegment, new Uint8Array()),
    says: 'was replaced by another file',
  },
  {
    what: 'cut',
    interfere: (disk) => disk.overwrite(firstSegment, ours(disk).slice(0, segmentHeaderBytes)),
    says: `has ${segmentHeaderBytes} bytes, we have written ${segmentBytesMax}`,
  },
  {
    what: 'extended',
    interfere: (disk) => disk.overwrite(firstSegment, new Uint8Array([...ours(disk), 0])),
    says: `has ${segmentBytesMax + 1} bytes, we have written ${segmentBytesMax}`,
  },
];

/** A journal that has just acknowledged what fills its first segment; `behind` is what the caller appends next. */
function justFull(behind: readonly string[]): OpenedJournal & { readonly caller: ReturnType<typeof startBusyCaller> } {
  const opened = open(new MemoryDisk(), { segmentBytesMax });
  append(opened, 'kept');
  const caller = startBusyCaller(opened.journal, [['full'], ...behind.map((body) => [body])]);
  while (caller.acknowledged.length === 0) opened.disk.step();
  expect(ours(opened.disk)).toHaveLength(segmentBytesMax);
  return { ...opened, caller };
}

function expectStopped(opened: OpenedJournal, says: string): void {
  const operations = operationsOf(opened.disk, () => {
    retry(opened);
    const refused = tryAppend(opened, 'refused').error;
    expect(refused?.code).toBe('E_LOG_VANISHED');
    expect(refused?.message).toContain(says);
    expect(close(opened).error).toBeUndefined();
  });
  expect(operations).toEqual([`close ${firstSegment}`]);
}

describe.each(interferences)('a segment that is $what under us', ({ interfere, says }) => {
  test('stops the journal at the append that needs the next one, and nothing is changed any more', () => {
    const opened = justFull(['next']);
    interfere(opened.disk);
    const files = opened.disk.files();
    opened.disk.settle();
    expect(opened.caller.error?.code).toBe('E_LOG_VANISHED');
    expect(opened.caller.error?.message).toContain(`${firstSegment} ${says}`);
    expect(opened.caller.acknowledged).toEqual(['full']);
    expect(opened.storage).toEqual([]);
    expectStopped(opened, says);
    expect(opened.disk.files()).toEqual(files);
  });

  test('stops the journal at once when nobody appends, and the operator hears of it', () => {
    const opened = justFull([]);
    interfere(opened.disk);
    const files = opened.disk.files();
    opened.disk.settle();
    expect(opened.storage).toEqual(['failed E_LOG_VANISHED']);
    expectStopped(opened, says);
    expect(opened.disk.files()).toEqual(files);
  });
});

test('a segment that was cut and written on has its length again: the next start finds the hole', () => {
  const opened = open(new MemoryDisk(), { segmentBytesMax });
  append(opened, 'kept');
  opened.disk.overwrite(firstSegment, ours(opened.disk).slice(0, segmentHeaderBytes + 1));
  append(opened, 'full');
  append(opened, 'next');
  const error = openError(new MemoryDisk(opened.disk.files()), { segmentBytesMax });
  expect(error.code).toBe('E_LOG_CORRUPT');
  expect(error.message).toContain(`${firstSegment}:${segmentHeaderBytes}`);
});
