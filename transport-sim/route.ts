/**
 * The way from one machine to another, in one direction: what happens to a write on it.
 *
 * Invariants:
 * - Every kind of fault draws from its own stream of this route, for every write, whatever the other kinds decide and
 *   whether or not the route is blocked: the fate of the n-th write of a route in one respect depends on nothing else.
 * - A rate of 0 draws nothing.
 * - What waits in a hold leaves in the order in which it came.
 */
import { firstMicrosecond } from './clock.js';
import type { Host } from './host.js';
import type { Kernel } from './kernel.js';
import type { RandomStream } from './random.js';

/** Uniform, in whole microseconds. */
export interface LatencyProfile {
  readonly minMs: number;
  readonly maxMs: number;
}

/** One direction between two nodes. Rates are probabilities from 0 to 1 and apply to every write. */
export interface LinkProfile {
  readonly latency: LatencyProfile;
  /** The write vanishes; the link lives on. */
  readonly loss: number;
  /** The write arrives twice; the second time out of order. */
  readonly duplication: number;
  /** The write is delayed by up to `reorderDelayMs` more and may be overtaken. All others stay in order. */
  readonly reordering: number;
  readonly reorderDelayMs: number;
  /** The write cuts the link: a random prefix of it arrives, then both ends are closed. */
  readonly cut: number;
  /** One bit of the write is flipped on the way. */
  readonly corruption: number;
  /** The write arrives in two pieces. */
  readonly splitting: number;
  /** The first so many writes of every end of a link fare well, so that a handshake gets through high rates. */
  readonly sparedWrites: number;
  /** Bytes that leave in a millisecond, over all links of the direction; undefined: no limit. */
  readonly bytesPerMs: number | undefined;
}

export const defaultLinkProfile: LinkProfile = {
  latency: { minMs: 0.5, maxMs: 2 },
  loss: 0,
  duplication: 0,
  reordering: 0,
  reorderDelayMs: 10,
  cut: 0,
  corruption: 0,
  splitting: 0,
  sparedWrites: 0,
  bytesPerMs: undefined,
};

/** What becomes of one write. `never` stands for: does not happen to it. */
export interface Fate {
  latencyUs: number;
  isLost: boolean;
  /** Further delay of the second copy. */
  duplicateUs: number;
  /** Further delay that the others do not wait for. */
  reorderUs: number;
  /** Number of bytes that still arrive before the link breaks. */
  cutAt: number;
  /** Which bit is flipped. */
  corruptBit: number;
  /** Length of the first piece. */
  splitAt: number;
}

export const never = -1;

/** Something on its way. */
export interface Parcel {
  /** Leaves now. */
  launch(): void;
  /** Another one like it, which keeps no order; undefined for what is no write: a dial, its answer, a farewell. */
  copy(): Parcel | undefined;
}

type FaultKind = 'loss' | 'duplication' | 'reordering' | 'cut' | 'corruption' | 'splitting';

export class Route {
  readonly from: Host;
  readonly to: Host;
  /** Verdict of partitions and one-way blocks: what is sent now vanishes. */
  isBlocked = false;

