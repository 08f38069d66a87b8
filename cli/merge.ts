/** `antecedent merge`: the results of shards as those of one sweep. */
import { Command } from 'commander';
import { mergeResults, readResults } from '../scenarios/index.js';
import { usageError } from './command-error.js';
import { sweepExitCode } from './sweep-exit-code.js';
import { describeSweep } from './sweep-text.js';
import { paint, printable, writeJson, type Terminal } from './terminal.js';

interface Options {
  readonly json?: true;
  readonly out: string;
}

export function mergeCommand(terminal: Terminal): Command {
  return new Command('merge')
    .description(
      'Joins the files that the shards of a sweep have written (sweep --shard i/n --results FILE), and prints what the ' +
        'undivided sweep would have: the same figures, failures and exit code, on whatever machines the shards ran. The plans ' +
        'and reports of failures are in the files, and are written out again.',
    )
    .argument('<files...>', 'files of results, of every shard')
    .option('--json', 'print one JSON document instead of text')
    .option('--out <dir>', 'where plans and reports of failures are kept', 'runs')
    .addHelpText(
      'after',
      `
What is missing is named on stderr, and the exit code is then 3 at best: a shard without a file, a sweep that was cut short.

Examples:
  antecedent merge part-1.jsonl part-2.jsonl
  antecedent merge results/*.jsonl --json > result.json
`,
    )
    .action((files: readonly string[], options: Options) => {
      act(terminal, files, options);
    });
}

function act(terminal: Terminal, files: readonly string[], options: Options): void {
  if (options.out === '') throw usageError('--out needs the name of a directory');
  const { result, missing } = mergeResults([...new Set(files)].map(readResults), options.out);
  for (const what of missing) {
    terminal.err.write(`${paint(terminal.err, 'yellow', 'missing:')} ${printable(what)}\n`);
  }
  terminal.exitCode = sweepExitCode(result);
  if (options.json === true) writeJson(terminal, result);
  else terminal.out.write(describeSweep(terminal.out, result, { directory: options.out }));
}
