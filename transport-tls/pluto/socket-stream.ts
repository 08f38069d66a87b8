/**
 * A TCP connection as a mere stream of bytes, for TLS to be spoken over.
 *
 * TLS usually takes over the handle of a socket. Then Node 20 has no way to reset the connection: `resetAndDestroy` of the socket beneath
 * ends the process with a segmentation fault. Over a stream the socket stays ours. The way is slower by a copy.
 */
import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';

type Callback = (error?: Error | null) => void;

/** Reads, writes, ends and destroys `socket`, and is destroyed with it. */
export class SocketStream extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super();
    this.#socket = socket;
    socket.on('data', (chunk) => {
      if (!this.push(chunk)) socket.pause();
    });
    socket.on('end', () => this.push(null));
    socket.on('error', (error) => this.destroy(error));
    socket.on('close', () => this.destroy());
    // Whoever speaks over this hears of it at its own end.
    this.on('error', () => undefined);
  }

  override _read(): void {
    this.#socket.resume();
  }

  /** `callback` is called when the system has the bytes. */
  override _write(chunk: Uint8Array, _: BufferEncoding, callback: Callback): void {
    this.#socket.write(chunk, callback);
  }

  override _final(callback: Callback): void {
    this.#socket.end(() => callback());
  }

  override _destroy(error: Error | null, callback: Callback): void {
    this.#socket.destroy();
    callback(error);
  }
}
