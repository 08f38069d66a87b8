/**
 * Calls into the application, one at a time, each made again with growing waits until it works: the node goes on only behind it.
 *
 * A call that has worked when it returns is done there and then: a promise and a timer for each would cost small messages
 * several times what everything else about them does. After `turnMs` of such calls in a row the event loop gets a turn.
 *
 * A call is never given up here. An operator may give up what it is about (`abandon`); the application may still be at work on it then,
 * and what becomes of that is not listened to any more.
 */
import { formatDot, type Clock, type Dot, type Logger } from '../core/index.js';
import { errorText } from './error-text.js';
import type { ApplyingStatus } from './running-status.js';

/** `apply` or `restore` has thrown or rejected. It is called again with the same. */
export interface ApplyErrorEvent {
  /** What could not be applied; undefined for the snapshot of another member. */
  readonly message: Dot | undefined;
  readonly position: number;
  readonly error: unknown;
  /** 1 for the first call with this message. */
  readonly attempt: number;
  /** When it is called again, unless somebody asks for it earlier. */
  readonly retryInMs: number;
}

export interface Call {
  /** What it is about; undefined for the snapshot of another member. */
  readonly message: Dot | undefined;
  readonly position: number;
  make(): unknown;
  /** The call has worked. */
  done(): void;
}

const retryMsFirst = 100;
const retryMsMax = 5_000;
const slowMs = 30_000;
/** Calls that return at once may go on for so long before others get a turn. */
const turnMs = 10;
/** As long as these many calls take less than a tenth of that, the clock is looked at so rarely. */
const callsBetweenLooks = 32;

/** A call whose answer is waited for. */
interface Work {
  readonly call: Call;
  readonly sinceMs: number;
  failures: number;
  lastError: string | undefined;
}

export class RetriedCalls {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #onError: (event: ApplyErrorEvent) => void;
  /** No new call is made. */
  #isStopped = false;
  /** The node takes no answers any more. */
  #isEnded = false;
  /** The call in the application's hands. */
  #call: Call | undefined;
  /** Undefined while that is being called for the first time. */
  #work: Work | undefined;
  /** Ends the wait between two tries, and the wait of `settle`. */
  readonly #wakes = new Set<() => void>();
  /** Ends the wait between two tries alone. */
  #wakeTry: (() => void) | undefined;
  /** A call has returned at once in this turn of the event loop. */
  #isInTurn = false;
  #turnSinceMs = 0;
  #lookedAtMs = 0;
  #callsUntilLook = 1;

  constructor(clock: Clock, logger: Logger, onError: (event: ApplyErrorEvent) => void) {
    this.#clock = clock;
    this.#logger = logger;
    this.#onError = onError;
  }

