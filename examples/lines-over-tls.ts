/**
 * Every line of a file through three processes over TLS, two of which have a bad day.
 *
 *     npx tsx examples/lines-over-tls.ts FILE
 *
 * The lines are spread over the nodes a, b and c. On the way b is killed twice (SIGKILL) and started again, and c is
 * stopped for three seconds (SIGSTOP). At the end every node must have delivered every line once, byte for byte, and
 * nothing before what its sender had seen; the oracles of the simulator judge what was observed from outside.
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
  Judge,
  splitLines,
  type HistoryEvent,
  type LineComparison,
  type Violation,
} from '../scenarios/index.js';
import { initKeys, issueKeys } from '../transport-tls/index.js';
import { Daemon, payloadOf, type DaemonEvent } from './daemon.js';

const names = ['a', 'b', 'c'];
const pauseMs = 3_000;

export interface LinesResult {
  readonly comparison: LineComparison;
  /** What the oracles have to say; undefined when every property held. */
  readonly violation: Violation | undefined;
  /** Deliveries printed again after a kill, with the position they had before. */
  readonly repeated: number;
  readonly kills: number;
  readonly exitCodes: readonly (number | null)[];
  readonly elapsedMs: number;
}

/** Runs the whole thing in a temporary directory. `tell` gets a line for people now and then. */
export async function linesOverTls(text: Uint8Array, tell: (line: string) => void): Promise<LinesResult> {
  const directory = mkdtempSync(join(tmpdir(), 'antecedent-lines-'));
  try {
    const configs = await prepare(directory);
    return await new LinesRun(text, configs, tell).run();
  } finally {
    rmSync(directory, { recursive: true });
  }
}

class LinesRun {
  readonly #text: Uint8Array;
  readonly #tell: (line: string) => void;
  readonly #lineCount: number;
  readonly #daemons: ReadonlyMap<string, Daemon>;
  readonly #judge = new Judge({ nodes: names.map(nodeName) });
  readonly #history: HistoryEvent[] = [];
  /** Number of different positions delivered, by node. */
  readonly #delivered = new Map(names.map((name) => [name, 0]));
  readonly #waiters = new Set<() => void>();
  #violation: Violation | undefined;
  #repeated = 0;
  #kills = 0;

  constructor(text: Uint8Array, configs: ReadonlyMap<string, string>, tell: (line: string) => void) {
    const lines = splitLines(text);
    this.#text = text;
    this.#tell = tell;
    this.#lineCount = lines.length;
    this.#daemons = new Map(
      names.map((name, index) => [
        name,
        new Daemon({
          name,
          config: configs.get(name) ?? '',
          payloads: lines.filter((_line, lineIndex) => lineIndex % names.length === index),
          onEvent: (event) => this.#handle(name, event),
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
    for (const name of names) this.#start(name);
    await this.#share('b', 0.2);
    await this.#killAndRestart('b');
    await this.#share('b', 0.4);
    await this.#pause('c');
    await this.#share('b', 0.6);
    await this.#killAndRestart('b');
    for (const name of names) await this.#share(name, 1);
    const live = names.map(nodeName);
    this.#violation ??= this.#judge.finish({ atMs: performance.now(), live, busy: false });
    const exitCodes = await Promise.all([...this.#daemons.values()].map((daemon) => daemon.end()));
    return {
      comparison: compareLines(this.#text, names, this.#history),
      violation: this.#violation,
      repeated: this.#repeated,
      kills: this.#kills,
      exitCodes,
      elapsedMs: performance.now() - startedAtMs,
    };
  }

  #start(name: string): void {
    this.#observe({ type: 'start', atMs: performance.now(), node: nodeName(name), position: undefined });
    this.#daemon(name).start();
  }

  async #killAndRestart(name: string): Promise<void> {
    this.#tell(`killing ${name} after ${this.#progress(name)}`);
    await this.#daemon(name).kill();
    this.#kills += 1;
    this.#observe({ type: 'crash', atMs: performance.now(), node: nodeName(name) });
    this.#start(name);
  }

  async #pause(name: string): Promise<void> {
    this.#tell(`stopping ${name} for ${pauseMs / 1000} s after ${this.#progress(name)}`);
    this.#daemon(name).pause();
    await setTimeout(pauseMs);
    this.#daemon(name).resume();
  }

  /** Resolves when a node has delivered this share of all lines. */
  async #share(name: string, share: number): Promise<void> {
    const wanted = Math.floor(this.#lineCount * share);
    while ((this.#delivered.get(name) ?? 0) < wanted) await new Promise<void>((resolve) => this.#waiters.add(resolve));
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
    if (position > (this.#delivered.get(name) ?? 0)) this.#delivered.set(name, position);
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
    return `${this.#delivered.get(name) ?? 0} of ${this.#lineCount} deliveries`;
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
  const path = process.argv[2];
  if (path === undefined) {
    process.stderr.write('usage: npx tsx examples/lines-over-tls.ts FILE\n');
    process.exitCode = 2;
    return;
  }
  const { comparison, violation, repeated, kills, exitCodes, elapsedMs } = await linesOverTls(
    readFileSync(path),
    (line) => process.stderr.write(`${line}\n`),
  );
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
  process.exitCode = isGood ? 0 : 1;
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main();
