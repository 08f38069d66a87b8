/**
 * Every line of a file through three processes over TLS, two of which have a bad day.
 *
 *     npx tsx examples/lines-over-tls.ts FILE [HISTORY]
 *
 * The lines are spread over the nodes a, b and c. On the way b is killed twice (SIGKILL) and started again, and c is
 * stopped for three seconds (SIGSTOP). At the end every node must have delivered every line once, byte for byte, and
 * nothing before what its sender had seen; the oracles of the simulator judge what was observed from outside. With HISTORY
 * that is also written to a file, for `antecedent check HISTORY` and `antecedent report HISTORY`.
 *
 * However fast the machine, every interruption falls into the flow: each is made at a share of the deliveries, and until
 * then no node has been given more than a somewhat larger share of its lines. So nobody can be done before the last one.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { nodeName } from '../core/index.js';
import {
  compareLines,
  formatHistory,
  Judge,
  splitLines,
  type HistoryEvent,
  type LineComparison,
  type RecordedHistory,
  type Violation,
} from '../scenarios/index.js';
import { initKeys, issueKeys } from '../transport-tls/index.js';
import { Daemon, payloadOf, type DaemonEvent } from './daemon.js';

const names = ['a', 'b', 'c'];

export interface LinesOptions {
  /** Gets what the processes log, and now and then a line about what is done to them. */
  readonly tell: (text: string) => void;
  /** How long c is stopped. */
  readonly pauseMs: number;
  /** Gives up: the processes are killed and the run rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What was done to a node, and how far it was. */
export interface Interruption {
  readonly what: 'kill' | 'pause';
  readonly node: string;
  /** Lines it had delivered by then. */
  readonly delivered: number;
}

export interface LinesResult {
  readonly comparison: LineComparison;
  /** What the oracles have to say; undefined when every property held. */
  readonly violation: Violation | undefined;
  readonly recorded: RecordedHistory;
  /** Deliveries printed again after a kill, with the position they had before. */
  readonly repeated: number;
  readonly interruptions: readonly Interruption[];
  readonly exitCodes: readonly (number | null)[];
  readonly elapsedMs: number;
}

