/**
 * Base64 as pluto writes it (RFC 4648, section 4): the standard alphabet, with padding, and nothing else.
 *
 * Decoding is strict, so that every run of bytes has one text and every text at most one run of bytes: no line breaks, no
 * other alphabet, padding complete, and the bits that padding leaves over are 0. What an engine offers by itself is not
 * there in the core, and forgives some or all of this.
 *
 * This runs for every delivery of every simulated run: hence the loops without calls, and one test at the end for all
 * characters in place of one for each.
 */
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const padding = 0x3d;
/** The highest bit of a sextet that is none. */
const invalid = 0x80;

const letters = Uint8Array.from(alphabet, (letter) => letter.charCodeAt(0));
const sextets = new Uint8Array(128).fill(invalid);
letters.forEach((code, sextet) => (sextets[code] = sextet));

/** Longest piece of text made at once: engines bound the number of arguments of a call. */
const pieceMax = 8192;

/** The bytes of `text` from `start` to `end`; undefined when that is not strict base64. */
export function decodeBase64(text: string, start: number, end: number): Uint8Array | undefined {
  if ((end - start) % 4 !== 0) return undefined;
  const padded = paddingOf(text, start, end);
  const bytes = new Uint8Array(((end - start) / 4) * 3 - padded);
  const wholeEnd = padded === 0 ? end : end - 4;
  let seen = 0;
  let written = 0;
  for (let at = start; at < wholeEnd; at += 4) {
    const word = wordAt(text, at);
    seen |= word;
    bytes[written] = word >> 16;
    bytes[written + 1] = word >> 8;
    bytes[written + 2] = word;
    written += 3;
  }
  if (padded !== 0) {
    const word = paddedWordAt(text, wholeEnd, padded);
    seen |= word;
    bytes[written] = word >> 16;
    if (padded === 1) bytes[written + 1] = word >> 8;
  }
  return seen < 0 ? undefined : bytes;
}

/**
 * The text under `text` from `start` to `end` where that is strict base64 of ASCII, and undefined otherwise. For names, of
 * which there are many and short ones: bytes in between would cost more than all the rest.
 */
export function decodeAsciiBase64(text: string, start: number, end: number): string | undefined {
  if ((end - start) % 4 !== 0) return undefined;
  const padded = paddingOf(text, start, end);
  const wholeEnd = padded === 0 ? end : end - 4;
  let decoded = '';
  let seen = 0;
  for (let at = start; at < wholeEnd; at += 4) {
    const word = wordAt(text, at);
    seen |= word;
    decoded += String.fromCharCode((word >> 16) & 0xff, (word >> 8) & 0xff, word & 0xff);
  }
  if (padded !== 0) {
    const word = paddedWordAt(text, wholeEnd, padded);
    seen |= word;
    decoded +=
      padded === 2
        ? String.fromCharCode((word >> 16) & 0xff)
        : String.fromCharCode((word >> 16) & 0xff, (word >> 8) & 0xff);
  }
  return seen < 0 || (seen & 0x808080) !== 0 ? undefined : decoded;
}

export function encodeBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let written = 0;
  for (let at = 0; at < bytes.length; at += 3) {
    const word = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text[written] = letters[word >> 18] ?? padding;
    text[written + 1] = letters[(word >> 12) & 0x3f] ?? padding;
    text[written + 2] = letters[(word >> 6) & 0x3f] ?? padding;
    text[written + 3] = letters[word & 0x3f] ?? padding;
    written += 4;
  }
  const over = bytes.length % 3;
  if (over > 0) text[written - 1] = padding;
  if (over === 1) text[written - 2] = padding;
  return asciiText(text);
}

/** The base64 of a text that is ASCII; undefined for another one. For short ones, as `decodeAsciiBase64`. */
export function encodeAsciiBase64(text: string): string | undefined {
  let encoded = '';
  let seen = 0;
  for (let at = 0; at < text.length; at += 3) {
    const left = text.length - at;
    const a = text.charCodeAt(at);
    const b = left > 1 ? text.charCodeAt(at + 1) : 0;
    const c = left > 2 ? text.charCodeAt(at + 2) : 0;
    seen |= a | b | c;
    const word = (a << 16) | (b << 8) | c;
    encoded += alphabet.charAt((word >> 18) & 0x3f) + alphabet.charAt((word >> 12) & 0x3f);
    encoded += left > 1 ? alphabet.charAt((word >> 6) & 0x3f) : '=';
    encoded += left > 2 ? alphabet.charAt(word & 0x3f) : '=';
  }
  return seen < 0x80 ? encoded : undefined;
}

/** The text whose characters have these codes, all below 256. */
export function asciiText(codes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < codes.length; at += pieceMax) {
    // Engines take any array of numbers here; the types know only one kind.
    text += String.fromCharCode.apply(undefined, codes.subarray(at, at + pieceMax) as unknown as number[]);
  }
  return text;
}

/** How many characters of the end are padding. */
function paddingOf(text: string, start: number, end: number): 0 | 1 | 2 {
  if (end === start || text.charCodeAt(end - 1) !== padding) return 0;
  return text.charCodeAt(end - 2) === padding ? 2 : 1;
}

/** The 24 bits of four characters; negative when one of them is no letter of the alphabet. */
function wordAt(text: string, at: number): number {
  const a = sextetOf(text.charCodeAt(at));
  const b = sextetOf(text.charCodeAt(at + 1));
  const c = sextetOf(text.charCodeAt(at + 2));
  const d = sextetOf(text.charCodeAt(at + 3));
  return (((a | b | c | d) & invalid) << 24) | (a << 18) | (b << 12) | (c << 6) | d;
}

/** The same for the last characters, of which so many are padding; negative also when the bits left over are not 0. */
function paddedWordAt(text: string, at: number, padded: 1 | 2): number {
  const a = sextetOf(text.charCodeAt(at));
  const b = sextetOf(text.charCodeAt(at + 1));
  const c = padded === 2 ? 0 : sextetOf(text.charCodeAt(at + 2));
  const word = (((a | b | c) & invalid) << 24) | (a << 18) | (b << 12) | (c << 6);
  const leftOver = padded === 2 ? 0xffff : 0xff;
  return (word & leftOver) === 0 ? word : -1;
}

function sextetOf(code: number): number {
  return code < 128 ? (sextets[code] ?? invalid) : invalid;
}
