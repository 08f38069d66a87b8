/**
 * Repair of a log that recovery refuses: what is good before the damage stays, everything else is put aside, and the log goes
 * on as a new incarnation of its member. The node then fetches back from its peers what it has forgotten.
 *
 * A new incarnation, because seqs behind the damage were given out: peers may hold messages under them, or nobody does, and
 * from what is left that cannot be told.
 *
 * Invariants:
 * - Nothing is deleted. The damaged segment is copied, later ones are renamed; both end with `.damaged`.
 * - At every step the log is either refused as before or repaired, so a repair that dies is simply run again: the copy is
 *   durable before the segment changes; the segment is replaced as a whole, and what replaces it begins the new incarnation
 *   and fits no later segment; these go last, from the end, so that to the very last one the log has a break in it.
 * - A log that begins later goes on beginning there: its checkpoint is trusted, and the floor, which may stand in what goes, is
 *   written again. Where the checkpoint itself is damaged nothing is good, and a new log begins with segment 1.
 */
import { AntecedentError, RemoteProtocolError, assert } from '../errors.js';
import { decodeBatchHeader } from '../message/batch.js';
import { incarnationsMax } from '../message/origin.js';
import { compareNames } from '../names.js';
import type { Digests, Disk, Random } from '../ports.js';
import { AppendEncoder } from './append-encoder.js';
import { afterClosing, inOrder, onValue, success, type Done } from './callbacks.js';
import { createDurably, removeTemporaryFiles } from './durable-file.js';
import { decodeCounter, encodeCounter } from './fixed-width.js';
import { recordTypes, segmentChecksum } from './record.js';
import { floorEntry } from './retention.js';
import { salvageRecords } from './salvage.js';
import { readSegment } from './segment-file.js';
import {
  damagedName,
  decodeSegmentHeader,
  encodeSegmentHeader,
  firstHeader,
  formatVersion,
  headerAfter,
  incarnationOfDamaged,
  logIdIn,
  journalFilePrefix,
  newLogId,
  segmentIndexOf,
  segmentName,
  tailOfEmptySegment,
  type LogTail,
} from './segment.js';
import { surveyLog, type LogSurvey, type Refusal } from './survey.js';

export interface RepairPorts {
  readonly disk: Disk;
  readonly digests: Digests;
  readonly random: Random;
}

/** What a repair has done. */
export interface Repair {
  /** Why the log was refused. */
  readonly refusal: Pick<Refusal, 'name' | 'verdict' | 'offset' | 'reason'>;
  /** Last record that is still in the log; 0 for none. */
  readonly lastLsn: number;
  /** The log goes on as this incarnation. */
  readonly incarnation: number;
  /** Files that are not part of the log any more, under their new names. */
  readonly putAside: readonly string[];
}

/** Each repair leaves fewer segments or ends the log earlier; more than these mean that none helps. */
const repairsMax = 100;

/**
 * Repairs the log on `ports.disk`, which nobody else uses meanwhile, until it is good: before one damage there may be another.
 * Answers what was done, in order; nothing for a log that needs no repair (a torn tail is cut at the next start). Errors:
 * `E_LOG_VERSION` for a log of a newer program, `E_LOG_CORRUPT` when not even the incarnation can be read, and what the
 * disk answers.
 */
export function repairLog(ports: RepairPorts, done: Done<readonly Repair[]>): void {
  const repairs: Repair[] = [];
  const goOn = (repair: Repair | undefined): void => {
    if (repair === undefined) {
      done(success(repairs));
      return;
    }
    repairs.push(repair);
    const { name, offset, reason } = repair.refusal;
    if (repairs.length < repairsMax) repairOnce(ports, onValue(done, goOn));
    else {
      const message = `${name}:${offset}: ${reason}; ${repairsMax} repairs have not helped`;
      done({ error: new AntecedentError('E_LOG_CORRUPT', message) });
    }
  };
  repairOnce(ports, onValue(done, goOn));
}

/** Answers undefined when there is nothing to repair. */
function repairOnce(ports: RepairPorts, done: Done<Repair | undefined>): void {
  const judge = (result: LogSurvey): void => {
    const { refusal } = result;
    if (refusal === undefined) done(success(undefined));
    else if (refusal.verdict === 'unsupported') done({ error: cannotRead(refusal) });
    else new Repairing(ports, result, refusal, done).start();
  };
  const close = (result: LogSurvey): void => {
    if (result.last === undefined) judge(result);
    else result.last.file.close(() => judge(result));
  };
  surveyLog(ports, () => undefined, onValue(done, close));
}

/** The repair of one damage, or of one gap. */
class Repairing {
  readonly #ports: RepairPorts;
  readonly #survey: LogSurvey;
  readonly #refusal: Refusal;
  readonly #done: Done<Repair | undefined>;
  /** Index of the segment that is damaged or missing. */
  readonly #index: number;
  /** Segments behind it, in order. */
  readonly #later: readonly string[];

