/**
 * One end of a simulated link.
 *
 * Invariants:
 * - Nothing is called back inside a call of the program: whatever follows from it is an event.
 * - Bytes are shared, never copied; a cut prefix is a view of them.
 * - In one direction writes arrive in order, except those that the profile reorders or doubles. The farewell (of `close`
 *   or a crash) arrives after everything that was written before it.
 * - Bytes that reach a dead end are answered with a reset if the machine has power, with silence if not: that is how a
 *   peer learns of a restart after a loss of power, and not before it writes.
 * The receiver's window is no packet: a sender learns at once, even through a partition, that a reader stopped or went on.
 */
import { Fifo, type Link, type LinkHandlers, type NodeName } from '../core/index.js';
import type { Host, LinkEndpoint } from './host.js';
import type { Kernel } from './kernel.js';
import { never, type Fate, type Parcel, type Route } from './route.js';
import { nobody, traceKinds } from './trace.js';
import { Bytes, Departure, Farewell, FlushUnread, FlushUnsent, LocalClose, type End } from './transits.js';

/** Unread bytes a stopped reader takes in before its sender has to keep the rest. */
export const windowBytes: number = 256 << 10;

type State = 'connecting' | 'open' | 'closing' | 'closed';

const silentHandlers: LinkHandlers = {
  onBytes: () => undefined,
  onDrain: () => undefined,
  onClose: () => undefined,
};

export class LinkEnd implements Link, LinkEndpoint, End {
  readonly remote: NodeName;
  readonly host: Host;
  readonly life: number;
  readonly kernel: Kernel;
  /** Where this end writes to. */
  readonly route: Route;
  openAtUs = 0;
  lastInOrderUs = 0;
  lastArrivalUs = 0;
  diedAtUs: number = Infinity;
  isCut = false;

  #peer: LinkEnd;
  #handlers: LinkHandlers = silentHandlers;
  #state: State = 'connecting';
  /** A write has cut the link here; the program does not know yet. */
  #isBroken = false;
  #bufferedBytes = 0;
  /** Writes that have left. */
  #sentWrites = 0;
  /** Kept back because the reader has stopped; `undefined` at the end stands for the farewell. */
  #unsent: (Uint8Array | undefined)[] = [];
  #isPaused = false;
  readonly #unread = new Fifo<Uint8Array>();
  #unreadBytes = 0;
  #isFlushing = false;
  /** Why the other end closed, while unread bytes are still to be handed over. */
  #farewell: string | undefined;

  private constructor(kernel: Kernel, host: Host, route: Route) {
    this.kernel = kernel;
    this.host = host;
    this.life = host.life;
    this.route = route;
    this.remote = route.to.identity;
    // Replaced by `pair` before anybody sees the end; saves a check for undefined at every write.
    this.#peer = this;
  }

  /** Two ends of a new link. Both belong to the lives that run now. */
  static pair(kernel: Kernel, there: Route, back: Route): readonly [dialer: LinkEnd, acceptor: LinkEnd] {
    const dialer = new LinkEnd(kernel, there.from, there);
    const acceptor = new LinkEnd(kernel, back.from, back);
    dialer.#peer = acceptor;
    acceptor.#peer = dialer;
    dialer.host.ends.add(dialer);
    acceptor.host.ends.add(acceptor);
    return [dialer, acceptor];
  }

  get remoteHost(): Host {
    return this.route.to;
  }