  get status(): ApplyingStatus | undefined {
    if (this.#call === undefined) return undefined;
    const { message, position } = this.#call;
    const nowMs = this.#clock.nowMs();
    const { sinceMs, failures, lastError } = this.#work ?? { sinceMs: nowMs, failures: 0, lastError: undefined };
    return { message, position, forMs: nowMs - sinceMs, failures, lastError };
  }

  /** Makes `call` until it has worked; whatever was called before is given up. */
  start(call: Call): void {
    if (this.#isStopped) return;
    this.#call = call;
    this.#work = undefined;
    // One that was given up may still wait for its next try.
    this.#wakeAll();
    const answer = answerOf(call);
    if (isThenable(answer)) void this.#run(call, answer);
    else if (this.#endsTurn()) setImmediate(() => this.#end(call, true));
    else this.#end(call, true);
  }

  /** See `Applier`. */
  retry(): boolean {
    const wake = this.#wakeTry;
    wake?.();
    return wake !== undefined;
  }

  /** See `Applier`. */
  abandon(position: number): void {
    if (this.#call?.position !== position) return;
    this.#call = undefined;
    this.#work = undefined;
    this.#wakeAll();
  }

  /** See `Applier`. */
  async settle(waitMs: number): Promise<void> {
    this.#isStopped = true;
    this.#wakeAll();
    if (this.#call !== undefined) await this.#wait(waitMs);
  }

  /** The node has ended: `done` is not called any more. */
  end(): void {
    this.#isStopped = true;
    this.#isEnded = true;
    this.#wakeAll();
  }

  /** True when calls that return at once have kept the event loop for long enough. */
  #endsTurn(): boolean {
    if (!this.#isInTurn) {
      this.#isInTurn = true;
      this.#turnSinceMs = this.#clock.nowMs();
      this.#lookedAtMs = this.#turnSinceMs;
      this.#callsUntilLook = 1;
      setImmediate(() => (this.#isInTurn = false));
      return false;
    }
    if (--this.#callsUntilLook > 0) return false;
    const nowMs = this.#clock.nowMs();
    this.#callsUntilLook = nowMs - this.#lookedAtMs < turnMs / 10 ? callsBetweenLooks : 1;
    this.#lookedAtMs = nowMs;
    return nowMs - this.#turnSinceMs >= turnMs;
  }

  /** Waits for the answer to the first try, and for what follows it. */
  async #run(call: Call, answer: PromiseLike<unknown>): Promise<void> {
    const work = { call, sinceMs: this.#clock.nowMs(), failures: 0, lastError: undefined };
    // It may have been given up while it was called.
    if (this.#call === call) this.#work = work;
    this.#end(call, await this.#tryUntilItWorks(work, answer));
  }

  #end(call: Call, hasWorked: boolean): void {
    if (this.#call !== call) return;
    this.#call = undefined;
    this.#work = undefined;
    // Whoever waits in `settle`. First, because the next call may begin in `done`, and somebody wait for that.
    this.#wakeAll();
    if (hasWorked && !this.#isEnded) call.done();
  }

  /** False when it was stopped, or given up, before a try succeeded. */
  async #tryUntilItWorks(work: Work, firstAnswer: PromiseLike<unknown>): Promise<boolean> {
    let answer: unknown = firstAnswer;
    for (let waitMs = retryMsFirst; ; waitMs = Math.min(waitMs * 2, retryMsMax)) {
      if (await this.#hasWorked(work, answer, waitMs)) return true;
      if (this.#mayNotCall(work)) return false;
      await this.#wait(waitMs, (wake) => (this.#wakeTry = wake));
      if (this.#mayNotCall(work)) return false;
      answer = answerOf(work.call);
    }
  }

  /** A method, because the compiler would believe that waiting changes nothing. */
  #mayNotCall(work: Work): boolean {
    return this.#isStopped || this.#work !== work;
  }

  async #hasWorked(work: Work, answer: unknown, retryInMs: number): Promise<boolean> {
    const { message, position } = work.call;
    const about = message === undefined ? `snapshot for position ${position}` : formatDot(message);
    const cancelWatch = this.#clock.wakeAt(this.#clock.nowMs() + slowMs, () => {
      this.#logger.log('warn', 'apply-slow', { code: 'E_APP', message: about, waitedMs: slowMs });
    });
    try {
      await answer;
      return true;
    } catch (error) {
      const reason = errorText(error);
      work.lastError = reason;
      work.failures++;
      this.#logger.log('error', 'apply-failed', { code: 'E_APP', message: about, reason });
      if (this.#work === work) this.#onError({ message, position, error, attempt: work.failures, retryInMs });
      return false;
    } finally {
      cancelWatch();
    }
  }

  #wait(waitMs: number, onWake: (wake: (() => void) | undefined) => void = () => undefined): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        cancel();
        this.#wakes.delete(wake);
        onWake(undefined);
        resolve();
      };
      const cancel = this.#clock.wakeAt(this.#clock.nowMs() + waitMs, wake);
      this.#wakes.add(wake);
      onWake(wake);
    });
  }

  #wakeAll(): void {
    if (this.#wakes.size === 0) return;
    for (const wake of [...this.#wakes]) wake();
  }
}

/** What a call returns; a promise that rejects for one that throws. */
function answerOf(call: Call): unknown {
  try {
    return call.make();
  } catch (error) {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- whatever the application has thrown, it is shown the same
    return Promise.reject(error);
  }
}

function isThenable(answer: unknown): answer is PromiseLike<unknown> {
  return ((typeof answer === 'object' && answer !== null) || typeof answer === 'function') && 'then' in answer;
}
