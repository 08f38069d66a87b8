/**
 * The terminal a command talks to: results to `out`, everything else to `err`.
 *
 * Commands never touch `process` themselves, so tests run them in their own process. Colour is a matter of each stream:
 * results piped into a file stay plain while progress on the screen is coloured.
 */
import { createInterface } from 'node:readline/promises';
import { styleText } from 'node:util';
import { exitCodes, type ExitCode } from './exit-code.js';

export interface Terminal {
  /** Results. With `--json` exactly one document. */
  readonly out: Stream;
  /** Progress, logs, errors. */
  readonly err: Stream;
  /** Asks a person a yes-or-no question, where one is there to answer: on a terminal. No is the answer of whoever only hits enter. */
  readonly ask?: (question: string) => Promise<boolean>;
  /** Set by the command that ran. */
  exitCode: ExitCode;
}

export interface Stream {
  write(text: string): void;
  /** A person is looking; progress may be redrawn in place. */
  readonly isTty: boolean;
  readonly hasColor: boolean;
  /** Characters in a line. */
  readonly columns: number;
  /** The stream itself, for libraries that draw on it. */
  readonly raw: NodeJS.WritableStream;
}

export type Paint = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan';

/** `text` in a colour, where the stream shows colours. */
export function paint(stream: Stream, color: Paint, text: string): string {
  // Without the option styleText asks stdout, whatever stream this is about.
  return stream.hasColor ? styleText(color, text, { validateStream: false }) : text;
}

/** One JSON document, as `--json` promises. */
export function writeJson(terminal: Terminal, document: unknown): void {
  terminal.out.write(`${JSON.stringify(document, undefined, 2)}\n`);
}

/** Text from outside, made harmless: control characters and those that turn the reading direction are written as escapes. */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (character) =>
    character === '\n' ? character : `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`,
  );
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const streams = { out: toStream(process.stdout), err: toStream(process.stderr), exitCode: exitCodes.held };
  return process.stdin.isTTY && streams.err.isTty ? { ...streams, ask } : streams;
}

async function ask(question: string): Promise<boolean> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    // The end of the input and an interrupt close the lines and answer nothing.
    const closed = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    const answer = await Promise.race([lines.question(`${question} [y/N] `), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

function toStream(stream: NodeJS.WriteStream): Stream {
  // Absent, in spite of its type, where the stream is a file or a pipe.
  const isTty = 'isTTY' in stream && stream.isTTY;
  return {
    write: (text) => {
      stream.write(text);
    },
    isTty,
    hasColor: wantsColor(isTty, process.env),
    get columns() {
      return isTty ? stream.columns : 100;
    },
    raw: stream,
  };
}

/** See no-color.org and force-color.org. */
export function wantsColor(isTty: boolean, environment: Readonly<Record<string, string | undefined>>): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: terminal } = environment;
  if (no !== undefined && no !== '') return false;
  if (force !== undefined && force !== '') return force !== '0';
  return isTty && terminal !== 'dumb';
}
