/** A terminal that remembers what was written to it. */
import { PassThrough } from 'node:stream';
import { exitCodes } from '../../cli/exit-code.js';
import { runCommandLine } from '../../cli/program.js';
import type { Stream, Terminal } from '../../cli/terminal.js';

export interface Written extends Stream {
  readonly text: string;
}

export function fakeStream(options: { readonly isTty?: boolean; readonly hasColor?: boolean } = {}): Written {
  const parts: string[] = [];
  return {
    write: (text) => {
      parts.push(text);
    },
    get text() {
      return parts.join('');
    },
    isTty: options.isTty ?? false,
    hasColor: options.hasColor ?? false,
    columns: 100,
    raw: new PassThrough(),
  };
}

export interface Outcome {
  readonly exitCode: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line in this process, as from a script: no terminal, no colours. */
export async function antecedent(...args: readonly string[]): Promise<Outcome> {
  const out = fakeStream();
  const err = fakeStream();
  const terminal: Terminal = { out, err, exitCode: exitCodes.held };
  const exitCode = await runCommandLine(args, terminal);
  return { exitCode, out: out.text, err: err.text };
}
