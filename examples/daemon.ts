/**
 * A node as a process of its own, seen from the program that uses it: JSON lines in, JSON lines out.
 *
 * This is all that a client of `antecedent node --stdio` needs to broadcast each of its messages exactly once, however
 * often the process dies: own messages are numbered 1, 2, 3, ... in the order in which they were sent, and after a
 * restart the line `ready` tells up to which number they are on disk. The rest is sent again.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

/** A line of standard output. Fields that an event does not have are absent. */
export interface DaemonEvent {
  readonly event: 'ready' | 'accepted' | 'deliver' | 'refused' | 'peer';
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
const program = join(import.meta.dirname, '../cli/main.ts');

export class Daemon {
  readonly name: string;
  readonly #config: string;
  readonly #onEvent: (event: DaemonEvent) => void;
  readonly #onSend: (seq: number, payload: Uint8Array) => void;
  readonly #payloads: readonly Uint8Array[];
  #child: ChildProcess | undefined;
  #sent = 0;
  #accepted = 0;
  #isReady = false;

  constructor(options: {
    readonly name: string;
    /** Path of its configuration file. */
    readonly config: string;
    /** What to broadcast, in this order: message number n of this node is `payloads[n - 1]`. */
    readonly payloads: readonly Uint8Array[];
    readonly onEvent: (event: DaemonEvent) => void;
    /** Called just before a message is written to the process. */
    readonly onSend: (seq: number, payload: Uint8Array) => void;
  }) {
    this.name = options.name;
    this.#config = options.config;
    this.#payloads = options.payloads;
    this.#onEvent = options.onEvent;
    this.#onSend = options.onSend;
  }

  /** Number of broadcasts accepted so far. */
  get accepted(): number {
    return this.#accepted;
  }

  start(): void {
    const args = ['--import', 'tsx', program, 'node', '--config', this.#config, '--stdio'];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#child = child;
    this.#isReady = false;
    // The process may die while we write.
    child.stdin.on('error', () => undefined);
    // Not node:readline, which also takes U+2028 for the end of a line.
    let rest = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n');
      // What a process that was killed has printed of its last line is no event.
      rest = lines.pop() ?? '';
      for (const line of lines) this.#handle(JSON.parse(line) as DaemonEvent);
    });
  }

  /** Dies at once, as by a power switch of its own. Resolves when it is gone and everything it printed was read. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
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
    if (event.event === 'refused') throw new Error(`${this.name} refuses: ${event.code ?? ''} ${event.message ?? ''}`);
    this.#onEvent(event);
    this.#send();
  }

  #send(): void {
    while (this.#isReady && this.#sent < this.#payloads.length && this.#sent - this.#accepted < windowMax) {
      const payload = this.#payloads[this.#sent] ?? new Uint8Array();
      this.#sent += 1;
      this.#onSend(this.#sent, payload);
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
