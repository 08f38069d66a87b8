/**
 * The bars that recovery has to clear, as functions of how much is tried: the normal run tries a little of everything, the
 * long run all of it. Each returns what went wrong, in words, because an assertion for every byte would take most of the time.
 * Recovery is asked directly, on bytes.
 */
import { AppendEncoder } from '../../../core/journal/append-encoder.js';
import { recordTypes, type JournalEntry } from '../../../core/journal/journal.js';
import { recordHeaderBytes, segmentChecksum, type Checksum } from '../../../core/journal/record.js';
import { isGood, recoverSegment, type OnRecord, type SegmentRecovery } from '../../../core/journal/recovery.js';
import {
  encodeSegmentHeader,
  firstHeader,
  logIdBytes,
  segmentHeaderBytes,
  tailOfEmptySegment,
  type LogTail,
  type SegmentHeader,
} from '../../../core/journal/segment.js';
import { randomStream, type RandomStream } from '../../../transport-sim/random.js';
import { NativeDigests } from '../../../transport-tls/digests.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import { fileOf, firstSegment, open } from './journal-fixture.js';

const digests = new NativeDigests();
const noBody = new Uint8Array();

interface WrittenRecord {
  readonly lsn: number;
  readonly type: number;
  readonly body: Uint8Array;
  /** Offset behind the record. */
  readonly end: number;
}

export interface WrittenLog {
  readonly bytes: Uint8Array;
  /** All records, marks included; the last one is a mark. */
  readonly records: readonly WrittenRecord[];
}

/** Writes a log of one segment, at least `bytesMin` long, as a node does: small groups, some of them after a pause. */
export function writeLog(seed: string, bytesMin: number): WrittenLog {
  const random = randomStream(seed, 'log');
  const opened = open(new MemoryDisk(), { segmentBytesMax: 2 * bytesMin + 10_000 });
  const records: WrittenRecord[] = [];
  const endOf = (log: readonly WrittenRecord[]): number => log.at(-1)?.end ?? segmentHeaderBytes;
  const add = (type: number, body: Uint8Array): void => {
    records.push({ lsn: records.length + 1, type, body, end: endOf(records) + recordHeaderBytes + body.length });
  };
  const appendNext = (): void => {
    const entries = makeEntries(random, () => fileOf(opened.disk.files(), firstSegment));
    const isPause = random.chance(0.2);
    opened.journal.append(entries, ({ error, value = [] }) => {
      if (error !== undefined) throw error;
      // A number that was not given to us is a mark's.
      if (records.length + 1 < (value[0]?.lsn ?? 0)) add(recordTypes.synced, noBody);
      for (const { type, body } of entries) add(type, body);
      if (!isPause && endOf(records) < bytesMin) appendNext();
    });
  };
  while (endOf(records) < bytesMin) {
    appendNext();
    opened.disk.settle();
  }
  add(recordTypes.synced, noBody);
  const bytes = fileOf(opened.disk.files(), firstSegment);
  if (bytes.length !== endOf(records)) {
    throw new Error(`the log has ${bytes.length} bytes, ${endOf(records)} were expected`);
  }
  return { bytes, records };
}

/** One to five records as a node writes them. A few hold a piece of the log itself: a payload may be anything. */
function makeEntries(random: RandomStream, log: () => Uint8Array): readonly JournalEntry[] {
  return Array.from({ length: random.between(1, 5) }, () => {
    if (random.chance(0.2)) return { type: recordTypes.applied, body: randomBytes(random, random.between(0, 4)) };
    const type = random.pick([recordTypes.localBatch, recordTypes.remoteBatch]);
    if (random.chance(0.05)) return { type, body: log().slice(-random.between(1, 400)) };
    return { type, body: randomBytes(random, random.between(20, random.pick([100, 100, 700]))) };
  });
}

