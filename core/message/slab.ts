/**
 * Cuts small byte arrays out of larger blocks.
 *
 * Memory of its own costs an array of more than 64 bytes some microseconds with V8 (allocation outside the heap, and a
 * finalizer); a piece of a block costs a twentieth of that. The price: a piece that is kept keeps its whole block alive.
 * So blocks are small, and what is larger than a quarter of one gets memory of its own.
 */
const blockBytes = 16 << 10;
const pieceBytesMax: number = blockBytes >> 2;

export class Slab {
  #block: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** Zeroed memory of `length` bytes that nobody else has; the caller's for good. */
  take(length: number): Uint8Array {
    if (length > pieceBytesMax) return new Uint8Array(length);
    if (this.#used + length > this.#block.length) {
      this.#block = new Uint8Array(blockBytes);
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += length;
    return this.#block.subarray(start, this.#used);
  }
}
