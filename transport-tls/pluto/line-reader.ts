/**
 * Takes the first message out of the bytes of a connection: a line, behind any number of pings.
 *
 * - At most twice `lineBytesMax` bytes are kept, whatever a chunk was part of, and no byte is looked at twice: it does not matter how a sender
 *   cuts its line.
 * - What comes behind the line is nobody's: v0.4 sends one message over a connection.
 */
import { AntecedentError, plutoPing } from '../../core/index.js';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const ping = new TextEncoder().encode(plutoPing);

/** Most lines fit. */
const capacityAtStart = 512;

export class LineReader {
  readonly #lineBytesMax: number;
  /** Begins with the line that is not whole yet, as far as it has come. */
  #buffer = new Uint8Array(capacityAtStart);
  #bytes = 0;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The first line that is no ping, without its line break, once it is whole. Throws `E_PLUTO` for one that is too long. */
  push(chunk: Uint8Array): Uint8Array | undefined {
    for (let start = 0; start < chunk.length;) {
      const end = chunk.indexOf(lineFeed, start);
      this.#keep(chunk.subarray(start, end < 0 ? chunk.length : end));
      if (end < 0) return undefined;
      const line = withoutReturn(this.#takeAll());
      if (!isPing(line)) return line;
      start = end + 1;
    }
    return undefined;
  }

  #keep(part: Uint8Array): void {
    const before = this.#bytes;
    const bytes = before + part.length;
    this.#bytes = bytes;
    // From then on it throws whatever comes.
    if (bytes > this.#lineBytesMax) {
      this.#buffer = new Uint8Array(0);
      throw new AntecedentError('E_PLUTO', `a line of more than ${this.#lineBytesMax} bytes`);
    }
    if (bytes > this.#buffer.length) {
      const larger = new Uint8Array(Math.max(bytes, Math.min(2 * this.#buffer.length, this.#lineBytesMax)));
      larger.set(this.#buffer.subarray(0, before));
      this.#buffer = larger;
    }
    this.#buffer.set(part, before);
  }

  #takeAll(): Uint8Array {
    const line = this.#buffer.slice(0, this.#bytes);
    this.#bytes = 0;
    return line;
  }
}

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === carriageReturn ? line.subarray(0, -1) : line;
}

function isPing(line: Uint8Array): boolean {
  return line.length === ping.length && line.every((byte, index) => byte === ping[index]);
}
