/**
 * UTF-8 both ways, strictly (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF, and a byte order mark is
 * a character like others. What does not fit is undefined, never replaced, so that text and bytes name each other.
 *
 * Here because the core has no TextDecoder, and because names in operations are short: mostly ASCII, decoded by the dozen.
 */
import { asciiText } from './base64.js';

/** Code points made into text at once. */
const pieceMax = 2048;
/** The last code point there is. */
const pointMax = 0x10ffff;

export function decodeUtf8(bytes: Uint8Array): string | undefined {
  let bits = 0;
  for (const byte of bytes) bits |= byte;
  if (bits < 0x80) return asciiText(bytes);
  let text = '';
  let points: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = lengthOf(bytes[at] ?? 0);
    const point = at + length > bytes.length ? -1 : pointAt(bytes, at, length);
    if (point < 0) return undefined;
    points.push(point);
    if (points.length === pieceMax) {
      text += String.fromCodePoint(...points);
      points = [];
    }
    at += length;
  }
  return text + String.fromCodePoint(...points);
}

/** Undefined when `text` holds half a surrogate pair. */
export function encodeUtf8(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length * 3);
  let length = 0;
  for (let at = 0; at < text.length; at += 1) {
    const point = text.codePointAt(at) ?? 0;
    if (point < 0x80) {
      bytes[length++] = point;
    } else if (point < 0x800) {
      bytes[length++] = 0xc0 | (point >> 6);
      bytes[length++] = continuation(point);
    } else if (point < 0x10000) {
      if (isSurrogate(point)) return undefined;
      bytes[length++] = 0xe0 | (point >> 12);
      bytes[length++] = continuation(point >> 6);
      bytes[length++] = continuation(point);
    } else {
      bytes[length++] = 0xf0 | (point >> 18);
      bytes[length++] = continuation(point >> 12);
      bytes[length++] = continuation(point >> 6);
      bytes[length++] = continuation(point);
      at += 1;
    }
  }
  return bytes.subarray(0, length);
}

/** Bytes of the character that begins with `first`; 5 when none does, which fits nowhere. */
function lengthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2) return 5;
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 5;
}

/** The code point of the `length` bytes at `at`; -1 when they are none. */
function pointAt(bytes: Uint8Array, at: number, length: number): number {
  const first = bytes[at] ?? 0;
  if (length === 1) return first;
  if (length === 5) return -1;
  let point = first & (0xff >> (length + 1));
  for (let next = at + 1; next < at + length; next += 1) {
    const byte = bytes[next] ?? 0;
    if ((byte & 0xc0) !== 0x80) return -1;
    point = (point << 6) | (byte & 0x3f);
  }
  const least = length === 2 ? 0x80 : length === 3 ? 0x800 : 0x10000;
  return point < least || point > pointMax || isSurrogate(point) ? -1 : point;
}

function continuation(bits: number): number {
  return 0x80 | (bits & 0x3f);
}

function isSurrogate(point: number): boolean {
  return point >= 0xd800 && point <= 0xdfff;
}
