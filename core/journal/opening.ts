/**
 * Opening a log: find its segments, recover them one by one, mend a torn tail, and leave everything durable.
 *
 * Invariants:
 * - Nothing is written or removed before every segment has been judged. A log that is refused stays as it was.
 * - The cut bytes of a torn tail are durable under their own name before the tail is cut. Opening can crash at any step
 *   and be done again: a cut that had not happened gives the same copy under the same name, which replaces the first.
 *   (So does a later, different cut at the same offset.)
 * - Whatever was reported is durable when `done` comes. After a process dies the page cache can hold an append that was
 *   never synced, and after a failed sync it can hold pages that the system wrongly counts as clean. Therefore the last
 *   append is written again, byte for byte, before the sync: peers will be told that we keep it.
 * - One segment is in memory at a time.
 */
import { AntecedentError, type ErrorCode } from '../errors.js';
import type { Digests, Disk, Logger, Random } from '../ports.js';
import { afterClosing, inOrder, onValue, success, type Done } from './callbacks.js';
import { createDurably, removeTemporaryFiles } from './durable-file.js';
import { isGood, recoverSegment, type GoodSegment, type RecoveredRecord, type RefusedSegment } from './recovery.js';
import { createSegment, readSegment, type OpenSegment, type SegmentContents } from './segment-file.js';
import {
  cutName,
  firstHeader,
  journalFilePrefix,
  logIdBytes,
  segmentIndexOf,
  segmentName,
  type LogTail,
} from './segment.js';

export interface OpeningPorts {
  readonly disk: Disk;
  readonly digests: Digests;
  readonly random: Random;
  readonly logger: Logger;
}

/** A segment and the address of its first byte in the journal. */
export interface SegmentStart {
  readonly index: number;
  readonly baseAddress: number;
}

export interface OpenedLog extends OpenSegment {
  /** All segments in order. */
  readonly segments: readonly SegmentStart[];
  readonly isNew: boolean;
}

/** Called for every good record in order. Its body is a view into a segment that is given up when the call returns. */
export type OnRecovered = (record: RecoveredRecord, baseAddress: number) => void;

/** Opens the log on `disk`, or makes a new one when there is none. */
export function openLog(ports: OpeningPorts, onRecord: OnRecovered, done: Done<OpenedLog>): void {
  const onNames = (names: readonly string[]): void => new Opening(ports, names, onRecord, done).start();
  ports.disk.list(onValue(done, onNames));
}

class Opening {
  readonly #ports: OpeningPorts;
  /** All files in the directory. */
  readonly #names: readonly string[];
  /** The indexes of the segments: names come in byte order, which is segment order. */
  readonly #indexes: readonly number[];
  readonly #onRecord: OnRecovered;
  readonly #done: Done<OpenedLog>;
  readonly #segments: SegmentStart[] = [];

  constructor(ports: OpeningPorts, names: readonly string[], onRecord: OnRecovered, done: Done<OpenedLog>) {
    this.#ports = ports;
    this.#names = names;
    this.#indexes = names.flatMap((name) => segmentIndexOf(name) ?? []);
    this.#onRecord = onRecord;
    this.#done = done;
  }

  start(): void {
    const gapAt = this.#indexes.findIndex((index, at) => index !== at + 1);
    if (gapAt >= 0) {
      this.#refuse(segmentName(gapAt + 1), { verdict: 'corrupt', offset: 0, reason: 'the segment is missing' });
    } else if (this.#indexes.length === 0) {
      this.#removeTemporaryFiles(onValue(this.#done, () => this.#create()));
    } else {
      this.#recoverFrom(0, undefined);
    }
  }

