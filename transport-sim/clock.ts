/**
 * Monotonic time: the clock of a machine, and what a program in it sees of that.
 *
 * Invariants:
 * - A machine's clock never goes back. It shows virtual time until it is made to jump or drift; what it has gained or lost by then
 *   stays, also through crashes.
 * - A wake-up comes at the first whole microsecond at which the machine's clock has reached the moment asked for; later when
 *   the node is paused then, or when its timers are late. Wake-ups under way move with their clock.
 */
import { AntecedentError, type Cancel, type Clock } from '../core/index.js';
import { SimulationEvent, type EventOwner } from './event.js';
import type { Kernel } from './kernel.js';
import type { RandomStream } from './random.js';
import { nobody, traceKinds, type TraceKind } from './trace.js';

/** The machine that a clock belongs to. */
interface ClockOwner extends EventOwner {
  readonly index: number;
  readonly name: string;
}

export class MachineClock {
  readonly #kernel: Kernel;
  readonly #owner: ClockOwner;
  /** Wake-ups of the present life, in the order in which they were asked for. */
  readonly #pending = new Set<Timer>();
  /** True while the clock shows virtual time, so that nothing has to be computed. */
  #isTrue = true;
  /** At virtual time `#anchorUs` it showed `#anchorMs`; from there on it runs at `#rate`. */
  #anchorUs = 0;
  #anchorMs = 0;
  #rate = 1;
  #lateUsMax = 0;
  #lateness: RandomStream | undefined;

  constructor(kernel: Kernel, owner: ClockOwner) {
    this.#kernel = kernel;
    this.#owner = owner;
  }

  // --- Faults -------------------------------------------------------------------------------------------------------

  /** The clock is `byMs` further from now on, as after a machine was suspended. Throws `E_STATE` for a step back. */
  jump(byMs: number): void {
    if (!(byMs >= 0 && byMs < Infinity)) {
      throw new AntecedentError('E_STATE', `a monotonic clock cannot jump by ${byMs} ms; give a number from 0 on`);
    }
    if (byMs === 0) return;
    this.#count('clock-jump', traceKinds.clockJump, byMs);
    this.#anchor();
    this.#anchorMs += byMs;
    this.#isTrue = false;
    this.#moveTimers();
  }

