/**
 * Sequences of calls that answer by callback: the first error ends the sequence and goes to whoever asked.
 *
 * No promises: the simulator decides when a disk operation completes, and a promise would put turns of its own between.
 */
import type { DiskFile, Result } from '../ports.js';

export type Done<T> = (result: Result<T>) => void;
export type Failure = Extract<Result<unknown>, { readonly value?: undefined }>;

export function success<T>(value: T): Result<T> {
  return { error: undefined, value };
}

/** Goes on with the value; an error goes to `fail`. */
export function onValue<T>(fail: (failure: Failure) => void, next: (value: T) => void): Done<T> {
  return (result) => {
    if (result.error === undefined) next(result.value);
    else fail(result);
  };
}

/** Runs `steps` one after the other; the first error ends them. */
export function inOrder(steps: readonly ((done: Done<void>) => void)[], done: Done<void>, first = 0): void {
  const step = steps[first];
  if (step === undefined) done(success(undefined));
  else step(onValue(done, () => inOrder(steps, done, first + 1)));
}

/** Closes `file`, then passes the result on. How the closing went changes nothing: what mattered was synced before. */
export function afterClosing<R extends Result<unknown>>(
  file: DiskFile,
  done: (result: R) => void,
): (result: R) => void {
  return (result) => file.close(() => done(result));
}
