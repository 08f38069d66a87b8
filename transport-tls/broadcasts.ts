/**
 * Broadcasts as promises, and the room where they wait while the node's own queue is full.
 *
 * - Order of calls is order of messages: while one waits, every later one waits behind it.
 * - A payload that waits is a copy, so the caller may reuse its buffer as soon as `broadcast` has returned.
 * - The room is bounded too; a program that never awaits its broadcasts gets `E_BACKPRESSURE` and not all of the memory. Small
 *   ones cost more by what is kept about each than by their bytes, so they are counted as well.
 * - While the disk takes no writes the node refuses broadcasts, and so is refused what waits: nobody knows how long that lasts,
 *   and whoever is told can decide. What the node has taken before is accepted later.
 * - Whoever waits for room before each broadcast is let in again when half of what was under way is answered: a few at a time would cost
 *   each of them a wait.
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
const roomyAt: number = broadcastsMax / 2;

/** What settles the promise of a broadcast. */
interface Promised {
  readonly resolve: (receipt: Receipt) => void;
  readonly reject: (error: Error) => void;
}

/** A broadcast that waits in this room. */
interface Waiting extends Promised {
  readonly payload: Uint8Array;
  readonly durable: Durability;
  readonly sinceMs: number;
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
  /** The disk takes no writes. */
  #isBlocked = false;
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
  broadcast(payload: Uint8Array, durable: Durability, signal: AbortSignal | undefined): Promise<Receipt> {
    return new Promise<Receipt>((resolve, reject) => {
      // What is thrown here rejects the promise.
      if (signal === undefined) this.#begin(payload, durable, { resolve, reject });
      else this.#beginAbortable(payload, durable, signal, { resolve, reject });
    });
  }

  #beginAbortable(payload: Uint8Array, durable: Durability, signal: AbortSignal, { resolve, reject }: Promised): void {
    signal.throwIfAborted();
    let queued: Waiting | undefined;
    const abort = (): void => {
      if (queued !== undefined) this.#forget(queued);
      reject(signal.reason as Error);
    };
    const settling = <T>(settle: (result: T) => void): ((result: T) => void) => {
      return (result) => {
        signal.removeEventListener('abort', abort);
        settle(result);
      };
    };
    const refuse = settling(reject);
    signal.addEventListener('abort', abort, { once: true });
    try {
      queued = this.#begin(payload, durable, { resolve: settling(resolve), reject: refuse });
    } catch (error) {
      refuse(error instanceof Error ? error : new Error(String(error)));
    }
  }

  /** Returns what waits, if it has to. */
  #begin(payload: Uint8Array, durable: Durability, promised: Promised): Waiting | undefined {
    checkPayload(payload);
    if (this.#ended !== undefined) throw this.#ended;
    if (this.#waiting.size === 0 && this.#submit(payload, durable, promised, undefined)) return undefined;
    return this.#enqueue(payload, durable, promised);
  }

  /** See `AntecedentNode.room`. */
  room(signal?: AbortSignal): Promise<void> {
    const isRoom = this.#waiting.size === 0 && (this.#unsynced < broadcastsMax || this.#isBlocked);
    if (isRoom || signal?.aborted === true) return Promise.resolve();
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

  /** The disk takes writes, or has ceased to: then the node refuses at once what comes, and what waits here. */
  handleStorage(isBlocked: boolean): void {
    this.#isBlocked = isBlocked;
    this.#pump();
    this.#announceRoom();
  }

  /** Refuses what waits and what comes from now on. */
  end(error: AntecedentError): void {
    this.#ended ??= error;
    this.#stopAsking();
    this.#unsynced = 0;
    this.#announceRoom();
    for (const job of [...this.#waiting]) {
      this.#forget(job);
      job.reject(this.#ended);
    }
  }

  /** False when the node has no room, or for one that has waited since `sinceMs` may have it soon. Any other refusal is the answer. */
  #submit(payload: Uint8Array, durable: Durability, promised: Promised, sinceMs: number | undefined): boolean {
    if (this.#unsynced >= broadcastsMax && !this.#isBlocked) return false;
    const cost = durable === 'here' || durable === 1 ? 1 : 0;
    try {
      this.#node.broadcast(payload, durable, (result) => {
        this.#unsynced -= cost;
        if (result.error === undefined) promised.resolve(result.value);
        else promised.reject(result.error);
        if (this.#waiting.size > 0) this.#pump();
        else if (this.#unsynced <= roomyAt) this.#announceRoom();
      });
      this.#unsynced += cost;
    } catch (error) {
      if (error instanceof AntecedentError && this.#willPass(error.code, sinceMs)) return false;
      promised.reject(error instanceof Error ? error : new Error(String(error)));
    }
    return true;
  }

  /** True for what is worth waiting for: room; and, for a time, that a node that begins anew catches up. */
  #willPass(code: ErrorCode, sinceMs: number | undefined): boolean {
    if (code === 'E_BACKPRESSURE') return true;
    return code === 'E_CATCHING_UP' && (sinceMs === undefined || this.#clock.nowMs() - sinceMs < catchUpMs);
  }

  #enqueue(payload: Uint8Array, durable: Durability, { resolve, reject }: Promised): Waiting {
    if (!this.#hasWaitingRoom(payload)) throw this.#refuse();
    const queued = { payload: new Uint8Array(payload), durable, resolve, reject, sinceMs: this.#clock.nowMs() };
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
    this.#cancelAsk ??= this.#clock.wakeAt(this.#clock.nowMs() + askAgainMs, () => {
      this.#cancelAsk = undefined;
      this.#pump();
    });
  }

  #stopAsking(): void {
    this.#cancelAsk?.();
    this.#cancelAsk = undefined;
  }

  #pump(): void {
    for (const job of this.#waiting) {
      if (!this.#submit(job.payload, job.durable, job, job.sinceMs)) {
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
    this.#stopAsking();
    if (this.#unsynced <= roomyAt) this.#announceRoom();
  }

  #announceRoom(): void {
    if (this.#roomWatchers.size === 0 || this.#waiting.size > 0) return;
    for (const watcher of [...this.#roomWatchers]) watcher();
  }
}

/** Throws `E_PAYLOAD` unless the bytes are there and stay what they are while we copy them. */
function checkPayload(payload: Uint8Array): void {
  if (!types.isUint8Array(payload)) throw new AntecedentError('E_PAYLOAD', 'a payload is a Uint8Array');
  if (!(payload.buffer instanceof ArrayBuffer) && types.isSharedArrayBuffer(payload.buffer)) {
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
