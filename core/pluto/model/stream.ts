/**
 * What TCP does for pluto v0.4: one end of a connection, as a program sees it through its socket.
 *
 * The links of the simulation lose, double, reorder and damage single writes, and swallow everything while a network is parted.
 * A program on TCP notices nothing of that but the delay, and it would be no fault of v0.4 to be lost without it. So writes are
 * numbered here, acknowledged, put in order and sent again, as the system underneath v0.4 would. What TCP does *not* do is kept with
 * the same care:
 * - A write has succeeded when the system has taken it. Whether the other process ever reads it nobody is told.
 * - The other process ends: reading ends with `closed`; the next write succeeds (and is lost), the one after it fails with
 *   `broken-pipe`.
 * - A reset: reading ends with `reset`, the next write fails with `reset`, and those after it with `broken-pipe`.
 *
 * Segment: magic "tP" · type u8 · 0 · offset u32 · length u32 · CRC-32 of the bytes u32 · CRC-32 of all before it u32 · bytes.
 * Retransmission: the oldest segment, after 200 ms, twice as long each time up to 120 s, at most 15 times (RFC 6298 with the numbers of
 * Linux); not while bytes wait in the machine itself for a thin line.
 */
import type { Cancel, Clock, Digests, Link, LinkHandlers } from '../../ports.js';
import { firstLineLength, textOf } from './text.js';
import { untilDone, type Steps } from './routines.js';

/** How a connection ended for whoever reads. */
export type StreamEnd = 'closed' | 'reset';

/** What came of reading a line. */
export type Reading =
  { readonly line: string; readonly end?: undefined } | { readonly line?: undefined; readonly end: StreamEnd };

/** What came of a write. */
export type Written = 'written' | 'broken-pipe' | 'reset';

/** Tells from the line for people with which a link ends whether the other process is gone, or whether it was a reset. */
export type ReadEnd = (reason: string) => StreamEnd;

export interface StreamOptions {
  readonly clock: Clock;
  readonly digests: Digests;
  readonly readEnd: ReadEnd;
}

interface Segment {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const headerLength = 20;
const magic = 0x7450;
const dataType = 1;
const ackType = 2;
const firstRetryMs = 200;
const retryMsMax = 120_000;
const retriesMax = 15;

export class Stream implements LinkHandlers {
  readonly #link: Link;
  readonly #options: StreamOptions;
  /** What `write` says next; `lost` for the write that nobody will tell about. */
  #state: 'open' | 'lost' | 'reset' | 'broken' = 'open';

  #sent = 0;
  #unacknowledged: Segment[] = [];
  #retries = 0;
  #cancelRetry: Cancel | undefined;

  /** Bytes of the link that are no whole segment yet. */
  #raw: Uint8Array = new Uint8Array(0);
  #received = 0;
  /** Segments that came before one in front of them. */
  readonly #early = new Map<number, Uint8Array>();
  #unread: Uint8Array = new Uint8Array(0);
  #end: StreamEnd | undefined;
  #reader: (() => void) | undefined;

  constructor(link: Link, options: StreamOptions) {
    this.#link = link;
    this.#options = options;
  }

  // --- What the program calls ------------------------------------------------------------------------------------------