  /** The clock runs `rate` times as fast as virtual time from now on. Throws `E_STATE` for a clock that stands. */
  setRate(rate: number): void {
    if (!(rate > 0 && rate < Infinity)) {
      throw new AntecedentError('E_STATE', `a clock cannot run at ${rate} times its pace; give a number above 0`);
    }
    if (rate === this.#rate) return;
    this.#count(rate === 1 ? undefined : 'clock-drift', traceKinds.clockRate, rate);
    this.#anchor();
    this.#rate = rate;
    this.#isTrue = false;
    this.#moveTimers();
  }

  /** Every wake-up is up to `byMs` late from now on, each by another time. 0 ends it, and what is overdue comes now. */
  setLateness(byMs: number): void {
    const lateUsMax = firstMicrosecond(byMs);
    if (lateUsMax === this.#lateUsMax) return;
    this.#count(lateUsMax === 0 ? undefined : 'timers-late', traceKinds.timersLate, byMs);
    this.#lateUsMax = lateUsMax;
    this.#moveTimers();
  }

  // --- For programs -------------------------------------------------------------------------------------------------

  nowMs(): number {
    return this.#isTrue ? this.#kernel.nowUs / 1000 : this.#at(this.#kernel.nowUs);
  }

  wakeAt(life: number, atMs: number, wake: () => void): Cancel {
    const timer = new Timer(this.#kernel, this.#owner, life, this.#pending, atMs, wake);
    this.#schedule(timer);
    return () => timer.cancel();
  }

  /** The program has ended: nobody waits any more. */
  forgetTimers(): void {
    this.#pending.clear();
  }

  #schedule(timer: Timer): void {
    this.#pending.add(timer);
    const dueUs = this.#isTrue ? firstMicrosecond(timer.atMs) : this.#momentUs(timer.atMs);
    this.#kernel.schedule(timer, dueUs + this.#drawLatenessUs());
  }

  #moveTimers(): void {
    // Those that are overdue now come in the order in which they were due.
    for (const timer of [...this.#pending].sort((one, other) => one.atMs - other.atMs)) {
      // One that was asked for after its life had ended.
      if (timer.life !== this.#owner.life) this.#pending.delete(timer);
      else this.#schedule(timer.move());
    }
  }

  #anchor(): void {
    this.#anchorMs = this.nowMs();
    this.#anchorUs = this.#kernel.nowUs;
  }

  /** What the clock shows at virtual time `atUs`, from the last change on. */
  #at(atUs: number): number {
    return this.#anchorMs + ((atUs - this.#anchorUs) / 1000) * this.#rate;
  }

  /** First whole microsecond of virtual time at which the clock shows `atMs` or more. */
  #momentUs(atMs: number): number {
    let atUs = this.#anchorUs + firstMicrosecond((atMs - this.#anchorMs) / this.#rate);
    // The quotient may have been rounded down.
    while (this.#at(atUs) < atMs) atUs += 1;
    return atUs;
  }

  #drawLatenessUs(): number {
    if (this.#lateUsMax === 0) return 0;
    this.#lateness ??= this.#kernel.privateRandom(`clock/lateness/${this.#owner.name}`);
    return this.#lateness.between(0, this.#lateUsMax);
  }

  #count(fault: string | undefined, kind: TraceKind, amount: number): void {
    if (fault !== undefined) this.#kernel.countFault(fault);
    this.#kernel.trace.recordText(this.#kernel.nowUs, kind, this.#owner.index, '', amount, 0);
  }
}

/** The machine's clock for one life of its program. */
export class SimulatedClock implements Clock {
  readonly #clock: MachineClock;
  readonly #life: number;

  constructor(clock: MachineClock, life: number) {
    this.#clock = clock;
    this.#life = life;
  }

  nowMs(): number {
    return this.#clock.nowMs();
  }

  wakeAt(atMs: number, wake: () => void): Cancel {
    return this.#clock.wakeAt(this.#life, atMs, wake);
  }
}

class Timer extends SimulationEvent {
  /** By the machine's clock. */
  readonly atMs: number;
  readonly #kernel: Kernel;
  readonly #owner: ClockOwner;
  readonly #pending: Set<Timer>;
  readonly #wake: () => void;
  /** What comes in its place since its clock has changed. */
  #successor: Timer | undefined;

  constructor(kernel: Kernel, owner: ClockOwner, life: number, pending: Set<Timer>, atMs: number, wake: () => void) {
    super(owner, life);
    this.#kernel = kernel;
    this.#owner = owner;
    this.#pending = pending;
    this.atMs = atMs;
    this.#wake = wake;
  }

  override fire(): void {
    this.#pending.delete(this);
    this.#kernel.trace.record(this.#kernel.nowUs, traceKinds.timer, this.#owner.index, nobody, 0);
    this.#wake();
  }

  cancel(): void {
    if (this.#successor !== undefined) {
      this.#successor.cancel();
      return;
    }
    this.#pending.delete(this);
    this.#kernel.cancel(this);
  }

  /** Takes this event back for another one like it, which the caller schedules. */
  move(): Timer {
    this.cancel();
    this.#successor = new Timer(this.#kernel, this.#owner, this.life, this.#pending, this.atMs, this.#wake);
    return this.#successor;
  }
}

/** The first whole microsecond that is not before `atMs`. Throws `E_STATE` unless `atMs` is a finite number. */
export function firstMicrosecond(atMs: number): number {
  if (!Number.isFinite(atMs)) throw new AntecedentError('E_STATE', `${atMs} ms is no moment; give a finite number`);
  const atUs = Math.ceil(atMs * 1000);
  // The product may have been rounded down.
  return atUs / 1000 < atMs ? atUs + 1 : atUs;
}
