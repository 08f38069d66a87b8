/**
 * Checksums of the simulated world: equal to the real ones where bytes are compared, fast where only equality counts.
 *
 * - `crc32` is the one of production, so logs and frames of both worlds have the same bytes.
 * - `chain` is no cryptographic hash: 128 bits of state in the manner of MurmurHash3 (Appleby, 2011), spread over 32
 *   bytes. A simulated peer does not forge batches, and SHA-256 without native code would cost most of the run.
 */
import { assert, crc32, type Digests } from '../core/index.js';

const chainBytes = 32;

/** Holds the next bytes of a body, aligned: one load for a word instead of four. Nothing stays in it from call to call. */
const scratch = new Int32Array(2048);
const scratchBytes = new Uint8Array(scratch.buffer);
const isLittleEndian = new Uint8Array(new Int32Array([1]).buffer)[0] === 1;

function chain(previous: Uint8Array, body: Uint8Array): Uint8Array {
  assert(previous.length === chainBytes, `a chain value has ${chainBytes} bytes, not ${previous.length}`);
  let a = stir(wordAt(previous, 0), wordAt(previous, 16)) ^ body.length;
  let b = stir(wordAt(previous, 4), wordAt(previous, 20));
  let c = stir(wordAt(previous, 8), wordAt(previous, 24));
  let d = stir(wordAt(previous, 12), wordAt(previous, 28));
  // The sums are cut to 32 bits at once: they would grow on and leave the integers, where a step costs several times as much.
  const wholeEnd = body.length - (body.length % 16);
  for (let from = 0; from < wholeEnd; from += scratchBytes.length) {
    const words = loadWords(body, from, wholeEnd);
    for (let at = 0; at < words; at += 4) {
      a = (stir(a, scratch[at] as number) + d) | 0;
      b = (stir(b, scratch[at + 1] as number) + a) | 0;
      c = (stir(c, scratch[at + 2] as number) + b) | 0;
      d = (stir(d, scratch[at + 3] as number) + c) | 0;
    }
  }
  for (let at = wholeEnd; at < body.length; at += 1) {
    a = (stir(a, body[at] as number) + d) | 0;
    d = stir(d, a);
  }
  const next = new Uint8Array(chainBytes);
  for (let position = 0; position < chainBytes; position += 16) {
    // Two rounds, so that every word reaches every other before any of them is written.
    for (let round = 0; round < 2; round += 1) {
      a = (stir(a, d) + position) | 0;
      b = stir(b, a);
      c = stir(c, b);
      d = stir(d, c);
    }
    writeWord(next, position, a);
    writeWord(next, position + 4, b);
    writeWord(next, position + 8, c);
    writeWord(next, position + 12, d);
  }
  return next;
}

function stir(state: number, word: number): number {
  const mixed = Math.imul(word, 0xcc9e2d51);
  const stirred = Math.imul(state ^ Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593), 0x85ebca6b) + 0x6543_210f;
  return stirred ^ (stirred >>> 15);
}

/** Loads `body` from `from`, as far as it fits and at most to `end`. Returns the number of words. */
function loadWords(body: Uint8Array, from: number, end: number): number {
  const words = Math.min(scratch.length, (end - from) >> 2);
  if (!isLittleEndian) for (let at = 0; at < words; at += 1) scratch[at] = wordAt(body, from + at * 4);
  else if (body.length <= scratchBytes.length) scratchBytes.set(body);
  else scratchBytes.set(body.subarray(from, from + words * 4));
  return words;
}

/** Little-endian, on every machine. */
function wordAt(bytes: Uint8Array, position: number): number {
  return (
    (bytes[position] as number) |
    ((bytes[position + 1] as number) << 8) |
    ((bytes[position + 2] as number) << 16) |
    ((bytes[position + 3] as number) << 24)
  );
}

function writeWord(bytes: Uint8Array, position: number, word: number): void {
  bytes[position] = word;
  bytes[position + 1] = word >>> 8;
  bytes[position + 2] = word >>> 16;
  bytes[position + 3] = word >>> 24;
}

export const simulatedDigests: Digests = { crc32, chain };