  readonly #kernel: Kernel;
  readonly #name: string;
  readonly #streams = new Map<string, RandomStream>();
  readonly #fate: Fate = {
    latencyUs: 0,
    isLost: false,
    duplicateUs: never,
    reorderUs: never,
    cutAt: never,
    corruptBit: never,
    splitAt: never,
  };
  readonly #latencies: RandomStream;
  #profile: LinkProfile;
  #latencyMinUs = 0;
  #latencySpanUs = 0;
  #hasFaults = false;
  #held: Parcel[] | undefined;
  #busyUntilUs = 0;

  constructor(kernel: Kernel, from: Host, to: Host, profile: LinkProfile) {
    this.#kernel = kernel;
    this.from = from;
    this.to = to;
    this.#name = `${from.name}>${to.name}`;
    this.#latencies = kernel.privateRandom(`link/latency/${this.#name}`);
    this.#profile = profile;
    this.setProfile(profile);
  }

  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** True when writes take time to leave. */
  get hasBandwidth(): boolean {
    return this.#profile.bytesPerMs !== undefined;
  }

  setProfile(change: Partial<LinkProfile>): void {
    const profile = { ...this.#profile, ...change };
    this.#profile = profile;
    this.#latencyMinUs = firstMicrosecond(profile.latency.minMs);
    this.#latencySpanUs = Math.max(0, firstMicrosecond(profile.latency.maxMs) - this.#latencyMinUs);
    const rates = [profile.loss, profile.duplication, profile.reordering, profile.cut, profile.corruption];
    this.#hasFaults = [...rates, profile.splitting].some((rate) => rate > 0);
    if (!this.#hasFaults) clear(this.#fate);
  }

  latencyUs(): number {
    return this.#latencySpanUs === 0
      ? this.#latencyMinUs
      : this.#latencyMinUs + this.#latencies.below(this.#latencySpanUs + 1);
  }

  /**
   * Draws what becomes of a write of `length` bytes, the one after `earlierWrites` others of its link. The answer is valid
   * until the next call.
   */
  judge(length: number, earlierWrites: number): Readonly<Fate> {
    const fate = this.#fate;
    fate.latencyUs = this.latencyUs();
    if (!this.#hasFaults) return fate;
    this.#judgeFaults(fate, length);
    // Drawn all the same: what happens to the others must not depend on it.
    if (earlierWrites < this.#profile.sparedWrites) clear(fate);
    return fate;
  }

  #judgeFaults(fate: Fate, length: number): void {
    const profile = this.#profile;
    const spread = this.#latencySpanUs + this.#latencyMinUs;
    const reorderMaxUs = Math.max(1, firstMicrosecond(profile.reorderDelayMs));
    fate.isLost = this.#strikes('loss', profile.loss);
    fate.duplicateUs = this.#strikes('duplication', profile.duplication)
      ? this.#stream('duplication').between(0, spread)
      : never;
    fate.reorderUs = this.#strikes('reordering', profile.reordering)
      ? this.#stream('reordering').between(1, reorderMaxUs)
      : never;
    fate.cutAt = this.#strikes('cut', profile.cut) ? this.#stream('cut').between(0, length) : never;
    fate.corruptBit = this.#strikes('corruption', profile.corruption)
      ? this.#stream('corruption').below(length * 8)
      : never;
    const splits = this.#strikes('splitting', profile.splitting);
    fate.splitAt = splits && length > 1 ? this.#stream('splitting').between(1, length - 1) : never;
  }

  /** Takes the line for `length` bytes; returns when the last of them has left. */
  occupy(length: number): number {
    const bytesPerMs = this.#profile.bytesPerMs;
    const nowUs = this.#kernel.nowUs;
    if (bytesPerMs === undefined) return nowUs;
    this.#busyUntilUs = Math.max(nowUs, this.#busyUntilUs) + Math.ceil((length * 1000) / bytesPerMs);
    return this.#busyUntilUs;
  }

  /** Sends `parcel` on its way, or keeps it while the route is held. Blocking is up to the caller. */
  carry(parcel: Parcel): void {
    if (this.#held === undefined) parcel.launch();
    else this.#held.push(parcel);
  }

  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held;
    this.#held = undefined;
    if (held !== undefined) for (const parcel of held) parcel.launch();
  }

  /** What waits in the hold, in order. */
  get held(): readonly Parcel[] {
    return this.#held ?? [];
  }

  /** Takes out of the hold what waits at `index`: it is up to the caller what becomes of it. */
  takeHeld(index: number): Parcel | undefined {
    return this.#held?.splice(index, 1)[0];
  }

  #strikes(kind: FaultKind, rate: number): boolean {
    return rate > 0 && this.#stream(kind).chance(rate);
  }

  #stream(kind: FaultKind): RandomStream {
    const known = this.#streams.get(kind);
    if (known !== undefined) return known;
    const made = this.#kernel.privateRandom(`link/${kind}/${this.#name}`);
    this.#streams.set(kind, made);
    return made;
  }
}

function clear(fate: Fate): void {
  fate.isLost = false;
  fate.duplicateUs = never;
  fate.reorderUs = never;
  fate.cutAt = never;
  fate.corruptBit = never;
  fate.splitAt = never;
}
