/**
 * Makes the log in a directory begin a new incarnation of its member while no node runs there: what an operator does after
 * putting back a backup, because what the member has written since then is known to its peers and no longer to itself.
 *
 * A log is never made to go back, and one that is refused is left as it is. Dying in between leaves either the log as it was, or
 * an empty one where there was none, or the new incarnation; all can be done again.
 */
import { AntecedentError } from '../errors.js';
import { incarnationsMax } from '../message/origin.js';
import type { Clock, Digests, Disk, Random, Result } from '../ports.js';
import { onValue, success, type Done } from './callbacks.js';
import { Journal } from './journal.js';

export interface BeginIncarnationPorts {
  /** Nobody else uses it meanwhile. */
  readonly disk: Disk;
  readonly digests: Digests;
  readonly random: Random;
}

export interface BeginIncarnationOptions {
  /** The next one when absent; 2 where there was no log. */
  readonly incarnation?: number | undefined;
}

/** Nothing is tried again: an operator sees the error and decides. */
const stoppedClock: Clock = { nowMs: () => 0, wakeAt: () => () => undefined };

/**
 * Opens the log on `ports.disk`, or makes an empty one, and lets it begin an incarnation: that one is answered, and durable.
 * Errors: `E_CONFIG` when the log cannot begin the one that was asked for, `E_COUNTER_RANGE` when there can be no later one, what
 * `Journal.open` answers, and what the disk answers.
 */
export function beginIncarnation(
  ports: BeginIncarnationPorts,
  options: BeginIncarnationOptions,
  done: Done<number>,
): void {
  let journal: Journal | undefined;
  let isGivenUp = false;
  const begin = (opened: Journal): void => {
    journal = opened;
    const incarnation = options.incarnation ?? opened.incarnation + 1;
    const close = (result: Result<number>): void => opened.close(() => done(result));
    const error = refuse(incarnation, opened.incarnation);
    if (error !== undefined) {
      close({ error });
      return;
    }
    opened.beginIncarnation(incarnation, (result) => {
      if (isGivenUp) return;
      close(result.error === undefined ? success(incarnation) : result);
    });
  };
  Journal.open(
    {
      ...ports,
      clock: stoppedClock,
      logger: { log: () => undefined },
      segmentBytesMax: Infinity,
      retryMs: 0,
      onStorage: (event) => {
        if (event.state !== 'blocked') return;
        isGivenUp = true;
        journal?.close(() => done({ error: event.cause }));
      },
      scrubEveryMs: Infinity,
      onDamage: () => undefined,
    },
    () => undefined,
    onValue(done, begin),
  );
}

/** Why the log cannot go on as this incarnation. */
function refuse(incarnation: number, previous: number): AntecedentError | undefined {
  if (Number.isSafeInteger(incarnation) && incarnation > previous && incarnation <= incarnationsMax) return undefined;
  if (previous >= incarnationsMax) {
    const message = `the log is of incarnation ${previous}, and a member can have no later one`;
    return new AntecedentError('E_COUNTER_RANGE', message);
  }
  const message = `the log is of incarnation ${previous} and can begin ${previous + 1} to ${incarnationsMax}, not ${incarnation}`;
  return new AntecedentError('E_CONFIG', message);
}
