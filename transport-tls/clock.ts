/**
 * The system's monotonic clock behind the Clock port.
 *
 * - A wake-up never comes before `nowMs()` has reached its time, although Node's timers may fire a little early.
 * - Waits beyond what setTimeout can hold are made in steps; it would fire at once otherwise.
 */
import { performance } from 'node:perf_hooks';
import type { Cancel, Clock } from '../core/index.js';

/** Longest delay of setTimeout; anything above is taken as 1 ms. */
const timeoutMsMax = 2 ** 31 - 1;

export class SystemClock implements Clock {
  nowMs(): number {
    return performance.now();
  }

  wakeAt(atMs: number, wake: () => void): Cancel {
    let timer: NodeJS.Timeout;
    const arm = (): void => {
      const waitMs = Math.min(Math.max(Math.ceil(atMs - this.nowMs()), 0), timeoutMsMax);
      timer = setTimeout(() => (this.nowMs() >= atMs ? wake() : arm()), waitMs);
    };
    arm();
    return () => clearTimeout(timer);
  }
}
