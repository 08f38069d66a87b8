/**
 * Snapshots of an application's state, for members that need what the journals do not hold any more.
 *
 * Making one may fail: the member is then served later, or by another one. Installing one may not, as little as applying a message:
 * what comes next builds on it, so it is tried until it works.
 */
import { types } from 'node:util';
import type { Logger, NodeHandlers, Ports } from '../core/index.js';
import { errorText } from './error-text.js';
import type { RetriedCalls } from './retried-calls.js';

export interface SnapshotHooks {
  /** The state that holds exactly what was applied so far. No message is applied meanwhile. */
  readonly snapshot: () => Uint8Array | Promise<Uint8Array>;
  /** Puts `state` in the place of the application's own, which it contains; `position` counts as that of the last delivery. */
  readonly restore: (state: Uint8Array, position: number) => void | Promise<void>;
}

/** Nothing is delivered while a snapshot is made; after so many milliseconds the operator is told. */
const slowMs = 30_000;

/** The hooks as the core calls them. */
export function snapshotHandlers(
  { snapshot, restore }: SnapshotHooks,
  calls: RetriedCalls,
  { clock, logger }: Pick<Ports, 'clock' | 'logger'>,
): NonNullable<NodeHandlers['snapshots']> {
  return {
    make: (done) => {
      const cancelWatch = clock.wakeAt(clock.nowMs() + slowMs, () => {
        logger.log('warn', 'snapshot-slow', { code: 'E_APP', waitedMs: slowMs });
      });
      void makeSnapshot(snapshot, logger).then((state) => {
        cancelWatch();
        done(state);
      });
    },
    install: (state, position, applied) => {
      calls.start({ message: undefined, position, make: () => restore(state, position), done: applied });
    },
  };
}

/** Undefined when the application has failed, which is logged. Never rejects. */
async function makeSnapshot(snapshot: SnapshotHooks['snapshot'], logger: Logger): Promise<Uint8Array | undefined> {
  try {
    const state: unknown = await snapshot();
    if (!types.isUint8Array(state)) throw new TypeError('snapshot() must give a Uint8Array');
    // The application may go on using its buffer.
    return new Uint8Array(state);
  } catch (error) {
    logger.log('error', 'snapshot-failed', { code: 'E_APP', reason: errorText(error) });
    return undefined;
  }
}
