/**
 * Runs of a sweep on worker threads: as many at once as there are jobs.
 *
 * A run that does not end, and one that takes its thread with it (out of memory, `process.exit`), are findings as any
 * other, and cost the sweep nothing but time. The thread is replaced and the run made once more, for a machine that was
 * asleep or short of memory is no finding; what is lost twice is reported. Real time decides here, and about nothing
 * else.
 */
import { existsSync } from 'node:fs';
import { totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Piscina } from 'piscina';
import { AntecedentError, assert, type ErrorCode } from '../core/index.js';
import { catalogue, largeScenarios } from './catalogue/index.js';
import type { Violation } from './oracles/violation.js';
import { lostOutcome, type SeedOutcome } from './run-seed.js';
import type { Scenario } from './scenario.js';
import type { SweepPair } from './sweep-order.js';
import { isStarted, type SeedAnswer, type SeedSettings, type SeedTask } from './worker-messages.js';

export interface SeedPoolOptions {
  /** Threads. */
  readonly jobs: number;
  /** Real time after which a run is given up for hanging. */
  readonly runLimitMs: number;
  /** Room of one thread; a share of the machine when absent. */
  readonly heapMegabytes?: number;
  /** Ends all runs that are under way. */
  readonly signal?: AbortSignal | undefined;
}

/** A thread that has not loaded its program by then never will. */
const startLimitMs = 120_000;

/** Room of one thread: no less than any run of the catalogue needs. */
const heapMegabytesMin = 512;
const heapMegabytesMax = 4096;

type Attempt =
  { readonly outcome: SeedOutcome; readonly lost?: undefined } | { readonly outcome?: undefined; readonly lost: Loss };

type Loss = { readonly kind: 'hung' } | { readonly kind: 'died'; readonly code: string; readonly message: string };

export class SeedPool {
  readonly #piscina: Piscina;
  readonly #options: SeedPoolOptions;
  /** Runs that have been handed over and have not begun. */
  readonly #starting = new Map<number, () => void>();
  #tickets = 0;
  /** What a thread did between two runs: code of a scenario that was left behind. */
  #stray: Error | undefined;

