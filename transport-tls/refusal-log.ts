/**
 * Log lines about strangers, at a bounded rate: whoever can open a connection could otherwise fill our disk with our own log.
 * What was left out is counted in the next line that is written.
 */
import type { AntecedentError, Clock, Logger } from '../core/index.js';

export class RefusalLog {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #linesPerSecondMax: number;
  #secondStartMs = -Infinity;
  #lines = 0;
  #suppressed = 0;

  constructor(logger: Logger, clock: Clock, linesPerSecondMax: number) {
    this.#logger = logger;
    this.#clock = clock;
    this.#linesPerSecondMax = linesPerSecondMax;
  }

  refused(address: string, error: AntecedentError): void {
    const nowMs = this.#clock.nowMs();
    if (nowMs - this.#secondStartMs >= 1000) {
      this.#secondStartMs = nowMs;
      this.#lines = 0;
    }
    if (this.#lines === this.#linesPerSecondMax) {
      this.#suppressed += 1;
      return;
    }
    this.#lines += 1;
    const suppressed = this.#suppressed === 0 ? {} : { suppressed: this.#suppressed };
    this.#suppressed = 0;
    this.#logger.log('warn', 'link-refused', { code: error.code, address, reason: error.message, ...suppressed });
  }
}
