/**
 * Pieces of segments in memory, for readers that go on where they stopped: lagging peers, replays.
 *
 * Each reader is known by where it will go on, so several do not get into each other's way; the one that was seen longest ago
 * gives up its piece. Nothing is read ahead for a first read, which may be the only one.
 */

/** Read at a time for whoever reads on. */
const aheadBytes = 256 << 10;
/** What lies between two records that one reader asks for: those of others. More is another reader, or a jump. */
const gapBytesMax = 64 << 10;
const readersMax = 8;

interface Reader {
  readonly name: string;
  /** Where it will go on. */
  next: number;
  /** Where `bytes` lie in the file. */
  position: number;
  bytes: Uint8Array;
}

const nothing = new Uint8Array(0);

export class ReadAhead {
  /** The one seen last is at the end. */
  readonly #readers: Reader[] = [];

  /** A copy of what is in memory of the file `name`; undefined when it is not. */
  take(name: string, position: number, length: number): Uint8Array | undefined {
    const reader = this.#find(name, position);
    if (reader === undefined || position < reader.position) return undefined;
    const from = position - reader.position;
    if (from + length > reader.bytes.length) return undefined;
    reader.next = position + length;
    return reader.bytes.slice(from, from + length);
  }

  /** How much to read at `position`, of which `length` are wanted; the file does not change before `readableEnd`. */
  lengthToRead(name: string, position: number, length: number, readableEnd: number): number {
    if (this.#find(name, position) === undefined) return length;
    return Math.max(length, Math.min(aheadBytes, readableEnd - position));
  }

  /** Enters what was read at `position`, of which `length` were wanted. */
  keep(name: string, position: number, length: number, bytes: Uint8Array): void {
    const known = this.#find(name, position);
    if (known !== undefined) this.#readers.splice(this.#readers.indexOf(known), 1);
    else if (this.#readers.length === readersMax) this.#readers.shift();
    const kept = bytes.length > length ? bytes : nothing;
    this.#readers.push({ name, next: position + length, position, bytes: kept });
  }

  #find(name: string, position: number): Reader | undefined {
    return this.#readers.findLast((reader) => {
      return reader.name === name && position >= reader.next && position - reader.next <= gapBytesMax;
    });
  }
}
