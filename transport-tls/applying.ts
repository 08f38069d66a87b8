/**
 * Two ways to hand deliveries to an application: a function that is called, or a stream that is read.
 *
 * Both hand over one message at a time and report it applied only when the application is done with it: `apply` has
 * returned (or its promise has been fulfilled), or the loop over the stream asks for the next message. A message whose
 * application failed is never skipped by itself: what comes after it may depend on it. An operator may give it up (`abandon`);
 * the application may still be at work on it then, and what becomes of that is not listened to any more.
 */
import { AntecedentError, type Clock, type Delivery, type Dot, type Logger } from '../core/index.js';
import { RetriedCalls, type ApplyErrorEvent, type Call } from './retried-calls.js';
import type { ApplyingStatus } from './running-status.js';

export type Apply = (delivery: Delivery) => void | Promise<void>;

/** Receives one delivery at a time; calls `applied` when the application is done with it. */
export interface Applier {
  handle(delivery: Delivery, applied: () => void): void;
  /** The message that is in the application's hands. */
  readonly status: ApplyingStatus | undefined;
  /** Tries a message that has failed again at once, instead of later. False when none waits for that. */
  retry(): boolean;
  /** The delivery at `position` has been given up: its `applied` is not called any more. */
  abandon(position: number): void;
  /** No message is handed over any more. Resolves when the one in the application's hands is done, or at the latest after `waitMs`. */
  settle(waitMs: number): Promise<void>;
  /** The node has ended: `applied` is not called any more. */
  end(error: AntecedentError | undefined): void;
}

function dotOf({ origin, incarnation, seq }: Delivery): Dot {
  return { origin, incarnation, seq };
}

/** One object for each message, where four closures would do the same. */
class ApplyCall implements Call {
  readonly #apply: Apply;
  readonly #delivery: Delivery;
  readonly done: () => void;

  constructor(apply: Apply, delivery: Delivery, applied: () => void) {
    this.#apply = apply;
    this.#delivery = delivery;
    this.done = applied;
  }

  get message(): Dot {
    return dotOf(this.#delivery);
  }

  get position(): number {
    return this.#delivery.position;
  }

  make(): unknown {
    return this.#apply(this.#delivery);
  }
}

/** Calls a function; a message whose call fails is tried again, with growing waits, until it works. */
export class ApplyCalls implements Applier {
  readonly #apply: Apply;
  readonly #calls: RetriedCalls;

  constructor(apply: Apply, clock: Clock, logger: Logger, onError: (event: ApplyErrorEvent) => void = () => undefined) {
    this.#apply = apply;
    this.#calls = new RetriedCalls(clock, logger, onError);
  }

  get status(): ApplyingStatus | undefined {
    return this.#calls.status;
  }

  handle(delivery: Delivery, applied: () => void): void {
    this.#calls.start(new ApplyCall(this.#apply, delivery, applied));
  }

  retry(): boolean {
    return this.#calls.retry();
  }

  abandon(position: number): void {
    this.#calls.abandon(position);
  }

  settle(waitMs: number): Promise<void> {
    return this.#calls.settle(waitMs);
  }

  end(): void {
    this.#calls.end();
  }
}

interface Held {
  readonly delivery: Delivery;
  readonly applied: () => void;
  readonly sinceMs: number;
  isWithReader: boolean;
}

interface Reader {
  readonly resolve: (result: IteratorResult<Delivery, undefined>) => void;
  readonly reject: (error: AntecedentError) => void;
}

const done: IteratorResult<Delivery, undefined> = { done: true, value: undefined };

/**
 * A stream for `for await`. A message counts as applied when the next one is asked for. A loop that is left early leaves its
 * message unapplied; the next loop begins with it.
 */
export class DeliveryStream implements Applier {
  readonly #clock: Clock;
  #held: Held | undefined;
  #reader: Reader | undefined;
  #isOpen = false;
  #ended: { readonly error: AntecedentError | undefined } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get status(): ApplyingStatus | undefined {
    if (this.#held === undefined) return undefined;
    const { delivery, sinceMs } = this.#held;
    const { position } = delivery;
    const forMs = this.#clock.nowMs() - sinceMs;
    return { message: dotOf(delivery), position, forMs, failures: 0, lastError: undefined };
  }

  handle(delivery: Delivery, applied: () => void): void {
    this.#held = { delivery, applied, sinceMs: this.#clock.nowMs(), isWithReader: false };
    this.#maybeGive();
  }

  /** Nothing fails here: a loop that throws has ended, and the next one begins with the same message. */
  retry(): boolean {
    return false;
  }

  abandon(position: number): void {
    if (this.#held?.delivery.position === position) this.#held = undefined;
  }

  /** Whoever closes the node from inside the loop would wait for itself: the message in its hands stays unapplied. */
  settle(): Promise<void> {
    return Promise.resolve();
  }

  end(error: AntecedentError | undefined): void {
    this.#ended = { error };
    this.#held = undefined;
    this.#maybeGive();
  }

  /** Throws `E_STATE` while another loop is reading. */
  open(): AsyncIterableIterator<Delivery, undefined> {
    if (this.#isOpen) throw new AntecedentError('E_STATE', 'deliveries are being read already; end that loop first');
    this.#isOpen = true;
    let isMine = true;
    const iterator: AsyncIterableIterator<Delivery, undefined> = {
      next: () => (isMine ? this.#next() : Promise.resolve(done)),
      return: () => {
        if (isMine) this.#leave();
        isMine = false;
        return Promise.resolve(done);
      },
      [Symbol.asyncIterator]: () => iterator,
    };
    return iterator;
  }

  #next(): Promise<IteratorResult<Delivery, undefined>> {
    if (this.#reader !== undefined) {
      return Promise.reject(
        new AntecedentError('E_STATE', 'the last next() has not been answered yet; await it first'),
      );
    }
    const held = this.#held;
    if (held?.isWithReader === true) {
      // First, because `applied` may bring the next delivery before it returns.
      this.#held = undefined;
      held.applied();
    }
    return new Promise((resolve, reject) => {
      this.#reader = { resolve, reject };
      this.#maybeGive();
    });
  }

  #leave(): void {
    this.#isOpen = false;
    if (this.#held !== undefined) this.#held.isWithReader = false;
    this.#reader?.resolve(done);
    this.#reader = undefined;
  }

  #maybeGive(): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    const held = this.#held;
    if (held === undefined && this.#ended === undefined) return;
    this.#reader = undefined;
    if (held !== undefined) {
      held.isWithReader = true;
      reader.resolve({ done: false, value: held.delivery });
    } else if (this.#ended?.error === undefined) reader.resolve(done);
    else reader.reject(this.#ended.error);
  }
}
