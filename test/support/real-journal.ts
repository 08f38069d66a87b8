/** A journal over real files, for tests that only write and read it. */
import type { JournalOptions } from '../../core/index.js';
import { DirectoryDisk, NativeDigests, SystemClock, SystemRandom } from '../../transport-tls/index.js';

export function realJournalOptions(directory: string): JournalOptions {
  return {
    disk: new DirectoryDisk(directory),
    digests: new NativeDigests(),
    random: new SystemRandom(),
    clock: new SystemClock(),
    logger: { log: () => undefined },
    segmentBytesMax: 16 * 1024 * 1024,
    retryMs: 1000,
    onStorage: () => undefined,
    scrubEveryMs: Infinity,
    onDamage: () => undefined,
  };
}