  constructor(ports: RepairPorts, result: LogSurvey, refusal: Refusal, done: Done<Repair | undefined>) {
    this.#ports = ports;
    this.#survey = result;
    this.#refusal = refusal;
    this.#done = done;
    this.#index = segmentIndexOf(refusal.name) ?? 1;
    this.#later = result.names.filter((name) => (segmentIndexOf(name) ?? 0) > this.#index);
  }

  start(): void {
    // Where the beginning itself is missing, nothing is good.
    const { names, tail } = this.#survey;
    if (names.includes(this.#refusal.name)) this.#readDamaged(tail);
    else this.#replace(tail, undefined);
  }

  #readDamaged(tail: LogTail | undefined): void {
    readSegment(
      this.#ports.disk,
      this.#index,
      onValue(this.#done, ({ file, bytes }) => file.close(() => this.#replace(tail, bytes))),
    );
  }

  /** Puts a good segment in the place of the damaged or missing one, whose bytes are `damaged`. */
  #replace(tail: LogTail | undefined, damaged: Uint8Array | undefined): void {
    this.#findIncarnation(
      tail,
      damaged,
      onValue(this.#done, (known) => {
        if (known === 0) {
          this.#done({ error: cannotRead(this.#refusal) });
          return;
        }
        const incarnation = known + 1;
        if (incarnation > incarnationsMax) {
          this.#done({ error: tooManyIncarnations(this.#refusal) });
          return;
        }
        const lastLsn = (tail?.nextLsn ?? 1) - 1;
        const bytes = this.#makeSegment(tail, damaged, incarnation);
        this.#carryOut(bytes, damaged, incarnation, (putAside) => {
          const { name, verdict, offset, reason } = this.#refusal;
          this.#done(success({ refusal: { name, verdict, offset, reason }, lastLsn, incarnation, putAside }));
        });
      }),
    );
  }

  /** What is good of the segment, or a new one in its place, and the record that begins the new incarnation. */
  #makeSegment(tail: LogTail | undefined, damaged: Uint8Array | undefined, incarnation: number): Uint8Array {
    const { digests, random } = this.#ports;
    const isKept = tail?.index === this.#index;
    const header = tail === undefined ? firstHeader(newLogId(random), incarnation) : headerAfter(tail);
    const empty = encodeSegmentHeader(header, digests);
    const kept = isKept && damaged !== undefined ? damaged.subarray(0, tail.end) : empty.bytes;
    const start = isKept ? tail : tailOfEmptySegment(header, empty.checksum);
    const checksum = segmentChecksum(digests, start.logId, start.index);
    const encoder = new AppendEncoder();
    const begin = { type: recordTypes.incarnation, body: encodeCounter(incarnation) };
    // The floor may stand in what goes. What begins with a checkpoint was allowed to.
    const { firstLsn } = this.#survey;
    const front = tail === undefined || firstLsn === 1 ? [begin] : [floorEntry(firstLsn - 1), begin];
    const first = encoder.encode(front, start, start.nextLsn - 1, checksum);
    const withFirst = concatenate([kept, ...first.chunks]);
    // The file appears as a whole. Damage in the one record that matters must not pass for a torn write.
    const witness = { type: recordTypes.synced, body: new Uint8Array(0) };
    const second = encoder.encode([witness], first.tail, first.tail.nextLsn - 1, checksum);
    return concatenate([withFirst, ...second.chunks]);
  }

  #carryOut(
    segment: Uint8Array,
    damaged: Uint8Array | undefined,
    incarnation: number,
    done: (putAside: readonly string[]) => void,
  ): void {
    const { disk } = this.#ports;
    // Without a tail the new log begins with segment 1, whichever was damaged.
    const target = decodeSegmentHeader(segment, this.#ports.digests)?.header.index ?? this.#index;
    const { names, leftovers } = this.#survey;
    const isFree =
      target === this.#index || !names.includes(segmentName(target)) || leftovers.includes(segmentName(target));
    assert(isFree, `a repair of segment ${this.#index} would replace segment ${target}, which is good`);
    const copy = damagedName(this.#refusal.name, incarnation);
    const aside = (name: string): readonly [string, string] => [name, damagedName(name, incarnation)];
    const renames = this.#later.map(aside).reverse();
    const rename =
      ([from, to]: readonly [string, string]) =>
      (next: Done<void>): void =>
        disk.rename(from, to, next);
    const create = (name: string, bytes: Uint8Array) => (next: Done<void>) => {
      createDurably(
        disk,
        name,
        bytes,
        ({ error }) => next({ error }),
        (file) => file.close(next),
      );
    };
    const moved = target === this.#index || damaged === undefined ? [] : [this.#refusal.name];
    inOrder(
      [
        (next) => removeTemporaryFiles(disk, names, journalFilePrefix, next),
        // Nobody needs them, and a log that begins anew must not take them for its own.
        ...leftovers.map(aside).map(rename),
        ...(damaged === undefined ? [] : [create(copy, damaged)]),
        create(segmentName(target), segment),
        ...renames.map(rename),
        // Its copy is durable: only the name in the log goes.
        ...moved.map((name) => (next: Done<void>) => disk.remove(name, next)),
        (next) => disk.syncDirectory(next),
      ],
      onValue(this.#done, () => {
        const renamed = [...leftovers.map(aside), ...renames].map(([, to]) => to);
        done((damaged === undefined ? renamed : [copy, ...renamed]).sort(compareNames));
      }),
    );
  }

  /**
   * The newest incarnation that anything names: the good part, every header and every whole record behind the damage, and
   * the files that earlier repairs have put aside. 0 when there is nothing.
   */
  #findIncarnation(tail: LogTail | undefined, damaged: Uint8Array | undefined, done: Done<number>): void {
    let strangers = 0;
    let newer: Refusal | undefined;
    let newest = Math.max(tail?.incarnation ?? 0, ...this.#survey.names.map((name) => incarnationOfDamaged(name) ?? 0));
    const look = (bytes: Uint8Array, index: number): void => {
      const header = decodeSegmentHeader(bytes, this.#ports.digests)?.header;
      if (tail !== undefined && header !== undefined && !isSameLog(header.logId, tail.logId)) strangers++;
      if (header !== undefined && header.version !== formatVersion) newer ??= ofNewerProgram(index, header.version);
      newest = Math.max(newest, newestIn(bytes, index, tail?.logId, this.#ports.digests));
    };
    if (damaged !== undefined) look(damaged, this.#index);
    const lookAt = (name: string) => (next: Done<void>) => {
      const index = segmentIndexOf(name) ?? 0;
      readSegment(
        this.#ports.disk,
        index,
        onValue(next, ({ file, bytes }) => {
          look(bytes, index);
          afterClosing(file, next)(success(undefined));
        }),
      );
    };
    inOrder(
      this.#later.map(lookAt),
      onValue(done, () => {
        // A stranger in the first place makes strangers of all others. So does the new log of a repair that died; but that one is
        // of a later incarnation from its first record on.
        const isStrange = strangers > this.#index - 1 && tail?.incarnation === 1;
        // Which records of a newer program are good only that one can tell.
        if (newer !== undefined) done({ error: cannotRead(newer) });
        else if (isStrange) done({ error: cannotTellWhose(this.#refusal) });
        else done(success(newest));
      }),
    );
  }
}

/**
 * The newest incarnation that segment `index` names, in its header or in a record; 0 for one that is not of log `logId`, or
 * that says nothing.
 */
function newestIn(bytes: Uint8Array, index: number, logId: Uint8Array | undefined, digests: Digests): number {
  const header = decodeSegmentHeader(bytes, digests)?.header;
  // Of a damaged header the log id may be whole: then records fit it, for their checksums continue from it.
  const identity = header ?? { logId: logId ?? logIdIn(bytes), index };
  // A foreign segment says nothing about us.
  if (logId !== undefined && !isSameLog(identity.logId, logId)) return 0;
  let newest = header?.incarnation ?? 0;
  salvageRecords(bytes, 0, identity, digests, ({ type, body }) => {
    newest = Math.max(newest, 1);
    if (type === recordTypes.incarnation) newest = Math.max(newest, decodeCounter(body));
    // The record that began it may be the damaged one; what was broadcast since then names it too.
    if (type === recordTypes.localBatch) newest = Math.max(newest, incarnationOf(body));
  });
  return newest;
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The incarnation that a batch of ours names; 0 for a body that is none. */
function incarnationOf(batch: Uint8Array): number {
  try {
    return decodeBatchHeader(batch, undefined).incarnation;
  } catch (error) {
    if (!(error instanceof RemoteProtocolError)) throw error;
    return 0;
  }
}

function ofNewerProgram(index: number, version: number): Refusal {
  const reason = `format version ${version}, this program reads version ${formatVersion}`;
  return { name: segmentName(index), verdict: 'unsupported', tail: undefined, offset: 0, reason };
}

function tooManyIncarnations({ name, offset, reason }: Refusal): AntecedentError {
  const remedy = 'nothing was changed; let this member go and add a new one under a new name';
  const message = `${name}:${offset}: ${reason}, and the member has had ${incarnationsMax} incarnations (${remedy})`;
  return new AntecedentError('E_COUNTER_RANGE', message);
}

function cannotTellWhose({ name, offset, reason }: Refusal): AntecedentError {
  const remedy =
    'nothing was changed; "antecedent log inspect" shows the segments: move those of the other log away, then repair';
  return new AntecedentError(
    'E_LOG_FOREIGN',
    `${name}:${offset}: ${reason}, and so do more segments than do not (${remedy})`,
  );
}

function isSameLog(one: Uint8Array, other: Uint8Array): boolean {
  return one.every((byte, at) => byte === other[at]);
}

function cannotRead({ name, verdict, offset, reason }: Refusal): AntecedentError {
  if (verdict === 'unsupported') {
    return new AntecedentError(
      'E_LOG_VERSION',
      `${name}:${offset}: ${reason} (start the newer program that wrote the log)`,
    );
  }
  const remedy = 'nothing was changed; let this member go and add a new one under a new name';
  return new AntecedentError(
    'E_LOG_CORRUPT',
    `${name}:${offset}: ${reason}, and no part of the log is good (${remedy})`,
  );
}
