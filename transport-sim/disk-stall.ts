/**
 * A disk that hangs: calls that are due wait, and complete in order once it goes on.
 *
 * Invariants:
 * - While stalled, and until all that waited has completed, calls that become due go to the end of the queue.
 * - What waited completes one call an event, each an event of its own that the owner may hold back (a paused program is
 *   not answered by a disk that goes on).
 */
import { Fifo } from '../core/index.js';
import { anyLife, SimulationEvent, type EventOwner } from './event.js';
import type { Kernel } from './kernel.js';

/** A call that is due. */
export interface DueCall {
  readonly owner: EventOwner | undefined;
  carryOut(): void;
}

export class DiskStall {
  readonly #kernel: Kernel;
  readonly #waiting = new Fifo<DueCall>();
  #isStalled = false;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  get isStalled(): boolean {
    return this.#isStalled;
  }

  /** True while a call that is due must be given to `holdBack`. */
  get holdsBack(): boolean {
    return this.#isStalled || this.#waiting.length > 0;
  }

  holdBack(call: DueCall): void {
    this.#waiting.push(call);
  }

  begin(): void {
    this.#isStalled = true;
  }

  end(): void {
    this.#isStalled = false;
    this.#scheduleNext();
  }

  /** The program has ended: nobody waits any more. The disk stays as it is. */
  abandon(): void {
    this.#waiting.clear();
  }

  /** Carries out the call that has waited longest, unless the disk hangs again. */
  release(): void {
    if (this.#isStalled) return;
    const call = this.#waiting.shift();
    // Before the call, which may end the program and with it what waits.
    this.#scheduleNext();
    call?.carryOut();
  }

  #scheduleNext(): void {
    const next = this.#waiting.first();
    if (next !== undefined) this.#kernel.schedule(new Release(this, next.owner), this.#kernel.nowUs);
  }
}

class Release extends SimulationEvent {
  readonly #stall: DiskStall;

  constructor(stall: DiskStall, owner: EventOwner | undefined) {
    super(owner, anyLife);
    this.#stall = stall;
  }

  override fire(): void {
    this.#stall.release();
  }
}
