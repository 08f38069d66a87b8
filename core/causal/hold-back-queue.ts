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
 * A head that is woken goes on behind the entries that it has compared, so the work is bounded by the bytes of the clocks.
 *
 * Source of the delivery condition: Birman, Schiper, Stephenson, ACM TOCS 9(3), 1991, section 5.1.
 */
import { assert } from '../errors.js';
import type { LogState, Message } from '../message/batch.js';
import { Fifo } from '../fifo.js';

/** What a message costs beside its payload, roughly: objects, and its share of a clock. */
const overheadBytes = 200;

function memoryOf(message: Message): number {
  return message.payloadLength + overheadBytes;
}

/** The messages of one origin that were offered, and what was released of them. */
export interface HeldLog {
  readonly origin: number;
  readonly releasedSeq: number;
  /** `changes` of the messages behind that, in order. */
  readonly held: readonly (readonly number[])[];
  /** The log behind the last message that was offered, or behind an earlier one. */
  readonly state: LogState;
}

/** What a message that was restored without its payload has in its place. */
const noPayload = new Uint8Array(0);
const nothing: readonly number[] = [];

/** True for a message whose payload is not there any more. */
export function isBare(message: Message): boolean {
  return message.payloadLength === 0 && message.payload === noPayload;
}

/** Why a message is held back. */
export interface Missing {
  /** Seq of the message that waits. */
  readonly waitingSeq: number;
  /** The message that it waits for. */
  readonly origin: number;
  readonly seq: number;
}

export class HoldBackQueue {
  /** Seq of the last released message, by origin. */
  readonly #released: number[] = [];
  /** Received and not yet released messages of each origin, in order; the first is the head. */
  readonly #held: Fifo<Message>[] = [];
  /** What they take in memory, by origin. */
  readonly #heldBytes: number[] = [];
  /** How many numbers of the head's `changes` are known to be released, by origin: what is released stays so. */
  readonly #checked: number[] = [];
  /** When the head began to wait for what it waits for, by origin: a count. */
  readonly #filedAt: number[] = [];
  #filings = 0;
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

  /** Number of messages that were released and not taken. */
  get releasedCount(): number {
    return this.#releasedQueue.length;
  }

