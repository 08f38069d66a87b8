/**
 * A simulated data directory. It belongs to the machine and survives its crashes.
 *
 * Invariants:
 * - A call takes effect when it completes; the answer comes in the same event.
 * - A sync covers the changes that had completed when it was issued, no later ones.
 * - A crash of the process keeps everything that was written. A loss of power keeps what was synced; of the rest, see
 *   `FileContent.losePower` and `Directory.losePower`.
 * - A call that is under way when the program ends may have happened, or not, or in part.
 * - All chance comes from streams of this disk, each kind of fault from its own.
 */
import type { Kernel } from './kernel.js';
import { firstMicrosecond } from './clock.js';
import { Directory } from './directory.js';
import { FileContent } from './file-content.js';
import type { RandomStream } from './random.js';
import type { LatencyProfile } from './route.js';

export interface DiskProfile {
  readonly syncMs: LatencyProfile;
  readonly writeMs: LatencyProfile;
  readonly readMs: LatencyProfile;
  /** At a loss of power: probability that an un-synced write survives in part. The others survive or are lost, evenly. */
  readonly tornWrite: number;
  /** Probability that a read, a write or a sync fails. A failed write has written a random prefix. */
  readonly readError: number;
  readonly writeError: number;
  /** After a failed sync the next one succeeds, although what it should have covered is not on the disk. */
  readonly syncError: number;
  /** Bytes of all files together; a write beyond it fails after the prefix that fits. Undefined: no limit. */
  readonly capacityBytes: number | undefined;
}

export const defaultDiskProfile: DiskProfile = {
  syncMs: { minMs: 0.2, maxMs: 1 },
  writeMs: { minMs: 0.01, maxMs: 0.03 },
  readMs: { minMs: 0.01, maxMs: 0.03 },
  tornWrite: 0.3,
  readError: 0,
  writeError: 0,
  syncError: 0,
  capacityBytes: undefined,
};

/** The classes of calls that share a latency and a rate of errors. */
export type DiskWork = 'read' | 'write' | 'sync';

/** A call that is under way. */
export interface PendingWork {
  /** The program ended before the call was answered. */
  interrupt(random: RandomStream): void;
}

/** Files and their bytes at one moment, as a backup holds them. */
export type DiskImage = ReadonlyMap<string, Uint8Array>;

/** The profile's latencies in whole microseconds. */
type LatencyRanges = Readonly<Record<DiskWork, { readonly minUs: number; readonly spanUs: number }>>;

export class SimulatedDisk {
  /** The files as the program sees them. For the port alone. */
  readonly directory: Directory = new Directory();

  readonly #kernel: Kernel;
  readonly #name: string;
  readonly #latencies: RandomStream;
  readonly #crashes: RandomStream;
  readonly #errors: ReadonlyMap<DiskWork, RandomStream>;
  readonly #pending = new Set<PendingWork>();
  readonly #count = (fault: string): void => this.#kernel.countFault(fault);
  #profile: DiskProfile;
  #ranges: LatencyRanges;

  constructor(kernel: Kernel, name: string, profile: DiskProfile) {
    this.#kernel = kernel;
    this.#name = name;
    this.#profile = profile;
    this.#ranges = rangesOf(profile);
    this.#latencies = this.#stream('latency');
    this.#crashes = this.#stream('crash');
    this.#errors = new Map((['read', 'write', 'sync'] as const).map((work) => [work, this.#stream(`${work}-error`)]));
  }

  setProfile(profile: Partial<DiskProfile>): void {
    this.#profile = { ...this.#profile, ...profile };
    this.#ranges = rangesOf(this.#profile);
  }

  /** What a reader would see now, in byte order of the names. The bytes are views: valid until the simulation goes on. */
  get files(): ReadonlyMap<string, Uint8Array> {
    return new Map(this.directory.names.map((name) => [name, this.directory.get(name)?.view ?? new Uint8Array(0)]));
  }

  /** A copy of `files` that stays as it is. */
  get image(): DiskImage {
    return new Map([...this.files].map(([name, bytes]) => [name, bytes.slice()]));
  }

  /** Puts `image` in the place of everything, durably: a restored backup, or with an empty one a disk that was wiped. */
  restore(image: DiskImage): void {
    this.#kernel.countFault(image.size === 0 ? 'disk-wiped' : 'disk-restored');
    const files = new Map<string, FileContent>();
    for (const [name, bytes] of image) {
      const content = new FileContent();
      content.write(0, [bytes], bytes.length);
      content.makeDurable(content.mark);
      files.set(name, content);
    }
    this.directory.reset(files);
  }

  /** Flips the bits of `mask` in one byte of a file. False when there is no such byte. */
  damage(name: string, position: number, mask: number): boolean {
    const isDamaged = this.directory.get(name)?.damage(position, mask) ?? false;
    if (isDamaged) this.#kernel.countFault('bit-rot');
    return isDamaged;
  }

  // --- For the port -------------------------------------------------------------------------------------------------

  /** How long a call takes. */
  latencyUs(work: DiskWork): number {
    const range = this.#ranges[work];
    return range.spanUs > 0 ? range.minUs + this.#latencies.below(range.spanUs + 1) : range.minUs;
  }

  /** True when a call fails. Draws only when such calls may fail. */
  fails(work: DiskWork): boolean {
    const rate = this.#errorRateOf(work);
    const hasFailed = rate > 0 && this.#errors.get(work)?.chance(rate) === true;
    if (hasFailed) this.#kernel.countFault(`${work}-error`);
    return hasFailed;
  }

  /** How many bytes of a failed write of `length` bytes are written all the same. */
  prefixOfFailedWrite(length: number): number {
    return this.#errors.get('write')?.between(0, length) ?? 0;
  }

  /** How many of the bytes that a write adds still fit. */
  fitting(addedBytes: number): number {
    const capacity = this.#profile.capacityBytes;
    if (capacity === undefined || addedBytes <= 0) return addedBytes;
    const fitting = Math.max(0, Math.min(addedBytes, capacity - this.directory.totalBytes));
    if (fitting < addedBytes) this.#kernel.countFault('disk-full');
    return fitting;
  }

  begin(work: PendingWork): void {
    this.#pending.add(work);
  }

  end(work: PendingWork): void {
    this.#pending.delete(work);
  }

  /** The program has ended; with `power` the machine went dark. */
  crash(power: boolean): void {
    const pending = [...this.#pending];
    this.#pending.clear();
    for (const work of pending) work.interrupt(this.#crashes);
    if (!power) return;
    // Contents before names: only the changes of the directory still know files whose name is about to be lost.
    for (const content of this.directory.contents) {
      content.losePower(this.#crashes, this.#profile.tornWrite, this.#count);
    }
    this.directory.losePower(this.#crashes, this.#count);
  }

  #errorRateOf(work: DiskWork): number {
    if (work === 'read') return this.#profile.readError;
    return work === 'write' ? this.#profile.writeError : this.#profile.syncError;
  }

  #stream(concern: string): RandomStream {
    return this.#kernel.privateRandom(`disk/${concern}/${this.#name}`);
  }
}

function rangesOf(profile: DiskProfile): LatencyRanges {
  const range = ({ minMs, maxMs }: LatencyProfile): LatencyRanges[DiskWork] => {
    const minUs = firstMicrosecond(minMs);
    return { minUs, spanUs: Math.max(0, firstMicrosecond(maxMs) - minUs) };
  };
  return { read: range(profile.readMs), write: range(profile.writeMs), sync: range(profile.syncMs) };
}
