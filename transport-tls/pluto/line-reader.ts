/**
 * Takes the first message out of the bytes of a connection: a line, behind any number of pings.
 *
 * - At most `lineBytesMax` bytes are kept, and no byte is looked at twice: it does not matter how a sender cuts its line.
 * - What comes behind the line is nobody's: v0.4 sends one message over a connection.
 */
import { AntecedentError, plutoPing } from '../../core/index.js';

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const ping = new TextEncoder().encode(plutoPing);

export class LineReader {
  readonly #lineBytesMax: number;
  /** Of the line that is not whole yet. */
  #parts: Uint8Array[] = [];
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
    this.#bytes += part.length;
    if (this.#bytes > this.#lineBytesMax) {
      this.#parts = [];
      throw new AntecedentError('E_PLUTO', `a line of more than ${this.#lineBytesMax} bytes`);
    }
    // A copy: what is left of a chunk behind a line is not to be kept with it.
    this.#parts.push(part.slice());
  }

  #takeAll(): Uint8Array {
    const line = new Uint8Array(this.#bytes);
    let at = 0;
    for (const part of this.#parts) {
      line.set(part, at);
      at += part.length;
    }
    this.#parts = [];
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