  // --- What the program calls ---------------------------------------------------------------------------------------

  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  write(bytes: Uint8Array): void {
    if (this.#state !== 'open' || bytes.length === 0) return;
    if (this.#unsent.length > 0 || this.#peer.#isClogged()) {
      this.#unsent.push(bytes);
      this.#buffer(bytes.length);
      return;
    }
    this.#send(bytes);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#maybeFlushUnread();
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    if (this.#unsent.length > 0) this.#unsent.push(undefined);
    else this.#sendFarewell();
  }

  // --- Opening and ending -------------------------------------------------------------------------------------------

  /** Hands the link to the program. */
  open(onLink: (link: Link) => LinkHandlers): void {
    this.#state = 'open';
    this.#handlers = onLink(this);
  }

  /** The dialer has lost interest, or will never hear that it was accepted. */
  abandon(tellsPeer: boolean): void {
    this.host.ends.delete(this);
    this.die(tellsPeer);
  }

  die(tellsPeer: boolean): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.diedAtUs = this.kernel.nowUs;
    this.#forget();
    if (tellsPeer) this.#sendReset('the other end is gone');
  }

  cut(): void {
    for (const end of [this, this.#peer]) {
      end.isCut = true;
      this.kernel.schedule(new LocalClose(end, 'the link was cut'), this.kernel.nowUs);
    }
  }

  finish(reason: string): void {
    if (this.#state === 'closed' || this.#state === 'connecting') return;
    this.#state = 'closed';
    this.host.ends.delete(this);
    this.#forget();
    this.kernel.trace.record(
      this.kernel.nowUs,
      traceKinds.close,
      this.host.index,
      this.#peer.host.index,
      reason.length,
    );
    this.#handlers.onClose(reason);
  }

  #forget(): void {
    // What of it leaves later no longer belongs to the program.
    this.host.buffer(-this.#bufferedBytes);
    this.#unsent = [];
    this.#unread.clear();
    this.#unreadBytes = 0;
  }

  // --- Sending ------------------------------------------------------------------------------------------------------

  #send(bytes: Uint8Array): void {
    if (this.#isBroken) return;
    const kernel = this.kernel;
    const route = this.route;
    const fate = route.judge(bytes.length, this.#sentWrites++);
    const departUs = route.occupy(bytes.length);
    kernel.usage.writes += 1;
    kernel.usage.writtenBytes += bytes.length;
    if (route.hasBandwidth) {
      this.#buffer(bytes.length);
      kernel.schedule(new Departure(this, bytes.length), departUs);
    }
    if (route.isBlocked) kernel.countFault('unreachable-write');
    else if (fate.cutAt !== never) this.#sendCut(bytes, fate, departUs);
    else if (fate.isLost) kernel.countFault('loss');
    else this.#sendWhole(fate.corruptBit === never ? bytes : this.#corrupt(bytes, fate.corruptBit), fate, departUs);
  }

  #sendWhole(bytes: Uint8Array, fate: Readonly<Fate>, departUs: number): void {
    const latencyUs = fate.latencyUs;
    if (fate.duplicateUs !== never) {
      this.kernel.countFault('duplication');
      this.#carry(new Bytes(this, this.#peer, bytes, departUs, latencyUs + fate.duplicateUs, false));
    }
    if (fate.reorderUs !== never) {
      this.kernel.countFault('reordering');
      this.#carry(new Bytes(this, this.#peer, bytes, departUs, latencyUs + fate.reorderUs, false));
      return;
    }
    if (fate.splitAt === never) {
      this.#carry(new Bytes(this, this.#peer, bytes, departUs, latencyUs, true));
      return;
    }
    this.kernel.countFault('splitting');
    this.#carry(new Bytes(this, this.#peer, bytes.subarray(0, fate.splitAt), departUs, latencyUs, true));
    this.#carry(new Bytes(this, this.#peer, bytes.subarray(fate.splitAt), departUs, latencyUs, true));
  }

  #sendCut(bytes: Uint8Array, fate: Readonly<Fate>, departUs: number): void {
    this.kernel.countFault('cut');
    this.#isBroken = true;
    const prefix = bytes.subarray(0, fate.cutAt);
    if (prefix.length > 0) this.#carry(new Bytes(this, this.#peer, prefix, departUs, fate.latencyUs, true));
    this.#carry(new Farewell(this, this.#peer, 'the link was cut', departUs, fate.latencyUs, true));
    this.kernel.schedule(new LocalClose(this, 'the link was cut'), departUs + fate.latencyUs);
  }

  #corrupt(bytes: Uint8Array, bit: number): Uint8Array {
    this.kernel.countFault('corruption');
    // The writer keeps its bytes: they may be in its log as well.
    const corrupted = bytes.slice();
    corrupted[bit >> 3] = (corrupted[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    return corrupted;
  }

  /** Everything written has left or is about to; the other end hears of it last. */
  #sendFarewell(): void {
    const departUs = this.#bufferedBytes > 0 ? this.route.occupy(0) : this.kernel.nowUs;
    if (!this.#isBroken && !this.route.isBlocked) {
      this.#carry(new Farewell(this, this.#peer, 'closed by the other end', departUs, this.route.latencyUs(), false));
    }
    this.kernel.schedule(new LocalClose(this, 'closed'), departUs);
  }

  /** The system answers for a program that is gone. */
  #sendReset(reason: string): void {
    if (this.route.isBlocked || this.isCut) return;
    // Departs at once and not after what the program had queued: the system speaks, not the program.
    this.#carry(new Farewell(this, this.#peer, reason, this.kernel.nowUs, this.route.latencyUs(), true));
  }

  #buffer(bytes: number): void {
    this.#bufferedBytes += bytes;
    if (this.#state !== 'closed') this.host.buffer(bytes);
  }

  #carry(parcel: Parcel): void {
    this.route.carry(parcel);
  }

