/** Unpredictable numbers from the operating system, drawn a few hundred at a time. */
import { randomFillSync } from 'node:crypto';
import type { Random } from '../core/index.js';

const drawCount = 256;

export class SystemRandom implements Random {
  readonly #drawn = new Uint32Array(drawCount);
  #used = drawCount;

  nextUint32(): number {
    if (this.#used === drawCount) {
      randomFillSync(this.#drawn);
      this.#used = 0;
    }
    const value = this.#drawn[this.#used] ?? 0;
    this.#used += 1;
    return value;
  }
}
