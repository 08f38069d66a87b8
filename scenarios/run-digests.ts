/**
 * The checksums of a simulated run: those of the simulation, the longer ones computed by native code.
 *
 * Both compute the same CRC-32, so it makes no difference to a trace. Where mails are large, checksums in JavaScript take a
 * quarter of the run.
 */
import { crc32 as nativeCrc32 } from 'node:zlib';
import { crc32, type Digests } from '../core/index.js';
import { simulatedDigests } from '../transport-sim/index.js';

/** Below this many bytes the call into native code costs more than it saves. */
const nativeBytesMin = 192;

export const runDigests: Digests = {
  crc32: (bytes, seed) => (bytes.length < nativeBytesMin ? crc32(bytes, seed) : nativeCrc32(bytes, seed)),
  chain: (previous, body) => simulatedDigests.chain(previous, body),
};
