/**
 * Waiting for events in tests with real sockets, files and processes. The deadline only keeps a broken test from hanging; no
 * outcome depends on it.
 */

export const hangMs = 120_000;
/** For processes: on a busy machine a start alone may take half a minute. */
export const processHangMs = 240_000;

/** The value of `promise`; throws an error that names `what` when it never comes. */
export async function within<T>(what: string, promise: Promise<T>, afterMs = hangMs): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const hang = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited in vain for ${what}`)), afterMs);
  });
  try {
    return await Promise.race([promise, hang]);
  } finally {
    clearTimeout(timer);
  }
}

/** Values that arrive by callback, taken one at a time in order. */
export class Inbox<T> {
  readonly #what: string;
  readonly #hangMs: number;
  readonly #values: T[] = [];
  readonly #takers: ((value: T) => void)[] = [];

  constructor(what: string, afterMs = hangMs) {
    this.#what = what;
    this.#hangMs = afterMs;
  }

  put(value: T): void {
    const taker = this.#takers.shift();
    if (taker === undefined) this.#values.push(value);
    else taker(value);
  }

  /** How many have arrived and not been taken. */
  get size(): number {
    return this.#values.length;
  }

  /** Drops what has arrived. */
  clear(): void {
    this.#values.length = 0;
  }

  take(): Promise<T> {
    if (this.#values.length > 0) return Promise.resolve(this.#values.shift() as T);
    return within(this.#what, new Promise<T>((resolve) => this.#takers.push(resolve)), this.#hangMs);
  }

  /** Takes until one fits. */
  async takeWhere(fits: (value: T) => boolean): Promise<T> {
    for (;;) {
      const value = await this.take();
      if (fits(value)) return value;
    }
  }
}