  /** Loads what threads need. */
  static async open(options: SeedPoolOptions): Promise<SeedPool> {
    // Loaded here alone: whoever runs scenarios on one thread does without.
    const { Piscina: Pool } = await import('piscina');
    const { jobs, heapMegabytes = heapShare(jobs) } = options;
    const piscina = new Pool({
      filename: workerFile(),
      minThreads: 1,
      maxThreads: jobs,
      idleTimeout: 60_000,
      // Those of this process may be about this process: a debugger's port, a loader.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    });
    return new SeedPool(piscina, options);
  }

  private constructor(piscina: Piscina, options: SeedPoolOptions) {
    this.#piscina = piscina;
    this.#options = options;
    piscina.on('message', (message: unknown) => {
      if (isStarted(message)) this.#starting.get(message.started)?.();
    });
    piscina.on('error', (error: Error) => {
      this.#stray = error;
    });
  }

  /** Throws what planning the run throws, and `E_STATE` when threads cannot be started. */
  async run(pair: SweepPair, settings: SeedSettings): Promise<SeedOutcome> {
    const first = await this.#attempt(pair, settings, undefined);
    if (first.outcome !== undefined) return first.outcome;
    const second = await this.#attempt(pair, settings, undefined);
    if (second.outcome !== undefined) return second.outcome;
    const violation = this.#describe(second.lost);
    const told = await this.#attempt(pair, settings, violation);
    if (told.outcome !== undefined) return told.outcome;
    // Not even a plan can be made of it.
    const { name } = pair.scenario;
    const reportText = `${name}, seed ${pair.seed}: ${violation.property} violated\n  ${violation.sentence}\n`;
    const signature = `${name}/${violation.property}`;
    return lostOutcome(name, pair.seed, { signature, violation, planText: undefined, planPath: undefined, reportText });
  }

  async close(): Promise<void> {
    await this.#piscina.destroy();
  }

  async #attempt({ scenario, seed }: SweepPair, settings: SeedSettings, lost: Violation | undefined): Promise<Attempt> {
    if (this.#stray !== undefined) throw this.#stray;
    const ticket = this.#tickets++;
    const watch = new Watch(this.#options.runLimitMs, this.#options.signal);
    this.#starting.set(ticket, () => watch.handleStarted());
    const task: SeedTask = { ticket, scenario: scenario.name, file: scenario.file, seed, settings, lost };
    let answer: SeedAnswer;
    try {
      answer = (await this.#piscina.run(task, { signal: watch.signal })) as SeedAnswer;
    } catch (error) {
      // A thread answers with errors; what is thrown here is about the thread.
      if (this.#options.signal?.aborted === true) throw error;
      return { lost: watch.judge(error) };
    } finally {
      watch.end();
      this.#starting.delete(ticket);
    }
    if ('outcome' in answer) return answer;
    throw rebuildError(answer.error);
  }

  #describe(loss: Loss): Violation {
    const rest = { atMs: 0, nodes: [], messages: [] };
    if (loss.kind === 'hung') {
      const limit = `${this.#options.runLimitMs / 1000} s`;
      const sentence = `The run did not end within ${limit} of real time, and neither when it was made again: something in it loops for ever.`;
      return { property: 'livelock', kind: 'liveness', sentence, ...rest };
    }
    const property = loss.code === outOfMemory ? 'bounded-memory' : 'no-unexpected-stop';
    const sentence = `The run ended its whole thread, and again when it was made again: ${loss.message}.`;
    return { property, kind: 'safety', sentence, ...rest };
  }
}

/**
 * Whether a scenario can be found again by a thread: one of the catalogue, or one that was loaded from a file. Throws
 * `E_CONFIG` for any other.
 */
export function checkPortable(scenario: Scenario): void {
  if (scenario.file !== undefined || catalogue.includes(scenario) || largeScenarios.includes(scenario)) return;
  const remedy = 'load it from its file with loadScenarios(), or leave out "jobs"';
  throw new AntecedentError('E_CONFIG', `no worker thread can find the scenario "${scenario.name}"; ${remedy}`);
}

/** Aborts a run that takes too long: first to begin, then to end. */
class Watch {
  readonly #controller = new AbortController();
  readonly #runLimitMs: number;
  readonly #outer: AbortSignal | undefined;
  #timer: NodeJS.Timeout;
  #hasStarted = false;
  #isOver = false;

  constructor(runLimitMs: number, outer: AbortSignal | undefined) {
    this.#runLimitMs = runLimitMs;
    this.#outer = outer;
    this.#timer = this.#abortAfter(startLimitMs);
    outer?.addEventListener('abort', this.#abort);
    if (outer?.aborted === true) this.#abort();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What became of a thread that did not answer. Throws what is no matter of the run: it had not even begun. */
  judge(cause: unknown): Loss {
    if (this.#hasStarted && this.#isOver) return { kind: 'hung' };
    const { message } = cause instanceof Error ? cause : new Error(String(cause));
    const code = cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
    if (this.#hasStarted) return { kind: 'died', code, message };
    if (!this.#isOver) throw cause;
    const remedy = 'use fewer --jobs, or a machine with less to do';
    throw new AntecedentError(
      'E_TIMEOUT',
      `a thread did not load its program within ${startLimitMs / 1000} s; ${remedy}`,
      {
        cause,
      },
    );
  }

  handleStarted(): void {
    assert(!this.#hasStarted, 'a run begins once');
    this.#hasStarted = true;
    clearTimeout(this.#timer);
    this.#timer = this.#abortAfter(this.#runLimitMs);
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#outer?.removeEventListener('abort', this.#abort);
  }

  readonly #abort = (): void => {
    this.#controller.abort();
  };

  #abortAfter(limitMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#isOver = true;
      this.#controller.abort();
    }, limitMs);
  }
}

const outOfMemory = 'ERR_WORKER_OUT_OF_MEMORY';

function rebuildError({ code, message, stack }: Extract<SeedAnswer, { readonly error: unknown }>['error']): Error {
  // Codes that begin so are ours; whoever catches it asks for nothing else.
  const error =
    code !== undefined && /^E_[A-Z_]+$/.test(code)
      ? new AntecedentError(code as ErrorCode, message)
      : Object.assign(new Error(message), code === undefined ? {} : { code });
  error.stack = stack;
  return error;
}

/** Half of the machine for all threads together, within reason. */
function heapShare(jobs: number): number {
  return Math.min(heapMegabytesMax, Math.max(heapMegabytesMin, Math.floor(totalmem() / 2 ** 21 / jobs)));
}

function workerFile(): string {
  const compiled = fileURLToPath(new URL('./seed-worker.js', import.meta.url));
  return existsSync(compiled) ? compiled : fileURLToPath(new URL('./seed-worker.mjs', import.meta.url));
}
