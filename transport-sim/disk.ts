/**
 * A simulated data directory. It belongs to the machine and survives its crashes.
 *
 * Invariants:
 * - A call takes effect when it completes; the answer comes in the same event.
 * - A sync covers the changes that had completed when it was issued, no later ones.
 * - A crash of the process keeps everything that was written. A loss of power keeps what was synced; of the rest, see
 *   `FileContent.losePower` and `Directory.losePower`, at an armed crash point `Directory.keepPages`.
 * - A call that is under way when the program ends may have happened, or not, or in part.
 * - All chance comes from streams of this disk, each kind of fault from its own.
 */
import type { Kernel } from './kernel.js';
import { firstMicrosecond } from './clock.js';
import { isSurvivor, type ArmedCrash, type CrashPoint, type DiskOperation } from './crash-point.js';
import { Directory } from './directory.js';
import { DiskStall } from './disk-stall.js';
import { FileContent, sectorBytes } from './file-content.js';
import type { RandomStream } from './random.js';
import type { LatencyProfile } from './route.js';
import { nobody, traceKinds, type TraceKind } from './trace.js';

export interface DiskProfile {
  readonly syncMs: LatencyProfile;
  readonly writeMs: LatencyProfile;
  readonly readMs: LatencyProfile;
  /** At a loss of power: probability that an un-synced write survives in part. The others survive or are lost, evenly. */
  readonly tornWrite: number;
  /**
   * What a loss of power takes of what was not synced. random: each write, truncation and change of the directory by
   * chance. everything: all of it.
   */
  readonly powerLoss: 'random' | 'everything';
  /** Probability that a read, a write or a sync fails. A failed write has written a random prefix. */
  readonly readError: number;
  readonly writeError: number;
  /** After a failed sync the next one succeeds, although what it should have covered is not on the disk. */
  readonly syncError: number;
  /**
   * Probability that a write is answered as done but never reaches the file: neither a reader nor the medium has it. The
   * file is lengthened with zeros where it would have grown.
   */
  readonly phantomWrite: number;
  /**
   * Probability that a write lands at another place of the same file, a multiple of the sector size away and inside what
   * the file holds together with the write. Its own place keeps what it had, or zeros beyond the end. A write for which
   * there is no other place goes where it should.
   */
  readonly misdirectedWrite: number;
  /**
   * Bytes of all files together; a write beyond it fails with `E_DISK_FULL` after the prefix that fits. When not a byte is
   * free, creating and renaming a file fail too. Undefined: no limit.
   */
  readonly capacityBytes: number | undefined;
}

export const defaultDiskProfile: DiskProfile = {
  syncMs: { minMs: 0.2, maxMs: 1 },
  writeMs: { minMs: 0.01, maxMs: 0.03 },
  readMs: { minMs: 0.01, maxMs: 0.03 },
  tornWrite: 0.3,
  powerLoss: 'random',
  readError: 0,
  writeError: 0,
  syncError: 0,
  phantomWrite: 0,
  misdirectedWrite: 0,
  capacityBytes: undefined,
};

/** The classes of calls that share a latency and a rate of errors. */
export type DiskWork = 'read' | 'write' | 'sync';

/** A call that is under way. */
export interface PendingWork {
  /** The program ended before the call was answered. */
  interrupt(random: RandomStream): void;
}

/** What an observer may want to know of a call. */
export interface CallDescription {
  readonly verb: string;
  /** The name that the call was made with; empty when it is about no file. */
  readonly name: string;
  /** The file of a call of a handle, which may have another name by now. */
  readonly content?: FileContent;
  /** Bytes of a write, else 0. */
  readonly length: number;
}

/** A call that can say what it is. */
export interface DescribedCall {
  describe(): CallDescription;
}

/** Where a bad medium puts a write; undefined: where it should go. */
export type StrayWrite = { readonly kind: 'phantom' } | { readonly kind: 'misdirected'; readonly position: number };

/** Files and their bytes at one moment, as a backup holds them. */
export type DiskImage = ReadonlyMap<string, Uint8Array>;

/** The profile's latencies in whole microseconds. */
type LatencyRanges = Readonly<Record<DiskWork, { readonly minUs: number; readonly spanUs: number }>>;

export class SimulatedDisk {
  /** The files as the program sees them. For the port alone. */
  readonly directory: Directory = new Directory();
  /** Calls that are due while the disk hangs. For the port alone. */
  readonly stalled: DiskStall;
  /** Hears of every call just before it takes effect. May crash the node, but change nothing else. */
  onOperation: ((operation: DiskOperation) => void) | undefined;

  /** Hears of every file just before it is removed, with the bytes that a reader would see. Must not change anything. */
  onRemove: ((name: string, bytes: Uint8Array) => void) | undefined;
  /** Hears of every file just before it is cut. Must not change anything. */
  onTruncate: ((name: string) => void) | undefined;
  /** Hears of every file that was synced, by the name under which it was opened. Must not change anything. */
  onSync: ((name: string) => void) | undefined;

