/** `antecedent node --stdio` as people start it, for tests: a process, its lines and its log. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { makeTestDirectory, type TestAuthority } from '../support/certificates.js';
import { Inbox, processHangMs, within } from './waiting.js';

/** A line of standard output. */
export type Event = Readonly<Record<string, unknown>>;

/** What a daemon prints, as it comes. A last line that was cut off is no event. */
export function eventsOf(output: Readable): Inbox<Event> {
  const events = new Inbox<Event>('an event', processHangMs);
  let rest = '';
  output.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) events.put(JSON.parse(line) as Event);
  });
  return events;
}

export function linesOf(lines: readonly unknown[]): string {
  return lines.map((line) => `${typeof line === 'string' ? line : JSON.stringify(line)}\n`).join('');
}

/** Writes the configuration of node a on its own to a new directory; returns its path. `data` is relative to it. */
export function writeConfig(authority: TestAuthority, extra = '', data = 'data'): string {
  const directory = makeTestDirectory('daemon');
  const { ca, cert, key } = authority.files('a');
  const path = join(directory, 'node.toml');
  const top = `name = "a"\ncluster = "demo"\ndata = "${data}"\nlisten = "127.0.0.1:0"\n`;
  writeFileSync(path, `${top}${extra}[tls]\nca = "${ca}"\ncert = "${cert}"\nkey = "${key}"\n`);
  return path;
}

export class DaemonProcess {
  readonly child: ChildProcessWithoutNullStreams;
  readonly events: Inbox<Event>;
  readonly #log: string[] = [];
  readonly #ended: Promise<number | null>;

  /** `command` runs the program, with what must come before it. */
  constructor(configPath: string, command: readonly string[]) {
    const [file, ...args] = [...command, 'node', '--config', configPath, '--stdio'];
    this.child = spawn(file, args, { stdio: 'pipe' });
    this.child.stdin.on('error', () => {});
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => this.#log.push(text));
    this.events = eventsOf(this.child.stdout);
    this.#ended = new Promise((resolve) => this.child.once('close', (code) => resolve(code)));
  }

  /** Everything on standard error so far. */
  get log(): string {
    return this.#log.join('');
  }

  /** Resolves when `text` is in the log. */
  async logged(text: string): Promise<void> {
    await within(
      `${JSON.stringify(text)} in the log`,
      new Promise<void>((resolve) => {
        const look = (): void => {
          if (this.log.includes(text)) resolve();
        };
        this.child.stderr.on('data', look);
        look();
      }),
      processHangMs,
    );
  }

  send(...lines: readonly unknown[]): void {
    this.child.stdin.write(linesOf(lines));
  }

  exitCode(): Promise<number | null> {
    return within('the end of the process', this.#ended, processHangMs);
  }

  /** Dies at once; resolves when all that it printed has been read. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.#ended;
  }
}
