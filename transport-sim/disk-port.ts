/**
 * The disk as a program sees it: calls that are answered by later events.
 *
 * Invariants:
 * - Every call is answered exactly once, unless the program's life ends first.
 * - A file handle works on the content it was opened with, whatever becomes of the name.
 * - A second call on a handle while one is under way is the program's bug and throws; the port forbids it, and a real disk
 *   would reorder the two.
 */
import { AntecedentError, type Disk, type DiskFile, type Result } from '../core/index.js';
import type { DiskWork, PendingWork, SimulatedDisk } from './disk.js';
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
  readonly bytes?: Uint8Array;
  /** Takes effect, and says what to answer. */
  readonly complete: () => Result<T>;
  /** The program ended first. Absent when nothing would be left of the call. */
  readonly interrupt?: (random: RandomStream) => void;
}

const fine: Result<void> = { error: undefined, value: undefined };

function failure(reason: string): { readonly error: AntecedentError } {
  return { error: new AntecedentError('E_STORAGE', reason) };
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
    this.begin({ kind: traceKinds.list, takes: 'read', amount: 0, complete }, done);
  }

  open(name: string, options: { readonly create: boolean }, done: Done<DiskFile>): void {
    const directory = this.#disk.directory;
    const complete = (): Result<DiskFile> => {
      const existing = directory.get(name);
      if (options.create && existing !== undefined) return failure(`${name} exists already; open it without create`);
      if (!options.create && existing === undefined) return failure(`${name} does not exist`);
      const content = existing ?? new FileContent();
      if (existing === undefined) directory.create(name, content);
      return { error: undefined, value: new SimulatedFile(this, this.#disk, name, content) };
    };
    const work: Work<DiskFile> = { kind: traceKinds.open, takes: 'write', amount: name.length, complete };
    this.begin(options.create ? { ...work, interrupt: perhaps(complete) } : work, done);
  }

  rename(from: string, to: string, done: Done<void>): void {
    const directory = this.#disk.directory;
    const complete = (): Result<void> => {
      if (!directory.has(from)) return failure(`${from} does not exist and cannot be renamed to ${to}`);
      directory.rename(from, to);
      return fine;
    };
    this.begin(
      { kind: traceKinds.rename, takes: 'write', amount: to.length, complete, interrupt: perhaps(complete) },
      done,
    );
  }

  remove(name: string, done: Done<void>): void {
    const directory = this.#disk.directory;
    const complete = (): Result<void> => {
      if (!directory.has(name)) return failure(`${name} does not exist and cannot be removed`);
      directory.remove(name);
      return fine;
    };
    this.begin(
      { kind: traceKinds.remove, takes: 'write', amount: name.length, complete, interrupt: perhaps(complete) },
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
    this.begin({ kind: traceKinds.syncDirectory, takes: 'sync', amount: mark, complete, interrupt }, done);
  }

  /** Starts a call; `done` is called when it completes. For this file alone. */
  begin<T>(work: Work<T>, done: Done<T>): void {
    // A program whose life has ended touches nothing any more, not even in the callback that ended it.
    if (this.#host.life !== this.#life) return;
    const call = new DiskCall(this.#kernel, this.#host, this.#disk, work, done);
    this.#disk.begin(call);
    this.#kernel.schedule(call, this.#kernel.nowUs + this.#disk.latencyUs(work.takes));
  }
}

class DiskCall<T> extends SimulationEvent implements PendingWork {
  readonly #kernel: Kernel;
  readonly #host: Host;
  readonly #disk: SimulatedDisk;
  readonly #work: Work<T>;
  readonly #done: Done<T>;

  constructor(kernel: Kernel, host: Host, disk: SimulatedDisk, work: Work<T>, done: Done<T>) {
    super(host, host.life);
    this.#kernel = kernel;
    this.#host = host;
    this.#disk = disk;
    this.#work = work;
    this.#done = done;
  }

  override fire(): void {
    this.#disk.end(this);
    const result = this.#work.complete();
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
}

class SimulatedFile implements DiskFile {
  readonly #port: SimulatedDiskPort;
  readonly #disk: SimulatedDisk;
  readonly #name: string;
  readonly #content: FileContent;
  #isBusy = false;
  #isClosed = false;

  constructor(port: SimulatedDiskPort, disk: SimulatedDisk, name: string, content: FileContent) {
    this.#port = port;
    this.#disk = disk;
    this.#name = name;
    this.#content = content;
  }

  size(done: Done<number>): void {
    const complete = (): Result<number> => ({ error: undefined, value: this.#content.length });
    this.#begin({ kind: traceKinds.size, takes: 'read', amount: 0, complete }, done);
  }

  read(position: number, length: number, done: Done<Uint8Array>): void {
    this.#check(position, length);
    const complete = (): Result<Uint8Array> =>
      this.#disk.fails('read')
        ? failure(`${this.#name}: ${length} bytes at ${position} could not be read: input/output error`)
        : { error: undefined, value: this.#content.read(position, length) };
    this.#begin({ kind: traceKinds.read, takes: 'read', amount: position + length, complete }, done);
  }

  write(position: number, chunks: readonly Uint8Array[], done: Done<void>): void {
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    this.#check(position, length);
    const last = chunks.at(-1);
    this.#begin(
      {
        kind: traceKinds.write,
        takes: 'write',
        amount: position + length,
        ...(last !== undefined && { bytes: last }),
        complete: () => this.#write(position, chunks, length),
        interrupt: (random) => this.#content.write(position, chunks, random.between(0, length)),
      },
      done,
    );
  }

  sync(done: Done<void>): void {
    const content = this.#content;
    const mark = content.mark;
    const complete = (): Result<void> => {
      if (this.#disk.fails('sync')) {
        content.abandon(mark);
        return failure(`${this.#name} could not be synced: input/output error`);
      }
      content.makeDurable(mark);
      return fine;
    };
    const interrupt = perhaps(() => content.makeDurable(mark));
    this.#begin({ kind: traceKinds.sync, takes: 'sync', amount: mark, complete, interrupt }, done);
  }

  truncate(length: number, done: Done<void>): void {
    this.#check(0, length);
    const complete = (): Result<void> => {
      this.#content.truncate(length);
      return fine;
    };
    this.#begin(
      { kind: traceKinds.truncate, takes: 'write', amount: length, complete, interrupt: perhaps(complete) },
      done,
    );
  }

  close(done: Done<void>): void {
    const complete = (): Result<void> => {
      this.#isClosed = true;
      return fine;
    };
    this.#begin({ kind: traceKinds.closeFile, takes: 'read', amount: 0, complete }, done);
  }

  #write(position: number, chunks: readonly Uint8Array[], length: number): Result<void> {
    const content = this.#content;
    if (this.#disk.fails('write')) {
      const written = this.#disk.prefixOfFailedWrite(length);
      content.write(position, chunks, written);
      return failure(`${this.#name}: ${length} bytes at ${position} could not be written: input/output error`);
    }
    const added = position + length - content.length;
    const missing = added > 0 ? added - this.#disk.fitting(added) : 0;
    content.write(position, chunks, Math.max(0, length - missing));
    if (missing === 0) return fine;
    return failure(`${this.#name}: no space for ${missing} of ${length} bytes at ${position}`);
  }

  #check(position: number, length: number): void {
    const isSound = Number.isSafeInteger(position) && Number.isSafeInteger(length) && position >= 0 && length >= 0;
    if (!isSound) {
      throw new AntecedentError('E_STATE', `${this.#name}: ${length} bytes at ${position} is no range of a file`);
    }
  }

  #begin<T>(work: Work<T>, done: Done<T>): void {
    if (this.#isBusy) {
      throw new AntecedentError('E_STATE', `${this.#name}: a call while another one is under way; wait for its answer`);
    }
    this.#isBusy = true;
    const complete = (): Result<T> => {
      this.#isBusy = false;
      return this.#isClosed ? { error: new AntecedentError('E_CLOSED', `${this.#name} is closed`) } : work.complete();
    };
    this.#port.begin({ ...work, complete }, done);
  }
}
