/**
 * Broadcasts as promises, and the room where they wait while the node's own queue is full.
 *
 * - Order of calls is order of messages: while one waits, every later one waits behind it.
 * - A payload that waits is a copy, so the caller may reuse its buffer as soon as `broadcast` has returned.
 * - The room is bounded too; a program that never awaits its broadcasts gets `E_BACKPRESSURE` and not all of the memory.
 * - While the disk takes no writes the node refuses broadcasts, and so is refused what waits: nobody knows how long that lasts,
 *   and whoever is told can decide. What the node has taken before is accepted later.
 * The node does not say when it has room again. It has after an acceptance, and otherwise we ask again after a short wait.
 */
import { types } from 'node:util';
import { AntecedentError, type Cancel, type Clock, type Durability, type Node, type Receipt } from '../core/index.js';

const askAgainMs = 10;

interface Waiting {
  readonly payload: Uint8Array;
  readonly durable: Durability;
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: Error) => void;
}

export class Broadcasts {
  readonly #node: Pick<Node, 'broadcast'>;
  readonly #clock: Clock;
  readonly #waitingBytesMax: number;
  /** In the order of the calls; a set, because an abort takes one out of the middle. */
  readonly #waiting = new Set<Waiting>();
  #waitingBytes = 0;
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
    if (!types.isUint8Array(payload)) throw new AntecedentError('E_PAYLOAD', 'a payload is a Uint8Array');
    if (this.#ended !== undefined) throw this.#ended;
    return new Promise<Receipt>((resolve, reject) => {
      const settled = (): void => signal?.removeEventListener('abort', abort);
      const job: Waiting = {
        payload,
        durable,
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
    try {
      this.#node.broadcast(job.payload, job.durable, (result) => {
        if (result.error === undefined) job.resolve(result.value);
        else job.reject(result.error);
        this.#pump();
      });
    } catch (error) {
      if (error instanceof AntecedentError && error.code === 'E_BACKPRESSURE') return false;
      job.reject(error instanceof Error ? error : new Error(String(error)));
    }
    return true;
  }

  #enqueue(job: Waiting): Waiting {
    if (this.#waitingBytes + job.payload.length > this.#waitingBytesMax) {
      const waiting = `${this.#waiting.size} broadcasts with ${this.#waitingBytes} bytes are waiting already`;
      job.reject(new AntecedentError('E_BACKPRESSURE', `${waiting}; await them before you broadcast more`));
      return job;
    }
    const queued = { ...job, payload: new Uint8Array(job.payload) };
    this.#waiting.add(queued);
    this.#waitingBytes += queued.payload.length;
    this.#askAgain();
    return queued;
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
    if (this.#waiting.size > 0) return;
    this.#cancelAsk?.();
    for (const watcher of [...this.#roomWatchers]) watcher();
  }
}
