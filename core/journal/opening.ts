/**
 * Opening a log: have it judged, mend what a crash left, and leave everything durable.
 *
 * Invariants:
 * - Nothing is written or removed before every segment has been judged. A log that is refused stays as it was.
 * - The cut bytes of a torn tail are durable under their own name before the tail is cut. Opening can crash at any step
 *   and be done again: a cut that had not happened gives a second copy. The cut itself becomes durable with the next sync of the file,
 *   here or of the next append: until then the tail would only be found torn again.
 * - Whatever was reported is durable when `done` comes. After a process dies the page cache can hold an append that was
 *   never synced, and after a failed sync it can hold pages that the system wrongly counts as clean. Therefore the last
 *   append is written again, byte for byte, before the sync: peers will be told that we keep it.
 */
import { AntecedentError, type ErrorCode } from '../errors.js';
import type { Digests, Disk, Logger, Random } from '../ports.js';
import { afterClosing, inOrder, onValue, success, type Done } from './callbacks.js';
import { createDurably, removeTemporaryFiles } from './durable-file.js';
import { recordTypes } from './record.js';
import type { GoodSegment, RefusedSegment } from './recovery.js';
import type { KeptSegment } from './retention.js';
import { createSegment, type OpenSegment, type SegmentContents } from './segment-file.js';
import { cutName, firstHeader, journalFilePrefix, newLogId, segmentHeaderBytes, type LogTail } from './segment.js';
import { surveyLog, type LogSurvey, type OnSurveyed, type Refusal } from './survey.js';

export interface OpeningPorts {
  readonly disk: Disk;
  readonly digests: Digests;
  readonly random: Random;
  readonly logger: Logger;
  /** Asked when all is read and nothing is changed yet; an error ends the opening. */
  readonly approve?: (() => AntecedentError | undefined) | undefined;
}

export interface OpenedLog extends OpenSegment {
  /** All segments in order. */
  readonly segments: readonly KeptSegment[];
  /** Highest lsn that is not needed any more; 0 when all are. */
  readonly floor: number;
  /** The last segment is not the very first, and holds no record of the caller yet. */
  readonly isFresh: boolean;
  readonly isNew: boolean;
  /** True when nothing in the log stands without a later record that proves it to be synced. */
  readonly hasWitness: boolean;
}

/**
 * Opens the log on `ports.disk`, or makes a new one when there is none. Calls `onRecord` for every good record in order; after
 * an error nothing that it saw counts.
 */
export function openLog(ports: OpeningPorts, onRecord: OnSurveyed, done: Done<OpenedLog>): void {
  surveyLog(
    ports,
    onRecord,
    onValue(done, (survey) => new Opening(ports, survey, done).start()),
  );
}

class Opening {
  readonly #ports: OpeningPorts;
  readonly #survey: LogSurvey;
  readonly #done: Done<OpenedLog>;

  constructor(ports: OpeningPorts, survey: LogSurvey, done: Done<OpenedLog>) {
    this.#ports = ports;
    this.#survey = survey;
    this.#done = done;
  }

  start(): void {
    const { last, refusal } = this.#survey;
    const disapproval = refusal === undefined ? this.#ports.approve?.() : undefined;
    if (refusal !== undefined) this.#refuse(refusal);
    else if (disapproval !== undefined) this.#giveUp(disapproval);
    else if (last !== undefined) this.#finish(last);
    else this.#removeTemporaryFiles(onValue(this.#done, () => this.#create()));
  }

  #giveUp(error: AntecedentError): void {
    const fail = (): void => this.#done({ error });
    if (this.#survey.last === undefined) fail();
    else this.#survey.last.file.close(fail);
  }

  #create(): void {
    const { disk, digests, random } = this.#ports;
    const header = firstHeader(newLogId(random), 1);
    const onCreated = ({ file, tail }: OpenSegment): void => {
      const segments = [{ ...header, hasCheckpoint: false }];
      this.#done(success({ file, tail, segments, floor: 0, isFresh: false, isNew: true, hasWitness: true }));
    };
    createSegment(disk, header, digests, ({ error }) => this.#done({ error }), onCreated);
  }

  /** Every segment is good: mends what a crash left and ends the opening. */
  #finish(last: SegmentContents & { readonly recovery: GoodSegment }): void {
    const { file, recovery } = last;
    const { tail } = recovery;
    inOrder(
      [
        // First, because the copy of the cut bytes may need the name of a leftover.
        (next) => this.#removeTemporaryFiles(next),
        (next) => this.#cutTornTail(last, tail, next),
        (next) => this.#makeDurable(last, recovery, next),
        (next) => this.#removeLeftovers(next),
      ],
      onValue(afterClosing(file, this.#done), () => {
        const { floor, lastType, segments: surveyed } = this.#survey;
        const hasWitness = lastType === recordTypes.synced || tail.end === segmentHeaderBytes;
        const segments = surveyed.map(({ header, firstType }) => {
          return { ...header, hasCheckpoint: firstType === recordTypes.checkpoint };
        });
        const isFresh = tail.index > 1 && surveyed.at(-1)?.firstType === undefined;
        this.#done(success({ file, tail, segments, floor, isFresh, isNew: false, hasWitness }));
      }),
    );
  }

  #cutTornTail({ file, name, bytes }: SegmentContents, tail: LogTail, done: Done<void>): void {
    const cut = bytes.subarray(tail.end);
    if (cut.length === 0) {
      done(success(undefined));
      return;
    }
    const saved = cutName(name, tail.end, this.#survey.names);
    const onCut = (): void => {
      const fields = { file: name, offset: tail.end, bytes: cut.length, lsn: tail.nextLsn, saved };
      this.#ports.logger.log('warn', 'journal-torn-tail-cut', fields);
      done(success(undefined));
    };
    const cutFile = (): void => file.truncate(tail.end, onValue(done, onCut));
    createDurably(
      this.#ports.disk,
      saved,
      cut,
      ({ error }) => done({ error }),
      (copy) => copy.close(onValue(done, cutFile)),
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
    removeTemporaryFiles(this.#ports.disk, this.#survey.names, journalFilePrefix, done);
  }

  /** What a crash left of segments that had been given up. */
  #removeLeftovers(done: Done<void>): void {
    inOrder(
      this.#survey.leftovers.map((name) => (next) => this.#ports.disk.remove(name, next)),
      done,
    );
  }

  #refuse({ name, verdict, offset, reason }: Refusal): void {
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
    'nothing was changed; "antecedent log verify" tells more, "antecedent log repair" puts the damage aside and lets the node fetch back from its peers what is missing',
  foreign: 'nothing was changed; move the files of the other log away, or use "antecedent log repair"',
  unsupported: 'nothing was changed; start the newer program that wrote the log',
};