  depart(length: number): void {
    this.#buffer(-length);
    this.#maybeDrain();
  }

  sendUnsent(): void {
    const unsent = this.#unsent;
    this.#unsent = [];
    for (const bytes of unsent) {
      if (bytes === undefined) {
        this.#sendFarewell();
        return;
      }
      this.#buffer(-bytes.length);
      this.#send(bytes);
    }
    this.#maybeDrain();
  }

  #maybeDrain(): void {
    if (this.#bufferedBytes > 0 || (this.#state !== 'open' && this.#state !== 'closing')) return;
    this.kernel.trace.record(this.kernel.nowUs, traceKinds.drain, this.host.index, nobody, 0);
    this.#handlers.onDrain();
  }

  // --- Receiving ----------------------------------------------------------------------------------------------------

  addUnread(length: number): void {
    this.#unreadBytes += length;
  }

  removeUnread(length: number): void {
    this.#unreadBytes = Math.max(0, this.#unreadBytes - length);
  }

  receive(bytes: Uint8Array): void {
    if (this.#state !== 'open' && this.#state !== 'closing') {
      if (this.host.hasPower) this.#sendReset('there is no such link any more');
      return;
    }
    if (this.#isPaused || this.#unread.length > 0) {
      this.#unread.push(bytes);
      this.#unreadBytes += bytes.length;
      return;
    }
    this.#deliver(bytes);
  }

  /** Bytes that wait are read first, unless it was a reset. */
  receiveFarewell(reason: string, isReset: boolean): void {
    if (!isReset && this.#unread.length > 0) this.#farewell = reason;
    else this.finish(reason);
  }

  flushUnread(): void {
    this.#isFlushing = false;
    if (this.#isPaused || (this.#state !== 'open' && this.#state !== 'closing')) return;
    const bytes = this.#unread.shift();
    if (bytes !== undefined) {
      this.#unreadBytes -= bytes.length;
      this.#deliver(bytes);
    }
    if (this.#unread.length > 0) this.#maybeFlushUnread();
    else if (this.#farewell !== undefined) this.finish(this.#farewell);
  }

  #deliver(bytes: Uint8Array): void {
    this.kernel.trace.recordBytes(this.kernel.nowUs, traceKinds.bytes, this.host.index, this.#peer.host.index, bytes);
    const peer = this.#peer;
    if (peer.#unsent.length > 0 && !this.#isClogged()) {
      this.kernel.schedule(new FlushUnsent(peer), this.kernel.nowUs);
    }
    this.#handlers.onBytes(bytes);
  }

  #maybeFlushUnread(): void {
    if (this.#isFlushing || this.#isPaused || this.#unread.length === 0) return;
    this.#isFlushing = true;
    this.kernel.schedule(new FlushUnread(this), this.kernel.nowUs);
  }

  #isClogged(): boolean {
    return this.#unreadBytes > windowBytes && (this.#isPaused || this.#unread.length > 0 || this.host.holdsBack);
  }
}
