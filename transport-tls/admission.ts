/**
 * How many strangers may be in a TLS handshake at once.
 *
 * A mutual handshake costs milliseconds of CPU before anybody has proved anything: it is the unit of denial of service.
 * So connections are counted from accept until they have proved their name, in all and per address, and started at a bounded
 * rate. Links of members are not counted and go on through a flood.
 */
import type { Clock } from '../core/index.js';

/** Bounds on connections whose handshake is under way. */
export interface AdmissionLimits {
  readonly pendingMax: number;
  readonly pendingPerAddressMax: number;
  readonly handshakesPerSecondMax: number;
}

/** A place, to be given back once; or the reason why there is none. */
export type Admitted = { readonly leave: () => void } | { readonly refusal: string };

export class Admission {
  readonly #limits: AdmissionLimits;
  readonly #clock: Clock;
  readonly #pendingByAddress = new Map<string, number>();
  #pending = 0;
  /** Token bucket; holds at most one second's worth. */
  #tokens: number;
  #filledAtMs: number;

  constructor(limits: AdmissionLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
    this.#tokens = limits.handshakesPerSecondMax;
    this.#filledAtMs = clock.nowMs();
  }

  enter(address: string): Admitted {
    const { pendingMax, pendingPerAddressMax, handshakesPerSecondMax } = this.#limits;
    const fromAddress = this.#pendingByAddress.get(address) ?? 0;
    if (this.#pending >= pendingMax) return { refusal: `${pendingMax} handshakes are pending` };
    if (fromAddress >= pendingPerAddressMax) {
      return { refusal: `${pendingPerAddressMax} handshakes are pending from this address` };
    }
    if (!this.#takeToken()) return { refusal: `more than ${handshakesPerSecondMax} handshakes in a second` };
    this.#pending += 1;
    this.#pendingByAddress.set(address, fromAddress + 1);
    let isInside = true;
    return {
      leave: () => {
        if (!isInside) return;
        isInside = false;
        this.#leave(address);
      },
    };
  }

  #leave(address: string): void {
    this.#pending -= 1;
    const left = (this.#pendingByAddress.get(address) ?? 1) - 1;
    // Addresses are forgotten, or the map would grow with everybody who ever knocked.
    if (left === 0) this.#pendingByAddress.delete(address);
    else this.#pendingByAddress.set(address, left);
  }

  #takeToken(): boolean {
    const rate = this.#limits.handshakesPerSecondMax;
    const nowMs = this.#clock.nowMs();
    this.#tokens = Math.min(rate, this.#tokens + ((nowMs - this.#filledAtMs) * rate) / 1000);
    this.#filledAtMs = nowMs;
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }
}
