/**
 * Lines in and lines out: the framing of the daemon's standard streams.
 *
 * In: lines of bytes, cut out of chunks that end anywhere, each bounded. Out: whole lines in order; each write tells when the
 * line has left, because a delivery counts as applied only then.
 */
import { once } from 'node:events';
import type { Writable } from 'node:stream';

/** A line without its end, or the note that one was longer than allowed and has been dropped. */
export type Line = { readonly bytes: Uint8Array } | { readonly tooLong: true };

const lineFeed = 0x0a;

export class LineSplitter {
  readonly #lineBytesMax: number;
  #parts: Uint8Array[] = [];
  #length = 0;
  #isDropping = false;

  constructor(lineBytesMax: number) {
    this.#lineBytesMax = lineBytesMax;
  }

  /** The lines that `chunk` completes. */
  push(chunk: Uint8Array): readonly Line[] {
    const lines: Line[] = [];
    let start = 0;
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      this.#add(chunk.subarray(start, end));
      lines.push(this.#take());
      start = end + 1;
    }
    this.#add(chunk.subarray(start));
    return lines;
  }

  /** The last line, when the input ended without a line end. */
  end(): readonly Line[] {
    return this.#length > 0 || this.#isDropping ? [this.#take()] : [];
  }

  #add(part: Uint8Array): void {
    if (part.length === 0 || this.#isDropping) return;
    this.#length += part.length;
    if (this.#length > this.#lineBytesMax) {
      this.#isDropping = true;
      this.#parts = [];
    } else this.#parts.push(part);
  }

  #take(): Line {
    const line: Line = this.#isDropping ? { tooLong: true } : { bytes: Buffer.concat(this.#parts) };
    this.#parts = [];
    this.#length = 0;
    this.#isDropping = false;
    return line;
  }
}

/** Why nothing can be written any more. */
export class OutputError extends Error {
  override readonly name = 'OutputError';
  /** The reader has gone away: nobody's fault. */
  readonly isReaderGone: boolean;

  constructor(cause: NodeJS.ErrnoException) {
    super(`cannot write to standard output: ${cause.message}`, { cause });
    this.isReaderGone = cause.code === 'EPIPE' || cause.code === 'ERR_STREAM_DESTROYED';
  }
}

export class LineWriter {
  readonly #stream: Writable;
  #failure: OutputError | undefined;
  #reportFailure: (error: OutputError) => void = () => undefined;
  /** Resolves when the stream has failed. */
  readonly failed: Promise<OutputError>;

  constructor(stream: Writable) {
    this.#stream = stream;
    this.failed = new Promise((resolve) => (this.#reportFailure = resolve));
    stream.on('error', (cause) => this.#fail(cause));
  }

  /** Writes `value` as one line of JSON; resolves when it has left this process. Rejects with `OutputError`. */
  write(value: unknown): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#stream.write(`${JSON.stringify(value)}\n`, (cause) => {
        if (cause) reject(this.#fail(cause));
        else resolve();
      });
    });
  }

  /** What the stream failed with. */
  get failure(): OutputError | undefined {
    return this.#failure;
  }

  /** Resolves when the stream wants more, has failed, or `signal` aborts. */
  async room(signal: AbortSignal): Promise<void> {
    if (!this.#stream.writableNeedDrain) return;
    // A failure is seen at `failed`, an abort by whoever aborted.
    await once(this.#stream, 'drain', { signal }).catch(() => undefined);
  }

  #fail(cause: NodeJS.ErrnoException): OutputError {
    this.#failure ??= new OutputError(cause);
    this.#reportFailure(this.#failure);
    return this.#failure;
  }
}