  #create(): void {
    const { disk, digests, random } = this.#ports;
    const logId = new Uint8Array(logIdBytes);
    const view = new DataView(logId.buffer);
    for (let at = 0; at < logIdBytes; at += 4) view.setUint32(at, random.nextUint32(), true);
    const onCreated = ({ file, tail }: OpenSegment): void => {
      const segments = [{ index: tail.index, baseAddress: tail.baseAddress }];
      this.#done(success({ file, tail, segments, isNew: true }));
    };
    createSegment(disk, firstHeader(logId, 1), digests, onValue(this.#done, onCreated));
  }

  /** Recovers the segment at `position` and all after it. */
  #recoverFrom(position: number, previous: LogTail | undefined): void {
    const index = position + 1;
    const isLast = index === this.#indexes.length;
    const onContents = (contents: SegmentContents): void => {
      const { file, name, bytes } = contents;
      const recovery = recoverSegment(bytes, { index, previous, isLast }, this.#ports.digests);
      if (!isGood(recovery)) {
        file.close(() => this.#refuse(name, recovery));
        return;
      }
      const { baseAddress } = recovery.tail;
      this.#segments.push({ index, baseAddress });
      for (const record of recovery.records) this.#onRecord(record, baseAddress);
      if (isLast) this.#finish(contents, recovery);
      else file.close(onValue(this.#done, () => this.#recoverFrom(position + 1, recovery.tail)));
    };
    readSegment(this.#ports.disk, index, onValue(this.#done, onContents));
  }

  /** Every segment is good: mends what a crash left and ends the opening. */
  #finish(last: SegmentContents, recovery: GoodSegment): void {
    const { file } = last;
    const { tail } = recovery;
    inOrder(
      [
        // First, because the copy of the cut bytes may need the name of a leftover.
        (next) => this.#removeTemporaryFiles(next),
        (next) => this.#cutTornTail(last, tail, next),
        (next) => this.#makeDurable(last, recovery, next),
      ],
      onValue(afterClosing(file, this.#done), () => {
        this.#done(success({ file, tail, segments: this.#segments, isNew: false }));
      }),
    );
  }

  #cutTornTail({ file, name, bytes }: SegmentContents, tail: LogTail, done: Done<void>): void {
    const cut = bytes.subarray(tail.end);
    if (cut.length === 0) {
      done(success(undefined));
      return;
    }
    const saved = cutName(name, tail.end);
    const onCut = (): void => {
      const fields = { file: name, offset: tail.end, bytes: cut.length, lsn: tail.nextLsn, saved };
      this.#ports.logger.log('warn', 'journal-torn-tail-cut', fields);
      done(success(undefined));
    };
    inOrder(
      [
        (next) =>
          createDurably(
            this.#ports.disk,
            saved,
            cut,
            onValue(next, (copy) => copy.close(next)),
          ),
        (next) => file.truncate(tail.end, next),
        (next) => file.sync(next),
      ],
      onValue(done, onCut),
    );
  }

  #makeDurable({ file, bytes }: SegmentContents, { tail, unprovenFrom }: GoodSegment, done: Done<void>): void {
    const unproven = bytes.subarray(unprovenFrom, tail.end);
    const rewrite: readonly ((next: Done<void>) => void)[] = [
      (next) => file.write(unprovenFrom, [unproven], next),
      (next) => file.sync(next),
    ];
    // The segment may have been renamed just before a crash: then its name is not durable yet.
    inOrder([...(unproven.length > 0 ? rewrite : []), (next) => this.#ports.disk.syncDirectory(next)], done);
  }

  #removeTemporaryFiles(done: Done<void>): void {
    removeTemporaryFiles(this.#ports.disk, this.#names, journalFilePrefix, done);
  }

  #refuse(name: string, { verdict, offset, reason }: Omit<RefusedSegment, 'records'>): void {
    const message = `${name}:${offset}: ${reason} (${remedies[verdict]})`;
    this.#done({ error: new AntecedentError(refusalCodes[verdict], message) });
  }
}

const refusalCodes: Readonly<Record<RefusedSegment['verdict'], ErrorCode>> = {
  corrupt: 'E_LOG_CORRUPT',
  foreign: 'E_LOG_FOREIGN',
  unsupported: 'E_LOG_VERSION',
};

const remedies: Readonly<Record<RefusedSegment['verdict'], string>> = {
  corrupt:
    'nothing was changed; keep a copy and restore the newest good one, or let this member go and add a new one under a new name',
  foreign: 'nothing was changed; move the files of the other log away',
  unsupported: 'nothing was changed; start the newer program that wrote the log',
};
