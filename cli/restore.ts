/** `antecedent restore`: lets a node go on after its data directory was restored or emptied. */
import { Command, Option } from 'commander';
import { AntecedentError, restoreDirectory } from '../transport-tls/index.js';
import { CommandError, usageError } from './command-error.js';
import { exitCodes } from './exit-code.js';
import { printable, writeJson, type Terminal } from './terminal.js';

interface RestoreCommandOptions {
  readonly incarnation?: number;
  readonly json?: true;
}

export function restoreCommand(terminal: Terminal): Command {
  return new Command('restore')
    .description(
      'Marks a data directory that was restored from a backup or a snapshot of the machine, or emptied, so that its node begins a ' +
        'new incarnation when it starts. Without that, a node that has forgotten what it had broadcast is refused broadcasts (E_ROLLED_BACK), ' +
        'because it would use the same numbers again for other messages. As a new incarnation it goes on under its name, and is given back ' +
        'by its peers what they have of the old one; what no peer has is lost. The node must be stopped.',
    )
    .argument('<dir>', 'data directory of a stopped node')
    .addOption(
      new Option(
        '--incarnation <number>',
        'begin this one; needed only if the node has had later ones than the directory knows of',
      ).argParser(parseIncarnation),
    )
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      `
Example:
  antecedent restore data/a

Exit codes: 0 done; 2 usage, or the directory is none of a node; 3 could not be done: a node runs there, the disk fails, or the
log is damaged: then see "antecedent log verify".
`,
    )
    .action(async (directory: string, { incarnation, json }: RestoreCommandOptions) => {
      const begun = await restore(directory, incarnation);
      if (json === true) writeJson(terminal, { directory, outcome: 'restored', incarnation: begun });
      else {
        terminal.out.write(`RESTORED  ${printable(directory)}: the next start is incarnation ${begun}\n`);
        terminal.out.write('  now start the node; it fetches from its peers what they have of its own messages\n');
      }
    });
}

async function restore(directory: string, incarnation: number | undefined): Promise<number> {
  try {
    return await restoreDirectory(directory, { incarnation });
  } catch (error) {
    if (!(error instanceof AntecedentError)) throw error;
    const isUsage = error.code === 'E_NOT_A_LOG' || error.code === 'E_CONFIG';
    throw new CommandError(isUsage ? exitCodes.usage : exitCodes.undecided, `${error.code}: ${error.message}`, {
      cause: error,
    });
  }
}

function parseIncarnation(text: string): number {
  const incarnation = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(incarnation) && incarnation > 1) return incarnation;
  throw usageError(`${JSON.stringify(text)} is no incarnation to begin: write a whole number from 2`);
}
