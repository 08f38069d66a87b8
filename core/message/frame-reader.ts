/**
 * Finds frames in a stream of bytes that arrives in pieces of any size.
 *
 * `push` bytes, then call `next` until it returns undefined, which means "need more". A frame that lies within one piece
 * is a view of it; only a frame that spans pieces is copied, once, into memory of its own. A length is checked against
 * `frameBytesMax` before anything is allocated for it.
 */
import { RemoteProtocolError } from '../errors.js';
import { varintBytesMax } from './bytes.js';

/** One for all readers: there are as many as links. */
const noBytes = new Uint8Array(0);

export class FrameReader {
  /** Longest frame accepted, without its length prefix. May be raised as trust grows. */
  frameBytesMax: number;
  #bytes: Uint8Array = noBytes;
  #position = 0;
  /** Length of the frame being read; undefined while reading a length. */
  #length: number | undefined;
  #lengthSoFar = 0;
  #lengthScale = 1;
  /** The frame being collected over several pieces. */
  #partial: Uint8Array | undefined;
  #partialFilled = 0;

  constructor(frameBytesMax: number) {
    this.frameBytesMax = frameBytesMax;
  }

  /** True when the stream may end here without cutting a frame. */
  get isBetweenFrames(): boolean {
    return this.#length === undefined && this.#lengthScale === 1 && this.#position === this.#bytes.length;
  }

  /** Memory for a frame of which a part has come. */
  get partialBytes(): number {
    return this.#partial?.length ?? 0;
  }

  /** Takes the next piece. All frames of the piece before must have been taken. */
  push(bytes: Uint8Array): void {
    this.#bytes = bytes;
    this.#position = 0;
  }

  /** The next whole frame (type, body, checksum), or undefined when more bytes are needed. Throws `E_FRAME`, `E_FRAME_TOO_LARGE`. */
  next(): Uint8Array | undefined {
    this.#length ??= this.#readLength();
    if (this.#length === undefined) return undefined;
    const frame = this.#takeFrame(this.#length);
    if (frame !== undefined) this.#length = undefined;
    return frame;
  }

  #readLength(): number | undefined {
    for (;;) {
      const byte = this.#bytes[this.#position];
      if (byte === undefined) return undefined;
      this.#position++;
      this.#lengthSoFar += (byte & 0x7f) * this.#lengthScale;
      if (this.#lengthSoFar > this.frameBytesMax) {
        throw new RemoteProtocolError(
          'E_FRAME_TOO_LARGE',
          `frame of ${this.#lengthSoFar} bytes or more exceeds ${this.frameBytesMax}`,
        );
      }
      if (byte < 0x80) {
        const isShortest = byte !== 0 || this.#lengthScale === 1;
        const length = this.#lengthSoFar;
        this.#lengthSoFar = 0;
        this.#lengthScale = 1;
        if (length === 0 || !isShortest) {
          throw new RemoteProtocolError('E_FRAME', 'frame length is 0 or not in its shortest form');
        }
        return length;
      }
      this.#lengthScale *= 0x80;
      if (this.#lengthScale >= 0x80 ** varintBytesMax) {
        throw new RemoteProtocolError('E_FRAME', 'frame length does not end');
      }
    }
  }

  #takeFrame(length: number): Uint8Array | undefined {
    const available = this.#bytes.length - this.#position;
    if (this.#partial === undefined) {
      if (available >= length) {
        const frame = this.#bytes.subarray(this.#position, this.#position + length);
        this.#position += length;
        return frame;
      }
      if (available === 0) return undefined;
      this.#partial = new Uint8Array(length);
      this.#partialFilled = 0;
    }
    const take = Math.min(available, length - this.#partialFilled);
    this.#partial.set(this.#bytes.subarray(this.#position, this.#position + take), this.#partialFilled);
    this.#partialFilled += take;
    this.#position += take;
    if (this.#partialFilled < length) return undefined;
    const frame = this.#partial;
    this.#partial = undefined;
    return frame;
  }
}
