/** `--system`: what the nodes of a run are. */
import { Option } from 'commander';
import { systems } from '../scenarios/index.js';

export function systemOption(): Option {
  return new Option(
    '--system <name>',
    'what the nodes are: our own, or a model of pluto v0.4, to watch what the same faults do to it ' +
      '("antecedent" when absent; a plan file says it itself)',
  ).choices(systems);
}