  /** True when some of what was not taken yet is bare: see `isBare`. O(messages). */
  get hasBare(): boolean {
    return [this.#releasedQueue, ...this.#held].some((queue) => queue.toArray().some(isBare));
  }

  /** What was offered of an origin. */
  heldLog(origin: number): Pick<HeldLog, 'releasedSeq' | 'held'> {
    const held = this.#held[origin]?.toArray().map(({ changes }) => changes) ?? [];
    return { releasedSeq: this.releasedSeq(origin), held };
  }

  /**
   * Begins with what another queue held, without the payloads: see `isBare`. Before anything is offered. `logs` with held messages come
   * in the order of `filingOrder`.
   */
  restore(logs: readonly HeldLog[]): void {
    for (const { origin, releasedSeq } of logs) {
      this.#queueOf(origin);
      this.#released[origin] = releasedSeq;
    }
    for (const { origin, releasedSeq, held, state } of logs) {
      for (const [index, changes] of held.entries()) {
        const seq = releasedSeq + index + 1;
        const end = index === held.length - 1 ? state : undefined;
        const noClock = { dictionary: nothing, clock: nothing };
        this.offer({ origin, seq, changes, ...noClock, payloadLength: 0, payload: noPayload, end });
      }
    }
  }

  /** Everything up to these seqs counts as released and taken: it has come another way. What waited for it is released. */
  advance(logs: readonly { readonly origin: number; readonly releasedSeq: number }[]): void {
    const seqs = new Map(logs.map(({ origin, releasedSeq }) => [origin, releasedSeq]));
    const released = this.#releasedQueue.toArray();
    this.#releasedQueue.clear();
    this.#releasedBytes = 0;
    for (const message of released) {
      if (message.seq <= (seqs.get(message.origin) ?? 0)) continue;
      this.#releasedQueue.push(message);
      this.#releasedBytes += memoryOf(message);
    }
    for (const { origin, releasedSeq } of logs) {
      const queue = this.#queueOf(origin);
      for (let head = queue.first(); head !== undefined && head.seq <= releasedSeq; head = queue.first()) {
        queue.shift();
        this.#heldCount--;
        this.#heldBytes[origin] = this.heldBytes(origin) - memoryOf(head);
      }
      this.#released[origin] = Math.max(this.releasedSeq(origin), releasedSeq);
    }
    // Every head waits for something else now, or for nothing.
    const order = this.filingOrder;
    this.#waiters.length = 0;
    this.#checked.fill(0);
    for (const origin of order) this.#releaseFrom([origin]);
  }

  /** Origins with held messages, in the order in which their heads began to wait: heads that wait for the same dot are released in it. */
  get filingOrder(): readonly number[] {
    const holding = [...this.#held.keys()].filter((origin) => this.#held[origin]?.first() !== undefined);
    return holding.toSorted((a, b) => (this.#filedAt[a] ?? 0) - (this.#filedAt[b] ?? 0));
  }

  /** Adds the message that follows the last one offered of its origin. */
  offer(message: Message): void {
    const { origin } = message;
    // It has come with a snapshot, whose end lay in the middle of a batch.
    if (message.seq <= this.releasedSeq(origin)) return;
    const queue = this.#queueOf(origin);
    assert(message.seq === this.releasedSeq(origin) + queue.length + 1, 'messages of an origin are offered in order');
    // Nearly every message: it waits for nothing, and nothing waits for it.
    if (queue.length === 0 && this.#missingOf(message) === undefined) {
      this.#checked[origin] = 0;
      const woken = this.#release(message);
      if (woken !== undefined) this.#releaseFrom(woken);
      return;
    }
    queue.push(message);
    this.#heldCount++;
    this.#heldBytes[origin] = this.heldBytes(origin) + memoryOf(message);
    if (queue.length === 1) this.#releaseFrom([origin]);
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

  /** What the first held message of `origin` waits for; undefined when none is held. */
  missingFor(origin: number): Missing | undefined {
    const head = this.#held[origin]?.first();
    if (head === undefined) return undefined;
    // A head is always filed, under the entry that was looked at last.
    const at = this.#checked[origin] ?? 0;
    return { waitingSeq: head.seq, origin: head.changes[at] ?? 0, seq: head.changes[at + 1] ?? 0 };
  }

  /** Releases the heads of these origins and of everybody they wake, until each head waits. */
  #releaseFrom(woken: number[]): void {
    for (let next = woken.shift(); next !== undefined; next = woken.shift()) {
      const queue = this.#queueOf(next);
      for (let head = queue.first(); head !== undefined; head = queue.first()) {
        const missing = this.#missingOf(head);
        if (missing !== undefined) {
          this.#file(next, missing.origin, missing.seq);
          break;
        }
        queue.shift();
        this.#checked[next] = 0;
        this.#heldCount--;
        this.#heldBytes[next] = this.heldBytes(next) - memoryOf(head);
        const others = this.#release(head);
        if (others !== undefined) woken.push(...others);
      }
    }
  }

  /** Returns the origins whose heads have waited for the message: they are the caller's. */
  #release(message: Message): number[] | undefined {
    this.#released[message.origin] = message.seq;
    this.#releasedQueue.push(message);
    this.#releasedBytes += memoryOf(message);
    const waiters = this.#waiters[message.origin];
    if (waiters === undefined || waiters.size === 0) return undefined;
    const waiting = waiters.get(message.seq);
    waiters.delete(message.seq);
    return waiting;
  }

  /** The first message in the clock of `head`, the head of its origin, that was not released. */
  #missingOf(head: Message): { readonly origin: number; readonly seq: number } | undefined {
    const { changes } = head;
    for (let index = this.#checked[head.origin] ?? 0; index < changes.length; index += 2) {
      const origin = changes[index] ?? 0;
      const seq = changes[index + 1] ?? 0;
      if (this.releasedSeq(origin) >= seq) continue;
      this.#checked[head.origin] = index;
      return { origin, seq };
    }
    return undefined;
  }

  #file(waiting: number, origin: number, seq: number): void {
    this.#filedAt[waiting] = ++this.#filings;
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
      this.#checked.push(0);
      this.#filedAt.push(0);
      this.#released.push(0);
    }
    return this.#held[origin] ?? new Fifo<Message>();
  }
}
