/** Makes logs as a node would have written them, and recovers them without a node. */
import { BatchEncoder } from '../core/message/batch-encoder.js';
import { Slab } from '../core/message/slab.js';
import { emptyLogState, Journal, nodeName, recordTypes, type JournalEntry } from '../core/index.js';
import { recoverSegment } from '../core/journal/recovery.js';
import type { LogTail } from '../core/journal/segment.js';
import { NativeDigests } from '../transport-tls/digests.js';
import { DirectoryDisk } from '../transport-tls/disk.js';
import { SystemClock } from '../transport-tls/clock.js';

export interface LogShape {
  readonly messages: number;
  readonly payloadBytes: number;
  /** Messages in one record. */
  readonly perBatch: number;
}

/** Records in one append. */
const perAppend = 500;

/** Writes a log of node a to `directory`. */
export async function writeLog(directory: string, { messages, payloadBytes, perBatch }: LogShape): Promise<void> {
  const digests = new NativeDigests();
  const self = { name: nodeName('a'), incarnation: 1 };
  const encoder = new BatchEncoder({
    self,
    state: emptyLogState,
    origins: () => self,
    digests,
    slab: new Slab(),
    bytesTarget: 64 << 10,
  });
  const journal = await openJournal(directory, digests);
  const payload = new Uint8Array(payloadBytes).fill(65);
  const noNews = new Map<number, number>();
  for (let written = 0; written < messages;) {
    const entries: JournalEntry[] = [];
    while (entries.length < perAppend && written < messages) {
      for (let count = 0; count < perBatch && written < messages; count++, written++) encoder.add(payload, noNews);
      for (const { batch } of encoder.seal()) entries.push({ type: recordTypes.localBatch, body: batch.slice() });
    }
    await new Promise<void>((resolve, reject) => {
      journal.append(entries, ({ error }) => (error === undefined ? resolve() : reject(error)));
    });
  }
  await new Promise<void>((resolve) => journal.close(() => resolve()));
}

/** Recovers all segments of a log, in order. Throws unless all are whole. */
export function recoverLog(segments: readonly Uint8Array[]): void {
  const digests = new NativeDigests();
  let previous: LogTail | undefined;
  segments.forEach((bytes, position) => {
    const context = { index: position + 1, previous, isLast: position === segments.length - 1 };
    const recovery = recoverSegment(bytes, context, digests, () => undefined);
    if (recovery.verdict !== 'clean') throw new Error(`segment ${position + 1} is ${recovery.verdict}`);
    previous = recovery.tail;
  });
}

function openJournal(directory: string, digests: NativeDigests): Promise<Journal> {
  const fail = ({ code }: { readonly code: string }): void => {
    throw new Error(`the journal reports ${code}`);
  };
  return new Promise((resolve, reject) => {
    Journal.open(
      {
        disk: new DirectoryDisk(directory),
        digests,
        random: { nextUint32: () => 1 },
        clock: new SystemClock(),
        logger: { log: () => undefined },
        segmentBytesMax: 16 << 20,
        retryMs: 1_000,
        onStorage: (event) => {
          if (event.state !== 'ok') fail(event.cause);
        },
        scrubEveryMs: Infinity,
        onDamage: fail,
      },
      () => undefined,
      ({ error, value }) => (error === undefined ? resolve(value) : reject(error)),
    );
  });
}
