/** Checksums and hashes of production: zlib's CRC-32 and OpenSSL's SHA-256. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Digests } from '../core/index.js';

export class NativeDigests implements Digests {
  crc32(bytes: Uint8Array, seed: number): number {
    // Not every version of zlib gives back the seed for an empty buffer: some start afresh when the pointer is null.
    return bytes.length === 0 ? seed : crc32(bytes, seed);
  }

  chain(previous: Uint8Array, body: Uint8Array): Uint8Array {
    const digest = createHash('sha256').update(previous).update(body).digest();
    return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength);
  }
}
