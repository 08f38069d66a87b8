/**
 * What the disks of a simulated cluster hold, read from outside: which messages would be there after the worst loss of power.
 *
 * Invariants:
 * - Only whole records in synced bytes of files with a synced name count, as whoever inspects a log would read them. What the
 *   node says, or thinks, of its disk is not asked.
 * - What a node had on its disk counts until its next start, and what went with a file that was removed counts for ever: it was
 *   there. (A start may cut off a torn tail, in which whole records may stand that never counted.)
 * - A snapshot of another node's state holds what is in it, from when on the record stands that makes it count; for ever, as what
 *   is removed later.
 * - A synced byte is read once a life, and only when somebody asks; once more when a file was cut, for then other records may
 *   stand behind the cut. A look costs nothing in simulated time.
 */
import {
  identifySegment,
  originKey,
  readRecordContent,
  recordHeaderBytes,
  salvageRecords,
  SnapshotReader,
  segmentIndexOf,
  type Dot,
  type NodeName,
  type RecoveredRecord,
} from '../core/index.js';
import type { SimulatedDisk } from '../transport-sim/index.js';
import type { DroppedRange } from './history.js';
import { runDigests } from './run-digests.js';

/** Consecutive messages, first and last included. */
interface Span {
  readonly first: number;
  last: number;
}

type Batch = Omit<DroppedRange, 'holders'>;

/** What was read of a file in this life. */
interface FileReading {
  /** Where the last record ends that was read. */
  end: number;
  readonly batches: Batch[];
}

interface Witnessed {
  readonly disk: SimulatedDisk;
  readonly files: Map<string, FileReading>;
  /** Files that were cut, and the cut is not synced. */
  readonly cut: Set<string>;
  held: Holdings;
  /** What went with removed files, or came with a snapshot. */
  readonly dropped: Holdings;
  snapshots: SnapshotReader;
}

export class DiskWitness {
  readonly #nodes = new Map<NodeName, Witnessed>();

