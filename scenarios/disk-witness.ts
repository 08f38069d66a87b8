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
 * - A synced byte is read once a life, and only when somebody asks. A look costs nothing in simulated time.
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
import { simulatedDigests, type SimulatedDisk } from '../transport-sim/index.js';
import type { DroppedRange } from './history.js';

/** Consecutive messages, first and last included. */
interface Span {
  readonly first: number;
  last: number;
}

type Batch = Omit<DroppedRange, 'holders'>;

interface Witnessed {
  readonly disk: SimulatedDisk;
  /** Where the last record that was read ends, by file. */
  readonly ends: Map<string, number>;
  /** Files that were cut in this life. The cut is synced some time later, and what is written behind it may be longer than what was there. */
  readonly cut: Set<string>;
  held: Holdings;
  /** What went with removed files, or came with a snapshot. */
  readonly dropped: Holdings;
  snapshots: SnapshotReader;
}

export class DiskWitness {
  readonly #nodes = new Map<NodeName, Witnessed>();

  /** Looks at the disk of one more node. `onDropped` hears of removed files that had messages in them. */
  add(name: NodeName, disk: SimulatedDisk, onDropped: (ranges: readonly DroppedRange[]) => void): void {
    const node: Witnessed = {
      ...{ disk, ends: new Map(), cut: new Set(), held: new Holdings(), dropped: new Holdings() },
      snapshots: new SnapshotReader(simulatedDigests),
    };
    this.#nodes.set(name, node);
    disk.onTruncate = (file) => void node.cut.add(file);
    disk.onRemove = (file, bytes) => {
      if (segmentIndexOf(file) === undefined) return;
      const batches: Batch[] = [];
      // The pieces of a snapshot may have gone with another file.
      readOn(node);
      readRecords(bytes, 0, { onBatch: (batch) => void batches.push(batch), onRecord: () => undefined });
      const ranges = joinBatches(batches);
      if (ranges.length === 0) return;
      onDropped(ranges.map((range) => ({ ...range, holders: this.#holdersOf(range) })));
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
    node.ends.clear();
    node.cut.clear();
    node.held = node.dropped.copy();
    node.snapshots = new SnapshotReader(simulatedDigests);
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

/** Reads what has been synced since the last time. */
function readOn(node: Witnessed): void {
  const { disk, ends, cut, held } = node;
  const reading: Reading = {
    onBatch: (batch) => {
      if (!held.covers(batch)) held.add(batch);
    },
    onRecord: (record) => noteSnapshot(node, record),
  };
  for (const [file, bytes] of disk.syncedFiles) {
    const end = cut.has(file) ? 0 : (ends.get(file) ?? 0);
    if (bytes.length <= end || segmentIndexOf(file) === undefined) continue;
    ends.set(file, Math.max(end, readRecords(bytes, end, reading)));
  }
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
  const identity = identifySegment(bytes, simulatedDigests);
  if (identity === undefined) return from;
  let end = from;
  salvageRecords(bytes, from, identity, simulatedDigests, (record) => {
    end = record.offset + recordHeaderBytes + record.body.length;
    onRecord(record);
    const content = readRecordContent(record, simulatedDigests);
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
