/** `antecedent sweep`: many seeds of many scenarios. */
import { Command, Option } from 'commander';
import {
  catalogueFor,
  sweep,
  type Scenario,
  type SweepProgress,
  type SweepResult,
  type System,
} from '../scenarios/index.js';
import { parseDuration, parseSeeds, type SeedRange } from './arguments.js';
import { tellGithub, writeJunit } from './ci-output.js';
import { usageError } from './command-error.js';
import { exitCodes, type ExitCode } from './exit-code.js';
import { programName } from './invocation.js';
import { formatCount } from './numbers.js';
import { withProgress } from './progress.js';
import { scenarioNamed } from './scenario-argument.js';
import { describeSweep } from './sweep-text.js';
import { systemOption } from './system-option.js';
import { writeJson, type Terminal } from './terminal.js';

interface Options {
  readonly seeds?: SeedRange;
  readonly system?: System;
  readonly for?: number;
  readonly bail?: true;
  readonly json?: true;
  readonly junit?: string;
  readonly out: string;
}

const defaultForMs = 10_000;

export function sweepCommand(terminal: Terminal): Command {
  return new Command('sweep')
    .description(
      'Runs scenarios with one seed after the other and judges every run. The plan of each failure is kept, ready for ' +
        '"antecedent replay". Every twentieth run or so is made twice, to prove that runs can be reproduced.',
    )
    .argument('[scenarios...]', 'names from "antecedent list"; all of them when absent')
    .addOption(new Option('--seeds <a..b>', 'seeds a to b, both included').argParser(parseSeeds).conflicts('for'))
    .addOption(
      new Option(
        '--for <time>',
        `for this long, with seeds from 1 on (${defaultForMs / 1000}s when neither is given)`,
      ).argParser(parseDuration),
    )
    .addOption(systemOption())
    .option('--bail', 'stop at the first failure')
    .option('--json', 'print one JSON document instead of text')
    .option('--junit <file>', 'write the outcome as JUnit XML too')
    .option('--out <dir>', 'where plans and reports of failures are kept', 'runs')
    .addHelpText(
      'after',
      `
Examples:
  antecedent sweep                                  everything, for ${defaultForMs / 1000} seconds
  antecedent sweep --for 5m
  antecedent sweep swarm power-loss --seeds 1..1000
  antecedent sweep --seeds 1..200 --bail --json > result.json
  antecedent sweep --system pluto --for 10s         what pluto v0.4 makes of the same
  antecedent sweep --for 5m --junit junit.xml       for continuous integration; on GitHub annotations and a job summary come by themselves
`,
    )
    .action(async (names: readonly string[], options: Options) => {
      await act(terminal, names, options);
    });
}

async function act(terminal: Terminal, names: readonly string[], options: Options): Promise<void> {
  const { system = 'antecedent' } = options;
  const scenarios = names.length === 0 ? catalogueFor(system) : [...new Set(names)].map(scenarioNamed);
  if (options.out === '') throw usageError('--out needs the name of a directory');
  if (options.junit === '') throw usageError('--junit needs the name of a file');
  const result = await sweepWithProgress(terminal, scenarios, options);
  terminal.exitCode = exitCodeOf(result);
  if (options.json === true) writeJson(terminal, result);
  else terminal.out.write(describeSweep(terminal.out, result, options.out));
  tellGithub(terminal, result);
  if (options.junit !== undefined) writeJunit(options.junit, result);
}

function sweepWithProgress(terminal: Terminal, scenarios: readonly Scenario[], options: Options): Promise<SweepResult> {
  return withProgress(terminal.err, (progress, signal) =>
    sweep({
      ...(options.seeds === undefined ? { forMs: options.for ?? defaultForMs } : { seeds: options.seeds }),
      scenarios,
      system: options.system ?? 'antecedent',
      bail: options.bail === true,
      outDir: options.out,
      program: programName(),
      signal,
      onProgress: (now) => {
        progress.update(now.fraction, describeProgress(now));
      },
    }),
  );
}

function describeProgress({ runs, failed, events, latest }: SweepProgress): string {
  const found = failed === 0 ? 'no failure' : `${formatCount(failed)} FAILED`;
  return `${formatCount(runs)} runs, ${formatCount(events)} events, ${found} · ${latest.scenario} ${latest.seed}`;
}

/** A violation is certain, so it comes first; then what makes every verdict doubtful. */
function exitCodeOf({ failed, notReproducible, undecided }: SweepResult): ExitCode {
  if (failed > 0) return exitCodes.violated;
  if (notReproducible.length > 0) return exitCodes.notReproducible;
  return undecided > 0 ? exitCodes.undecided : exitCodes.held;
}
