/**
 * A log on disk, looked at: the verdict that a node would come to when it starts, and what the log holds.
 *
 * - Nothing is made, locked or changed. One segment is in memory at a time.
 * - A node may run there meanwhile. What it is just appending is then seen in part, which is no damage; and it may remove old
 *   segments between our list and our reading, so a log that looks bad is looked at again before that is said.
 */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  AntecedentError,
  compareNames,
  recordHeaderBytes,
  readRecordContent,
  segmentIndexOf,
  segmentName,
  type LogSurvey,
  type RecordContent,
  type Refusal,
} from '../core/index.js';
import { NativeDigests } from './digests.js';
import { findLockHolder, type LockHolder } from './lock-holder.js';
import { findLeftovers, findNotPlain, listSegments, type Leftovers } from './log-directory.js';
import { surveyOf } from './log-survey.js';
import { LogTally, unreadableReason, type OriginTally, type UnreadableRecord } from './log-tally.js';
import { ReadOnlyDirectoryDisk } from './read-only-disk.js';

/**
 * clean: every byte is good · torn: what the last append left unfinished, cut off by the next start · corrupt: something that
 * had been synced is damaged or missing, or a whole record holds what no node can read · foreign: it holds a segment of another
 * log · unsupported: of a newer program.
 */
export type LogVerdict = 'clean' | 'torn' | Refusal['verdict'];

export interface LogInspection {
  readonly directory: string;
  readonly verdict: LogVerdict;
  /** Where and why the log is refused; null when it is clean or torn. */
  readonly damage: { readonly file: string; readonly offset: number; readonly reason: string } | null;
  /** What stands behind the last whole record; null when nothing does. On a live directory: the append under way. */
  readonly tail: { readonly file: string; readonly offset: number; readonly bytes: number } | null;
  /** A node is running here. */
  readonly live: boolean;
  /** Pid of that node, where its lock tells. */
  readonly holder: number | null;
  /** 32 hexadecimal digits; null when no segment is good. */
  readonly logId: string | null;
  /** Which life of the member the log belongs to. */
  readonly incarnation: number | null;
  /** All segment files in order. */
  readonly segments: readonly InspectedSegment[];
  /** Bytes of all segment files. */
  readonly bytes: number;
  /** Good records; of a refused log those in front of the damage, or of the first missing segment. */
  readonly records: number;
  readonly firstLsn: number | null;
  readonly lastLsn: number | null;
  /** Highest lsn that is not needed any more; 0 when all are. */
  readonly floor: number;
  /** Position up to which the application has applied what it was given, as the log tells. */
  readonly applied: number;
  readonly origins: readonly OriginTally[];
  /** Whole records whose body is not what their type says; a node stops at the first, and a repair would keep it. */
  readonly unreadable: { readonly records: number; readonly first: string; readonly firstLsn: number } | null;
  readonly leftovers: Leftovers;
  /** Directories, links and the like that are called like segments; no node reads them. */
  readonly notPlain: readonly string[];
}

export interface InspectedSegment {
  readonly file: string;
  /** unread: it stands behind a damage · leftover: not needed any more, removed by the next start. */
  readonly state: 'good' | 'damaged' | 'unread' | 'leftover';
  /** Length of the file. */
  readonly bytes: number;
  /** Good records; null where nobody has looked. */
  readonly records: number | null;
  readonly firstLsn: number | null;
  readonly lastLsn: number | null;
  /** Bytes in all segments before, those that are gone included. */
  readonly baseAddress: number | null;
  readonly incarnation: number | null;
}

/** A good record. */
export interface InspectedRecord {
  readonly lsn: number;
  readonly file: string;
  readonly offset: number;
  /** Counted through all segments from the beginning of the log. */
  readonly address: number;
  /** Of the body. */
  readonly bytes: number;
  readonly content: RecordContent;
}

export interface InspectLogOptions {
  /** Called for every good record in order, and once for each even when the log is read again. */
  readonly onRecord?: (record: InspectedRecord) => void;
  /** Called every few megabytes. `fraction` is 0 ... 1 and may go back when the log is read again. */
  readonly onProgress?: (progress: { readonly fraction: number; readonly records: number }) => void;
}

/** How often a log that looks bad, or that changed meanwhile, is read while a node runs there. */
const readingsMax = 5;
const progressBytes = 4 << 20;

/**
 * Reads all of the log in `directory`. A bad log is a result; rejects with `E_NOT_A_LOG` when there is none, and with
 * `E_STORAGE` when it cannot be read.
 */
export async function inspectLog(directory: string, options: InspectLogOptions = {}): Promise<LogInspection> {
  // First, because the lock cannot be asked for where there is no directory.
  listSegments(directory);
  let reportedLsn = 0;
  const onRecord = (record: InspectedRecord): void => {
    if (record.lsn <= reportedLsn) return;
    reportedLsn = record.lsn;
    options.onRecord?.(record);
  };
  let lastComplaint: string | undefined;
  for (let reading = 1; ; reading++) {
    const holderBefore = findLockHolder(directory);
    const result = await read(directory, { ...options, onRecord });
    const holder = findLockHolder(directory) ?? holderBefore;
    const complaint = complaintOf(result);
    const isSettled = holder === undefined || complaint === undefined || complaint === lastComplaint;
    if (!isSettled && reading < readingsMax) {
      lastComplaint = complaint;
      continue;
    }
    if (result instanceof AntecedentError) throw result;
    return describe(directory, result, holder);
  }
}

interface Reading {
  readonly survey: LogSurvey;
  readonly tally: LogTally;
  /** Length of every segment file, by name. */
  readonly lengths: ReadonlyMap<string, number>;
}

