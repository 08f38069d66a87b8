/**
 * Broadcasts as promises, and the room where they wait while the node's own queue is full.
 *
 * - Order of calls is order of messages: while one waits, every later one waits behind it.
 * - A payload that waits is a copy, so the caller may reuse its buffer as soon as `broadcast` has returned.
 * - The room is bounded too; a program that never awaits its broadcasts gets `E_BACKPRESSURE` and not all of the memory. Small
 *   ones cost more by what is kept about each than by their bytes, so they are counted as well.
 * - While the disk takes no writes the node refuses broadcasts, and so is refused what waits: nobody knows how long that lasts,
 *   and whoever is told can decide. What the node has taken before is accepted later.
 * The node does not say when it has room again. It has after an acceptance, and otherwise we ask again after a short wait.
 */
import { types } from 'node:util';
import {
  AntecedentError,
  type Cancel,
  type Clock,
  type Durability,
  type ErrorCode,
  type Node,
  type Receipt,
} from '../core/index.js';

const askAgainMs = 10;
/** As many broadcasts may wait for our own disk, and as many more in the waiting room. */
const broadcastsMax = 16_384;

interface Waiting {
  readonly payload: Uint8Array;
  readonly durable: Durability;
  /** When it was asked for. */
  readonly sinceMs: number;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A broadcast waits so long for its node to catch up. Not for ever: an application that awaits one while it applies a message would
 * keep its node from catching up.
 */
const catchUpMs = 10_000;

export class Broadcasts {
  readonly #node: Pick<Node, 'broadcast'>;
  readonly #clock: Clock;
  readonly #waitingBytesMax: number;
  /** In the order of the calls; a set, because an abort takes one out of the middle. */
  readonly #waiting = new Set<Waiting>();
  #waitingBytes = 0;
  /** Taken by the node and not answered, of those that wait for nobody else's disk. */
  #unsynced = 0;
  /** Why there is no room for more; made again when that changes. Whoever broadcasts in a loop would pay for it each time. */
  #refusal: AntecedentError | undefined;
  readonly #roomWatchers = new Set<() => void>();
  #cancelAsk: Cancel | undefined;
  #ended: AntecedentError | undefined;

  constructor(node: Pick<Node, 'broadcast'>, clock: Clock, waitingBytesMax: number) {
    this.#node = node;
    this.#clock = clock;
    this.#waitingBytesMax = waitingBytesMax;
  }

  /** See `AntecedentNode.broadcast`. */
  async broadcast(payload: Uint8Array, durable: Durability, signal: AbortSignal | undefined): Promise<Receipt> {
    signal?.throwIfAborted();
    checkPayload(payload);
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#waiting.size > 0 && !this.#hasWaitingRoom(payload)) throw this.#refuse();
    return new Promise<Receipt>((resolve, reject) => {
      const settled = (): void => signal?.removeEventListener('abort', abort);
      const job: Waiting = {
        payload,
        durable,
        sinceMs: this.#clock.nowMs(),
        resolve: (receipt) => {
          settled();
          resolve(receipt);
        },
        reject: (error) => {
          settled();
          reject(error);
        },
      };
      let queued = job;
      const abort = (): void => {
        this.#forget(queued);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', abort, { once: true });
      if (this.#waiting.size > 0 || !this.#submit(job)) queued = this.#enqueue(job);
    });
  }

  /** See `AntecedentNode.room`. */
  room(signal?: AbortSignal): Promise<void> {
    if (this.#waiting.size === 0 || signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const watcher = (): void => {
        signal?.removeEventListener('abort', watcher);
        this.#roomWatchers.delete(watcher);
        resolve();
      };
      signal?.addEventListener('abort', watcher);
      this.#roomWatchers.add(watcher);
    });
  }

