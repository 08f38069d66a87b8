/**
 * `antecedent node --stdio`: a node as a process, spoken to in JSON lines.
 *
 * - Standard output carries events only, standard error the log.
 * - A delivery counts as applied when its line has left this process; a reader that stops reading stops deliveries, not memory.
 * - Standard input is read no faster than the node takes broadcasts. A line that cannot be read is refused; the process lives.
 * - The end of input, SIGTERM and SIGINT drain: every broadcast that was read is accepted or refused and answered, then the node
 *   is closed. A second signal ends the process at once; nothing acknowledged is lost by that.
 * - SIGHUP and SIGUSR1 change nothing and say so in the log: the configuration is read once, at the start.
 */
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { AntecedentError, defaultLimits, type ErrorCode, type Logger, type LogLevel } from '../core/index.js';
import type { NodeConfig } from './config.js';
import { LineSplitter, LineWriter, OutputError, type Line } from './json-lines.js';
import { JsonLogger } from './logger.js';
import { openNode, type AntecedentNode } from './open-node.js';
import { CommandError, deliverEvent, lineBytesMaxFor, parseCommand, type BroadcastCommand } from './stdio-protocol.js';

/** The standard streams and signals of the process, or those of a test. */
export interface DaemonStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** Emits SIGTERM, SIGINT, SIGHUP and SIGUSR1. */
  readonly signals: NodeJS.EventEmitter;
  /** Ends the process at once. */
  exit(code: number): void;
  readonly logger?: Logger;
}

/** How long draining may take before the node is closed with broadcasts still waiting for other members. */
const drainMs = 8_000;

const exitCodes = { ok: 0, config: 2, infrastructure: 3, sigint: 130, sigterm: 143 } as const;

/** What somebody must correct in a file or a command before trying again. */
const configCodes: readonly ErrorCode[] = [
  'E_CERTIFICATE',
  'E_CLUSTER',
  'E_CONFIG',
  'E_IDENTITY',
  'E_KEY_MODE',
  'E_NAME',
];

/** The exit code for a node that could not be opened. */
export function exitCodeFor(error: AntecedentError): number {
  return configCodes.includes(error.code) ? exitCodes.config : exitCodes.infrastructure;
}

/**
 * Runs a node until its input ends, a signal comes or it stops by itself; resolves with the exit code. Rejects with what kept
 * the node from opening.
 */
export async function runDaemon(config: NodeConfig, streams: DaemonStreams): Promise<number> {
  const [foreign] = config.foreignPeers;
  if (foreign !== undefined) {
    const what = `peer ${foreign.name} speaks ${foreign.protocol}`;
    throw new AntecedentError('E_CONFIG', `${what}, which "antecedent node --stdio" does not; remove it from peers`);
  }
  return new Daemon(config, streams).run();
}

class Daemon {
  readonly #config: NodeConfig;
  readonly #streams: DaemonStreams;
  readonly #logger: Logger;
  readonly #output: LineWriter;
  /** Aborted when nothing more is to be read. */
  readonly #stopping = new AbortController();
  readonly #answers = new Set<Promise<void>>();
  #reportReady: () => void = () => undefined;
  /** The first line is `ready`; everything else waits for it. */
  readonly #ready: Promise<void> = new Promise((resolve) => (this.#reportReady = resolve));

  constructor(config: NodeConfig, streams: DaemonStreams) {
    this.#config = config;
    this.#streams = streams;
    this.#logger = streams.logger ?? new JsonLogger(config.name, 'info');
    this.#output = new LineWriter(streams.output);
  }

  async run(): Promise<number> {
    const removeListeners = this.#listenToSignals();
    try {
      const node = await this.#open();
      if (node === undefined) return exitCodes.ok;
      void this.#output.failed.then(() => this.#stopping.abort());
      void node.stopped.then(() => this.#stopping.abort());
      this.#warnOfRoot();
      const { name, incarnation, address: listen, recoveredSeq: seq, position } = node;
      this.#print({ event: 'ready', name, incarnation, listen, seq, position });
      this.#reportReady();
      await this.#readCommands(node);
      return await this.#finish(node);
    } finally {
      this.#streams.input.destroy();
      removeListeners();
    }
  }

  /** Opens the node; undefined when a signal came first. */
  async #open(): Promise<AntecedentNode | undefined> {
    const { name, cluster, dataDir, allowNetworkFileSystem, listen, peers, tls } = this.#config;
    const { limits, timings, transport } = this.#config;
    const { signal } = this.#stopping;
    try {
      return await openNode({
        ...{ name, cluster, dataDir, allowNetworkFileSystem, listen, peers, tls, limits, timings, transport, signal },
        logger: { log: (level, event, fields) => this.#log(level, event, fields) },
        apply: async (delivery) => {
          await this.#ready;
          await this.#output.write(deliverEvent(delivery));
        },
        onAlarm: ({ code, peer, message }) => {
          void this.#ready.then(() => this.#print({ event: 'alarm', code, peer, message }));
        },
        onStorage: (state) => {
          const { state: name, ...details } = state;
          void this.#ready.then(() => this.#print({ event: 'storage', state: name, ...details }));
        },
        onPeer: ({ name: peer, state }) => {
          void this.#ready.then(() => this.#print({ event: 'peer', name: peer, state }));
        },
      });
    } catch (error) {
      if (signal.aborted && error === signal.reason) return undefined;
      throw error;
    }
  }

  /** A member needs no rights over others' files, and whoever got hold of it would have them all. */
  #warnOfRoot(): void {
    if (process.getuid?.() !== 0) return;
    const hint = 'run the node as a user of its own, to whom its data directory and its keys belong';
    this.#logger.log('warn', 'running-as-root', { hint });
  }

