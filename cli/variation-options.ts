/**
 * `--profile`, `--system` and a `--no-<fault>` for every fault: how runs differ from their scenarios. The same for every
 * command that makes runs.
 */
import { Option, type Command } from 'commander';
import {
  faultSwitches,
  faultSwitchNames,
  profiles,
  type FaultSwitch,
  systemOption as systemFlag,
  type Profile,
  type System,
  type Variation,
} from '../scenarios/index.js';

const switches: readonly { readonly name: FaultSwitch; readonly option: Option }[] = faultSwitchNames.map((name) => ({
  name,
  // Thirty lines of help for one thing would hide the others.
  option: new Option(`--no-${name}`, `without ${faultSwitches[name]}`).hideHelp(),
}));

const nameWidth = Math.max(...faultSwitchNames.map((name) => name.length));
const listOfSwitches = faultSwitchNames
  .map((name) => `  --no-${name.padEnd(nameWidth)}  ${faultSwitches[name]}\n`)
  .join('');
const listOfProfiles = Object.entries(profiles)
  .map(([name, about]) => `  ${name.padEnd(6)}  ${about}\n`)
  .join('');

/** What stands at the end of the help. */
export const variationHelp: string = `
Profiles:
${listOfProfiles}
Faults that can be switched off, also several of them:
${listOfSwitches}`;

export function addVariationOptions(command: Command): Command {
  command.addOption(
    new Option('--profile <name>', 'more or fewer faults than the scenario has: see below').choices(
      Object.keys(profiles),
    ),
  );
  command.addOption(new Option('--no-<fault>', 'without that fault: see below'));
  for (const { option } of switches) command.addOption(option);
  return command;
}

/** What the options of a command say. */
export function variationOf(options: Readonly<Record<string, unknown>>): Variation {
  const without = switches.flatMap(({ name, option }) => (options[option.attributeName()] === false ? [name] : []));
  const { profile, system } = options;
  return {
    ...(typeof profile === 'string' ? { profile: profile as Profile } : {}),
    ...(without.length > 0 ? { without } : {}),
    ...(typeof system === 'string' ? { system: system as System } : {}),
  };
}

/** What to write on a command line for it; begins with a space unless it is empty. */
export function variationFlags({
  profile,
  without = [],
  system,
}: {
  readonly profile?: Profile | null;
  readonly without?: readonly FaultSwitch[];
  readonly system?: System;
}): string {
  return [
    ...(typeof profile === 'string' ? [` --profile ${profile}`] : []),
    ...without.map((name) => ` --no-${name}`),
    systemFlag(system),
  ].join('');
}