  write(bytes: Uint8Array): Written {
    switch (this.#state) {
      case 'lost':
        this.#state = 'broken';
        return 'written';
      case 'reset':
        this.#state = 'broken';
        return 'reset';
      case 'broken':
        return 'broken-pipe';
      case 'open': {
        const segment = { offset: this.#sent, bytes };
        this.#sent += bytes.length;
        this.#unacknowledged.push(segment);
        this.#transmit(segment);
        this.#awaitAcknowledgement();
        return 'written';
      }
    }
  }

  /** The next line with its end, or how reading ended; what came of a line by then is gone. */
  *readLine(): Steps<Reading> {
    for (;;) {
      const length = firstLineLength(this.#unread);
      if (this.#unread[length - 1] === 0x0a) {
        const line = textOf(this.#unread.subarray(0, length));
        this.#unread = this.#unread.subarray(length);
        return { line };
      }
      if (this.#end !== undefined) return { end: this.#end };
      yield* untilDone((done) => (this.#reader = done));
    }
  }

  // --- What the link calls ---------------------------------------------------------------------------------------------

  onBytes(bytes: Uint8Array): void {
    this.#raw = joined(this.#raw, bytes);
    let start = 0;
    while (this.#raw.length - start >= headerLength) {
      const taken = this.#takeSegment(this.#raw.subarray(start));
      if (taken === 'more') break;
      start += taken;
    }
    this.#raw = this.#raw.slice(start);
  }

  onDrain(): void {}

  onClose(reason: string): void {
    this.#finish(this.#options.readEnd(reason));
  }

  // --- Sending ---------------------------------------------------------------------------------------------------------

  #transmit({ offset, bytes }: Segment): void {
    this.#link.write(this.#encode(dataType, offset, bytes));
  }

  #encode(type: number, offset: number, bytes: Uint8Array): Uint8Array {
    const { digests } = this.#options;
    const encoded = new Uint8Array(headerLength + bytes.length);
    const view = new DataView(encoded.buffer);
    view.setUint16(0, magic);
    view.setUint8(2, type);
    view.setUint32(4, offset);
    view.setUint32(8, bytes.length);
    view.setUint32(12, digests.crc32(bytes, 0));
    view.setUint32(16, digests.crc32(encoded.subarray(0, 16), 0));
    encoded.set(bytes, headerLength);
    return encoded;
  }

  #awaitAcknowledgement(): void {
    if (this.#cancelRetry !== undefined || this.#unacknowledged.length === 0) return;
    const { clock } = this.#options;
    const waitMs = Math.min(firstRetryMs * 2 ** this.#retries, retryMsMax);
    this.#cancelRetry = clock.wakeAt(clock.nowMs() + waitMs, () => {
      this.#cancelRetry = undefined;
      this.#maybeRetransmit();
      this.#awaitAcknowledgement();
    });
  }

  /** Sends the oldest segment again, unless it has not even left yet. */
  #maybeRetransmit(): void {
    const [oldest] = this.#unacknowledged;
    if (oldest === undefined || this.#link.bufferedBytes > 0) return;
    this.#retries += 1;
    if (this.#retries > retriesMax) this.#finish('reset');
    else this.#transmit(oldest);
  }

  #handleAcknowledged(offset: number): void {
    const before = this.#unacknowledged.length;
    this.#unacknowledged = this.#unacknowledged.filter((segment) => segment.offset >= offset);
    if (this.#unacknowledged.length === before) return;
    this.#retries = 0;
    this.#stopRetrying();
    this.#awaitAcknowledgement();
  }

  #stopRetrying(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
  }

  // --- Receiving -------------------------------------------------------------------------------------------------------

  /** Takes in what `raw` begins with: returns how many bytes that was, one for what is no segment. */
  #takeSegment(raw: Uint8Array): number | 'more' {
    const { digests } = this.#options;
    const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
    const isHeader = view.getUint16(0) === magic && view.getUint32(16) === digests.crc32(raw.subarray(0, 16), 0);
    if (!isHeader) return 1;
    const offset = view.getUint32(4);
    const end = headerLength + view.getUint32(8);
    if (raw.length < end) return 'more';
    const bytes = raw.slice(headerLength, end);
    if (view.getUint32(12) !== digests.crc32(bytes, 0)) return 1;
    if (view.getUint8(2) === ackType) this.#handleAcknowledged(offset);
    else this.#handleData(offset, bytes);
    return end;
  }

  #handleData(offset: number, bytes: Uint8Array): void {
    if (offset >= this.#received) this.#early.set(offset, bytes);
    for (let next = this.#early.get(this.#received); next !== undefined; next = this.#early.get(this.#received)) {
      this.#early.delete(this.#received);
      this.#received += next.length;
      this.#unread = joined(this.#unread, next);
    }
    this.#link.write(this.#encode(ackType, this.#received, new Uint8Array(0)));
    this.#wakeReader();
  }

  #finish(end: StreamEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#state = end === 'closed' ? 'lost' : 'reset';
    this.#stopRetrying();
    this.#unacknowledged = [];
    this.#wakeReader();
  }

  #wakeReader(): void {
    const wake = this.#reader;
    this.#reader = undefined;
    wake?.();
  }
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  if (one.length === 0) return other;
  const both = new Uint8Array(one.length + other.length);
  both.set(one);
  both.set(other, one.length);
  return both;
}
