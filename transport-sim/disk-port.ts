/**
 * The disk as a program sees it: calls that are answered by later events.
 *
 * Invariants:
 * - Every call is answered exactly once, unless the program's life ends first.
 * - A file handle works on the content it was opened with, whatever becomes of the name.
 * - A second call on a handle while one is under way is the program's bug and throws; the port forbids it, and a real disk
 *   would reorder the two.
 */
import { AntecedentError, assert, type Disk, type DiskFile, type ErrorCode, type Result } from '../core/index.js';
import { cutOfWrite, type ArmedCrash } from './crash-point.js';
import type { CallDescription, DiskWork, PendingWork, SimulatedDisk } from './disk.js';
import type { DueCall } from './disk-stall.js';
import { SimulationEvent } from './event.js';
import { FileContent } from './file-content.js';
import type { Host } from './host.js';
import type { Kernel } from './kernel.js';
import type { RandomStream } from './random.js';
import { nobody, traceKinds, type TraceKind } from './trace.js';

type Done<T> = (result: Result<T>) => void;

/** What a call does. */
interface Work<T> {
  readonly kind: TraceKind;
  readonly takes: DiskWork;
  /** Folded into the trace, as are the ends of the bytes. */
  readonly amount: number;
  readonly bytes?: Uint8Array | undefined;
  /** For an observer, as are the next two. */
  readonly verb: string;
  /** What a call of the directory is about; a call of a handle is about its file. */
  readonly name?: string;
  /** Bytes of a write. */
  readonly length?: number;
  /** Takes effect, and says what to answer. */
  readonly complete: () => Result<T>;
  /** The program ended first. Absent when nothing would be left of the call. */
  readonly interrupt?: (random: RandomStream) => void;
  /** Takes effect in part, at a crash in the middle of the call. Absent when there is no middle. */
  readonly cut?: () => void;
}

/** An open file, as far as its calls are concerned. */
interface Handle {
  readonly name: string;
  readonly content: FileContent;
  readonly isClosed: boolean;
  /** The call that was under way takes effect; the next one may begin. */
  endCall(): void;
}

const fine: Result<void> = { error: undefined, value: undefined };

function failure(reason: string, code: ErrorCode = 'E_STORAGE'): { readonly error: AntecedentError } {
  return { error: new AntecedentError(code, reason) };
}

/** Half of the calls that were under way still happen. */
function perhaps(complete: () => unknown): (random: RandomStream) => void {
  return (random) => {
    if (random.chance(0.5)) complete();
  };
}

export class SimulatedDiskPort implements Disk {
  readonly #kernel: Kernel;
  readonly #host: Host;
  readonly #life: number;
  readonly #disk: SimulatedDisk;

  constructor(kernel: Kernel, host: Host, disk: SimulatedDisk) {
    this.#kernel = kernel;
    this.#host = host;
    this.#life = host.life;
    this.#disk = disk;
  }

