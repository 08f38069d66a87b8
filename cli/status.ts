/** `antecedent status`: what a running node knows of itself and of the others. */
import { Command } from 'commander';
import { readDataDirectory, readStatusDocument } from '../transport-tls/index.js';
import { ask, translated } from './ask-node.js';
import { usageError } from './command-error.js';
import { describeStatus } from './status-text.js';
import { writeJson, type Terminal } from './terminal.js';

interface StatusOptions {
  readonly config?: string;
  readonly json?: true;
}

export function statusCommand(terminal: Terminal): Command {
  return new Command('status')
    .description(
      'Shows how a running node is: its members and how far they are behind, the logs it holds, what the application is at work on, ' +
        'and for every message that waits for a cause which one is missing and who could supply it.',
    )
    .argument('[dir]', 'data directory of the node')
    .option('--config <file>', 'configuration of the node, instead of its data directory')
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      `
Examples:
  antecedent status data/a
  antecedent status --config a.toml --json

How to read it:
  seq        last of this node's own messages that is on its disk
  position   number of the last delivery that was handed to the application; "applied" of the last one that it has confirmed
  acked      last of this node's messages that the member has on its disk; "behind" is what it still lacks
  durable, delivered, stable
             last message of a log that is on this disk, was handed to the application, was delivered by every member
  waits for  a message is held back because one that it depends on is missing. "held by" names members that have it; the
             node asks them by itself as soon as one of them is up

The node must run as "antecedent node" on this machine, and you must be the user who runs it. Looking changes nothing.

Exit codes: 0 shown; 2 usage; 3 no node runs there, or it cannot be asked.
`,
    )
    .action(async (directory: string | undefined, options: StatusOptions) => {
      const answer = await ask(await directoryOf(directory, options.config), { request: 'status' });
      const status = await translated(readStatusDocument(answer));
      if (options.json === true) writeJson(terminal, status);
      else terminal.out.write(describeStatus(terminal.out, status));
    });
}

async function directoryOf(directory: string | undefined, config: string | undefined): Promise<string> {
  if (directory !== undefined && config === undefined) return directory;
  if (directory === undefined && config !== undefined) return translated(readDataDirectory(config));
  throw usageError('say which node is meant: either its data directory, or --config with its configuration');
}
