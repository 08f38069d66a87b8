/**
 * `antecedent node --stdio`: a node as a process, spoken to in JSON lines.
 *
 * - Standard output carries events only, standard error the log.
 * - A delivery counts as applied when its line has left this process; a reader that stops reading stops deliveries, not memory.
 * - Standard input is read no faster than the node takes broadcasts. A line that cannot be read is refused; the process lives.
 * - The end of input, SIGTERM and SIGINT drain: every broadcast that was read is accepted or refused and answered, then the node
 *   is closed. A second signal ends the process at once; nothing acknowledged is lost by that.
 * - SIGHUP reads the configuration and the certificates again, and takes all of it or nothing (`reload-config.ts`).
 * - SIGUSR1 changes nothing and says so in the log.
 * - Operators ask on the control socket, which is there from the event `ready` on. A node that cannot have one goes on without.
 */
import type { Readable, Writable } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { AntecedentError, defaultLimits, type ErrorCode, type Logger, type LogLevel } from '../core/index.js';
import type { AntecedentNode } from './antecedent-node.js';
import type { NodeConfig } from './config.js';
import { openControl, type ControlServer } from './control-server.js';
import { controlHandler } from './daemon-control.js';
import { LineSplitter, LineWriter, OutputError, type Line } from './json-lines.js';
import { JsonLogger } from './logger.js';
import { openNode } from './open-node.js';
import type { OpenNodeOptions } from './open-options.js';
import { reloadOptions } from './reload-config.js';
import { CommandError, deliverEvent, lineBytesMaxFor, parseCommand, type BroadcastCommand } from './stdio-protocol.js';

/** The standard streams and signals of the process, or those of a test. */
export interface DaemonStreams {
  readonly input: Readable;
  readonly output: Writable;
  /** Emits SIGTERM, SIGINT, SIGHUP and SIGUSR1. A terminal that is closed sends SIGHUP too. */
  readonly signals: NodeJS.EventEmitter;
  /** Ends the process at once. */
  exit(code: number): void;
  /** Reads the configuration again, for SIGHUP; without it SIGHUP is ignored. */
  readonly readConfig?: () => Promise<NodeConfig>;
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
  return new Daemon(config, streams).run();
}