/** Reads the log once. A failure is a result, because whoever asked may want to try again. */
async function read(
  directory: string,
  options: Required<Pick<InspectLogOptions, 'onRecord'>> & InspectLogOptions,
): Promise<Reading | AntecedentError> {
  const lengths = measure(directory);
  const bytesTotal = [...lengths.values()].reduce((sum, length) => sum + length, 0);
  const digests = new NativeDigests();
  const tally = new LogTally();
  let firstAddress: number | undefined;
  let progressDue = progressBytes;
  const survey = await surveyOf(new ReadOnlyDirectoryDisk(directory), (record, segment) => {
    const content = readRecordContent(record, digests);
    tally.take(record, content, segment.index);
    const address = segment.baseAddress + record.offset;
    options.onRecord({
      lsn: record.lsn,
      file: segmentName(segment.index),
      offset: record.offset,
      address,
      bytes: record.body.length,
      content,
    });
    firstAddress ??= segment.baseAddress;
    const done = address + recordHeaderBytes + record.body.length - firstAddress;
    if (done < progressDue) return;
    progressDue = done + progressBytes;
    options.onProgress?.({ fraction: Math.min(1, done / bytesTotal), records: tally.records });
  });
  return survey instanceof AntecedentError ? survey : { survey, tally, lengths };
}

function measure(directory: string): ReadonlyMap<string, number> {
  const lengths = new Map<string, number>();
  for (const name of listSegments(directory)) {
    // Undefined when a running node has just removed it.
    const stats = statSync(join(directory, name), { throwIfNoEntry: false });
    if (stats !== undefined) lengths.set(name, stats.size);
  }
  return lengths;
}

/** Why a log should be looked at again if a node runs there. */
function complaintOf(result: Reading | AntecedentError): string | undefined {
  if (result instanceof AntecedentError) return result.message;
  const { refusal } = result.survey;
  return refusal === undefined ? undefined : `${refusal.name}:${refusal.offset}: ${refusal.reason}`;
}

function describe(directory: string, reading: Reading, holder: LockHolder | undefined): LogInspection {
  const { survey, tally } = reading;
  const { refusal, last } = survey;
  const live = holder !== undefined;
  const unread = tally.firstUnreadable;
  const damage = refusal === undefined ? damageOf(unread) : { ...refusal, file: refusal.name };
  const tornBytes = last === undefined ? 0 : last.bytes.length - last.recovery.tail.end;
  const header = survey.segments.at(-1)?.header;
  const segments = describeSegments(reading);
  return {
    directory,
    // While a node runs, an unfinished append at the end is what there should be.
    verdict: damage?.verdict ?? (live ? 'clean' : (last?.recovery.verdict ?? 'clean')),
    damage: damage === undefined ? null : { file: damage.file, offset: damage.offset, reason: damage.reason },
    tail:
      last === undefined || tornBytes === 0
        ? null
        : { file: last.name, offset: last.recovery.tail.end, bytes: tornBytes },
    live,
    holder: holder?.pid ?? null,
    logId: header === undefined ? null : Buffer.from(header.logId).toString('hex'),
    incarnation: survey.tail?.incarnation ?? null,
    segments,
    bytes: segments.reduce((sum, segment) => sum + segment.bytes, 0),
    records: tally.records,
    firstLsn: tally.firstLsn ?? null,
    lastLsn: tally.lastLsn ?? null,
    floor: survey.floor,
    applied: tally.applied,
    origins: tally.origins,
    unreadable:
      unread === undefined
        ? null
        : {
            records: tally.unreadable,
            first: `${unread.file}:${unread.offset}: ${unread.reason}`,
            firstLsn: unread.lsn,
          },
    leftovers: findLeftovers(directory),
    notPlain: findNotPlain(directory),
  };
}

/** Bytes and chain are good, but a node stops at the record. */
function damageOf(
  unread: UnreadableRecord | undefined,
): (NonNullable<LogInspection['damage']> & { readonly verdict: Refusal['verdict'] }) | undefined {
  if (unread === undefined) return undefined;
  const { file, offset } = unread;
  return { verdict: 'corrupt', file, offset, reason: unreadableReason(unread) };
}

function describeSegments({ survey, tally, lengths }: Reading): readonly InspectedSegment[] {
  const surveyed = new Map(survey.segments.map((segment) => [segment.name, segment]));
  const { refusal } = survey;
  const isDamaged = (file: string): boolean => file === refusal?.name;
  const stateOf = (file: string): InspectedSegment['state'] => {
    if (isDamaged(file)) return 'damaged';
    if (surveyed.has(file)) return 'good';
    // No start removes anything from a log that it refuses.
    return survey.leftovers.includes(file) && refusal === undefined ? 'leftover' : 'unread';
  };
  // A node that runs may have begun a segment after we measured.
  const files = [...new Set([...lengths.keys(), ...surveyed.keys()])].sort(compareNames);
  return files.map((file): InspectedSegment => {
    const segment = surveyed.get(file);
    const found = tally.segment(segmentIndexOf(file) ?? 0);
    return {
      file,
      state: stateOf(file),
      bytes: segment?.length ?? lengths.get(file) ?? 0,
      records: segment?.records ?? (isDamaged(file) ? (found?.records ?? 0) : null),
      firstLsn: found?.firstLsn ?? null,
      lastLsn: found?.lastLsn ?? null,
      baseAddress: segment?.header.baseAddress ?? null,
      incarnation: segment?.header.incarnation ?? null,
    };
  });
}
