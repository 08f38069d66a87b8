/**
 * Goroutines, locks and channels for the model of pluto v0.4, on callbacks.
 *
 * v0.4 is a handful of loops that wait for one another, and what it does wrong lies in the order of their steps. So each loop
 * is a generator here, which reads as the loop does, and yields wherever that one would wait.
 *
 * Invariants:
 * - One step runs at a time, and whatever a step wakes runs after it, in the order of waking. Nothing here takes time.
 * - An `AntecedentError` that a routine throws is the end of the whole process (`log.Fatalf` of the original): no routine takes
 *   another step. Any other error is a bug of ours and comes out.
 */
import { AntecedentError, assert } from '../../errors.js';
import { Fifo } from '../../fifo.js';

/** What a routine waits for: calls `resume` once, at once or later. */
type Wait = (resume: () => void) => void;

/** A routine, or a part of one that ends with a value. */
export type Steps<T> = Generator<Wait, T, undefined>;

export class Routines {
  readonly #onFatal: (error: AntecedentError) => void;
  readonly #ready = new Fifo<Steps<void>>();
  #isRunning = false;
  #isDead = false;

  constructor(onFatal: (error: AntecedentError) => void) {
    this.#onFatal = onFatal;
  }

  /** False once the process has ended. */
  get isAlive(): boolean {
    return !this.#isDead;
  }

  start(steps: Steps<void>): void {
    this.#ready.push(steps);
    this.#runReady();
  }

  #runReady(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    try {
      for (let steps = this.#ready.shift(); steps !== undefined && !this.#isDead; steps = this.#ready.shift()) {
        this.#takeStep(steps);
      }
    } finally {
      this.#isRunning = false;
    }
  }

  #takeStep(steps: Steps<void>): void {
    try {
      const { done, value } = steps.next();
      if (done !== true) value(() => this.start(steps));
    } catch (error) {
      if (!(error instanceof AntecedentError)) throw error;
      this.#isDead = true;
      this.#onFatal(error);
    }
  }
}

/** Waits until `begin` calls back, and ends with what it was given. */
export function* answerOf<T>(begin: (done: (value: T) => void) => void): Steps<T> {
  const answers: { readonly value: T }[] = [];
  yield (resume) =>
    begin((value) => {
      answers.push({ value });
      resume();
    });
  const [answer] = answers;
  assert(answer !== undefined, 'a routine goes on only when it was answered');
  return answer.value;
}

/** Waits until `begin` calls back. */
export function* untilDone(begin: (done: () => void) => void): Steps<void> {
  yield begin;
}

/** The error with which a process of v0.4 ends, in words that say why. */
export function fatal(code: 'E_UNREACHABLE' | 'E_APP', message: string): AntecedentError {
  return new AntecedentError(code, message);
}

/** A lock that is handed on in the order of asking. */
export class Lock {
  readonly #waiting = new Fifo<() => void>();
  #isHeld = false;

  *acquire(): Steps<void> {
    if (!this.#isHeld) this.#isHeld = true;
    else yield (resume) => this.#waiting.push(resume);
  }

  /** Whoever waits longest holds it from now on. */
  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#isHeld = false;
    else next();
  }
}

/** A channel that holds one token: a second one put in before the first is taken changes nothing. */
export class Signal {
  #isSet = false;
  #waiting: (() => void) | undefined;

  put(): void {
    this.#isSet = true;
    const resume = this.#waiting;
    this.#waiting = undefined;
    resume?.();
  }

  /** For one routine alone. */
  *take(): Steps<void> {
    if (!this.#isSet) yield (resume) => (this.#waiting = resume);
    this.#isSet = false;
  }
}

/** A channel without room: who puts something in goes on when it is taken, in order. */
export class Channel<T> {
  readonly #offered = new Fifo<{ readonly value: T; readonly taken: () => void }>();
  #waiting: (() => void) | undefined;

  /** Offers that nobody has taken. */
  get length(): number {
    return this.#offered.length;
  }

  offer(value: T, taken: () => void): void {
    this.#offered.push({ value, taken });
    const resume = this.#waiting;
    this.#waiting = undefined;
    resume?.();
  }

  /** For one routine alone. */
  *take(): Steps<T> {
    for (;;) {
      const offer = this.#offered.shift();
      if (offer !== undefined) {
        offer.taken();
        return offer.value;
      }
      yield (resume) => (this.#waiting = resume);
    }
  }
}