  /** Drains, closes and tells the exit code. */
  async #finish(node: AntecedentNode): Promise<number> {
    const drained = new AbortController();
    const deadline = setTimeout(drainMs, undefined, { signal: drained.signal }).catch(() => undefined);
    await Promise.race([this.#allAnswered(), this.#output.failed, node.stopped, deadline]);
    drained.abort();
    await node.close();
    // Closing has settled every broadcast that was still waiting.
    await this.#allAnswered();
    const error = await node.stopped;
    if (error !== undefined) return exitCodes.infrastructure;
    const { failure } = this.#output;
    return failure === undefined || failure.isReaderGone ? exitCodes.ok : exitCodes.infrastructure;
  }

  async #allAnswered(): Promise<void> {
    await Promise.all(this.#answers);
  }

  // --- input ---

  /** Reads lines until the input ends or we are stopping. */
  async #readCommands(node: AntecedentNode): Promise<void> {
    const { signal } = this.#stopping;
    const { input } = this.#streams;
    const lineBytesMax = lineBytesMaxFor(this.#config.limits.messageBytesMax ?? defaultLimits.messageBytesMax);
    const splitter = new LineSplitter(lineBytesMax);
    const handle = async (lines: readonly Line[]): Promise<void> => {
      for (const line of lines) if (!signal.aborted) await this.#handleLine(node, line, lineBytesMax);
    };
    // Destroying the stream is what ends a read that waits for a line that may never come.
    signal.addEventListener('abort', () => input.destroy(), { once: true });
    if (this.#stopping.signal.aborted) return;
    try {
      for await (const chunk of input) await handle(splitter.push(chunk as Uint8Array));
      await handle(splitter.end());
    } catch (error) {
      if (!signal.aborted) this.#logger.log('error', 'input-failed', { reason: String(error) });
    }
  }

  async #handleLine(node: AntecedentNode, line: Line, lineBytesMax: number): Promise<void> {
    try {
      if ('tooLong' in line) throw new CommandError(`the line is longer than ${lineBytesMax} bytes`);
      if (line.bytes.length === 0) return;
      this.#broadcast(node, parseCommand(line.bytes));
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.#refuse(error.ref, error);
    }
    await node.room(this.#stopping.signal);
    await this.#output.room(this.#stopping.signal);
  }

  #broadcast(node: AntecedentNode, command: BroadcastCommand): void {
    const { payload, durable, ref } = command;
    const answer = node
      .broadcast(payload, { durable })
      .then(
        (receipt) => this.#print({ event: 'accepted', ...refField(ref), seq: receipt.seq }),
        (error: unknown) => this.#refuse(ref, error),
      )
      .finally(() => this.#answers.delete(answer));
    this.#answers.add(answer);
  }

  // --- output ---

  /** A delivery that nobody reads any more stays unapplied, as it should; that is no failure to tell anybody about. */
  #log(level: LogLevel, event: string, fields: Parameters<Logger['log']>[2]): void {
    if (event === 'apply-failed' && this.#output.failure?.isReaderGone === true) return;
    this.#logger.log(level, event, fields);
  }

  #refuse(ref: string | undefined, error: unknown): void {
    const code = error instanceof AntecedentError ? error.code : 'E_STATE';
    const message = error instanceof Error ? error.message : String(error);
    this.#print({ event: 'refused', ...refField(ref), code, message });
  }

  /** Prints a line that nobody waits for; a failure is seen at `failed`. */
  #print(value: unknown): void {
    this.#output.write(value).catch((error: unknown) => {
      if (!(error instanceof OutputError)) throw error;
    });
  }

  // --- signals ---

  #listenToSignals(): () => void {
    const { signals } = this.#streams;
    const stop = (code: number): void => {
      if (this.#stopping.signal.aborted) this.#streams.exit(code);
      else this.#stopping.abort();
    };
    const handlers = {
      SIGTERM: () => stop(exitCodes.sigterm),
      SIGINT: () => stop(exitCodes.sigint),
      // Without a listener it ends the process, and a terminal that is closed sends it too.
      SIGHUP: () => {
        const hint = 'the configuration is not read again while the node runs; restart it to change something';
        this.#logger.log('warn', 'signal-ignored', { signal: 'SIGHUP', hint });
      },
      // Without a listener Node would open its inspector to whoever may send the signal.
      SIGUSR1: () => this.#logger.log('info', 'signal-ignored', { signal: 'SIGUSR1' }),
    };
    for (const [signal, handler] of Object.entries(handlers)) signals.on(signal, handler);
    return () => {
      for (const [signal, handler] of Object.entries(handlers)) signals.removeListener(signal, handler);
    };
  }
}

function refField(ref: string | undefined): { readonly ref?: string } {
  return ref === undefined ? {} : { ref };
}
