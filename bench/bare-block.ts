/**
 * Blocks of the bare pipeline, the same on the wire and on disk: length of what follows the header and its CRC-32, four bytes each;
 * then the messages, each a length of four bytes and a payload.
 */
import { crc32 } from 'node:zlib';

const headerBytes = 8;
const lengthBytes = 4;

/** A block is full when it holds this much; a longer message makes a block of its own. */
export const blockBytesTarget: number = 64 << 10;

/** A block that is being filled. Its memory may be used again once nobody reads the sealed block any more. */
export class OpenBlock {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #end = headerBytes;
  count = 0;

  constructor(payloadBytes: number) {
    this.#bytes = Buffer.allocUnsafeSlow(Math.max(blockBytesTarget, headerBytes + lengthBytes + payloadBytes));
    this.#view = new DataView(this.#bytes.buffer);
  }

  hasRoomFor(payload: Uint8Array): boolean {
    return this.#end + lengthBytes + payload.length <= this.#bytes.length;
  }

  /** Copies the payload; there must be room for it. */
  add(payload: Uint8Array): void {
    this.#view.setUint32(this.#end, payload.length);
    this.#bytes.set(payload, this.#end + lengthBytes);
    this.#end += lengthBytes + payload.length;
    this.count += 1;
  }

  /** The finished block, a view. */
  seal(): Uint8Array {
    this.#view.setUint32(0, this.#end - headerBytes);
    this.#view.setUint32(4, crc32(this.#bytes.subarray(headerBytes, this.#end)));
    return this.#bytes.subarray(0, this.#end);
  }

  clear(): void {
    this.#end = headerBytes;
    this.count = 0;
  }
}

/** Puts blocks together from the chunks of a stream, in memory of their own, and checks them. Throws when one is damaged. */
export class BlockReader {
  readonly #onBlock: (block: Uint8Array) => void;
  readonly #header = new Uint8Array(headerBytes);
  #headerFilled = 0;
  #block: Uint8Array | undefined;
  #filled = 0;

  constructor(onBlock: (block: Uint8Array) => void) {
    this.#onBlock = onBlock;
  }

  push(chunk: Uint8Array): void {
    for (let start = 0; start < chunk.length;) {
      if (this.#block === undefined) {
        const taken = Math.min(headerBytes - this.#headerFilled, chunk.length - start);
        this.#header.set(chunk.subarray(start, start + taken), this.#headerFilled);
        this.#headerFilled += taken;
        start += taken;
        if (this.#headerFilled === headerBytes) this.#begin();
        continue;
      }
      const taken = Math.min(this.#block.length - this.#filled, chunk.length - start);
      this.#block.set(chunk.subarray(start, start + taken), this.#filled);
      this.#filled += taken;
      start += taken;
      if (this.#filled === this.#block.length) this.#finish(this.#block);
    }
  }

  #begin(): void {
    const bytes = new DataView(this.#header.buffer).getUint32(0);
    this.#block = Buffer.allocUnsafeSlow(headerBytes + bytes);
    this.#block.set(this.#header);
    this.#filled = headerBytes;
    this.#headerFilled = 0;
  }

  #finish(block: Uint8Array): void {
    this.#block = undefined;
    const wanted = new DataView(block.buffer).getUint32(4);
    if (crc32(block.subarray(headerBytes)) !== wanted) throw new Error('a block is damaged');
    this.#onBlock(block);
  }
}

/** Hands over every message of a block, a view each. */
export function forEachMessage(block: Uint8Array, handle: (payload: Uint8Array) => void): void {
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  for (let start = headerBytes; start < block.length;) {
    const end = start + lengthBytes + view.getUint32(start);
    handle(block.subarray(start + lengthBytes, end));
    start = end;
  }
}
