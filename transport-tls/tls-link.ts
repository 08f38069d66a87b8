/**
 * One authenticated TLS socket as a Link.
 *
 * - What is written in one turn of the event loop leaves in as few TLS records as possible (cork).
 * - `onDrain` comes from write callbacks: Node's own 'drain' event speaks only after a buffer was full.
 * - After `close` the other end's bytes are read and dropped until it ends too. Closing with unread bytes would make the
 *   kernel reset the connection, and the reset would overtake the last frame we wrote.
 * - An end that asks much and reads nothing is not listened to while more than `unsentBytesMax` waits for it: its answers
 *   would pile up without bound. Whoever answers within what the port promises never comes near.
 * - `onClose` comes exactly once, last, whoever ended the link and however.
 */
import type { TLSSocket } from 'node:tls';
import type { Link, LinkHandlers, NodeName } from '../core/index.js';

export interface TlsLinkLimits {
  readonly lingerMs: number;
  readonly unsentBytesMax: number;
}

export class TlsLink implements Link {
  readonly remote: NodeName;
  readonly #socket: TLSSocket;
  readonly #limits: TlsLinkLimits;
  #handlers: LinkHandlers | undefined;
  #closing: 'open' | 'closing' | 'closed' = 'open';
  #lingerTimer: NodeJS.Timeout | undefined;
  #reason: string | undefined;
  #isCorked = false;
  #owesDrain = false;
  #isPaused = false;
  /** Too much waits for the other end to read. */
  #isChoked = false;

  /** `socket` is connected and identified as `remote`. Nothing is read before `attach`. */
  constructor(socket: TLSSocket, remote: NodeName, limits: TlsLinkLimits) {
    this.#socket = socket;
    this.remote = remote;
    this.#limits = limits;
    socket.on('error', (error: Error) => (this.#reason ??= error.message));
    socket.on('close', () => this.#handleClose());
    socket.on('end', () => (this.#reason ??= 'closed by the other end'));
  }

  /** Starts reading. Called once, in the turn in which the link was made. */
  attach(handlers: LinkHandlers): void {
    this.#handlers = handlers;
    this.#socket.on('data', (chunk: Buffer) => {
      if (this.#closing !== 'open') return;
      // A plain Uint8Array: `slice` of a Buffer does not copy, and the core relies on the copy.
      handlers.onBytes(new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    });
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength;
  }

  write(bytes: Uint8Array): void {
    if (this.#closing !== 'open' || bytes.length === 0) return;
    if (!this.#isCorked) {
      this.#isCorked = true;
      this.#socket.cork();
      process.nextTick(this.#uncork);
    }
    this.#owesDrain = true;
    // The result is ignored on purpose: whoever writes watches `bufferedBytes`.
    this.#socket.write(bytes, this.#handleWritten);
    if (this.#socket.writableLength > this.#limits.unsentBytesMax) {
      this.#isChoked = true;
      this.#socket.pause();
    }
  }

  pause(): void {
    if (this.#closing !== 'open') return;
    this.#isPaused = true;
    this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isChoked) this.#socket.resume();
  }

  close(): void {
    if (this.#closing !== 'open') return;
    this.#closing = 'closing';
    this.#reason ??= 'closed here';
    this.#socket.end();
    this.#socket.resume();
    // A peer that neither reads nor ends must not keep us.
    this.#lingerTimer = setTimeout(() => this.#socket.destroy(), this.#limits.lingerMs);
  }

  /** Ends the link at once, for a reason found outside the protocol; what was written may be lost. */
  destroy(reason: string): void {
    this.#reason ??= reason;
    this.#socket.destroy();
  }

  readonly #uncork = (): void => {
    this.#isCorked = false;
    this.#socket.uncork();
  };

  readonly #handleWritten = (error?: Error | null): void => {
    // After a failed write comes 'close'; several writes of one turn are reported together, but drained once.
    if (error || this.#closing !== 'open') return;
    if (this.#isChoked && this.#socket.writableLength <= this.#limits.unsentBytesMax) {
      this.#isChoked = false;
      if (!this.#isPaused) this.#socket.resume();
    }
    if (!this.#owesDrain || this.#socket.writableLength > 0) return;
    this.#owesDrain = false;
    this.#handlers?.onDrain();
  };

  #handleClose(): void {
    this.#closing = 'closed';
    clearTimeout(this.#lingerTimer);
    this.#handlers?.onClose(this.#reason ?? 'connection lost');
    this.#handlers = undefined;
  }
}