function randomBytes(random: RandomStream, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

function recover(bytes: Uint8Array, onRecord: OnRecord, index = 1): SegmentRecovery {
  return recoverSegment(bytes, { index, previous: undefined, isLast: true }, digests, onRecord);
}

/** Recovers and compares what comes with `records`. Returns the verdict and what is wrong with the records. */
function recoverPrefix(bytes: Uint8Array, records: readonly WrittenRecord[], whole: number): readonly [string, string] {
  let count = 0;
  let different = '';
  const recovery = recover(bytes, ({ type, lsn, body }) => {
    const expected = records[count++];
    const isSame = expected?.lsn === lsn && expected.type === type && Buffer.compare(expected.body, body) === 0;
    if (!isSame && different === '') different = `record ${lsn} is not what was written`;
  });
  if (different === '' && count !== whole) different = `${count} records instead of ${whole}`;
  return [recovery.verdict, different];
}

/** Cuts the log at every byte: the records before the cut come back, all of them and nothing else. */
export function failuresOfCuts({ bytes, records }: WrittenLog): readonly string[] {
  const failures: string[] = [];
  let whole = 0;
  for (let length = segmentHeaderBytes; length <= bytes.length; length++) {
    while ((records[whole]?.end ?? Infinity) <= length) whole++;
    const end = records[whole - 1]?.end ?? segmentHeaderBytes;
    const [verdict, different] = recoverPrefix(bytes.subarray(0, length), records, whole);
    // What would tell that more was there is gone as well, so a cut is always a torn tail.
    if (verdict !== (length === end ? 'clean' : 'torn')) failures.push(`cut to ${length} bytes: ${verdict}`);
    if (different !== '') failures.push(`cut to ${length} bytes: ${different}`);
  }
  return failures;
}

/** Flips every bit: all before the final mark is refused as corrupt, and in the mark only the mark is lost. */
export function failuresOfFlips({ bytes, records }: WrittenLog): readonly string[] {
  const failures: string[] = [];
  const damaged = bytes.slice();
  const markAt = bytes.length - recordHeaderBytes;
  let whole = 0;
  for (let bit = 0; bit < 8 * bytes.length; bit++) {
    const at = bit >> 3;
    while ((records[whole]?.end ?? Infinity) <= at) whole++;
    damaged[at] = (damaged[at] ?? 0) ^ (1 << (bit & 7));
    const [verdict, different] = recoverPrefix(damaged, records, whole);
    damaged[at] = bytes[at] ?? 0;
    if (verdict !== (at < markAt ? 'corrupt' : 'torn')) failures.push(`bit ${bit}: ${verdict}`);
    if (different !== '') failures.push(`bit ${bit}: ${different}`);
  }
  return failures;
}

/** A segment as its bytes would be if everything arrived, made by the journal's own encoder. */
class SegmentWriter {
  readonly #encoder = new AppendEncoder();
  readonly #checksum: Checksum;
  #tail: LogTail;
  #durableLsn: number;
  #bytes: Uint8Array;

  constructor(header: SegmentHeader) {
    const { bytes, checksum } = encodeSegmentHeader(header, digests);
    this.#bytes = bytes;
    this.#tail = tailOfEmptySegment(header, checksum);
    this.#durableLsn = header.firstLsn - 1;
    this.#checksum = segmentChecksum(digests, header.logId, header.index);
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Writes a group; answers the number of its first record. */
  write(entries: readonly JournalEntry[]): number {
    const { chunks, tail } = this.#encoder.encode(entries, this.#tail, this.#durableLsn, this.#checksum);
    const { nextLsn } = this.#tail;
    this.#bytes = new Uint8Array(Buffer.concat([this.#bytes, ...chunks]));
    this.#tail = tail;
    return nextLsn;
  }

  /** Everything written is durable from now on. Answers the number of the last record. */
  sync(): number {
    this.#durableLsn = this.#tail.nextLsn - 1;
    return this.#durableLsn;
  }
}

/** A moment at which something is on its way to the disk. */
interface Unsynced {
  /** As of the last sync. Behind it may stand what an earlier life left there, or what the disk held before. */
  readonly durable: Uint8Array;
  readonly behind: Uint8Array;
  /** With everything that was written since. */
  readonly written: Uint8Array;
  readonly index: number;
  readonly acknowledgedLsn: number;
  /** What may stand under a number. */
  readonly bodies: ReadonlyMap<number, readonly Uint8Array[]>;
}

const mark: JournalEntry = { type: recordTypes.synced, body: noBody };

function makeUnsynced(random: RandomStream): Unsynced {
  const bodies = new Map<number, Uint8Array[]>();
  const write = (writer: SegmentWriter, entries: readonly JournalEntry[]): void => {
    const first = writer.write(entries);
    entries.forEach(({ body }, position) => {
      const lsn = first + position;
      bodies.set(lsn, [...(bodies.get(lsn) ?? []), body]);
    });
  };
  const header = randomHeader(random);
  const writer = new SegmentWriter(header);
  const earlierLife = new SegmentWriter(header);
  let acknowledgedLsn = header.firstLsn - 1;
  for (let appends = random.below(5); appends > 0; appends--) {
    const steps = [...(random.chance(0.4) ? [[mark]] : []), makeEntries(random, () => writer.bytes)];
    for (const entries of steps) {
      write(writer, entries);
      earlierLife.write(entries);
    }
    acknowledgedLsn = writer.sync();
    earlierLife.sync();
  }
  const durable = writer.bytes;
  if (random.chance(0.5)) write(writer, [mark]);
  if (random.chance(0.95)) {
    write(
      writer,
      makeEntries(random, () => writer.bytes),
    );
  }

  // An earlier life may have ended at the same place, and what it had written there was cut off without a sync.
  const other = random.chance(0.5) ? earlierLife : new SegmentWriter(randomHeader(random));
  if (random.chance(0.5)) write(other, [mark]);
  write(
    other,
    makeEntries(random, () => durable),
  );
  const behind = random.chance(0.3) ? other.bytes.subarray(durable.length) : noBody;
  return { durable, behind, written: writer.bytes, index: header.index, acknowledgedLsn, bodies };
}

function randomHeader(random: RandomStream): SegmentHeader {
  const index = random.between(1, 3);
  const firstLsn = index === 1 ? 1 : random.between(2, 1000);
  return { ...firstHeader(randomBytes(random, logIdBytes), 1), index, firstLsn, link: index === 1 ? 0 : 7 };
}

/** What may be found on the disk: each page, or a part of it, has arrived or not, in whatever order. */
function mix(random: RandomStream, { durable, behind, written }: Unsynced): Uint8Array {
  const pageBytes = random.pick([8, 64, 512, 4096]);
  const before = Buffer.concat([durable, behind]);
  const length = random.pick([
    written.length,
    before.length,
    Math.max(written.length, before.length),
    random.between(durable.length, written.length),
    // A file grows by whole blocks before its contents arrive.
    Math.ceil(written.length / pageBytes + random.below(3)) * pageBytes,
  ]);
  const image = new Uint8Array(length);
  image.set(before.subarray(0, length));
  const arrivals = random.pick([0.2, 0.5, 0.9]);
  for (let page = Math.floor(durable.length / pageBytes) * pageBytes; page < length; page += pageBytes) {
    if (!random.chance(arrivals)) continue;
    const arrived = random.chance(0.2) ? random.below(pageBytes) : pageBytes;
    image.set(written.subarray(page, Math.min(page + arrived, length)), page);
  }
  return image;
}

export interface TailOutcome {
  readonly failures: readonly string[];
  /** How many were found torn, and how many complete up to some record. */
  readonly torn: number;
  readonly clean: number;
}

/**
 * Crashes at `count` random moments, with everything that was not synced on the disk or not, page by page: no case is
 * taken for corruption, everything acknowledged is there, and nothing that was never written.
 */
export function tryUnsyncedTails(seed: string, count: number): TailOutcome {
  const failures: string[] = [];
  const verdicts = { clean: 0, torn: 0, corrupt: 0, foreign: 0, unsupported: 0 };
  for (let position = 0; position < count; position++) {
    const random = randomStream(`${seed} ${position}`, 'tails');
    const unsynced = makeUnsynced(random);
    const onRecord: OnRecord = ({ lsn, body }) => {
      const isWritten = unsynced.bodies.get(lsn)?.some((written) => Buffer.compare(written, body) === 0);
      if (isWritten !== true) failures.push(`tail ${position}: record ${lsn} was never written`);
    };
    const recovery = recover(mix(random, unsynced), onRecord, unsynced.index);
    verdicts[recovery.verdict]++;
    if (!isGood(recovery)) failures.push(`tail ${position}: ${recovery.verdict}: ${recovery.reason}`);
    else if (recovery.tail.nextLsn <= unsynced.acknowledgedLsn) {
      failures.push(`tail ${position}: lost what was acknowledged`);
    }
  }
  return { failures, torn: verdicts.torn, clean: verdicts.clean };
}