/** Runs the whole thing in a temporary directory. Rejects when a process fails. */
export async function linesOverTls(text: Uint8Array, options: LinesOptions): Promise<LinesResult> {
  const directory = mkdtempSync(join(tmpdir(), 'antecedent-lines-'));
  try {
    const configs = await prepare(directory);
    const run = new LinesRun(text, configs, options);
    try {
      return await run.run();
    } finally {
      await run.killAll();
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
}

class LinesRun {
  readonly #text: Uint8Array;
  readonly #options: LinesOptions;
  readonly #lineCount: number;
  readonly #daemons: ReadonlyMap<string, Daemon>;
  readonly #judge = new Judge({ nodes: names.map(nodeName) });
  readonly #history: HistoryEvent[] = [];
  /** Last position delivered, by node. */
  readonly #positions = new Map(names.map((name) => [name, 0]));
  readonly #waiters = new Set<() => void>();
  readonly #interruptions: Interruption[] = [];
  #violation: Violation | undefined;
  #end: RecordedHistory['end'];
  #repeated = 0;
  #fail: (error: Error) => void = () => undefined;
  /** Rejects when the run cannot go on. */
  readonly #failed = new Promise<never>((_resolve, reject) => (this.#fail = reject));

  constructor(text: Uint8Array, configs: ReadonlyMap<string, string>, options: LinesOptions) {
    const lines = splitLines(text);
    this.#text = text;
    this.#options = options;
    this.#lineCount = lines.length;
    const { signal } = options;
    signal?.addEventListener('abort', () => this.#fail(signal.reason as Error));
    this.#daemons = new Map(
      names.map((name, index) => [
        name,
        new Daemon({
          name,
          config: configs.get(name) ?? '',
          payloads: lines.filter((_line, lineIndex) => lineIndex % names.length === index),
          onEvent: (event) => this.#handle(name, event),
          onLog: options.tell,
          onFailure: (error) => this.#fail(error),
          onSend: (seq, payload) =>
            this.#observe({
              type: 'broadcast',
              atMs: performance.now(),
              node: nodeName(name),
              dot: dotOf(name, seq),
              payload,
            }),
        }),
      ]),
    );
  }

  async run(): Promise<LinesResult> {
    const startedAtMs = performance.now();
    const exitCodes = await Promise.race([this.#play(), this.#failed]);
    return {
      comparison: compareLines(this.#text, names, this.#history),
      violation: this.#violation,
      recorded: {
        title: 'lines over TLS',
        judged: { nodes: names.map(nodeName), expectedStops: [], demotes: false },
        events: this.#history,
        end: this.#end,
      },
      repeated: this.#repeated,
      interruptions: this.#interruptions,
      exitCodes,
      elapsedMs: performance.now() - startedAtMs,
    };
  }

  async killAll(): Promise<void> {
    await Promise.all([...this.#daemons.values()].map((daemon) => daemon.kill()));
  }

  /** The whole story; resolves with the exit codes. */
  async #play(): Promise<readonly (number | null)[]> {
    for (const name of names) this.#start(name);
    this.#release(0.4);
    await this.#delivered('b', 0.2);
    await this.#killAndRestart('b');
    this.#release(0.6);
    for (const name of ['b', 'c']) await this.#delivered(name, 0.4);
    // The others go on while c is stopped.
    await this.#pauseWhile('c', () => this.#release(0.8));
    await this.#delivered('b', 0.6);
    await this.#killAndRestart('b');
    this.#release(1);
    for (const name of names) await this.#delivered(name, 1);
    const live = names.map(nodeName);
    this.#end = { atMs: performance.now(), live, busy: false };
    this.#violation ??= this.#judge.finish(this.#end);
    return Promise.all([...this.#daemons.values()].map((daemon) => daemon.end()));
  }

  #start(name: string): void {
    this.#observe({ type: 'start', atMs: performance.now(), node: nodeName(name), position: undefined });
    this.#daemon(name).start();
  }

  async #killAndRestart(name: string): Promise<void> {
    this.#options.tell(`killing ${name} after ${this.#progress(name)}\n`);
    await this.#daemon(name).kill();
    // Counted once everything that it printed has been read.
    this.#interruptions.push({ what: 'kill', node: name, delivered: this.#count(name) });
    this.#observe({ type: 'crash', atMs: performance.now(), node: nodeName(name) });
    this.#start(name);
  }

  async #pauseWhile(name: string, others: () => void): Promise<void> {
    const { pauseMs, tell } = this.#options;
    tell(`stopping ${name} for ${pauseMs / 1000} s after ${this.#progress(name)}\n`);
    this.#interruptions.push({ what: 'pause', node: name, delivered: this.#count(name) });
    this.#daemon(name).pause();
    others();
    await setTimeout(pauseMs);
    this.#daemon(name).resume();
  }

  /** Lets every node have this share of its lines. */
  #release(share: number): void {
    const count = Math.floor((this.#lineCount / names.length) * share);
    for (const daemon of this.#daemons.values()) daemon.release(share === 1 ? Infinity : count);
  }

  /** Resolves when a node has delivered this share of all lines. */
  async #delivered(name: string, share: number): Promise<void> {
    const wanted = Math.floor(this.#lineCount * share);
    while (this.#count(name) < wanted) await new Promise<void>((resolve) => this.#waiters.add(resolve));
  }

  /** How many lines a node has delivered. */
  #count(name: string): number {
    return this.#positions.get(name) ?? 0;
  }

  #handle(name: string, event: DaemonEvent): void {
    const at = { atMs: performance.now(), node: nodeName(name) };
    if (event.event === 'accepted') this.#observe({ type: 'accepted', ...at, dot: dotOf(name, event.seq ?? 0) });
    if (event.event !== 'deliver') return;
    const { origin = '', incarnation = 1, seq = 0, position = 0 } = event;
    this.#observe({
      type: 'deliver',
      ...at,
      dot: { ...dotOf(origin, seq), incarnation },
      position,
      payload: payloadOf(event),
    });
    if (position > this.#count(name)) this.#positions.set(name, position);
    else this.#repeated += 1;
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }

  #observe(event: HistoryEvent): void {
    this.#history.push(event);
    this.#violation ??= this.#judge.observe(event);
  }

  #daemon(name: string): Daemon {
    const daemon = this.#daemons.get(name);
    if (daemon === undefined) throw new Error(`no node ${name}`);
    return daemon;
  }

  #progress(name: string): string {
    return `${this.#count(name)} of ${this.#lineCount} deliveries`;
  }
}

