/**
 * A node as a process of its own, seen from the program that uses it: JSON lines in, JSON lines out.
 *
 * This is all that a client of `antecedent node --stdio` needs to broadcast each of its messages exactly once, however
 * often the process dies: own messages are numbered 1, 2, 3, ... in the order in which they were sent, and after a
 * restart the line `ready` tells up to which number they are on disk. The rest is sent again. That holds for one data
 * directory: when it is lost, `incarnation` says so, and this client stops sending.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A line of standard output. Fields that an event does not have are absent. */
export interface DaemonEvent {
  readonly event:
    'ready' | 'accepted' | 'deliver' | 'refused' | 'peer' | 'alarm' | 'members' | 'storage' | 'incarnation';
  readonly seq?: number;
  readonly origin?: string;
  readonly incarnation?: number;
  readonly position?: number;
  readonly clock?: Readonly<Record<string, number>>;
  readonly payload?: string;
  readonly payloadBase64?: string;
  readonly code?: string;
  readonly message?: string;
}

/** Broadcasts on their way at a time. More would only wait in the pipe. */
const windowMax = 100;
const sources = ['--import', 'tsx', join(import.meta.dirname, '../cli/main.ts')];

export interface DaemonOptions {
  readonly name: string;
  /** Path of its configuration file. */
  readonly config: string;
  /** What Node runs, with its own arguments; the sources of this repository unless given. */
  readonly program?: readonly string[];
  /** What to broadcast, in this order: message number n of this node is `payloads[n - 1]`. */
  readonly payloads: readonly Uint8Array[];
  readonly onEvent: (event: DaemonEvent) => void;
  /** Called just before a message is written to the process. */
  readonly onSend: (seq: number, payload: Uint8Array) => void;
  /** What the process writes to its log, as it comes. */
  readonly onLog: (text: string) => void;
  /** The process refuses a message, or ended without being told to. */
  readonly onFailure: (error: Error) => void;
}

export class Daemon {
  readonly #options: DaemonOptions;
  #child: ChildProcess | undefined;
  /** Number of messages that may be sent so far. */
  #released = 0;
  #sent = 0;
  #accepted = 0;
  #isReady = false;
  #isEnding = false;

  constructor(options: DaemonOptions) {
    this.#options = options;
  }

  start(): void {
    const { program = sources, config } = this.#options;
    const args = [...program, 'node', '--config', config, '--stdio'];
    const child = spawn(process.execPath, args, { stdio: 'pipe' });
    this.#child = child;
    this.#isReady = false;
    this.#isEnding = false;
    // The process may die while we write.
    child.stdin.on('error', () => undefined);
    child.on('error', (error) => this.#options.onFailure(error));
    child.on('close', (code, signal) => {
      if (this.#isEnding || this.#child !== child) return;
      this.#options.onFailure(new Error(`${this.#options.name} ended by itself with ${signal ?? String(code)}`));
    });
    child.stderr.setEncoding('utf8').on('data', this.#options.onLog);
    // Not node:readline, which also takes U+2028 for the end of a line.
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      // What a process that was killed has printed of its last line is no event.
      rest = lines.pop() ?? '';
      for (const line of lines) this.#handle(JSON.parse(line) as DaemonEvent);
    });
  }

  /** Lets the first `count` messages go; those behind them wait. */
  release(count: number): void {
    this.#released = count;
    this.#send();
  }

  /** Dies at once, as by a power switch of its own. Resolves when it is gone and everything it printed was read. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    this.#isEnding = true;
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    await closed;
  }

  /** Stops it in its tracks until `resume`: connections stay, nobody answers. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends its input, which lets it finish; resolves with the exit code. */
  async end(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined) return null;
    this.#isEnding = true;
    const closed = once(child, 'close');
    child.stdin?.end();
    const [code] = (await closed) as [number | null];
    return code;
  }

  #handle(event: DaemonEvent): void {
    if (event.event === 'ready') {
      this.#isReady = true;
      // What was sent and is not on disk is sent again.
      this.#sent = event.seq ?? 0;
      this.#accepted = this.#sent;
    }
    if (event.event === 'accepted') this.#accepted = event.seq ?? this.#accepted;
    if (event.event === 'refused') {
      const why = `${event.code ?? ''} ${event.message ?? ''}`;
      this.#options.onFailure(new Error(`${this.#options.name} refuses a message: ${why}`));
    }
    if (event.event === 'incarnation') {
      // Its data directory is gone. Numbers begin anew, and the cluster may have what was sent under the old ones.
      this.#isReady = false;
      const message = `goes on as incarnation ${event.incarnation ?? 0}: see what was delivered before anything is sent again`;
      this.#options.onFailure(new Error(`${this.#options.name} ${message}`));
    }
    this.#options.onEvent(event);
    this.#send();
  }

  #send(): void {
    const { payloads, onSend } = this.#options;
    const end = Math.min(this.#released, payloads.length);
    while (this.#isReady && this.#sent < end && this.#sent - this.#accepted < windowMax) {
      const payload = payloads[this.#sent] ?? new Uint8Array();
      this.#sent += 1;
      onSend(this.#sent, payload);
      this.#child?.stdin?.write(`${JSON.stringify({ broadcastBase64: Buffer.from(payload).toString('base64') })}\n`);
    }
  }
}

/** The payload of a `deliver` line. */
export function payloadOf(event: DaemonEvent): Uint8Array {
  return event.payloadBase64 === undefined
    ? new TextEncoder().encode(event.payload ?? '')
    : Buffer.from(event.payloadBase64, 'base64');
}