  /**
   * Looks at the disk of one more node. `onDropped` hears of removed files that had messages in them, and says whether they count from
   * now on as having been there.
   */
  add(name: NodeName, disk: SimulatedDisk, onDropped: (ranges: readonly DroppedRange[]) => boolean): void {
    const node: Witnessed = {
      ...{ disk, files: new Map(), cut: new Set(), held: new Holdings(), dropped: new Holdings() },
      snapshots: new SnapshotReader(runDigests),
    };
    this.#nodes.set(name, node);
    disk.onTruncate = (file) => void node.cut.add(file);
    disk.onSync = (file) => {
      if (node.cut.delete(file)) readAgain(node);
    };
    disk.onRemove = (file, bytes) => {
      if (segmentIndexOf(file) === undefined) return;
      // The pieces of a snapshot may have gone with another file.
      readOn(node);
      const isCut = node.cut.delete(file);
      const { batches, end } = readingOf(node, file);
      const gone = isCut ? [] : [...batches];
      // With what was never synced.
      readRecords(bytes, isCut ? 0 : end, { onBatch: (batch) => void gone.push(batch), onRecord: () => undefined });
      const ranges = joinBatches(gone);
      if (ranges.length === 0) return;
      if (!onDropped(ranges.map((range) => ({ ...range, holders: this.#holdersOf(range) })))) return;
      for (const range of ranges) for (const holdings of [node.dropped, node.held]) holdings.add(range);
    };
  }

  /** The nodes that have the message on their disks. */
  holdersOf({ origin, incarnation, seq }: Dot): readonly NodeName[] {
    return this.#holdersOf({ origin, incarnation, firstSeq: seq, lastSeq: seq });
  }

  /** The program of a node starts, and may put its log in order. */
  forget(name: NodeName): void {
    const node = this.#nodes.get(name);
    if (node === undefined) return;
    node.cut.clear();
    node.held = node.dropped.copy();
    readAgain(node);
  }

  #holdersOf(range: Batch): readonly NodeName[] {
    const holders: NodeName[] = [];
    for (const [name, node] of this.#nodes) {
      readOn(node);
      if (node.held.covers(range)) holders.push(name);
    }
    return holders;
  }
}

/** Everything on the disk is to be looked at anew, the pieces of snapshots too: they count in order. */
function readAgain(node: Witnessed): void {
  node.files.clear();
  node.snapshots = new SnapshotReader(runDigests);
}

/** Reads what has been synced since the last time. */
function readOn(node: Witnessed): void {
  const { disk, held } = node;
  const onRecord = (record: RecoveredRecord): void => noteSnapshot(node, record);
  for (const [file, bytes] of disk.syncedFiles) {
    // Mostly nothing is new, and this is asked for every copy that a receipt speaks of.
    if (bytes.length <= (node.files.get(file)?.end ?? 0) || segmentIndexOf(file) === undefined) continue;
    const reading = readingOf(node, file);
    const onBatch = (batch: Batch): void => {
      reading.batches.push(batch);
      if (!held.covers(batch)) held.add(batch);
    };
    reading.end = readRecords(bytes, reading.end, { onBatch, onRecord });
  }
}

function readingOf({ files }: Witnessed, file: string): FileReading {
  let reading = files.get(file);
  if (reading === undefined) {
    reading = { end: 0, batches: [] };
    files.set(file, reading);
  }
  return reading;
}

function noteSnapshot({ held, dropped, snapshots }: Witnessed, record: RecoveredRecord): void {
  for (const { origin, incarnation, seq } of snapshots.handle(record) ?? []) {
    const range = { origin, incarnation, firstSeq: 1, lastSeq: seq };
    if (seq > 0) for (const holdings of [dropped, held]) holdings.add(range);
  }
}

interface Reading {
  readonly onBatch: (batch: Batch) => void;
  readonly onRecord: (record: RecoveredRecord) => void;
}

/** Calls both for every whole record behind `from`; returns where the last one ends. */
function readRecords(bytes: Uint8Array, from: number, { onBatch, onRecord }: Reading): number {
  const identity = identifySegment(bytes, runDigests);
  if (identity === undefined) return from;
  let end = from;
  salvageRecords(bytes, from, identity, runDigests, (record) => {
    end = record.offset + recordHeaderBytes + record.body.length;
    onRecord(record);
    const content = readRecordContent(record, runDigests);
    if (content.kind !== 'batch') return;
    const { origin, incarnation, firstSeq, count } = content.header;
    onBatch({ origin, incarnation, firstSeq, lastSeq: firstSeq + count - 1 });
  });
  return end;
}

/** Batches that follow one another in one log as one range. */
function joinBatches(batches: readonly Batch[]): readonly Batch[] {
  const ranges: Batch[] = [];
  for (const batch of batches) {
    const before = ranges.findLastIndex(
      ({ origin, incarnation }) => origin === batch.origin && incarnation === batch.incarnation,
    );
    const range = ranges[before];
    if (range?.lastSeq === batch.firstSeq - 1) ranges[before] = { ...range, lastSeq: batch.lastSeq };
    else ranges.push(batch);
  }
  return ranges;
}

/** Messages on one disk, as spans of each log. */
class Holdings {
  readonly #logs = new Map<string, Span[]>();

  add({ origin, incarnation, firstSeq: first, lastSeq: last }: Batch): void {
    const key = originKey(origin, incarnation);
    const spans = this.#logs.get(key);
    if (spans === undefined) {
      this.#logs.set(key, [{ first, last }]);
      return;
    }
    // Nearly always the next batch of the log.
    const latest = spans.at(-1);
    if (latest?.last === first - 1) latest.last = last;
    else spans.push({ first, last });
  }

  covers({ origin, incarnation, firstSeq, lastSeq }: Batch): boolean {
    const spans = this.#logs.get(originKey(origin, incarnation));
    let next = firstSeq;
    while (next <= lastSeq) {
      const seq = next;
      const span = spans?.find(({ first, last }) => first <= seq && seq <= last);
      if (span === undefined) return false;
      next = span.last + 1;
    }
    return true;
  }

  copy(): Holdings {
    const copy = new Holdings();
    for (const [key, spans] of this.#logs) {
      copy.#logs.set(
        key,
        spans.map((span) => ({ ...span })),
      );
    }
    return copy;
  }
}
