/** Checksums and hashes of production: CRC-32, zlib's for all but the shortest, and OpenSSL's SHA-256. */
import { createHash, hash } from 'node:crypto';
import { crc32 as nativeCrc32 } from 'node:zlib';
import { crc32, type Digests } from '../core/index.js';

/** Below this many bytes, such as a header, the call into native code costs more than it saves. */
const nativeBytesMin = 192;

export class NativeDigests implements Digests {
  readonly #scratch = new Uint8Array(4096);

  crc32(bytes: Uint8Array, seed: number): number {
    return bytes.length < nativeBytesMin ? crc32(bytes, seed) : nativeCrc32(bytes, seed);
  }

  chain(previous: Uint8Array, body: Uint8Array): Uint8Array {
    const length = previous.length + body.length;
    if (length > this.#scratch.length) return asBytes(createHash('sha256').update(previous).update(body).digest());
    // One call into native code: for a batch of one message the calls cost more than the hashing.
    this.#scratch.set(previous);
    this.#scratch.set(body, previous.length);
    return asBytes(hash('sha256', this.#scratch.subarray(0, length), 'buffer'));
  }
}

function asBytes(digest: Buffer): Uint8Array {
  return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength);
}
