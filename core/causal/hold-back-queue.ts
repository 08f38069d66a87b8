/**
 * Messages received before their causes ("held back").
 *
 * Invariants:
 * - No held message is deliverable: `offer` releases everything that it makes deliverable before it returns.
 * - The order of release is a function of the order of offers alone. The journal fixes the order of offers, so a restart
 *   that replays it releases in the same order, and the n-th release is always the same message.
 * Each origin's messages wait in order, and only the first one ("head") is looked at: it is filed under ONE missing dot,
 * so a release wakes only what waited for it; rescanning would be quadratic after a partition. Of the head's clock only
 * the entries that changed since its predecessor are compared: the predecessor was released, so the others are covered.
 *
 * Source of the delivery condition: Birman, Schiper, Stephenson, ACM TOCS 9(3), 1991, section 5.1.
 */
import { assert } from '../errors.js';
import type { Message } from '../message/batch.js';
import { Fifo } from '../fifo.js';

/** What a message costs beside its payload, roughly: objects, and its share of a clock. */
const overheadBytes = 200;

function memoryOf(message: Message): number {
  return message.payload.length + overheadBytes;
}

export class HoldBackQueue {
  /** Seq of the last released message, by origin. */
  readonly #released: number[] = [];
  /** Received and not yet released messages of each origin, in order; the first is the head. */
  readonly #held: Fifo<Message>[] = [];
  /** What they take in memory, by origin. */
  readonly #heldBytes: number[] = [];
  /** Origins whose head waits for a dot: by origin and seq of that dot. */
  readonly #waiters: Map<number, number[]>[] = [];
  readonly #releasedQueue = new Fifo<Message>();
  #heldCount = 0;
  #releasedBytes = 0;

  /** Number of messages that wait for a cause. */
  get heldCount(): number {
    return this.#heldCount;
  }

  /** Seq of the last released message of `origin`; 0 if none was. */
  releasedSeq(origin: number): number {
    return this.#released[origin] ?? 0;
  }

  /** Adds the message that follows the last one offered of its origin. */
  offer(message: Message): void {
    const { origin } = message;
    const queue = this.#queueOf(origin);
    assert(message.seq === this.releasedSeq(origin) + queue.length + 1, 'messages of an origin are offered in order');
    queue.push(message);
    this.#heldCount++;
    this.#heldBytes[origin] = this.heldBytes(origin) + memoryOf(message);
    if (queue.length === 1) this.#releaseFrom(origin);
  }

  /** The oldest released message that was not taken yet. */
  takeReleased(): Message | undefined {
    const message = this.#releasedQueue.shift();
    if (message !== undefined) this.#releasedBytes -= memoryOf(message);
    return message;
  }

  /** Memory of the messages of `origin` that wait for a cause. */
  heldBytes(origin: number): number {
    return this.#heldBytes[origin] ?? 0;
  }

  /** Memory of the released messages that were not taken yet. */
  get releasedBytes(): number {
    return this.#releasedBytes;
  }

  /** Releases the heads of `origin` and of everybody they wake, until each head waits. */
  #releaseFrom(origin: number): void {
    const woken = [origin];
    for (let next = woken.shift(); next !== undefined; next = woken.shift()) {
      const queue = this.#queueOf(next);
      for (let head = queue.first(); head !== undefined; head = queue.first()) {
        const missing = this.#missingOf(head);
        if (missing !== undefined) {
          this.#file(next, missing.origin, missing.seq);
          break;
        }
        queue.shift();
        this.#release(head, woken);
      }
    }
  }

  #release(message: Message, woken: number[]): void {
    this.#heldCount--;
    this.#heldBytes[message.origin] = this.heldBytes(message.origin) - memoryOf(message);
    this.#released[message.origin] = message.seq;
    this.#releasedQueue.push(message);
    this.#releasedBytes += memoryOf(message);
    const waiters = this.#waiters[message.origin];
    const waiting = waiters?.get(message.seq);
    if (waiting === undefined) return;
    waiters?.delete(message.seq);
    woken.push(...waiting);
  }

  /** A message that `message` depends on and that was not released. */
  #missingOf(message: Message): { readonly origin: number; readonly seq: number } | undefined {
    const { changes } = message;
    for (let index = 0; index < changes.length; index += 2) {
      const origin = changes[index] ?? 0;
      const seq = changes[index + 1] ?? 0;
      if (this.releasedSeq(origin) < seq) return { origin, seq };
    }
    return undefined;
  }

  #file(waiting: number, origin: number, seq: number): void {
    const waiters = (this.#waiters[origin] ??= new Map<number, number[]>());
    const others = waiters.get(seq);
    if (others === undefined) waiters.set(seq, [waiting]);
    else others.push(waiting);
  }

  #queueOf(origin: number): Fifo<Message> {
    // Filled without holes, so that iteration and growth stay those of a plain array.
    while (this.#held.length <= origin) {
      this.#held.push(new Fifo<Message>());
      this.#heldBytes.push(0);
      this.#released.push(0);
    }
    return this.#held[origin] ?? new Fifo<Message>();
  }
}
