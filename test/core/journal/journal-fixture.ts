/** A journal over a `MemoryDisk`, driven until the disk is idle, so that tests read as sequences. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { AntecedentError } from '../../../core/errors.js';
import { Journal, recordTypes, type JournalEntry, type RecordPlace } from '../../../core/journal/journal.js';
import type { Digests, Random, Result } from '../../../core/ports.js';
import { MemoryDisk, type Operation } from '../../support/memory-disk.js';
import { ManualClock } from '../../transport-tls/manual-clock.js';

export const firstSegment = 'journal-00000001.log';
export const secondSegment = 'journal-00000002.log';
export const thirdSegment = 'journal-00000003.log';

/** Time between attempts while nothing can be written. */
export const retryMs = 1000;

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

/** What `onRecord` was told. */
export interface ReportedRecord {
  readonly entry: JournalEntry;
  readonly place: RecordPlace;
  readonly isFirst: boolean;
}

export interface OpenedJournal {
  readonly disk: MemoryDisk;
  readonly journal: Journal;
  readonly clock: ManualClock;
  /** What `onDamage` was told, as `code message`. */
  readonly damage: readonly string[];
  /** What `onStorage` was told, as `state code`. */
  readonly storage: readonly string[];
  readonly records: readonly ReportedRecord[];
  /** The bodies of the records as text. */
  readonly texts: readonly string[];
  /** Events logged, as `event file:offset`, or `event` when they name no file. */
  readonly logged: readonly string[];
}

export interface OpenOptions {
  readonly segmentBytesMax?: number;
  readonly seed?: number;
  /** Stop after this many disk operations, as if the process died there. */
  readonly steps?: number;
  /** Never, when absent. */
  readonly scrubEveryMs?: number;
  /** No checkpoints, when absent. */
  readonly checkpoint?: () => Uint8Array | undefined;
  readonly onReleased?: (beginAddress: number) => void;
  /** Called within `onStorage`. */
  readonly onStorage?: () => void;
}

export function tryOpen(disk: MemoryDisk, options: OpenOptions = {}): Result<OpenedJournal> | undefined {
  const records: ReportedRecord[] = [];
  const logged: string[] = [];
  const storage: string[] = [];
  const damage: string[] = [];
  const clock = new ManualClock();
  let result: Result<Journal> | undefined;
  Journal.open(
    {
      disk,
      digests,
      random: countingRandom(options.seed ?? 1),
      clock,
      logger: {
        log: (_level, event, { file, offset }) =>
          logged.push(file === undefined ? event : `${event} ${file}:${offset}`),
      },
      checkpoint: options.checkpoint,
      onReleased: options.onReleased,
      segmentBytesMax: options.segmentBytesMax ?? 1 << 20,
      retryMs,
      onStorage: (event) => {
        storage.push('cause' in event ? `${event.state} ${event.cause.code}` : event.state);
        options.onStorage?.();
      },
      scrubEveryMs: options.scrubEveryMs ?? Infinity,
      onDamage: ({ code, message }) => damage.push(`${code} ${message}`),
    },
    ({ type, body }, place, isFirst) => records.push({ entry: { type, body: body.slice() }, place, isFirst }),
    (opened) => (result = opened),
  );
  disk.settle(options.steps);
  if (result === undefined || result.error !== undefined) return result;
  const texts = records.map(({ entry }) => text(entry.body));
  return { error: undefined, value: { disk, journal: result.value, clock, damage, storage, records, texts, logged } };
}

export function open(disk: MemoryDisk, options: OpenOptions = {}): OpenedJournal {
  const result = tryOpen(disk, options);
  if (result === undefined) throw new Error('the journal did not finish opening');
  return valueOf(result);
}

/** What the next process finds after a loss of power that takes everything unsynced with it. */
export function reopenDurable({ disk }: Pick<OpenedJournal, 'disk'>, options: OpenOptions = {}): OpenedJournal {
  return open(new MemoryDisk(disk.durableFiles()), options);
}

/** The error of opening a journal that must be refused. */
export function openError(disk: MemoryDisk, options: OpenOptions = {}): AntecedentError {
  const error = tryOpen(disk, options)?.error;
  if (error === undefined) throw new Error('the journal opened');
  return error;
}

/** Appends local batches as one group, and lets the journal tidy up behind them. */
export function append({ disk, journal }: OpenedJournal, ...bodies: readonly string[]): readonly RecordPlace[] {
  return valueOf(tryAppend({ disk, journal }, ...bodies));
}

export function tryAppend(
  { disk, journal }: Pick<OpenedJournal, 'disk' | 'journal'>,
  ...bodies: readonly string[]
): Result<readonly RecordPlace[]> {
  return settled(disk, (done) => journal.append(bodies.map(localBatch), done));
}

/** How a busy caller fared: one that has the next append ready when one is done. */
export interface BusyCaller {
  /** Bodies of the appends that were reported durable, in order. */
  readonly acknowledged: string[];
  readonly places: RecordPlace[];
  /** What ended it early. */
  error: AntecedentError | undefined;
}

/** Begins to append `groups`, each as soon as the one before is done. The first failure ends it. */
export function startBusyCaller(journal: Journal, groups: readonly (readonly string[])[]): BusyCaller {
  const caller: BusyCaller = { acknowledged: [], places: [], error: undefined };
  const appendFrom = (position: number): void => {
    const group = groups[position];
    if (group === undefined) return;
    journal.append(group.map(localBatch), ({ error, value }) => {
      caller.error = error;
      if (value === undefined) return;
      caller.acknowledged.push(...group);
      caller.places.push(...value);
      appendFrom(position + 1);
    });
  };
  appendFrom(0);
  return caller;
}

/** Appends `groups` without a pause: no marks between them, one behind the last. */
export function appendBusily({ disk, journal }: OpenedJournal, groups: readonly (readonly string[])[]): BusyCaller {
  const caller = startBusyCaller(journal, groups);
  disk.settle();
  if (caller.error !== undefined) throw caller.error;
  return caller;
}

/** Lets the time until the next attempt pass. */
export function retry({ disk, clock }: Pick<OpenedJournal, 'disk' | 'clock'>): void {
  clock.advance(retryMs);
  disk.settle();
}

export function close({ disk, journal }: OpenedJournal): Result<void> {
  return settled(disk, (done) => journal.close(done));
}

/** What `act` makes the disk do. */
export function operationsOf(disk: MemoryDisk, act: () => void): readonly Operation[] {
  const before = disk.operations.length;
  act();
  return disk.operations.slice(before);
}

/** The disk as the next process finds it after a loss of power, and after the death of the process alone. */
export function survivorsOf(disk: MemoryDisk): readonly MemoryDisk[] {
  const afterPowerLoss = new MemoryDisk(disk.durableFiles());
  disk.endProcess();
  return [afterPowerLoss, disk];
}

export function readText({ disk, journal }: OpenedJournal, place: RecordPlace): string {
  return text(valueOf(settled(disk, (done) => journal.read(place, done))));
}

/** For places that must exist: reading here fails. */
export const nowhere: RecordPlace = { address: 0, length: 0, lsn: 0 };

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
