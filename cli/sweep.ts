/** `antecedent sweep`: many seeds of many scenarios. */
import { existsSync } from 'node:fs';
import { Command, Option } from 'commander';
import {
  catalogue,
  readRegressions,
  sweep,
  type Scenario,
  type SweepProgress,
  type SweepResult,
} from '../scenarios/index.js';
import { parseDuration, parseSeeds, type SeedRange } from './arguments.js';
import { usageError } from './command-error.js';
import { exitCodes, type ExitCode } from './exit-code.js';
import { programName } from './invocation.js';
import { formatCount } from './numbers.js';
import { withProgress } from './progress.js';
import { scenarioNamed } from './scenario-argument.js';
import { describeShrinkProgress } from './shrink.js';
import { describeSweep } from './sweep-text.js';
import { writeJson, type Terminal } from './terminal.js';

interface Options {
  readonly seeds?: SeedRange;
  readonly for?: number;
  readonly bail?: true;
  readonly json?: true;
  readonly out: string;
  readonly shrink: boolean;
  /** False for none. */
  readonly regressions: string | false;
}

const defaultForMs = 10_000;
const regressionsUsual = 'regressions';

export function sweepCommand(terminal: Terminal): Command {
  return new Command('sweep')
    .description(
      'Runs scenarios with one seed after the other and judges every run. The plan of each failure is kept, ready for ' +
        '"antecedent replay"; the first of each kind is made as small as it gets. Every twentieth run or so is made twice, to ' +
        'prove that runs can be reproduced. Plans kept in regressions/ are run before anything else.',
    )
    .argument('[scenarios...]', 'names from "antecedent list"; all of them when absent')
    .addOption(new Option('--seeds <a..b>', 'seeds a to b, both included').argParser(parseSeeds).conflicts('for'))
    .addOption(
      new Option(
        '--for <time>',
        `for this long, with seeds from 1 on (${defaultForMs / 1000}s when neither is given)`,
      ).argParser(parseDuration),
    )
    .option('--bail', 'stop at the first failure')
    .option('--json', 'print one JSON document instead of text')
    .option('--out <dir>', 'where plans and reports of failures are kept', 'runs')
    .option('--no-shrink', 'do not look for the smallest plan of the first failure of each kind')
    .option(
      '--regressions <dir>',
      'plans of earlier failures, which are run first',
      existsSync(regressionsUsual) ? regressionsUsual : false,
    )
    .option('--no-regressions', 'do not run them')
    .addHelpText(
      'after',
      `
Examples:
  antecedent sweep                                  everything, for ${defaultForMs / 1000} seconds
  antecedent sweep --for 5m
  antecedent sweep swarm power-loss --seeds 1..1000
  antecedent sweep --seeds 1..200 --bail --json > result.json
`,
    )
    .action(async (names: readonly string[], options: Options) => {
      await act(terminal, names, options);
    });
}

async function act(terminal: Terminal, names: readonly string[], options: Options): Promise<void> {
  const scenarios = names.length === 0 ? catalogue : [...new Set(names)].map(scenarioNamed);
  if (options.out === '') throw usageError('--out needs the name of a directory');
  const result = await sweepWithProgress(terminal, scenarios, options);
  terminal.exitCode = exitCodeOf(result);
  if (options.json === true) writeJson(terminal, result);
  else terminal.out.write(describeSweep(terminal.out, result, options.out));
}

function sweepWithProgress(terminal: Terminal, scenarios: readonly Scenario[], options: Options): Promise<SweepResult> {
  return withProgress(terminal.err, (progress, signal) =>
    sweep({
      ...(options.seeds === undefined ? { forMs: options.for ?? defaultForMs } : { seeds: options.seeds }),
      scenarios,
      bail: options.bail === true,
      outDir: options.out,
      shrink: options.shrink,
      regressions: options.regressions === false ? [] : readRegressions(options.regressions),
      program: programName(),
      signal,
      onProgress: (now) => {
        progress.update(now.fraction, describeProgress(now));
      },
      onShrinkProgress: ({ scenario, seed }, now) => {
        progress.update(now.fraction, `shrinking ${scenario} ${seed}: ${describeShrinkProgress(now)}`);
      },
    }),
  );
}

function describeProgress({ runs, failed, events, latest }: SweepProgress): string {
  const found = failed === 0 ? 'no failure' : `${formatCount(failed)} FAILED`;
  return `${formatCount(runs)} runs, ${formatCount(events)} events, ${found} · ${latest.scenario} ${latest.seed}`;
}

/** A violation is certain, so it comes first; then what makes every verdict doubtful. */
function exitCodeOf({ failed, notReproducible, undecided, regressions }: SweepResult): ExitCode {
  if (failed > 0 || regressions.some(({ signature }) => signature !== null)) return exitCodes.violated;
  if (notReproducible.length > 0) return exitCodes.notReproducible;
  const isOpen = undecided > 0 || regressions.some(({ verdict }) => verdict === 'undecided');
  return isOpen ? exitCodes.undecided : exitCodes.held;
}
