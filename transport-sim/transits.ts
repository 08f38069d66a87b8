/**
 * What travels between two link ends, and what a link end does to itself later.
 *
 * Invariants:
 * - A transit fires at its destination even when nobody lives there any more; the end decides what becomes of it.
 * - Bytes that had not left when the sender died never arrive.
 */
import { anyLife, SimulationEvent } from './event.js';
import type { Host } from './host.js';
import type { Kernel } from './kernel.js';
import type { Parcel } from './route.js';

/** A link end, as far as what travels to and from it is concerned. Times are whole microseconds. */
export interface End {
  readonly kernel: Kernel;
  readonly host: Host;
  readonly life: number;
  /** The other end is open from here on: nothing that was written here arrives earlier. */
  readonly openAtUs: number;
  /** Latest arrival there of what keeps the order. */
  lastInOrderUs: number;
  /** Latest arrival there of anything. */
  lastArrivalUs: number;
  /** When the program ended; what had not left by then never does. */
  readonly diedAtUs: number;
  /** The link was cut: nothing that is under way arrives, in either direction. */
  readonly isCut: boolean;

  receive(bytes: Uint8Array): void;
  receiveFarewell(reason: string, isReset: boolean): void;
  /** `length` bytes have reached a paused program. */
  addUnread(length: number): void;
  /** They are handed over now. */
  removeUnread(length: number): void;
  /** `length` bytes have left. */
  depart(length: number): void;
  /** Hands over the first bytes that waited; the next ones are the next event. */
  flushUnread(): void;
  /** The reader goes on: everything that was kept back for it leaves. */
  sendUnsent(): void;
  /** Tells the program that the link has ended. */
  finish(reason: string): void;
}

/** Travels from one end to the other. */
abstract class Transit extends SimulationEvent implements Parcel {
  // `declare`: see `SimulationEvent`.
  declare readonly from: End;
  declare readonly to: End;
  declare readonly departUs: number;
  declare readonly latencyUs: number;

  constructor(from: End, to: End, departUs: number, latencyUs: number) {
    super(to.host, anyLife);
    this.from = from;
    this.to = to;
    this.departUs = departUs;
    this.latencyUs = latencyUs;
  }

  /** Earliest arrival; `launch` moves it behind what it must not overtake. */
  protected earliestUs(): number {
    const nowUs = this.from.kernel.nowUs;
    return (this.departUs > nowUs ? this.departUs : nowUs) + this.latencyUs;
  }

  abstract launch(): void;
  abstract copy(): Parcel | undefined;
}

/** A write, or a part of one. */
export class Bytes extends Transit {
  readonly #bytes: Uint8Array;
  readonly #isInOrder: boolean;
  #wasHeldBack = false;

  constructor(from: End, to: End, bytes: Uint8Array, departUs: number, latencyUs: number, isInOrder: boolean) {
    super(from, to, departUs, latencyUs);
    this.#bytes = bytes;
    this.#isInOrder = isInOrder;
  }

  override launch(): void {
    const from = this.from;
    let atUs = this.earliestUs();
    if (this.#isInOrder) {
      if (atUs < from.lastInOrderUs) atUs = from.lastInOrderUs;
      from.lastInOrderUs = atUs;
    } else if (atUs < from.openAtUs) {
      atUs = from.openAtUs;
    }
    if (atUs > from.lastArrivalUs) from.lastArrivalUs = atUs;
    from.kernel.schedule(this, atUs);
  }

  override copy(): Parcel {
    return new Bytes(this.from, this.to, this.#bytes, this.departUs, this.latencyUs, false);
  }

  override fire(): void {
    if (this.#wasHeldBack) this.to.removeUnread(this.#bytes.length);
    if (this.departUs > this.from.diedAtUs || this.to.isCut) return;
    this.to.receive(this.#bytes);
  }

  override handleHeldBack(): void {
    this.#wasHeldBack = true;
    this.to.addUnread(this.#bytes.length);
  }
}

/** The last thing one end hears of the other. */
export class Farewell extends Transit {
  readonly #reason: string;
  readonly #isReset: boolean;

  constructor(from: End, to: End, reason: string, departUs: number, latencyUs: number, isReset: boolean) {
    super(from, to, departUs, latencyUs);
    this.#reason = reason;
    this.#isReset = isReset;
  }

  override launch(): void {
    const from = this.from;
    from.kernel.schedule(this, Math.max(this.earliestUs(), from.lastArrivalUs));
  }

  override copy(): undefined {
    return undefined;
  }

  override fire(): void {
    if (this.to.isCut) return;
    // A farewell that was still queued in the program died with it; a reset comes from the system.
    if (!this.#isReset && this.departUs > this.from.diedAtUs) return;
    this.to.receiveFarewell(this.#reason, this.#isReset);
  }
}

/** Something an end does later, in its own life. */
abstract class EndEvent extends SimulationEvent {
  declare protected readonly end: End;

  constructor(end: End) {
    super(end.host, end.life);
    this.end = end;
  }
}

export class LocalClose extends EndEvent {
  readonly #reason: string;

  constructor(end: End, reason: string) {
    super(end);
    this.#reason = reason;
  }

  override fire(): void {
    this.end.finish(this.#reason);
  }
}

/** Bytes have left, at the pace of the bandwidth. */
export class Departure extends EndEvent {
  readonly #length: number;

  constructor(end: End, length: number) {
    super(end);
    this.#length = length;
  }

  override fire(): void {
    this.end.depart(this.#length);
  }
}

export class FlushUnread extends EndEvent {
  override fire(): void {
    this.end.flushUnread();
  }
}

export class FlushUnsent extends EndEvent {
  override fire(): void {
    this.end.sendUnsent();
  }
}
