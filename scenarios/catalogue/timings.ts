/**
 * Timings for short runs: everything that takes seconds on a real network takes tenths here.
 *
 * The proportions are those of the core's defaults, so the same code paths run; a run that waits a minute for a
 * half-open link would spend its events on heartbeats.
 */
import type { Timings } from '../../core/index.js';
import { seconds, type Milliseconds } from '../duration.js';

export const quickTimings: Timings = {
  handshakeMs: 300,
  heartbeatMs: 400,
  probeMs: 100,
  deadMs: 1_200,
  backoffMs: 30,
  backoffMaxMs: 1_000,
  stableMs: 800,
  wantRetryMs: 100,
  stuckMs: 60_000,
  storageRetryMs: 100,
  markDelayMs: 10,
  scrubEveryMs: 86_400_000,
};

/**
 * When everything must be delivered everywhere, after the faults. A link that died in silence takes `deadMs` to be noticed
 * and `backoffMaxMs` to be dialled again, twice in the worst case; the rest is room.
 */
export const soon: { readonly convergeWithin: Milliseconds } = { convergeWithin: seconds(5) };
