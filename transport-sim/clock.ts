/**
 * A node's clock: the virtual time.
 *
 * A wake-up comes at the first whole microsecond at which `nowMs()` has reached the moment asked for; later when the node
 * is paused then.
 */
import { AntecedentError, type Cancel, type Clock } from '../core/index.js';
import { SimulationEvent } from './event.js';
import type { Host } from './host.js';
import type { Kernel } from './kernel.js';
import { nobody, traceKinds } from './trace.js';

export class SimulatedClock implements Clock {
  readonly #kernel: Kernel;
  readonly #host: Host;
  readonly #life: number;

  constructor(kernel: Kernel, host: Host) {
    this.#kernel = kernel;
    this.#host = host;
    this.#life = host.life;
  }

  nowMs(): number {
    return this.#kernel.nowUs / 1000;
  }

  wakeAt(atMs: number, wake: () => void): Cancel {
    const timer = new Timer(this.#kernel, this.#host, this.#life, wake);
    this.#kernel.schedule(timer, firstMicrosecond(atMs));
    return () => this.#kernel.cancel(timer);
  }
}

class Timer extends SimulationEvent {
  readonly #kernel: Kernel;
  readonly #host: Host;
  readonly #wake: () => void;

  constructor(kernel: Kernel, host: Host, life: number, wake: () => void) {
    super(host, life);
    this.#kernel = kernel;
    this.#host = host;
    this.#wake = wake;
  }

  override fire(): void {
    this.#kernel.trace.record(this.#kernel.nowUs, traceKinds.timer, this.#host.index, nobody, 0);
    this.#wake();
  }
}

/** The first whole microsecond that is not before `atMs`. Throws `E_STATE` unless `atMs` is a finite number. */
export function firstMicrosecond(atMs: number): number {
  if (!Number.isFinite(atMs)) throw new AntecedentError('E_STATE', `${atMs} ms is no moment; give a finite number`);
  const atUs = Math.ceil(atMs * 1000);
  // The product may have been rounded down.
  return atUs / 1000 < atMs ? atUs + 1 : atUs;
}
