/** Answers of the Disk port as promises, for tests. */
import type { DiskFile, Result } from '../../core/index.js';
import { within } from './waiting.js';

/** What a call answers; fails when it answers before it has returned. */
export async function answer<T>(call: (done: (result: Result<T>) => void) => void): Promise<Result<T>> {
  return within(
    'the disk',
    new Promise((resolve, reject) => {
      let hasReturned = false;
      call((result) => {
        if (hasReturned) resolve(result);
        else reject(new Error('answered before the call returned'));
      });
      hasReturned = true;
    }),
  );
}

/** The value a call answers; throws its error. */
export async function value<T>(call: (done: (result: Result<T>) => void) => void): Promise<T> {
  const result = await answer(call);
  if (result.error !== undefined) throw result.error;
  return result.value;
}

/** The bytes at `position`, as numbers. */
export async function read(file: DiskFile, position: number, length: number): Promise<readonly number[]> {
  return [...(await value<Uint8Array>((done) => file.read(position, length, done)))];
}
