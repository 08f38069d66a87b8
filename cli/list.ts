/** `antecedent list`: the catalogue. */
import { Command } from 'commander';
import {
  catalogue,
  goalMeanings,
  largeScenarios,
  planJsonSchema,
  propertyMeanings,
  type Scenario,
} from '../scenarios/index.js';
import { programName } from './invocation.js';
import { paint, writeJson, type Terminal } from './terminal.js';

export function listCommand(terminal: Terminal): Command {
  return new Command('list')
    .description(
      'Lists the scenarios of the catalogue, the properties that every run is judged by, and the rare moments that runs note.',
    )
    .option('--json', 'print one JSON document instead of text')
    .option(
      '--plan-schema',
      'print the JSON Schema of plan files instead, for editors and for programs that write plans',
    )
    .action(({ json, planSchema }: { readonly json?: true; readonly planSchema?: true }) => {
      if (planSchema === true) {
        writeJson(terminal, planJsonSchema());
        return;
      }
      const toEntry = ({ name, about }: Scenario): Pick<Scenario, 'name' | 'about'> => ({ name, about });
      const quick = catalogue.map(toEntry);
      const large = largeScenarios.map(toEntry);
      const scenarios = [...quick, ...large];
      const properties = Object.entries(propertyMeanings).map(([name, meaning]) => ({ name, meaning }));
      const goals = Object.entries(goalMeanings).map(([name, meaning]) => ({ name, meaning }));
      if (json === true) {
        writeJson(terminal, { scenarios, properties, goals });
        return;
      }
      const width = Math.max(...[...scenarios, ...properties, ...goals].map(({ name }) => name.length));
      const { out } = terminal;
      const row = (name: string, text: string): string => `  ${paint(out, 'cyan', name.padEnd(width))}  ${text}\n`;
      out.write(
        [
          'Scenarios\n',
          ...quick.map(({ name, about }) => row(name, about)),
          '\nLarge scenarios, which a sweep runs only when they are named\n',
          ...large.map(({ name, about }) => row(name, about)),
          '\nEvery run is judged by\n',
          ...properties.map(({ name, meaning }) => row(name, meaning)),
          '\nGoals: what a run may come to, and a scenario may promise\n',
          ...goals.map(({ name, meaning }) => row(name, meaning)),
          `\nNext: ${programName()} run partition-heal, or ${programName()} sweep --for 10s\n`,
        ].join(''),
      );
    });
}