  /** Refuses what waits and what comes from now on. */
  end(error: AntecedentError): void {
    this.#ended ??= error;
    this.#cancelAsk?.();
    for (const job of [...this.#waiting]) {
      this.#forget(job);
      job.reject(this.#ended);
    }
  }

  /** False when the node has no room. Any other refusal settles the job. */
  #submit(job: Waiting): boolean {
    if (this.#unsynced >= broadcastsMax) return false;
    const cost = job.durable === 'here' || job.durable === 1 ? 1 : 0;
    try {
      this.#node.broadcast(job.payload, job.durable, (result) => {
        this.#unsynced -= cost;
        if (result.error === undefined) job.resolve(result.value);
        else job.reject(result.error);
        this.#pump();
      });
      this.#unsynced += cost;
    } catch (error) {
      if (error instanceof AntecedentError && this.#willPass(error.code, job)) return false;
      job.reject(error instanceof Error ? error : new Error(String(error)));
    }
    return true;
  }

  /** True for what is worth waiting for: room; and, for a time, that a node that begins anew catches up. */
  #willPass(code: ErrorCode, { sinceMs }: Waiting): boolean {
    if (code === 'E_BACKPRESSURE') return true;
    return code === 'E_CATCHING_UP' && this.#clock.nowMs() - sinceMs < catchUpMs;
  }

  #enqueue(job: Waiting): Waiting {
    if (!this.#hasWaitingRoom(job.payload)) {
      job.reject(this.#refuse());
      return job;
    }
    const queued = { ...job, payload: new Uint8Array(job.payload) };
    this.#waiting.add(queued);
    this.#waitingBytes += queued.payload.length;
    this.#refusal = undefined;
    this.#askAgain();
    return queued;
  }

  #hasWaitingRoom(payload: Uint8Array): boolean {
    return this.#waiting.size < broadcastsMax && this.#waitingBytes + payload.length <= this.#waitingBytesMax;
  }

  #refuse(): AntecedentError {
    const waiting = `${this.#waiting.size} broadcasts with ${this.#waitingBytes} bytes are waiting already`;
    return (this.#refusal ??= new AntecedentError(
      'E_BACKPRESSURE',
      `${waiting}; await them before you broadcast more`,
    ));
  }

  #askAgain(): void {
    this.#cancelAsk?.();
    this.#cancelAsk = this.#clock.wakeAt(this.#clock.nowMs() + askAgainMs, () => this.#pump());
  }

  #pump(): void {
    for (const job of this.#waiting) {
      if (!this.#submit(job)) {
        this.#askAgain();
        return;
      }
      this.#forget(job);
    }
  }

  #forget(job: Waiting): void {
    if (!this.#waiting.delete(job)) return;
    this.#waitingBytes -= job.payload.length;
    this.#refusal = undefined;
    if (this.#waiting.size > 0) return;
    this.#cancelAsk?.();
    for (const watcher of [...this.#roomWatchers]) watcher();
  }
}

/** Throws `E_PAYLOAD` unless the bytes are there and stay what they are while we copy them. */
function checkPayload(payload: Uint8Array): void {
  if (!types.isUint8Array(payload)) throw new AntecedentError('E_PAYLOAD', 'a payload is a Uint8Array');
  if (types.isSharedArrayBuffer(payload.buffer)) {
    throw new AntecedentError('E_PAYLOAD', 'a payload in a SharedArrayBuffer may change at any moment: pass a copy');
  }
  // Gone, it looks as if it were empty.
  if (payload.length === 0 && !hasBytes(payload)) {
    throw new AntecedentError('E_PAYLOAD', 'the bytes of the payload are gone: its ArrayBuffer was transferred or cut');
  }
}

/** False for a view whose buffer was detached, or has become too short for it. */
function hasBytes(view: Uint8Array): boolean {
  try {
    // Every method of typed arrays begins with this question (ECMA-262, 23.2.4.4); nothing else answers it in Node 20.
    Uint8Array.prototype.at.call(view, 0);
    return true;
  } catch {
    return false;
  }
}
