/**
 * Writing and reading the primitives of the wire and journal formats: bytes, varints, names.
 *
 * A varint is unsigned LEB128 in its shortest form, for whole numbers from 0 to 2⁵³-1. Readers refuse longer forms, so a
 * value has one encoding and equal things have equal bytes. Every read is checked against the end before it happens.
 */
import { RemoteProtocolError, assert } from '../errors.js';
import { isNodeName, nameLengthMax, type NodeName } from '../names.js';

/** Longest varint: 53 bits in groups of 7. */
export const varintBytesMax = 8;

/** Number of bytes that `value` takes as a varint. */
export function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++;
  return length;
}

/** Writes `value` at `position` of `target`, which has room for it. Returns the position behind it. */
export function writeVarint(target: Uint8Array, position: number, value: number): number {
  assert(Number.isSafeInteger(value) && value >= 0, 'a varint is a whole number from 0 to 2^53-1');
  let at = position;
  let rest = value;
  // Bit operations work on 32 bits only; larger values are divided down first.
  while (rest > 0x7fffffff) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  while (rest >= 0x80) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

/** A growing buffer that can be used again: `seek(0)`, once what was viewed has been copied. */
export class ByteWriter {
  #bytes: Uint8Array;
  #position = 0;

  constructor(capacity = 64) {
    this.#bytes = new Uint8Array(capacity);
  }

  get position(): number {
    return this.#position;
  }

  /** Bytes that it has memory for. */
  get capacity(): number {
    return this.#bytes.length;
  }

  /** Goes back to `position`: what was written behind it will be overwritten. */
  seek(position: number): void {
    this.#position = position;
  }

  byte(value: number): void {
    if (this.#position === this.#bytes.length) this.#reserve(1);
    this.#bytes[this.#position++] = value;
  }

  uint32(value: number): void {
    this.byte(value & 0xff);
    this.byte((value >>> 8) & 0xff);
    this.byte((value >>> 16) & 0xff);
    this.byte(value >>> 24);
  }

  varint(value: number): void {
    if (this.#position + varintBytesMax > this.#bytes.length) this.#reserve(varintBytesMax);
    this.#position = writeVarint(this.#bytes, this.#position, value);
  }

  bytes(bytes: Uint8Array): void {
    if (this.#position + bytes.length > this.#bytes.length) this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#position);
    this.#position += bytes.length;
  }

  /** Length and characters of an ASCII text of at most 255 characters; others are replaced by "?". */
  text(text: string): void {
    const length = Math.min(text.length, 255);
    this.byte(length);
    for (let index = 0; index < length; index++) {
      const code = text.charCodeAt(index);
      this.byte(code >= 0x20 && code < 0x7f ? code : 0x3f);
    }
  }

  /** The bytes from `start` to `end`, not copied: they change when the writer is used again. */
  view(start = 0, end: number = this.#position): Uint8Array {
    return this.#bytes.subarray(start, end);
  }

  #reserve(count: number): void {
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#position + count));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/** Reads `bytes` from front to back. Every method throws `RemoteProtocolError` (`E_FRAME`) instead of reading past the end. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #position: number;

  constructor(bytes: Uint8Array, position = 0, end: number = bytes.length) {
    this.#bytes = bytes;
    this.#position = position;
    this.#end = end;
  }

  get position(): number {
    return this.#position;
  }

  get remaining(): number {
    return this.#end - this.#position;
  }

  byte(): number {
    this.#need(1);
    return this.#bytes[this.#position++] ?? 0;
  }

  uint32(): number {
    return (this.byte() | (this.byte() << 8) | (this.byte() << 16) | (this.byte() << 24)) >>> 0;
  }

  /** Throws `E_FRAME` unless it is in its shortest form, `E_COUNTER_RANGE` above 2⁵³-1. */
  varint(): number {
    let value = 0;
    let scale = 1;
    for (let index = 0; index < varintBytesMax; index++) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (byte === 0 && index > 0) this.#fail('a varint is not in its shortest form');
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      scale *= 0x80;
    }
    throw new RemoteProtocolError('E_COUNTER_RANGE', `number above 2^53-1 before byte ${this.#position}`);
  }

  /** A view, not a copy. */
  bytes(length: number): Uint8Array {
    this.#need(length);
    const view = this.#bytes.subarray(this.#position, this.#position + length);
    this.#position += length;
    return view;
  }

  skip(length: number): void {
    this.#need(length);
    this.#position += length;
  }

  text(): string {
    const length = this.byte();
    this.#need(length);
    let text = '';
    for (let index = 0; index < length; index++) text += String.fromCharCode(this.byte());
    return text;
  }

  /** A validated node name. Throws `E_FRAME` for anything else. */
  name(): NodeName {
    const length = this.#bytes[this.#position] ?? 0;
    if (length > nameLengthMax) this.#fail(`a name of ${length} bytes exceeds ${nameLengthMax}`);
    const text = this.text();
    if (!isNodeName(text)) this.#fail(`${JSON.stringify(text)} is no node name`);
    return text;
  }

  /** Throws `E_FRAME` when bytes are left. */
  end(): void {
    if (this.#position !== this.#end) this.#fail(`${this.remaining} bytes too many`);
  }

  #need(length: number): void {
    if (length > this.#end - this.#position) this.#fail(`${length} bytes needed, ${this.remaining} left`);
  }

  #fail(what: string): never {
    throw new RemoteProtocolError('E_FRAME', `${what} at byte ${this.#position}`);
  }
}
