/**
 * The files of pluto v0.4: calls of the disk as steps of a routine, and the two ways in which v0.4 writes.
 *
 * Both ways work in place, in the live file, and no directory is ever synced. A crash between two of the steps leaves what stands
 * there by then; that is what the model is for, so no step may be joined with another or moved.
 */
import type { Disk, DiskFile, Result } from '../../ports.js';
import { answerOf, type Steps } from './routines.js';

/** Throws the error of the call. */
export function* succeed<T>(call: (done: (result: Result<T>) => void) => void): Steps<T> {
  const result = yield* answerOf(call);
  if (result.error !== undefined) throw result.error;
  return result.value;
}

/** As `succeed`, for a call without an answer. */
export function* complete(call: (done: (result: Result<void>) => void) => void): Steps<void> {
  const { error } = yield* answerOf(call);
  if (error !== undefined) throw error;
}

/** Opens a file, and makes it first where there is none. */
export function* openOrCreate(disk: Disk, name: string): Steps<DiskFile> {
  const names = yield* succeed<readonly string[]>((done) => disk.list(done));
  return yield* succeed<DiskFile>((done) => disk.open(name, { create: !names.includes(name) }, done));
}

export function* sizeOf(file: DiskFile): Steps<number> {
  return yield* succeed<number>((done) => file.size(done));
}

/** From `position` to the end. */
export function* readFrom(file: DiskFile, position: number, size: number): Steps<Uint8Array> {
  return yield* succeed<Uint8Array>((done) => file.read(position, size - position, done));
}

/** Writes each of `chunks` behind the end with a call of its own, then syncs. */
export function* append(file: DiskFile, chunks: readonly Uint8Array[]): Steps<void> {
  let position = yield* sizeOf(file);
  for (const chunk of chunks) {
    yield* complete((done) => file.write(position, [chunk], done));
    position += chunk.length;
  }
  yield* complete((done) => file.sync(done));
}

/** Overwrites what stands from `position` on, then cuts off what is left of it, then syncs. */
export function* replaceFrom(file: DiskFile, position: number, bytes: Uint8Array): Steps<void> {
  if (bytes.length > 0) yield* complete((done) => file.write(position, [bytes], done));
  yield* complete((done) => file.truncate(position + bytes.length, done));
  yield* complete((done) => file.sync(done));
}

/** Overwrites the file, then cuts off the rest. Nothing is synced, and errors are not looked at, as in v0.4. */
export function* overwriteUnsynced(file: DiskFile, bytes: Uint8Array): Steps<void> {
  const { error } = yield* answerOf((done: (result: Result<void>) => void) => file.write(0, [bytes], done));
  if (error === undefined) yield* answerOf((done: (result: Result<void>) => void) => file.truncate(bytes.length, done));
}
