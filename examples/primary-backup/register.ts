/**
 * A register on two machines: one number, written at a primary and kept by a backup, which is read once the primary is lost.
 *
 * It knows nothing of Antecedent. It is written against the ports of `antecedent/core` alone (links, disk, clock), so it runs in the
 * simulator of `antecedent/sim` as it is, and over ports of your own in production.
 *
 * Rules:
 * - Every write has a version, one higher than the last. Only the newest is of interest, so nothing else is sent or kept.
 * - Whoever has a newer version writes it to its disk and syncs it before it says so to anybody.
 * - The primary repeats what the backup has not confirmed: links may be cut, and writes on them get lost.
 */
import type { AntecedentError, DiskFile, Link, LinkHandlers, NodeName, Result } from '../../core/index.js';
import type { Process, World } from '../../transport-sim/index.js';

export interface Entry {
  readonly version: number;
  readonly value: number;
}

/**
 * When a writer is told that its write is done: when the backup has `stored` it, or, which is the planted bug, as soon as it was
 * `sent`. Many systems do so, and call it asynchronous replication.
 */
export type DoneWhen = 'stored' | 'sent';

const nothing: Entry = { version: 0, value: 0 };
const repeatMs = 40;
const dialMs = 100;
const entryBytes = 8;
const fileName = 'register';

export class Primary implements Process {
  readonly #backup: NodeName;
  readonly #doneWhen: DoneWhen;
  readonly #onDone: (entry: Entry) => void;
  #world: World | undefined;
  #store: EntryStore | undefined;
  #link: Link | undefined;
  /** What the backup has confirmed. */
  #confirmed = 0;

  constructor(backup: NodeName, doneWhen: DoneWhen, onDone: (entry: Entry) => void) {
    this.#backup = backup;
    this.#doneWhen = doneWhen;
    this.#onDone = onDone;
  }

  start(world: World): void {
    this.#world = world;
    this.#link = undefined;
    this.#confirmed = 0;
    openStore(world, (store) => {
      this.#store = store;
      this.#dial();
      this.#repeat();
    });
  }

  /** Somebody writes. Does nothing while the machine is not ready: the writer is told nothing, and may ask again. */
  write(value: number): void {
    const store = this.#store;
    if (store === undefined) return;
    const entry = { version: store.newest.version + 1, value };
    store.put(entry, () => {
      this.#send(entry);
      if (this.#doneWhen === 'sent') this.#onDone(entry);
    });
  }

  #send(entry: Entry): void {
    this.#link?.write(encode(entry));
  }

  /** Of what is on our disk the backup gets the newest, until it has it. */
  #repeat(): void {
    const { clock } = this.#world ?? {};
    clock?.wakeAt(clock.nowMs() + repeatMs, () => {
      const stored = this.#store?.stored ?? nothing;
      if (stored.version > this.#confirmed) this.#send(stored);
      this.#repeat();
    });
  }

  #dial(): void {
    const world = this.#world;
    if (world === undefined) return;
    const { links, clock } = world;
    const again = (): void => {
      stopWaiting();
      this.#link = undefined;
      clock.wakeAt(clock.nowMs() + repeatMs, () => this.#dial());
    };
    const cancel = links.dial(
      this.#backup,
      (link) => {
        stopWaiting();
        this.#link = link;
        return entryReader((entry) => this.#handleConfirmed(entry), again);
      },
      again,
    );
    // A dial into a partition is never answered.
    const stopWaiting = clock.wakeAt(clock.nowMs() + dialMs, () => {
      cancel();
      again();
    });
  }

  #handleConfirmed(entry: Entry): void {
    if (entry.version <= this.#confirmed) return;
    this.#confirmed = entry.version;
    if (this.#doneWhen === 'stored') this.#onDone(entry);
  }
}

export class Backup implements Process {
  #store: EntryStore | undefined;

  /** What a reader gets once the primary is lost. */
  get newest(): Entry {
    return this.#store?.stored ?? nothing;
  }

  start(world: World): void {
    openStore(world, (store) => {
      this.#store = store;
      world.links.listen(
        (link) =>
          entryReader(
            (entry) => store.put(entry, () => link.write(encode(store.stored))),
            () => undefined,
          ),
        () => undefined,
      );
    });
  }
}

// --- On disk ---------------------------------------------------------------------------------------------------------

interface EntryStore {
  /** The newest that was put here, perhaps not synced yet. */
  readonly newest: Entry;
  /** The newest that would survive a loss of power. */
  readonly stored: Entry;
  /** Calls `done` when this entry, or a newer one, is stored. An older one changes nothing. */
  put(entry: Entry, done: () => void): void;
}

/** Reads what an earlier life has left, then hands over the store. A disk that fails ends the program. */
function openStore({ disk }: World, ready: (store: EntryStore) => void): void {
  const read = (file: DiskFile): void =>
    file.read(0, entryBytes, (result) => {
      const bytes = valueOf(result);
      ready(makeStore(file, bytes.length < entryBytes ? nothing : decode(bytes)));
    });
  disk.list((result) => {
    const create = !valueOf(result).includes(fileName);
    disk.open(fileName, { create }, (opened) => {
      const file = valueOf(opened);
      if (create) disk.syncDirectory(() => read(file));
      else read(file);
    });
  });
}

function makeStore(file: DiskFile, first: Entry): EntryStore {
  let [newest, stored] = [first, first];
  let isBusy = false;
  let waiting: (() => void)[] = [];
  // A file does one thing at a time; whatever comes meanwhile is written next, in one.
  const sync = (): void => {
    if (isBusy || waiting.length === 0) return;
    const [writing, told] = [newest, waiting];
    isBusy = true;
    waiting = [];
    file.write(0, [encode(writing)], (written) => {
      valueOf(written);
      file.sync((synced) => {
        valueOf(synced);
        isBusy = false;
        stored = writing;
        for (const done of told) done();
        sync();
      });
    });
  };
  return {
    get newest(): Entry {
      return newest;
    },
    get stored(): Entry {
      return stored;
    },
    put(entry, done): void {
      if (entry.version <= stored.version) {
        done();
        return;
      }
      if (entry.version > newest.version) newest = entry;
      waiting.push(done);
      sync();
    },
  };
}

function valueOf<T>(result: Result<T>): T {
  const error: AntecedentError | undefined = result.error;
  if (error !== undefined) throw error;
  return result.value as T;
}

// --- On the wire -----------------------------------------------------------------------------------------------------

/** What arrives may be cut anywhere, so bytes are put together first. */
function entryReader(onEntry: (entry: Entry) => void, onClose: () => void): LinkHandlers {
  let rest = new Uint8Array();
  return {
    onBytes: (bytes) => {
      const all = new Uint8Array([...rest, ...bytes]);
      const whole = all.length - (all.length % entryBytes);
      rest = all.slice(whole);
      for (let at = 0; at < whole; at += entryBytes) onEntry(decode(all.subarray(at, at + entryBytes)));
    },
    onDrain: () => undefined,
    onClose,
  };
}

function encode({ version, value }: Entry): Uint8Array {
  const bytes = new Uint8Array(entryBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, version);
  view.setUint32(4, value);
  return bytes;
}

function decode(bytes: Uint8Array): Entry {
  const view = new DataView(bytes.buffer, bytes.byteOffset, entryBytes);
  return { version: view.getUint32(0), value: view.getUint32(4) };
}