function dotOf(origin: string, seq: number): { origin: ReturnType<typeof nodeName>; incarnation: number; seq: number } {
  return { origin: nodeName(origin), incarnation: 1, seq };
}

/** Makes keys and a configuration file for each node, as `antecedent keys` and a text editor would. */
async function prepare(directory: string): Promise<ReadonlyMap<string, string>> {
  const keys = join(directory, 'keys');
  await initKeys({ cluster: 'lines', dir: keys });
  const ports = new Map<string, number>();
  for (const name of names) ports.set(name, await freePort());
  const configs = new Map<string, string>();
  for (const name of names) {
    await issueKeys({ name, dir: keys, hosts: ['127.0.0.1'] });
    const others = names.filter((peer) => peer !== name);
    const path = join(directory, `${name}.toml`);
    const toml = [
      `name = "${name}"`,
      'cluster = "lines"',
      `data = "data-${name}"`,
      `listen = "127.0.0.1:${ports.get(name) ?? 0}"`,
      '[tls]',
      'ca = "keys/ca.pem"',
      `cert = "keys/${name}.pem"`,
      `key = "keys/${name}.key"`,
      '[peers]',
      ...others.map((peer) => `${peer} = "127.0.0.1:${ports.get(peer) ?? 0}"`),
    ];
    writeFileSync(path, `${toml.join('\n')}\n`);
    configs.set(name, path);
  }
  return configs;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('the system gave no port');
  return address.port;
}

async function main(): Promise<void> {
  const [path, historyPath] = process.argv.slice(2);
  if (path === undefined) {
    process.stderr.write('usage: npx tsx examples/lines-over-tls.ts FILE [HISTORY]\n');
    process.exitCode = 2;
    return;
  }
  const { comparison, violation, recorded, repeated, interruptions, exitCodes, elapsedMs } = await linesOverTls(
    readFileSync(path),
    { tell: (text) => process.stderr.write(text), pauseMs: 3_000 },
  );
  const kills = interruptions.filter(({ what }) => what === 'kill').length;
  const isGood =
    violation === undefined &&
    comparison.nodes.every(({ isEqual }) => isEqual) &&
    exitCodes.every((code) => code === 0);
  process.stdout.write(`${path}: ${comparison.lines} lines, SHA-256 of the sorted lines ${comparison.sha256}\n`);
  for (const { node, lines, sha256, isEqual } of comparison.nodes) {
    process.stdout.write(`  ${node} delivered ${lines} lines, ${sha256} ${isEqual ? 'equal' : 'DIFFERENT'}\n`);
  }
  process.stdout.write(
    `  ${kills} kills, ${repeated} deliveries printed again after them, ${(elapsedMs / 1000).toFixed(1)} s\n`,
  );
  process.stdout.write(
    violation === undefined ? '  every property held\n' : `  VIOLATED ${violation.property}: ${violation.sentence}\n`,
  );
  if (historyPath !== undefined) writeFileSync(historyPath, formatHistory(recorded));
  process.exitCode = isGood ? 0 : 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