  readonly #kernel: Kernel;
  readonly #name: string;
  readonly #latencies: RandomStream;
  readonly #crashes: RandomStream;
  readonly #rot: RandomStream;
  readonly #phantoms: RandomStream;
  readonly #misdirections: RandomStream;
  readonly #errors: ReadonlyMap<DiskWork, RandomStream>;
  /** In the order in which the calls were made. Few at a time, so an array is cheaper than a set. */
  #pending: PendingWork[] = [];
  readonly #count = (fault: string): void => this.#kernel.countFault(fault);
  readonly #armed = new Map<number, ArmedCrash>();
  /** The crash point that strikes right now. */
  #striking: CrashPoint | undefined;
  /** Number of calls so far. */
  #operations = 0;
  #profile: DiskProfile;
  #ranges: LatencyRanges;

  constructor(kernel: Kernel, name: string, profile: DiskProfile) {
    this.#kernel = kernel;
    this.#name = name;
    this.#profile = profile;
    this.#ranges = rangesOf(profile);
    this.#latencies = this.#stream('latency');
    this.#crashes = this.#stream('crash');
    this.#rot = this.#stream('rot');
    this.#phantoms = this.#stream('phantom');
    this.#misdirections = this.#stream('misdirection');
    this.stalled = new DiskStall(kernel);
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

  /** A copy of what was synced, and of nothing else: what a loss of power now would leave at worst. */
  get syncedImage(): DiskImage {
    return new Map(this.directory.synced.map(([name, content]) => [name, content.synced]));
  }

  /** The same without copies where possible. The bytes may be views: valid until the simulation goes on. */
  get syncedFiles(): DiskImage {
    return new Map(this.directory.synced.map(([name, content]) => [name, content.syncedView]));
  }

  /** Puts `image` in the place of everything, durably: a restored backup, or with an empty one a disk that was wiped. */
  restore(image: DiskImage): void {
    this.#kernel.countFault(image.size === 0 ? 'disk-wiped' : 'disk-restored');
    this.load(image);
  }

  /** As `restore`, for a disk that was never used: no fault. */
  load(image: DiskImage): void {
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

  /**
   * Flips one bit in each of `bits` consecutive bytes, beginning at the fraction `at` of the file `only`, or of all files
   * whose name ends with `.log` laid end to end in byte order of their names. Begins earlier when the end is nearer than
   * that. False when there are no such bytes.
   */
  rot(options: { readonly at: number; readonly bits: number; readonly only?: string }): boolean {
    const { at, bits, only } = options;
    const files = [...this.files].filter(([name]) => (only === undefined ? name.endsWith('.log') : name === only));
    let total = 0;
    for (const [, bytes] of files) total += bytes.length;
    const flipped = Math.min(bits, total);
    if (flipped <= 0) return false;
    const first = Math.min(Math.floor(at * total), total - flipped);
    let offset = 0;
    for (const [name, bytes] of files) {
      const end = Math.min(offset + bytes.length, first + flipped);
      for (let byte = Math.max(offset, first); byte < end; byte += 1) {
        this.directory.get(name)?.damage(byte - offset, 1 << this.#rot.below(8));
      }
      offset += bytes.length;
    }
    this.#kernel.countFault('bit-rot');
    this.#record(traceKinds.rot, first, flipped);
    return true;
  }

  /** No call of this disk completes until `goOn`. A crash meanwhile finds them all under way. */
  stall(): void {
    if (this.stalled.isStalled) return;
    this.#kernel.countFault('disk-stall');
    this.#record(traceKinds.stall, 0);
    this.stalled.begin();
  }

  /** The calls that have become due complete now, in order. */
  goOn(): void {
    if (!this.stalled.isStalled) return;
    this.#record(traceKinds.goOn, 0);
    this.stalled.end();
  }

  get isStalled(): boolean {
    return this.stalled.isStalled;
  }

  /** Leaves room for `freeBytes` more than the files hold now. */
  fill(freeBytes: number): void {
    this.#record(traceKinds.room, freeBytes);
    this.setProfile({ capacityBytes: this.directory.totalBytes + freeBytes });
  }

  /** Takes the limit away. */
  makeRoom(): void {
    this.#record(traceKinds.room, -1);
    this.setProfile({ capacityBytes: undefined });
  }

  /**
   * Ends the program at one chosen call: `crash` is called in the place of the answer and must end the node at once
   * (`Simulation.crash`, with the power that the point says). A point strikes once, one whose call has passed never. With
   * power, the point decides what survives, and nothing is left to chance but the other calls under way.
   */
  armCrash(point: CrashPoint, crash: () => void): void {
    this.#armed.set(point.operation, { point, crash });
  }

  /** What `DiskOperation.unsyncedPages` would say now. */
  get unsyncedPages(): number {
    return this.directory.unsyncedPages;
  }

  // --- For the port -------------------------------------------------------------------------------------------------

  /** How long a call takes. */
  latencyUs(work: DiskWork): number {
    const ranges = this.#ranges;
    // Spelled out: to look a name up costs more than to draw.
    const range = work === 'write' ? ranges.write : work === 'sync' ? ranges.sync : ranges.read;
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

  /** How many of `length` bytes at `position` find no room. */
  missingRoom(content: FileContent, position: number, length: number): number {
    const capacity = this.#profile.capacityBytes;
    const added = position + length - content.length;
    if (capacity === undefined || added <= 0) return 0;
    return added - Math.max(0, Math.min(added, capacity - this.directory.totalBytes));
  }

  /** True when there is no room for one more name. */
  get isFull(): boolean {
    const capacity = this.#profile.capacityBytes;
    return capacity !== undefined && this.directory.totalBytes >= capacity;
  }

  countFull(): void {
    this.#kernel.countFault('disk-full');
  }

  /** What becomes of a write of at least one byte that will be answered as done. Draws only at rates above zero. */
  strayOf(content: FileContent, position: number, length: number): StrayWrite | undefined {
    const { phantomWrite, misdirectedWrite } = this.#profile;
    if (phantomWrite <= 0 && misdirectedWrite <= 0) return undefined;
    // Both are drawn in any case, so that one switched off does not shift the other.
    const isPhantom = this.#phantoms.chance(phantomWrite);
    const isMisdirected = this.#misdirections.chance(misdirectedWrite);
    const landing = isMisdirected ? this.#landing(content, position, length) : undefined;
    if (isPhantom) {
      this.#kernel.countFault('phantom-write');
      this.#record(traceKinds.phantomWrite, position);
      return { kind: 'phantom' };
    }
    if (landing === undefined) return undefined;
    this.#kernel.countFault('misdirected-write');
    this.#record(traceKinds.misdirectedWrite, landing);
    return { kind: 'misdirected', position: landing };
  }

  /**
   * A call takes effect now. Returns the crash that strikes at it. Afterwards the program may be gone, by a crash of the
   * observer.
   */
  nextOperation(call: DescribedCall): ArmedCrash | undefined {
    const index = this.#operations;
    this.#operations += 1;
    if (this.onOperation === undefined && this.#armed.size === 0) return undefined;
    if (this.onOperation !== undefined) {
      const { length: bytes, ...description } = call.describe();
      const text = this.#inWords(description);
      this.onOperation({ index, text, unsyncedPages: this.unsyncedPages, bytes });
    }
    const armed = this.#armed.get(index);
    this.#armed.delete(index);
    return armed;
  }

  /** Ends the program at `armed`. */
  strike({ point, crash }: ArmedCrash): void {
    this.#kernel.countFault('crash-point');
    this.#record(traceKinds.crashPoint, point.operation, point.survivors);
    this.#striking = point;
    try {
      crash();
    } finally {
      this.#striking = undefined;
    }
  }

  begin(work: PendingWork): void {
    this.#pending.push(work);
  }

  end(work: PendingWork): void {
    const pending = this.#pending;
    let at = pending.indexOf(work);
    if (at < 0) return;
    for (; at + 1 < pending.length; at += 1) pending[at] = pending[at + 1] as PendingWork;
    pending.pop();
  }

  /** The program has ended; with `power` the machine went dark. */
  crash(power: boolean): void {
    const pending = this.#pending;
    this.#pending = [];
    this.stalled.abandon();
    for (const work of pending) work.interrupt(this.#crashes);
    if (!power) return;
    if (this.#striking?.power === true) {
      const { survivors = 0 } = this.#striking;
      this.directory.keepPages((index) => isSurvivor(survivors, index), this.#count);
      return;
    }
    if (this.#profile.powerLoss === 'everything') {
      this.directory.keepPages(() => false, this.#count);
      return;
    }
    // Contents before names: only the changes of the directory still know files whose name is about to be lost.
    for (const content of this.directory.contents) {
      content.losePower(this.#crashes, this.#profile.tornWrite, this.#count);
    }
    this.directory.losePower(this.#crashes, this.#count);
  }

  #inWords({ verb, name, content }: Omit<CallDescription, 'length'>): string {
    const present = content === undefined ? name : (this.directory.nameOf(content) ?? name);
    return present === '' ? verb : `${verb} ${present}`;
  }

  /** A place for a misdirected write; undefined when there is none. */
  #landing(content: FileContent, position: number, length: number): number | undefined {
    const end = Math.max(content.length, position + length);
    const below = Math.floor(position / sectorBytes);
    const above = Math.floor((end - length - position) / sectorBytes);
    if (below + above === 0) return undefined;
    const drawn = this.#misdirections.below(below + above);
    const sectors = drawn < below ? drawn - below : drawn - below + 1;
    return position + sectors * sectorBytes;
  }

  #record(kind: TraceKind, amount: number, detail: number = 0): void {
    this.#kernel.trace.recordText(this.#kernel.nowUs, kind, nobody, this.#name, amount, detail);
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
