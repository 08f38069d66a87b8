/** The core's survey of a log in a directory, as a promise. */
import { surveyLog, type AntecedentError, type Disk, type LogSurvey, type OnSurveyed } from '../core/index.js';
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
