/** `antecedent member`: who belongs to a cluster, changed while it runs. */
import { Command } from 'commander';
import { askConfigured, askingHelp, configOption } from './ask-node.js';
import { programName } from './invocation.js';
import { printable, writeJson, type Terminal } from './terminal.js';

interface MemberOptions {
  readonly config: string;
  readonly json?: true;
}

export function memberCommand(terminal: Terminal): Command {
  const member = new Command('member').description(
    'Changes who belongs to a cluster while it runs. Any one node is told; it keeps the change and the others hear of it from each ' +
      'other, those that are down when they are back.',
  );
  member.addCommand(addCommand(terminal));
  member.addCommand(removeCommand(terminal));
  return member;
}

function addCommand(terminal: Terminal): Command {
  return new Command('add')
    .summary('make a new name a member')
    .description(
      'Makes NAME a member, which the others dial at ADDRESS. Issue its certificate first ("antecedent keys issue NAME") and start it ' +
        'afterwards, with the present members in its peers and joins = true; it is then given what it lacks.',
    )
    .argument('<name>', 'name of the new member, as in its certificate')
    .argument('<address>', 'where the others dial it: host:port')
    .requiredOption(...configOption)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', `\nExample:\n  antecedent member add d 127.0.0.1:7104 --config a.toml\n${askingHelp}`)
    .action(async (name: string, address: string, { config, json }: MemberOptions) => {
      await askConfigured(config, { request: 'member-add', name, address });
      if (json === true) writeJson(terminal, { request: 'member-add', name, address, outcome: 'done' });
      else {
        terminal.out.write(`${printable(name)} is a member, at ${printable(address)}\n`);
        terminal.out.write(`  see that the others know: ${programName()} status --config FILE, on each of them\n`);
      }
    });
}

function removeCommand(terminal: Terminal): Command {
  return new Command('remove')
    .summary('let a member go for good')
    .description(
      'NAME is no member any more: nobody waits for it, nobody keeps messages for it, and nothing new is taken from it. What it had ' +
        'broadcast before is kept as far as one of the remaining members has it, and all of them get that. A node that was removed ' +
        'refuses broadcasts from then on. Its name may be added again; it then begins with an empty data directory.',
    )
    .argument('<name>', 'name of the member')
    .requiredOption(...configOption)
    .option('--json', 'print one JSON document instead of text')
    .addHelpText('after', `\nExample:\n  antecedent member remove d --config a.toml\n${askingHelp}`)
    .action(async (name: string, { config, json }: MemberOptions) => {
      await askConfigured(config, { request: 'member-remove', name });
      if (json === true) writeJson(terminal, { request: 'member-remove', name, outcome: 'done' });
      else terminal.out.write(`${printable(name)} is no member any more\n`);
    });
}
