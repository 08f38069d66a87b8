/** `antecedent delivery`: what to do about a message that the application cannot apply. */
import { Command } from 'commander';
import { askConfigured, askingHelp, configOption } from './ask-node.js';
import { usageError } from './command-error.js';
import { writeJson, type Terminal } from './terminal.js';

interface RetryOptions {
  readonly config: string;
  readonly json?: true;
}

interface SkipOptions extends RetryOptions {
  readonly reason: string;
}

export function deliveryCommand(terminal: Terminal): Command {
  const delivery = new Command('delivery').description(
    'Deliveries come one at a time, so one that the application cannot apply holds up all that follow. "antecedent status" shows ' +
      'which one that is, how often it has failed, and with what.',
  );
  delivery.addCommand(retryCommand(terminal));
  delivery.addCommand(skipCommand(terminal));
  return delivery;
}

function retryCommand(terminal: Terminal): Command {
  return new Command('retry')
    .summary('try a delivery that has failed again, now')
    .description('A delivery that has failed is tried again by itself, with waits of up to 5 s. This ends the wait.')
    .requiredOption(...configOption)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', askingHelp)
    .action(async ({ config, json }: RetryOptions) => {
      await askConfigured(config, { request: 'delivery-retry' });
      if (json === true) writeJson(terminal, { request: 'delivery-retry', outcome: 'done' });
      else terminal.out.write('the delivery is tried again; "antecedent status" tells what came of it\n');
    });
}

function skipCommand(terminal: Terminal): Command {
  return new Command('skip')
    .summary('give up a delivery, for good and on this node alone')
    .description(
      'Gives up the delivery at POSITION, which must be the one that the application is at work on, and goes on with the next. The ' +
        'application of this node never gets it again, so its state differs from that of the others by this message: mend the application ' +
        'and retry instead wherever you can. The decision is kept in the log, with its reason. The application may be at work on the ' +
        'message still; a line that was already printed stays printed.',
    )
    .argument('<position>', 'position of the delivery, as "antecedent status" shows it', parsePosition)
    .requiredOption('--reason <text>', 'why, for whoever reads the log later')
    .requiredOption(...configOption)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      `\nExample:\n  antecedent delivery skip 4711 --reason "no such account; ticket 17" --config a.toml\n${askingHelp}`,
    )
    .action(async (position: number, { config, reason, json }: SkipOptions) => {
      await askConfigured(config, { request: 'delivery-skip', position, reason });
      if (json === true) writeJson(terminal, { request: 'delivery-skip', position, reason, outcome: 'done' });
      else terminal.out.write(`position ${position} is given up; the application goes on with the next\n`);
    });
}

function parsePosition(text: string): number {
  const position = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(position) && position > 0) return position;
  throw usageError(
    `${JSON.stringify(text)} is no position: write the number that "antecedent status" shows, such as 4711`,
  );
}