  list(done: Done<readonly string[]>): void {
    const complete = (): Result<readonly string[]> => ({ error: undefined, value: this.#disk.directory.names });
    this.begin({ kind: traceKinds.list, verb: 'list', takes: 'read', amount: 0, complete }, done);
  }

  open(name: string, options: { readonly create: boolean }, done: Done<DiskFile>): void {
    const directory = this.#disk.directory;
    const complete = (): Result<DiskFile> => {
      const existing = directory.get(name);
      if (options.create && existing !== undefined) return failure(`${name} exists already; open it without create`);
      if (!options.create && existing === undefined) return failure(`${name} does not exist`);
      if (existing === undefined && this.#disk.isFull) return this.#refuse(`no space to create ${name}`);
      const content = existing ?? new FileContent();
      if (existing === undefined) directory.create(name, content);
      return { error: undefined, value: new SimulatedFile(this, this.#disk, name, content) };
    };
    const verb = options.create ? 'create' : 'open';
    const work: Work<DiskFile> = { kind: traceKinds.open, verb, name, takes: 'write', amount: name.length, complete };
    this.begin(options.create ? { ...work, interrupt: perhaps(complete) } : work, done);
  }

  rename(from: string, to: string, done: Done<void>): void {
    const directory = this.#disk.directory;
    const complete = (): Result<void> => {
      if (!directory.has(from)) return failure(`${from} does not exist and cannot be renamed to ${to}`);
      if (this.#disk.isFull) return this.#refuse(`no space to rename ${from} to ${to}`);
      directory.rename(from, to);
      return fine;
    };
    this.begin(
      {
        kind: traceKinds.rename,
        verb: 'rename',
        name: `${from} ${to}`,
        takes: 'write',
        amount: to.length,
        complete,
        interrupt: perhaps(complete),
      },
      done,
    );
  }

  remove(name: string, done: Done<void>): void {
    const directory = this.#disk.directory;
    const complete = (): Result<void> => {
      const content = directory.get(name);
      if (content === undefined) return failure(`${name} does not exist and cannot be removed`);
      this.#disk.onRemove?.(name, content.view);
      directory.remove(name);
      return fine;
    };
    this.begin(
      {
        kind: traceKinds.remove,
        verb: 'remove',
        name,
        takes: 'write',
        amount: name.length,
        complete,
        interrupt: perhaps(complete),
      },
      done,
    );
  }

  syncDirectory(done: Done<void>): void {
    const directory = this.#disk.directory;
    const mark = directory.mark;
    const complete = (): Result<void> => {
      if (this.#disk.fails('sync')) return failure('the directory could not be synced: input/output error');
      directory.makeDurable(mark);
      return fine;
    };
    const interrupt = perhaps(() => directory.makeDurable(mark));
    const verb = 'syncDirectory';
    this.begin({ kind: traceKinds.syncDirectory, verb, takes: 'sync', amount: mark, complete, interrupt }, done);
  }

  /** Starts a call; `done` is called when it completes. For this file alone. */
  begin<T>(work: Work<T>, done: Done<T>, handle?: Handle): void {
    // A program whose life has ended touches nothing any more, not even in the callback that ended it.
    if (this.#host.life !== this.#life) return;
    if (work.takes === 'sync') this.#countSync();
    const call = new DiskCall(this.#kernel, this.#host, this.#disk, work, done, handle);
    this.#disk.begin(call);
    this.#kernel.schedule(call, this.#kernel.nowUs + this.#disk.latencyUs(work.takes));
  }

  #countSync(): void {
    const { usage } = this.#kernel;
    usage.syncs += 1;
    usage.diskBytesMax = Math.max(usage.diskBytesMax, this.#disk.directory.totalBytes);
  }

  #refuse(reason: string): { readonly error: AntecedentError } {
    this.#disk.countFull();
    return failure(reason, 'E_DISK_FULL');
  }
}

class DiskCall<T> extends SimulationEvent implements PendingWork, DueCall {
  readonly #kernel: Kernel;
  readonly #host: Host;
  readonly #disk: SimulatedDisk;
  readonly #work: Work<T>;
  readonly #done: Done<T>;
  readonly #handle: Handle | undefined;

  constructor(
    kernel: Kernel,
    host: Host,
    disk: SimulatedDisk,
    work: Work<T>,
    done: Done<T>,
    handle: Handle | undefined,
  ) {
    super(host, host.life);
    this.#kernel = kernel;
    this.#host = host;
    this.#disk = disk;
    this.#work = work;
    this.#done = done;
    this.#handle = handle;
  }

  override fire(): void {
    const { stalled } = this.#disk;
    if (stalled.holdsBack) stalled.holdBack(this);
    else this.carryOut();
  }

  carryOut(): void {
    const armed = this.#disk.nextOperation(this);
    // The observer has ended the program, to which this call was one under way.
    if (this.#host.life !== this.life) return;
    this.#disk.end(this);
    if (armed !== undefined) {
      this.#crash(armed);
      return;
    }
    const result = this.#complete();
    const { kind, amount, bytes } = this.#work;
    const { trace, nowUs } = this.#kernel;
    // Below zero for an error, so that the trace tells it from success.
    trace.record(nowUs, kind, this.#host.index, nobody, result.error === undefined ? amount : -1 - amount);
    if (bytes !== undefined) trace.foldBytes(bytes);
    this.#done(result);
  }

  interrupt(random: RandomStream): void {
    this.#work.interrupt?.(random);
  }

  describe(): CallDescription {
    const { verb, name = '', length = 0 } = this.#work;
    const handle = this.#handle;
    return handle === undefined ? { verb, name, length } : { verb, name: handle.name, content: handle.content, length };
  }

  #complete(): Result<T> {
    const handle = this.#handle;
    handle?.endCall();
    if (handle?.isClosed === true) return failure(`${handle.name} is closed`, 'E_CLOSED');
    return this.#work.complete();
  }

  #crash(armed: ArmedCrash): void {
    const { when } = armed.point;
    if (when === 'after') this.#complete();
    else if (when === 'during') this.#work.cut?.();
    this.#disk.strike(armed);
    assert(this.#host.life !== this.life, 'the crash of a crash point must end the node at once');
  }
}

class SimulatedFile implements DiskFile, Handle {
  readonly name: string;
  readonly content: FileContent;

  readonly #port: SimulatedDiskPort;
  readonly #disk: SimulatedDisk;
  #isBusy = false;
  #isClosed = false;

  constructor(port: SimulatedDiskPort, disk: SimulatedDisk, name: string, content: FileContent) {
    this.#port = port;
    this.#disk = disk;
    this.name = name;
    this.content = content;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  endCall(): void {
    this.#isBusy = false;
  }

  size(done: Done<number>): void {
    const complete = (): Result<number> => ({ error: undefined, value: this.content.length });
    this.#begin({ kind: traceKinds.size, verb: 'size', takes: 'read', amount: 0, complete }, done);
  }

  read(position: number, length: number, done: Done<Uint8Array>): void {
    this.#check(position, length);
    const complete = (): Result<Uint8Array> =>
      this.#disk.fails('read')
        ? failure(`${this.name}: ${length} bytes at ${position} could not be read: input/output error`)
        : { error: undefined, value: this.content.read(position, length) };
    this.#begin({ kind: traceKinds.read, verb: 'read', takes: 'read', amount: position + length, complete }, done);
  }

  write(position: number, chunks: readonly Uint8Array[], done: Done<void>): void {
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    this.#check(position, length);
    this.#begin(
      {
        kind: traceKinds.write,
        verb: 'write',
        takes: 'write',
        amount: position + length,
        length,
        bytes: chunks.at(-1),
        complete: () => this.#write(position, chunks, length),
        interrupt: (random) => this.#writePart(position, chunks, length, random.between(0, length)),
        cut: () => this.#writePart(position, chunks, length, cutOfWrite(position, length)),
      },
      done,
    );
  }

  sync(done: Done<void>): void {
    const content = this.content;
    const mark = content.mark;
    const complete = (): Result<void> => {
      if (this.#disk.fails('sync')) {
        content.abandon(mark);
        return failure(`${this.name} could not be synced: input/output error`);
      }
      content.makeDurable(mark);
      this.#disk.onSync?.(this.name);
      return fine;
    };
    const interrupt = perhaps(() => content.makeDurable(mark));
    this.#begin({ kind: traceKinds.sync, verb: 'sync', takes: 'sync', amount: mark, complete, interrupt }, done);
  }

  truncate(length: number, done: Done<void>): void {
    this.#check(0, length);
    const complete = (): Result<void> => {
      this.#disk.onTruncate?.(this.name);
      this.content.truncate(length);
      return fine;
    };
    const interrupt = perhaps(complete);
    this.#begin(
      { kind: traceKinds.truncate, verb: 'truncate', takes: 'write', amount: length, complete, interrupt },
      done,
    );
  }

  close(done: Done<void>): void {
    const complete = (): Result<void> => {
      this.#isClosed = true;
      return fine;
    };
    this.#begin({ kind: traceKinds.closeFile, verb: 'close', takes: 'read', amount: 0, complete }, done);
  }

  #write(position: number, chunks: readonly Uint8Array[], length: number): Result<void> {
    const content = this.content;
    if (this.#disk.fails('write')) {
      const written = this.#disk.prefixOfFailedWrite(length);
      content.write(position, chunks, written);
      return failure(`${this.name}: ${length} bytes at ${position} could not be written: input/output error`);
    }
    const missing = this.#disk.missingRoom(content, position, length);
    if (missing > 0) {
      this.#disk.countFull();
      content.write(position, chunks, Math.max(0, length - missing));
      return failure(`${this.name}: no space for ${missing} of ${length} bytes at ${position}`, 'E_DISK_FULL');
    }
    const stray = length > 0 ? this.#disk.strayOf(content, position, length) : undefined;
    if (stray === undefined) {
      content.write(position, chunks, length);
      return fine;
    }
    const added = position + length - content.length;
    if (added > 0) content.write(content.length, [new Uint8Array(added)], added);
    if (stray.kind === 'misdirected') content.write(stray.position, chunks, length);
    return fine;
  }

  /** The first `part` bytes of a write that was never answered, as far as there is room. */
  #writePart(position: number, chunks: readonly Uint8Array[], length: number, part: number): void {
    if (this.#isClosed) return;
    const missing = this.#disk.missingRoom(this.content, position, length);
    this.content.write(position, chunks, Math.min(part, Math.max(0, length - missing)));
  }

  #check(position: number, length: number): void {
    const isSound = Number.isSafeInteger(position) && Number.isSafeInteger(length) && position >= 0 && length >= 0;
    if (!isSound) {
      throw new AntecedentError('E_STATE', `${this.name}: ${length} bytes at ${position} is no range of a file`);
    }
  }

  #begin<T>(work: Work<T>, done: Done<T>): void {
    if (this.#isBusy) {
      throw new AntecedentError('E_STATE', `${this.name}: a call while another one is under way; wait for its answer`);
    }
    this.#isBusy = true;
    this.#port.begin(work, done, this);
  }
}
