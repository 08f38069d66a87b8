/** The digests of production, for tests of the core alone. */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Digests } from '../../core/index.js';

export const nodeDigests: Digests = {
  crc32: (bytes, seed) => (bytes.length === 0 ? seed : crc32(bytes, seed)),
  chain: (previous, body) => createHash('sha256').update(previous).update(body).digest(),
};
