/**
 * What a repair would do to a log, and what the log would lose by it. Only reads: the repair of the core is carried out over
 * an `OverlayDisk`, so a plan cannot differ from what is done later.
 */
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  AntecedentError,
  assert,
  compareNames,
  identifySegment,
  readRecordContent,
  repairLog,
  segmentIndexOf,
  segmentName,
  type Disk,
  type LogSurvey,
  type Repair,
} from '../core/index.js';
import { NativeDigests } from './digests.js';
import { findNotPlain, listSegments } from './log-directory.js';
import { surveyOf } from './log-survey.js';
import { LogTally, unreadableReason } from './log-tally.js';
import { OverlayDisk } from './overlay-disk.js';
import { SystemRandom } from './random.js';
import { ReadOnlyDirectoryDisk } from './read-only-disk.js';
import { Salvage, type LostRecords, type MissingSegments } from './salvage.js';
import { storageError } from './storage-error.js';

export interface RepairPlan {
  /** Of the first damage. */
  readonly verdict: 'corrupt' | 'foreign';
  /** Every place where the log, repaired up to there, is refused. */
  readonly damages: readonly { readonly file: string; readonly offset: number; readonly reason: string }[];
  /** Segments that are changed or taken out, in order; each is kept whole. */
  readonly putAside: readonly PutAside[];
  readonly kept: KeptLog;
  /** The log goes on as this incarnation of its node. */
  readonly incarnation: number;
  readonly lost: LostRecords;
}

/** A segment and where it is kept: nothing is deleted. */
export interface PutAside {
  readonly file: string;
  /** New name, in the same directory, of the file with all its bytes. */
  readonly as: string;
  /** Length of what stays in the log under the old name; null when the segment goes as a whole, or begins anew. */
  readonly cutTo: number | null;
}

/** What is left of the log, without what the repair itself writes. */
export interface KeptLog {
  readonly records: number;
  /** 0 when no record is left. */
  readonly lastLsn: number;
  /** Position up to which the application has applied what it was given, as this log tells. */
  readonly applied: number;
}

/** A log that needs no repair. */
export type Unharmed = 'clean' | 'torn';

/**
 * Plans the repair of the log in `directory`. Rejects with `E_NOT_A_LOG`, `E_LOG_VERSION` when a newer program wrote the log,
 * `E_LOG_CORRUPT` when nothing of it can be read or what would be kept holds a record that no node can read, `E_LOG_FOREIGN`
 * when nobody can tell which of its segments are its own, and `E_STORAGE` when the disk fails or something in the directory
 * has the name of a segment and is no plain file.
 */
export async function planRepair(directory: string): Promise<RepairPlan | Unharmed> {
  const names = listSegments(directory);
  refuseNotPlain(directory);
  const below = new ReadOnlyDirectoryDisk(directory);
  const before = await surveyWithTally(below);
  const { refusal } = before.survey;
  if (refusal === undefined) {
    refuseUnreadable(before.tally);
    return before.survey.last?.recovery.verdict ?? 'clean';
  }

  const disk = new OverlayDisk(below, before.survey.names);
  const repairs = await repairDisk(disk);
  const last = repairs.at(-1);
  if (last === undefined) return 'clean';
  const after = await surveyWithTally(disk, last.lastLsn);
  refuseUnreadable(after.tally);
  const offsets = new Map(repairs.map(({ refusal: { name, offset } }) => [name, offset]));
  const newNames = originalsPutAside(repairs, names);
  const putAside = names
    .filter((name) => !disk.isUntouched(name))
    .map((file): PutAside => {
      const as = newNames.get(file);
      assert(as !== undefined, `the repair changes ${file} without putting it aside`);
      const lengthKept = disk.has(file) ? (offsets.get(file) ?? 0) : 0;
      return { file, as, cutTo: lengthKept === 0 ? null : lengthKept };
    });
  const logId = await logIdOf(directory, names, after.survey.segments[0]?.header.logId);
  const missing = missingSegments(names, repairs);
  const salvage = new Salvage(after.tally, last.lastLsn, logId, missing);
  for (const { file, cutTo } of putAside) {
    salvage.search(await readSegmentFile(join(directory, file)), cutTo ?? 0, segmentIndexOf(file) ?? 0);
  }
  return {
    verdict: refusal.verdict === 'foreign' ? 'foreign' : 'corrupt',
    damages: repairs.map(({ refusal: { name, offset, reason } }) => ({ file: name, offset, reason })),
    putAside,
    kept: { records: after.tally.records, lastLsn: last.lastLsn, applied: after.tally.applied },
    incarnation: last.incarnation,
    lost: salvage.result,
  };
}

