/**
 * A growing list of numbers, 8 bytes each, in chunks: growing copies nothing, so a list of millions never exists twice. Its
 * front can be forgotten, and then whole chunks go; an index keeps its meaning.
 */

const chunkBits = 12;
const chunkLength = 1 << chunkBits;
/** The first chunk grows from here to the length of the others, because most lists stay short. */
const firstLength = 16;

export class NumberColumn {
  readonly #chunks: Float64Array[] = [];
  /** Index of the first number in the first chunk. */
  #base = 0;
  #begin = 0;
  #end = 0;

  /** Index of the first number that is still there; `end` when none is. */
  get begin(): number {
    return this.#begin;
  }

  /** Index of the next number. */
  get end(): number {
    return this.#end;
  }

  /** Bytes that are held. */
  get bytes(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.byteLength, 0);
  }

  push(value: number): void {
    const position = this.#end - this.#base;
    const index = position >> chunkBits;
    const at = position & (chunkLength - 1);
    let chunk = this.#chunks[index];
    if (chunk === undefined || at === chunk.length) {
      chunk = widened(chunk, index === 0 ? firstLength : chunkLength);
      this.#chunks[index] = chunk;
    }
    chunk[at] = value;
    this.#end++;
  }

  /** The number at `index`; NaN where there is none, or none any more. */
  at(index: number): number {
    if (index < this.#begin || index >= this.#end) return Number.NaN;
    const position = index - this.#base;
    return this.#chunks[position >> chunkBits]?.[position & (chunkLength - 1)] ?? Number.NaN;
  }

  /** Forgets the numbers in front of `index`, which is at most `end`. */
  dropBelow(index: number): void {
    this.#begin = Math.max(this.#begin, index);
    if (this.#begin === this.#end) {
      // The next number begins a short first chunk again.
      this.#chunks.length = 0;
      this.#base = this.#end;
      return;
    }
    const chunks = (this.#begin - this.#base) >> chunkBits;
    this.#chunks.splice(0, chunks);
    this.#base += chunks * chunkLength;
  }
}

function widened(chunk: Float64Array | undefined, lengthAtFirst: number): Float64Array {
  if (chunk === undefined) return new Float64Array(lengthAtFirst);
  const wider = new Float64Array(4 * chunk.length);
  wider.set(chunk);
  return wider;
}
