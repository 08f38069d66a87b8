/** Writes logs to real directories, with the journal of production and real batches, for whoever reads logs. */
import {
  appendFileSync,
  copyFileSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import {
  emptyLogState,
  Journal,
  nodeName,
  recordTypes,
  type Clock,
  type JournalEntry,
  type JournalOptions,
  type RecordPlace,
  type Result,
} from '../../core/index.js';
import { BatchEncoder } from '../../core/message/batch-encoder.js';
import { ByteWriter } from '../../core/message/bytes.js';
import { Slab } from '../../core/message/slab.js';
import { DirectoryDisk, SystemRandom } from '../../transport-tls/index.js';
import { makeTestDirectory } from './certificates.js';
import { nodeDigests } from './digests.js';

/** Nothing here waits for time. */
const stoppedClock: Clock = { nowMs: () => 0, wakeAt: () => () => undefined };

export class LogWriter {
  readonly #journal: Journal;

  private constructor(journal: Journal) {
    this.#journal = journal;
  }

  static async open(directory: string, options: Partial<JournalOptions> = {}): Promise<LogWriter> {
    const journal = await answer<Journal>((done) => {
      Journal.open(
        {
          disk: new DirectoryDisk(directory),
          digests: nodeDigests,
          random: new SystemRandom(),
          clock: stoppedClock,
          logger: { log: () => undefined },
          segmentBytesMax: 1 << 20,
          retryMs: 1000,
          onStorage: () => undefined,
          scrubEveryMs: 1000,
          onDamage: () => undefined,
          ...options,
        },
        () => undefined,
        done,
      );
    });
    return new LogWriter(journal);
  }

  append(...entries: readonly JournalEntry[]): Promise<readonly RecordPlace[]> {
    return answer((done) => this.#journal.append(entries, done));
  }

  /** Gives up everything that can go, at the latest with the next append. */
  release(): void {
    this.#journal.release(Infinity);
  }

  close(): Promise<void> {
    return answer((done) => this.#journal.close(done));
  }
}

/** Makes the batches of one origin, one after the other. */
export class BatchSource {
  readonly #encoder: BatchEncoder;
  readonly #type: JournalEntry['type'];

  constructor(name: string, owner: 'own' | 'peer') {
    this.#type = owner === 'own' ? recordTypes.localBatch : recordTypes.remoteBatch;
    this.#encoder = new BatchEncoder({
      self: { name: nodeName(name), incarnation: 1 },
      state: emptyLogState,
      origins: () => ({ name: nodeName(name), incarnation: 1 }),
      digests: nodeDigests,
      slab: new Slab(),
      bytesTarget: 1 << 20,
    });
  }

  /** The record of a batch with the next `count` messages. */
  next(count = 1): JournalEntry {
    for (let made = 0; made < count; made++) this.#encoder.add(new Uint8Array(20).fill(0x61), new Map());
    const [batch] = this.#encoder.seal();
    return { type: this.#type, body: batch?.batch ?? new Uint8Array() };
  }
}

export function applied(position: number): JournalEntry {
  const body = new ByteWriter(8);
  body.varint(position);
  return { type: recordTypes.applied, body: body.view().slice() };
}

/** The segments of the sample log. */
export const sampleSegments = [
  'journal-00000001.log',
  'journal-00000002.log',
  'journal-00000003.log',
  'journal-00000004.log',
] as const;

/** A segment that is none of it, and not the next one either. */
export const strangeSegment = 'journal-00000006.log';

/**
 * A log of four segments: messages 1 to 12 of a, whose log it is, and 1 to 12 of b, in pairs of records with a mark and an
 * applied position behind every third.
 */
export async function writeSampleLog(directory: string): Promise<void> {
  const log = await LogWriter.open(directory, { segmentBytesMax: 900 });
  const [a, b] = [new BatchSource('a', 'own'), new BatchSource('b', 'peer')];
  for (let round = 1; round <= 12; round++) {
    await log.append(a.next(), b.next());
    if (round % 3 === 0) await log.append(applied(2 * round));
  }
  await log.close();
}

/** A log of one record, which is whole, but whose body is no batch. */
export async function writeUnreadableLog(directory: string): Promise<void> {
  const log = await LogWriter.open(directory);
  const { type, body } = new BatchSource('a', 'own').next();
  await log.append({ type, body: body.subarray(1) });
  await log.close();
}

/** The content of every file, by name; directories are left out. */
export function contentsOf(directory: string): ReadonlyMap<string, Buffer> {
  const names = readdirSync(directory, { withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(names.map(({ name }) => [name, readFileSync(join(directory, name))]));
}

/** Turns one bit of a file over; a negative offset counts from the end. */
export function flipBit(directory: string, file: string, offset: number): void {
  const path = join(directory, file);
  const bytes = readFileSync(path);
  const at = offset < 0 ? bytes.length + offset : offset;
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

export function cutOff(directory: string, file: string, bytes: number): void {
  const path = join(directory, file);
  truncateSync(path, statSync(path).size - bytes);
}

export function addBytes(directory: string, file: string, text: string): void {
  appendFileSync(join(directory, file), text);
}

function answer<T>(call: (done: (result: Result<T>) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((result) => {
      if (result.error === undefined) resolve(result.value);
      else reject(result.error);
    });
  });
}

/** Puts the segment of the same name of another log into the place of `file`. */
export async function putInPlaceOf(directory: string, file: string): Promise<void> {
  const other = makeTestDirectory('other-log');
  await writeSampleLog(other);
  copyFileSync(join(other, file), join(directory, file));
}

/** Makes a segment one of format version 2, as a newer program would write it. */
export function writeFutureVersion(directory: string, file: string): void {
  const path = join(directory, file);
  const bytes = readFileSync(path);
  bytes.writeUInt32LE(2, 8);
  bytes.writeUInt32LE(crc32(bytes.subarray(0, 60)), 60);
  writeFileSync(path, bytes);
}
