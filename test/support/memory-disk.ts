/**
 * A data directory in memory for unit tests. Nothing happens until the test says so: every call waits in one queue, and
 * `step` carries out the oldest one and calls back.
 *
 * It knows what would survive: after `endProcess()` the same disk is what the next process finds, `durableFiles()` is what
 * is left after a loss of power that takes everything unsynced with it. It also checks the rule of `DiskFile` that one call
 * at a time is under way.
 */
import { AntecedentError, type ErrorCode } from '../../core/errors.js';
import type { Disk, DiskFile, Result } from '../../core/ports.js';

/** `sync journal-00000001.log`, `syncDirectory`, `rename a b`. */
export type Operation = string;

interface Inode {
  name: string;
  bytes: Uint8Array;
  durableBytes: Uint8Array;
  /** What the next sync has to do to `durableBytes`. */
  unsynced: ((bytes: Uint8Array) => Uint8Array)[];
}

export class MemoryDisk implements Disk {
  /** Every operation carried out, in order, failed ones included. */
  readonly operations: Operation[] = [];
  /**
   * Makes the operations fail for which it answers a code; true is `E_STORAGE`. It is asked when the operation is the last
   * of `operations`. A failing write still writes half of its bytes. A failing sync forgets what was unsynced, as Linux
   * does: the bytes can still be read, and no later sync writes them.
   */
  fails: (operation: Operation) => ErrorCode | boolean = () => false;

  readonly #queue: (() => void)[] = [];
  readonly #entries: Map<string, Inode>;
  #durableEntries: Map<string, Inode>;

  constructor(files: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#entries = new Map([...files].map(([name, bytes]) => [name, newInode(name, bytes)]));
    this.#durableEntries = new Map(this.#entries);
  }

  /** Carries out the oldest waiting call. False when there is none. */
  step(): boolean {
    const next = this.#queue.shift();
    next?.();
    return next !== undefined;
  }

  /** Carries out calls until none waits, or `steps` of them. */
  settle(steps = Infinity): void {
    for (let done = 0; done < steps && this.step(); done++);
  }

  /** The process dies: calls that wait never happen. What was written can still be read, synced or not. */
  endProcess(): void {
    this.#queue.length = 0;
  }

  /** Somebody else puts a file under this name, or none: at once. Whoever has the old one open keeps it. */
  replace(name: string, bytes: Uint8Array | undefined): void {
    if (bytes === undefined) this.#entries.delete(name);
    else this.#entries.set(name, newInode(name, bytes));
  }

  /** Somebody else changes what is in a file: at once, for everybody who has it open. */
  overwrite(name: string, bytes: Uint8Array): void {
    const inode = this.#entries.get(name);
    if (inode === undefined) throw storageError(`${name} does not exist`);
    inode.bytes = bytes.slice();
  }

