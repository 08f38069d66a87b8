/**
 * A caller of the journal who keeps count: its state is the number of its records that are durable, which its checkpoints tell.
 * When it opens a log it checks that every checkpoint says what the records in front of it say.
 */
import { recordTypes, type RecordPlace } from '../../../core/journal/journal.js';
import { segmentName } from '../../../core/journal/segment.js';
import { MemoryDisk, type Operation } from '../../support/memory-disk.js';
import { append, bytes, open, text, type OpenedJournal, type OpenOptions } from './journal-fixture.js';

/** Every record closes its segment. */
export const options = { segmentBytesMax: 1 };

export class KeepingCaller {
  readonly opened: OpenedJournal;
  /** How many records came before those that are still in the log, when it was opened. */
  readonly base: number;
  /** The records that were in the log when it was opened, without the checkpoints. */
  readonly texts: readonly string[];
  /** How often a checkpoint was asked for. */
  asked = 0;
  /** Asked for a checkpoint, it gives none. */
  isSilent = false;
  readonly #places: RecordPlace[] = [];
  #count: number;

  constructor(disk: MemoryDisk, openOptions: OpenOptions = options) {
    this.opened = open(disk, { ...openOptions, checkpoint: () => this.#checkpoint() });
    const { records, journal } = this.opened;
    const texts: string[] = [];
    const [first] = records;
    this.base = first?.entry.type === recordTypes.checkpoint ? countIn(first.entry.body) : 0;
    this.#count = this.base;
    for (const { entry, place, isFirst } of records) {
      if (isFirst !== (place === first?.place)) throw new Error(`record ${place.lsn} is not where it says`);
      if (entry.type === recordTypes.checkpoint) {
        const told = countIn(entry.body);
        if (told !== this.#count) throw new Error(`a checkpoint of ${told} behind ${this.#count} records`);
      } else {
        texts.push(text(entry.body));
        this.#places.push(place);
        this.#count++;
      }
    }
    this.texts = texts;
    // Counted here, so that whatever helper appends keeps the count right when the journal asks.
    const journalAppend = journal.append.bind(journal);
    journal.append = (entries, done) => {
      journalAppend(entries, (result) => {
        if (result.value !== undefined) {
          this.#count += result.value.length;
          this.#places.push(...result.value);
        }
        done(result);
      });
    };
  }

  /** Of the records in the log when it was opened, and of those appended since. */
  get places(): readonly RecordPlace[] {
    return this.#places;
  }

  /** How many records are durable, those given up included. */
  get count(): number {
    return this.#count;
  }

  #checkpoint(): Uint8Array | undefined {
    this.asked++;
    return this.isSilent ? undefined : bytes(`base ${this.#count}`);
  }
}

function countIn(checkpoint: Uint8Array): number {
  return Number(text(checkpoint).replace('base ', ''));
}

export function segmentsOf({ disk }: Pick<OpenedJournal, 'disk'>): readonly string[] {
  return [...disk.files().keys()].sort();
}

export function removalsAmong(operations: readonly Operation[]): readonly string[] {
  return operations.flatMap((operation) => /^remove (.*\.log)$/.exec(operation)?.[1] ?? []);
}

/** A log of `count` segments with one record each, 'record 1', ..., and an empty segment behind them. */
export function fill(count: number): KeepingCaller {
  const caller = new KeepingCaller(new MemoryDisk());
  for (let position = 1; position <= count; position++) append(caller.opened, `record ${position}`);
  return caller;
}

export function names(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, position) => segmentName(from + position));
}

export function range(from: number, to: number): readonly string[] {
  return Array.from({ length: to - from + 1 }, (_, position) => `record ${from + position}`);
}

/** Gives up what lies in front of record n, and lets the journal do what follows. */
export function releaseBefore({ opened: { disk, journal }, places }: KeepingCaller, record: number): void {
  journal.release(places[record - 1]?.address ?? Infinity);
  disk.settle();
}

/** What the next process finds. (After a loss of power removed segments may be back: removing is not synced.) */
export function reopen({ disk }: Pick<OpenedJournal, 'disk'>): KeepingCaller {
  return new KeepingCaller(new MemoryDisk(disk.files()));
}