class Daemon {
  /** That of the start, or the last one that was taken. */
  #config: NodeConfig;
  readonly #streams: DaemonStreams;
  readonly #logger: Logger;
  readonly #output: LineWriter;
  /** Aborted when nothing more is to be read. */
  readonly #stopping = new AbortController();
  readonly #answers = new Set<Promise<void>>();
  #reportReady: () => void = () => undefined;
  /** The first line is `ready`; everything else waits for it. */
  readonly #ready: Promise<void> = new Promise((resolve) => (this.#reportReady = resolve));
  #node: AntecedentNode | undefined;
  #control: ControlServer | undefined;
  #isReloading = false;
  #mustReload = false;

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
      this.#control = await this.#openControl(node);
      const { name, incarnation, address: listen, plutoAddress, recoveredSeq: seq, position } = node;
      const plutoListen = plutoAddress === undefined ? {} : { plutoListen: plutoAddress };
      this.#print({ event: 'ready', name, incarnation, listen, ...plutoListen, seq, position });
      this.#reportReady();
      this.#node = node;
      if (this.#mustReload) void this.#reload(node);
      await this.#readCommands(node);
      return await this.#finish(node);
    } finally {
      this.#control?.close();
      this.#streams.input.destroy();
      removeListeners();
    }
  }

  /** Opens the node; undefined when a signal came first. */
  async #open(): Promise<AntecedentNode | undefined> {
    const { name, cluster, dataDir, allowNetworkFileSystem, listen, tls } = this.#config;
    const { limits, timings, transport, repair, joins, retention, pluto } = this.#config;
    const peers = peersOf(this.#config);
    const { signal } = this.#stopping;
    try {
      return await openNode({
        ...{ name, cluster, dataDir, allowNetworkFileSystem, listen, peers, tls, limits, timings, transport, signal },
        ...{ repair, joins, retention, pluto },
        logger: { log: (level, event, fields) => this.#log(level, event, fields) },
        apply: async (delivery) => {
          await this.#ready;
          await this.#output.write(deliverEvent(delivery));
        },
        onAlarm: ({ code, peer, message }) => {
          void this.#ready.then(() => this.#print({ event: 'alarm', code, peer, message }));
        },
        onMembers: (members) => {
          void this.#ready.then(() => this.#print({ event: 'members', members }));
        },
        onIncarnation: (incarnation) => {
          void this.#ready.then(() => this.#print({ event: 'incarnation', incarnation }));
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

  /** Undefined when there can be none: the messages matter more. */
  async #openControl(node: AntecedentNode): Promise<ControlServer | undefined> {
    try {
      return await openControl(this.#config.dataDir, controlHandler(node, this.#logger), this.#logger);
    } catch (error) {
      const { code, message } = problemOf(error);
      this.#logger.log('error', 'control-unavailable', { code, message });
      return undefined;
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
    // While the node still holds its lock: after that, the socket may be another one's.
    this.#control?.close();
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
    this.#print({ event: 'refused', ...refField(ref), ...problemOf(error) });
  }

  /** Prints a line that nobody waits for; a failure is seen at `failed`. */
  #print(value: unknown): void {
    this.#output.write(value).catch((error: unknown) => {
      if (!(error instanceof OutputError)) throw error;
    });
  }

  // --- reloading ---

  /** Reads everything again; once more when that was asked for meanwhile. */
  async #reload(node: AntecedentNode): Promise<void> {
    if (this.#isReloading) return;
    this.#isReloading = true;
    while (this.#mustReload && !this.#stopping.signal.aborted) {
      this.#mustReload = false;
      await this.#reloadOnce(node);
    }
    this.#isReloading = false;
  }

  async #reloadOnce(node: AntecedentNode): Promise<void> {
    const { readConfig } = this.#streams;
    if (readConfig === undefined) {
      this.#logger.log('warn', 'signal-ignored', { signal: 'SIGHUP', hint: 'there is no configuration to read again' });
      return;
    }
    try {
      const config = await readConfig();
      const members = new Set<string>(node.status().members.map(({ name }) => name));
      node.reload(reloadOptions(this.#config, config, members));
      this.#config = config;
      const { certificateNotAfterMs } = node.status();
      const certificateNotAfter = new Date(certificateNotAfterMs).toISOString();
      this.#logger.log('info', 'reloaded', { certificateNotAfter, peers: JSON.stringify(config.peers) });
    } catch (error) {
      const { code, message } = problemOf(error);
      this.#logger.log('error', 'reload-refused', { code, message });
      this.#print({ event: 'alarm', code, peer: node.name, message });
    }
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
      SIGHUP: () => {
        if (this.#stopping.signal.aborted) {
          this.#logger.log('info', 'signal-ignored', { signal: 'SIGHUP', hint: 'the node is stopping' });
          return;
        }
        this.#logger.log('info', 'signal-received', { signal: 'SIGHUP' });
        this.#mustReload = true;
        if (this.#node !== undefined) void this.#reload(this.#node);
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

function peersOf({ foreignPeers, peers }: NodeConfig): OpenNodeOptions['peers'] {
  const foreign = foreignPeers.map(({ name, address, protocol, fingerprint }) => {
    return [name, { address, protocol, ...(fingerprint === undefined ? {} : { fingerprint }) }] as const;
  });
  return { ...peers, ...Object.fromEntries(foreign) };
}

function problemOf(error: unknown): { readonly code: ErrorCode; readonly message: string } {
  const code = error instanceof AntecedentError ? error.code : 'E_STATE';
  return { code, message: error instanceof Error ? error.message : String(error) };
}

function refField(ref: string | undefined): { readonly ref?: string } {
  return ref === undefined ? {} : { ref };
}