  /** Copies of all files as they are now. */
  files(): Map<string, Uint8Array> {
    return new Map([...this.#entries].map(([name, inode]) => [name, inode.bytes.slice()]));
  }

  /** Copies of all files with only what was synced, under the names that were synced. */
  durableFiles(): Map<string, Uint8Array> {
    return new Map([...this.#durableEntries].map(([name, inode]) => [name, inode.durableBytes.slice()]));
  }

  list(done: (result: Result<readonly string[]>) => void): void {
    this.#enqueue(
      () => 'list',
      done,
      () => [...this.#entries.keys()].sort(),
    );
  }

  open(name: string, options: { readonly create: boolean }, done: (result: Result<DiskFile>) => void): void {
    const carryOut = (): DiskFile => {
      const existing = this.#entries.get(name);
      if (options.create === (existing !== undefined)) {
        throw storageError(`${name} ${options.create ? 'exists' : 'does not exist'}`);
      }
      const inode = existing ?? { name, bytes: new Uint8Array(), durableBytes: new Uint8Array(), unsynced: [] };
      this.#entries.set(name, inode);
      return new MemoryFile(inode, (operation, called, effect, halfEffect) =>
        this.#enqueue(operation, called, effect, halfEffect),
      );
    };
    this.#enqueue(() => `${options.create ? 'create' : 'open'} ${name}`, done, carryOut);
  }

  rename(from: string, to: string, done: (result: Result<void>) => void): void {
    const carryOut = (): void => {
      const inode = this.#entries.get(from);
      if (inode === undefined) throw storageError(`${from} does not exist`);
      this.#entries.delete(from);
      inode.name = to;
      this.#entries.set(to, inode);
    };
    this.#enqueue(() => `rename ${from} ${to}`, done, carryOut);
  }

  remove(name: string, done: (result: Result<void>) => void): void {
    const carryOut = (): void => {
      if (!this.#entries.delete(name)) throw storageError(`${name} does not exist`);
    };
    this.#enqueue(() => `remove ${name}`, done, carryOut);
  }

  syncDirectory(done: (result: Result<void>) => void): void {
    const carryOut = (): void => {
      this.#durableEntries = new Map(this.#entries);
    };
    this.#enqueue(() => 'syncDirectory', done, carryOut);
  }

  #enqueue<T>(
    operation: () => Operation,
    done: (result: Result<T>) => void,
    effect: () => T,
    halfEffect?: () => void,
  ): void {
    this.#queue.push(() => {
      const name = operation();
      this.operations.push(name);
      let result: Result<T>;
      try {
        const failure = this.fails(name);
        if (failure !== false) {
          halfEffect?.();
          throw new AntecedentError(failure === true ? 'E_STORAGE' : failure, `injected failure of ${name}`);
        }
        result = { error: undefined, value: effect() };
      } catch (error) {
        if (!(error instanceof AntecedentError)) throw error;
        result = { error };
      }
      done(result);
    });
  }
}

function newInode(name: string, bytes: Uint8Array): Inode {
  return { name, bytes: bytes.slice(), durableBytes: bytes.slice(), unsynced: [] };
}

type Enqueue = <T>(
  operation: () => Operation,
  done: (result: Result<T>) => void,
  effect: () => T,
  halfEffect?: () => void,
) => void;

class MemoryFile implements DiskFile {
  readonly #inode: Inode;
  readonly #enqueue: Enqueue;
  #state: 'idle' | 'busy' | 'closed' = 'idle';

  constructor(inode: Inode, enqueue: Enqueue) {
    this.#inode = inode;
    this.#enqueue = enqueue;
  }

  size(done: (result: Result<number>) => void): void {
    this.#call('size', done, () => this.#inode.bytes.length);
  }

  read(position: number, length: number, done: (result: Result<Uint8Array>) => void): void {
    this.#call('read', done, () => this.#inode.bytes.slice(position, position + length));
  }

  write(position: number, chunks: readonly Uint8Array[], done: (result: Result<void>) => void): void {
    const data = (): Uint8Array => new Uint8Array(Buffer.concat(chunks));
    const writeAll = (): void => this.#writeAt(position, data());
    const writeHalf = (): void => this.#writeAt(position, data().subarray(0, data().length >> 1));
    this.#call('write', done, writeAll, writeHalf);
  }

  sync(done: (result: Result<void>) => void): void {
    const takeUnsynced = (): Inode['unsynced'] => this.#inode.unsynced.splice(0);
    const carryOut = (): void => {
      for (const change of takeUnsynced()) this.#inode.durableBytes = change(this.#inode.durableBytes);
    };
    this.#call('sync', done, carryOut, takeUnsynced);
  }

  truncate(length: number, done: (result: Result<void>) => void): void {
    this.#call('truncate', done, () => this.#change((bytes) => bytes.slice(0, length)));
  }

  close(done: (result: Result<void>) => void): void {
    const closed = (result: Result<void>): void => {
      this.#state = 'closed';
      done(result);
    };
    this.#call('close', closed, () => undefined);
  }

  #writeAt(position: number, data: Uint8Array): void {
    this.#change((bytes) => {
      const changed = new Uint8Array(Math.max(bytes.length, position + data.length));
      changed.set(bytes);
      changed.set(data, position);
      return changed;
    });
  }

  #change(change: (bytes: Uint8Array) => Uint8Array): void {
    this.#inode.bytes = change(this.#inode.bytes);
    this.#inode.unsynced.push(change);
  }

  #call<T>(verb: string, done: (result: Result<T>) => void, effect: () => T, halfEffect?: () => void): void {
    if (this.#state !== 'idle') throw new Error(`${verb} ${this.#inode.name}: the file is ${this.#state}`);
    this.#state = 'busy';
    const finish = (result: Result<T>): void => {
      this.#state = 'idle';
      done(result);
    };
    this.#enqueue(() => `${verb} ${this.#inode.name}`, finish, effect, halfEffect);
  }
}

function storageError(message: string): AntecedentError {
  return new AntecedentError('E_STORAGE', message);
}
