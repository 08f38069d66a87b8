/**
 * A growing list of numbers, 8 bytes each, in chunks: growing copies nothing, so a list of millions never exists twice.
 */

const chunkBits = 12;
const chunkLength = 1 << chunkBits;
/** The first chunk grows from here to the length of the others, because most lists stay short. */
const firstLength = 16;

export class NumberColumn {
  readonly #chunks: Float64Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const index = this.#length >> chunkBits;
    const at = this.#length & (chunkLength - 1);
    let chunk = this.#chunks[index];
    if (chunk === undefined || at === chunk.length) {
      chunk = widened(chunk, index === 0 ? firstLength : chunkLength);
      this.#chunks[index] = chunk;
    }
    chunk[at] = value;
    this.#length++;
  }

  /** The number at `index`; NaN where there is none. */
  at(index: number): number {
    if (index >= this.#length) return Number.NaN;
    return this.#chunks[index >> chunkBits]?.[index & (chunkLength - 1)] ?? Number.NaN;
  }
}

function widened(chunk: Float64Array | undefined, lengthAtFirst: number): Float64Array {
  if (chunk === undefined) return new Float64Array(lengthAtFirst);
  const wider = new Float64Array(4 * chunk.length);
  wider.set(chunk);
  return wider;
}
