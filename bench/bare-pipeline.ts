/**
 * The same job without a protocol: the limit that a protocol can come close to on this machine.
 *
 * The sender batches payloads in blocks of 64 KiB, appends each block to its log and writes it to a mutual TLS link to each
 * of the others. They check the blocks, append them to their logs, acknowledge what is synced, cumulatively, and hand the messages over.
 * A message counts when it is synced on all members. There is no order among members, no recovery, no repair, no membership.
 *
 * At most `windowBytes` wait for acknowledgements: `broadcast` says when it is time to wait for `room`.
 */
import type { TLSSocket } from 'node:tls';
import { BlockReader, blockBytesTarget, forEachMessage, OpenBlock } from './bare-block.js';
import { GroupCommitLog } from './bare-log.js';

/** As much as ours: `defaultLimits.windowBytes`. */
const windowBytes = 4 << 20;
const ackBytes = 4;

export interface BareHandlers {
  /** A message of another member, synced here; a view that stays as it is. */
  readonly onMessage: (payload: Uint8Array) => void;
  /** That many messages of our own are synced here. */
  readonly onOwnSynced: (count: number) => void;
}

interface Entry {
  readonly block: Uint8Array;
  /** Messages of a block of our own. */
  readonly ownCount: number;
  /** Where a block of somebody else has come from. */
  readonly source: Source | undefined;
}

/** A link on which somebody else's blocks arrive. */
interface Source {
  readonly socket: TLSSocket;
  syncedBlocks: number;
}

/** A link on which our blocks go. */
interface Target {
  readonly socket: TLSSocket;
  ackedBlocks: number;
}

interface Waiter {
  readonly blocks: number;
  readonly resolve: () => void;
}

export class BarePipeline {
  readonly #handlers: BareHandlers;
  readonly #log: GroupCommitLog<Entry>;
  readonly #targets: Target[] = [];
  #open = new OpenBlock(0);
  #isSealScheduled = false;
  /** Sealed, and not yet synced everywhere, oldest first. */
  readonly #unacked: { readonly owner: OpenBlock; readonly bytes: number }[] = [];
  #unackedBytes = 0;
  readonly #spare: OpenBlock[] = [];
  #sealedBlocks = 0;
  /** Blocks of our own that are synced here, and everywhere. */
  #syncedBlocks = 0;
  #ackedBlocks = 0;
  readonly #waiters: Waiter[] = [];
  #onRoom: (() => void) | undefined;

  constructor(logPath: string, handlers: BareHandlers) {
    this.#handlers = handlers;
    this.#log = new GroupCommitLog(logPath, (entries) => this.#handleSynced(entries));
  }

  /** Our blocks go to this link from now on. */
  addTarget(socket: TLSSocket): void {
    const target = { socket, ackedBlocks: this.#sealedBlocks };
    this.#targets.push(target);
    const partial = Buffer.alloc(ackBytes);
    let filled = 0;
    socket.on('data', (chunk: Buffer) => {
      for (let start = 0; start < chunk.length;) {
        const copied = chunk.copy(partial, filled, start, start + ackBytes - filled);
        start += copied;
        filled = (filled + copied) % ackBytes;
        if (filled === 0) target.ackedBlocks = partial.readUInt32BE();
      }
      this.#advance();
    });
  }

  /** Somebody else's blocks come from this link. */
  addSource(socket: TLSSocket): void {
    const source = { socket, syncedBlocks: 0 };
    const reader = new BlockReader((block) => this.#log.append({ block, ownCount: 0, source }));
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
  }

  /** Takes a copy of the message. False when the caller must wait for `room` before the next one. */
  broadcast(payload: Uint8Array): boolean {
    if (!this.#open.hasRoomFor(payload)) {
      this.#seal();
      if (!this.#open.hasRoomFor(payload)) this.#open = new OpenBlock(payload.length);
    }
    this.#open.add(payload);
    if (!this.#isSealScheduled) {
      this.#isSealScheduled = true;
      // What is broadcast in one turn of the event loop goes together, and does not wait any longer.
      setImmediate(() => {
        this.#isSealScheduled = false;
        this.#seal();
      });
    }
    return this.#hasRoom();
  }

  /** Resolves when `broadcast` may be called again. */
  room(): Promise<void> {
    if (this.#hasRoom()) return Promise.resolve();
    return new Promise((resolve) => (this.#onRoom = resolve));
  }

  /** Resolves when everything broadcast so far is synced on all members. */
  settled(): Promise<void> {
    const blocks = this.#sealedBlocks + (this.#open.count > 0 ? 1 : 0);
    if (this.#ackedBlocks >= blocks) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ blocks, resolve }));
  }

  close(): void {
    this.#log.close();
  }

  #hasRoom(): boolean {
    return this.#unackedBytes + blockBytesTarget <= windowBytes;
  }

  #seal(): void {
    const owner = this.#open;
    if (owner.count === 0) return;
    const block = owner.seal();
    this.#sealedBlocks += 1;
    this.#unacked.push({ owner, bytes: block.length });
    this.#unackedBytes += block.length;
    this.#open = this.#spare.pop() ?? new OpenBlock(0);
    this.#log.append({ block, ownCount: owner.count, source: undefined });
    for (const { socket } of this.#targets) socket.write(block);
  }

  #handleSynced(entries: readonly Entry[]): void {
    const sources = new Set<Source>();
    for (const { ownCount, source } of entries) {
      if (source === undefined) {
        this.#syncedBlocks += 1;
        this.#handlers.onOwnSynced(ownCount);
      } else {
        source.syncedBlocks += 1;
        sources.add(source);
      }
    }
    for (const { socket, syncedBlocks } of sources) {
      const ack = Buffer.allocUnsafe(ackBytes);
      ack.writeUInt32BE(syncedBlocks);
      socket.write(ack);
    }
    for (const { block, source } of entries) {
      if (source !== undefined) forEachMessage(block, this.#handlers.onMessage);
    }
    this.#advance();
  }

  /** Takes note of what is synced everywhere by now. */
  #advance(): void {
    const synced = this.#targets.reduce((least, { ackedBlocks }) => Math.min(least, ackedBlocks), this.#syncedBlocks);
    if (synced === this.#ackedBlocks) return;
    for (const { owner, bytes } of this.#unacked.splice(0, synced - this.#ackedBlocks)) {
      this.#unackedBytes -= bytes;
      owner.clear();
      this.#spare.push(owner);
    }
    this.#ackedBlocks = synced;
    while ((this.#waiters[0]?.blocks ?? Infinity) <= synced) this.#waiters.shift()?.resolve();
    if (!this.#hasRoom()) return;
    const onRoom = this.#onRoom;
    this.#onRoom = undefined;
    onRoom?.();
  }
}
