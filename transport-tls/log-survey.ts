/**
 * The core's survey of a log in a directory, as a promise; and what of a log lies before a gap, which is what a repair keeps.
 */
import {
  segmentIndexOf,
  surveyLog,
  type AntecedentError,
  type Disk,
  type LogSurvey,
  type OnSurveyed,
} from '../core/index.js';
import { NativeDigests } from './digests.js';

/** Surveys the log on `disk` and closes its files. What the disk answers is a result too: the caller may try again. */
export function surveyOf(
  disk: Pick<Disk, 'list' | 'open'>,
  onRecord: OnSurveyed,
): Promise<LogSurvey | AntecedentError> {
  return new Promise((resolve, reject) => {
    const guarded: OnSurveyed = (record, segment) => {
      try {
        onRecord(record, segment);
      } catch (error) {
        // Thrown into the disk's callback it would end the process instead of the command.
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    };
    surveyLog({ disk, digests: new NativeDigests() }, guarded, (result) => {
      if (result.error !== undefined) resolve(result.error);
      else if (result.value.last === undefined) resolve(result.value);
      else result.value.last.file.close(() => resolve(result.value));
    });
  });
}

/** Index of the first segment that is missing behind one that is there; undefined for segments in a row, or none. */
export function firstGap(names: readonly string[]): number | undefined {
  const indexes = names.flatMap((name) => segmentIndexOf(name) ?? []);
  const before = indexes.find((index, at) => at + 1 < indexes.length && indexes[at + 1] !== index + 1);
  return before === undefined ? undefined : before + 1;
}

/** The directory as it would be without the segments from `index` on. */
export function hidingFrom(disk: Pick<Disk, 'list' | 'open'>, index: number): Pick<Disk, 'list' | 'open'> {
  const isShown = (name: string): boolean => (segmentIndexOf(name) ?? 0) < index;
  return {
    list: (done) => {
      disk.list((result) => {
        done(result.error === undefined ? { error: undefined, value: result.value.filter(isShown) } : result);
      });
    },
    open: (name, options, done) => disk.open(name, options, done),
  };
}
