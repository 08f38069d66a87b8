/**
 * Two ways to hand deliveries to an application: a function that is called, or a stream that is read.
 *
 * Both hand over one message at a time and report it applied only when the application is done with it: `apply` has
 * returned (or its promise has been fulfilled), or the loop over the stream asks for the next message. A message whose
 * application failed is never skipped: what comes after it may depend on it.
 */
import { AntecedentError, formatDot, type Clock, type Delivery, type Logger } from '../core/index.js';

export type Apply = (delivery: Delivery) => void | Promise<void>;

/** Receives one delivery at a time; calls `applied` when the application is done with it. */
export interface Applier {
  handle(delivery: Delivery, applied: () => void): void;
  /** No message is handed over any more. Resolves when the one in the application's hands is done, or at the latest after `waitMs`. */
  settle(waitMs: number): Promise<void>;
  /** The node has ended: `applied` is not called any more. */
  end(error: AntecedentError | undefined): void;
}

const retryMsFirst = 100;
const retryMsMax = 5_000;
const slowMs = 30_000;

/** Calls a function; a message whose call fails is tried again, with growing waits, until it works. */
export class ApplyCalls implements Applier {
  readonly #apply: Apply;
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** No new call is made. */
  #isStopped = false;
  /** The node takes no answers any more. */
  #isEnded = false;
  #isRunning = false;
  /** Ends the wait between two tries, and the wait of `settle`. */
  readonly #wakes = new Set<() => void>();

  constructor(apply: Apply, clock: Clock, logger: Logger) {
    this.#apply = apply;
    this.#clock = clock;
    this.#logger = logger;
  }

  handle(delivery: Delivery, applied: () => void): void {
    if (!this.#isStopped) void this.#run(delivery, applied);
  }

  async settle(waitMs: number): Promise<void> {
    this.#isStopped = true;
    this.#wakeAll();
    if (this.#isRunning) await this.#wait(waitMs);
  }

  end(): void {
    this.#isStopped = true;
    this.#isEnded = true;
    this.#wakeAll();
  }

  async #run(delivery: Delivery, applied: () => void): Promise<void> {
    this.#isRunning = true;
    const isApplied = await this.#tryUntilApplied(delivery);
    this.#isRunning = false;
    if (isApplied && !this.#isEnded) applied();
    // Whoever waits in `settle`; nobody else can be waiting.
    this.#wakeAll();
  }

  /** False when it was stopped before a try succeeded. */
  async #tryUntilApplied(delivery: Delivery): Promise<boolean> {
    for (let waitMs = retryMsFirst; ; waitMs = Math.min(waitMs * 2, retryMsMax)) {
      if (await this.#try(delivery)) return true;
      if (this.#isStopped) return false;
      await this.#wait(waitMs);
      if (this.#mayNotCall()) return false;
    }
  }

  /** A method, because the compiler would believe that waiting changes nothing. */
  #mayNotCall(): boolean {
    return this.#isStopped;
  }

  async #try(delivery: Delivery): Promise<boolean> {
    const message = formatDot(delivery);
    const cancelWatch = this.#clock.wakeAt(this.#clock.nowMs() + slowMs, () => {
      this.#logger.log('warn', 'apply-slow', { code: 'E_APP', message, waitedMs: slowMs });
    });
    try {
      await this.#apply(delivery);
      return true;
    } catch (error) {
      this.#logger.log('error', 'apply-failed', { code: 'E_APP', message, reason: String(error) });
      return false;
    } finally {
      cancelWatch();
    }
  }

  #wait(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#wakes.delete(wake);
        resolve();
      };
      const cancel = this.#clock.wakeAt(this.#clock.nowMs() + waitMs, wake);
      this.#wakes.add(wake);
    });
  }

  #wakeAll(): void {
    for (const wake of [...this.#wakes]) wake();
  }
}

interface Held {
  readonly delivery: Delivery;
  readonly applied: () => void;
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
  #held: Held | undefined;
  #reader: Reader | undefined;
  #isOpen = false;
  #ended: { readonly error: AntecedentError | undefined } | undefined;

  handle(delivery: Delivery, applied: () => void): void {
    this.#held = { delivery, applied, isWithReader: false };
    this.#maybeGive();
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
