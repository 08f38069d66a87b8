/** A journal over a `MemoryDisk`, driven until the disk is idle, so that tests read as sequences. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { AntecedentError } from '../../../core/errors.js';
import { Journal, recordTypes, type JournalEntry, type RecordPlace } from '../../../core/journal/journal.js';
import type { Digests, Random, Result } from '../../../core/ports.js';
import { MemoryDisk } from '../../support/memory-disk.js';

export const firstSegment = 'journal-00000001.log';
export const secondSegment = 'journal-00000002.log';
export const thirdSegment = 'journal-00000003.log';

/** Libraries disagree on the checksum of nothing, so the journal must never ask for it. */
export const digests: Digests = {
  crc32(bytes, seed) {
    if (bytes.length === 0) throw new Error('asked for the checksum of nothing');
    return crc32(bytes, seed);
  },
  chain: (previous, body) => new Uint8Array(createHash('sha256').update(previous).update(body).digest()),
};

/** Different seeds give different log ids. */
export function countingRandom(seed: number): Random {
  let count = seed * 1000;
  return { nextUint32: () => Math.imul(++count, 2654435761) >>> 0 };
}

export interface OpenedJournal {
  readonly disk: MemoryDisk;
  readonly journal: Journal;
  readonly records: readonly { readonly entry: JournalEntry; readonly place: RecordPlace }[];
  /** The bodies of the records as text. */
  readonly texts: readonly string[];
  /** Events logged, as `event file:offset`. */
  readonly logged: readonly string[];
}

export interface OpenOptions {
  readonly segmentBytesMax?: number;
  readonly seed?: number;
  /** Stop after this many disk operations, as if the process died there. */
  readonly steps?: number;
}

export function tryOpen(disk: MemoryDisk, options: OpenOptions = {}): Result<OpenedJournal> | undefined {
  const records: { entry: JournalEntry; place: RecordPlace }[] = [];
  const logged: string[] = [];
  let result: Result<Journal> | undefined;
  Journal.open(
    {
      disk,
      digests,
      random: countingRandom(options.seed ?? 1),
      logger: { log: (_level, event, fields) => logged.push(`${event} ${fields['file']}:${fields['offset']}`) },
      segmentBytesMax: options.segmentBytesMax ?? 1 << 20,
    },
    ({ type, body }, place) => records.push({ entry: { type, body: body.slice() }, place }),
    (opened) => (result = opened),
  );
  disk.settle(options.steps);
  if (result === undefined || result.error !== undefined) return result;
  const texts = records.map(({ entry }) => text(entry.body));
  return { error: undefined, value: { disk, journal: result.value, records, texts, logged } };
}

export function open(disk: MemoryDisk, options: OpenOptions = {}): OpenedJournal {
  const result = tryOpen(disk, options);
  if (result === undefined) throw new Error('the journal did not finish opening');
  return valueOf(result);
}

/** The error of opening a journal that must be refused. */
export function openError(disk: MemoryDisk): AntecedentError {
  const error = tryOpen(disk)?.error;
  if (error === undefined) throw new Error('the journal opened');
  return error;
}

/** Appends local batches as one group. */
export function append({ disk, journal }: OpenedJournal, ...bodies: readonly string[]): readonly RecordPlace[] {
  return valueOf(tryAppend({ disk, journal }, ...bodies));
}

export function tryAppend(
  { disk, journal }: Pick<OpenedJournal, 'disk' | 'journal'>,
  ...bodies: readonly string[]
): Result<readonly RecordPlace[]> {
  return settled(disk, (done) => journal.append(bodies.map(localBatch), done));
}

export function readText({ disk, journal }: OpenedJournal, place: RecordPlace): string {
  return text(valueOf(settled(disk, (done) => journal.read(place, done))));
}

/** Runs one call until the disk is idle. */
export function settled<T>(disk: MemoryDisk, call: (done: (result: Result<T>) => void) => void): Result<T> {
  let result: Result<T> | undefined;
  call((answer) => {
    if (result !== undefined) throw new Error('answered twice');
    result = answer;
  });
  disk.settle();
  if (result === undefined) throw new Error('the call was not answered');
  return result;
}

export function valueOf<T>(result: Result<T>): T {
  if (result.error !== undefined) throw result.error;
  return result.value;
}

export function localBatch(body: string): JournalEntry {
  return { type: recordTypes.localBatch, body: bytes(body) };
}

export function bytes(body: string): Uint8Array {
  return new Uint8Array(Buffer.from(body, 'latin1'));
}

export function text(body: Uint8Array): string {
  return Buffer.from(body).toString('latin1');
}

/** The bytes of a file that must exist. */
export function fileOf(files: ReadonlyMap<string, Uint8Array>, name: string): Uint8Array {
  const found = files.get(name);
  if (found === undefined) throw new Error(`${name} does not exist`);
  return found;
}

/** A disk with one file replaced. */
export function diskWith(files: ReadonlyMap<string, Uint8Array>, name: string, content: Uint8Array): MemoryDisk {
  return new MemoryDisk(new Map([...files, [name, content]]));
}