/** The repair of the core, as a promise. */
export function repairDisk(disk: Disk): Promise<readonly Repair[]> {
  const ports = { disk, digests: new NativeDigests(), random: new SystemRandom() };
  return new Promise((resolve, reject) => {
    repairLog(ports, (result) => {
      if (result.error === undefined) resolve(result.value);
      else reject(result.error);
    });
  });
}

/**
 * Under which names `repairs` have put the segments `names` aside. Where there were several damages, one repair may put aside
 * again what an earlier one had made; that holds nothing of its own, and only the first of each segment counts.
 */
function originalsPutAside(repairs: readonly Repair[], names: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const name of repairs.flatMap(({ putAside }) => putAside)) {
    const file = /^(.+)\.\d+\.damaged$/.exec(name)?.[1] ?? '';
    if (names.includes(file) && !found.has(file)) found.set(file, name);
  }
  return found;
}

/** Stretches of segments that are not there: between others, and where the log was refused for it. */
function missingSegments(names: readonly string[], repairs: readonly Repair[]): readonly MissingSegments[] {
  const indexes = names.flatMap((name) => segmentIndexOf(name) ?? []);
  const gaps = indexes.slice(1).flatMap((index, at): MissingSegments[] => {
    const first = (indexes[at] ?? 0) + 1;
    return first === index ? [] : [{ first: segmentName(first), last: segmentName(index - 1) }];
  });
  const [lowest = ''] = names;
  const isBelow = ({ refusal: { name } }: Repair): boolean => compareNames(name, lowest) < 0;
  return [...repairs.filter(isBelow).map(({ refusal: { name } }) => ({ first: name, last: name })), ...gaps];
}

/**
 * The log that the segments belong to: the one that goes on, or, where that begins anew, the one that most segments name; of
 * as many, that of the first. Undefined when none says.
 */
async function logIdOf(
  directory: string,
  names: readonly string[],
  goesOn: Uint8Array | undefined,
): Promise<Uint8Array | undefined> {
  const digests = new NativeDigests();
  const votes = new Map<string, { readonly logId: Uint8Array; count: number }>();
  for (const name of names) {
    const logId = identifySegment(await readStart(join(directory, name)), digests)?.logId;
    if (logId === undefined) continue;
    if (goesOn !== undefined && Buffer.compare(logId, goesOn) === 0) return goesOn;
    const key = Buffer.from(logId).toString('hex');
    const vote = votes.get(key) ?? { logId, count: 0 };
    vote.count++;
    votes.set(key, vote);
  }
  const [most] = [...votes.values()].sort((one, other) => other.count - one.count);
  return most?.logId;
}

/** A repair makes files under the names of segments, which must be free or files. */
function refuseNotPlain(directory: string): void {
  const [name] = findNotPlain(directory);
  if (name === undefined) return;
  const message = `${join(directory, name)} has the name of a segment and is no plain file; nothing was changed; move it away`;
  throw new AntecedentError('E_STORAGE', message);
}

/** What is whole is never cut off, so a record that no node can read would still be in the log. */
function refuseUnreadable({ firstUnreadable }: LogTally): void {
  if (firstUnreadable === undefined) return;
  const { file, offset } = firstUnreadable;
  const remedy =
    'nothing was changed, because a repair cannot mend that; let this member go and add a new one under a new name';
  throw new AntecedentError('E_LOG_CORRUPT', `${file}:${offset}: ${unreadableReason(firstUnreadable)} (${remedy})`);
}

/** A survey and a tally of the records up to `lsnMax`. */
async function surveyWithTally(
  disk: Pick<Disk, 'list' | 'open'>,
  lsnMax = Infinity,
): Promise<{ readonly survey: LogSurvey; readonly tally: LogTally }> {
  const digests = new NativeDigests();
  const tally = new LogTally();
  const survey = await surveyOf(disk, (record, segment) => {
    if (record.lsn <= lsnMax) tally.take(record, readRecordContent(record, digests), segment.index);
  });
  if (survey instanceof AntecedentError) throw survey;
  return { survey, tally };
}

async function readSegmentFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw storageError('read', path, cause);
  }
}

/** More than the header of a segment. */
const startBytes = 4096;

async function readStart(path: string): Promise<Uint8Array> {
  try {
    await using file = await open(path, 'r');
    const { buffer, bytesRead } = await file.read(new Uint8Array(startBytes), 0, startBytes, 0);
    return buffer.subarray(0, bytesRead);
  } catch (cause) {
    throw storageError('read', path, cause);
  }
}
