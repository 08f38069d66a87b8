/** `antecedent crash-points`: a crash at every disk operation of a small scenario. */
import { Command, Option } from 'commander';
import {
  crashPoints,
  prepareRun,
  unknownName,
  type CrashPointsProgress,
  type CrashPointsResult,
  type Plan,
  type Program,
} from '../scenarios/index.js';
import { parseCount, parseSeed } from './arguments.js';
import { usageError } from './command-error.js';
import { describeCrashPoints } from './crash-points-text.js';
import { exitCodes, type ExitCode } from './exit-code.js';
import { programName } from './invocation.js';
import { formatCount } from './numbers.js';
import { withProgress } from './progress.js';
import { isPlanFile, planFromFile, programsOf, scenarioFileOption, scenarioFrom } from './scenario-argument.js';
import { writeJson, type Terminal } from './terminal.js';

interface Options {
  readonly seed?: number;
  readonly node?: string;
  readonly limit?: number;
  readonly bail?: true;
  readonly json?: true;
  readonly out: string;
  readonly scenarioFile?: string;
}

const defaultScenario = 'small-log';

export function crashPointsCommand(terminal: Terminal): Command {
  return new Command('crash-points')
    .description(
      'Runs a scenario once to see every disk operation of every node, and then again for each of them with a crash of ' +
        'that node before it, in the middle of a write, and after it: as the death of the process, and as a loss of ' +
        'power, once for every set of un-synced pages that may survive. Every run is judged by every property; the plan ' +
        'of each failure is kept, ready for "antecedent replay".',
    )
    .argument(
      '[scenario]',
      `a scenario of "antecedent list", one of your own (mine.ts), or the file of a plan (${defaultScenario} when absent); keep it small`,
    )
    .addOption(new Option('--seed <number>', 'decides everything left to chance (1 when absent)').argParser(parseSeed))
    .option('--node <name>', 'crash this node alone')
    .addOption(
      new Option('--limit <number>', 'at most so many crash points, evenly spread over all of them').argParser(
        parseCount,
      ),
    )
    .option('--bail', 'stop at the first failure')
    .option('--json', 'print one JSON document instead of text')
    .option('--out <dir>', 'where plans and reports of failures are kept', 'runs')
    .addOption(scenarioFileOption())
    .addHelpText(
      'after',
      `
Examples:
  antecedent crash-points                           ${defaultScenario}: three nodes, every crash point, within a minute
  antecedent crash-points ${defaultScenario} --seed 7 --node b
  antecedent crash-points --bail --json > result.json
  antecedent crash-points power-loss --limit 500    a larger scenario, and 500 of its crash points
`,
    )
    .action(async (scenario: string | undefined, options: Options) => {
      await act(terminal, scenario ?? defaultScenario, options);
    });
}

async function act(terminal: Terminal, scenario: string, options: Options): Promise<void> {
  if (options.out === '') throw usageError('--out needs the name of a directory');
  const { plan, programs } = await prepare(scenario, options);
  const result = await enumerateWithProgress(terminal, plan, programs, options);
  terminal.exitCode = exitCodeOf(result);
  if (options.json === true) {
    writeJson(terminal, crashPointsDocument(result, options.limit));
  } else {
    terminal.out.write(describeCrashPoints(terminal.out, result, { directory: options.out, limit: options.limit }));
  }
}

async function prepare(
  scenario: string,
  options: Options,
): Promise<{ readonly plan: Plan; readonly programs: readonly Program[] }> {
  if (!isPlanFile(scenario)) {
    const { plan, program } = prepareRun(await scenarioFrom(scenario), String(options.seed ?? 1));
    return { plan, programs: [program] };
  }
  if (options.seed !== undefined) {
    throw usageError('a plan holds its own seed: edit "seed" in the file, or name a scenario');
  }
  const plan = planFromFile(scenario);
  return { plan, programs: await programsOf(plan, options.scenarioFile) };
}

function enumerateWithProgress(
  terminal: Terminal,
  plan: Plan,
  programs: readonly Program[],
  options: Options,
): Promise<CrashPointsResult> {
  const nodes = options.node === undefined ? {} : { nodes: [nodeOf(plan, options.node)] };
  return withProgress(terminal.err, (progress, signal) =>
    crashPoints(plan, {
      ...nodes,
      programs,
      ...(options.limit === undefined ? {} : { limit: options.limit }),
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

function nodeOf(plan: Plan, name: string): Plan['nodes'][number] {
  const found = plan.nodes.find((node) => node === name);
  if (found !== undefined) return found;
  throw usageError(unknownName('node', name, plan.nodes));
}

function describeProgress({ points, failed, latest }: CrashPointsProgress): string {
  const found = failed === 0 ? 'no failure' : `${formatCount(failed)} FAILED`;
  return `${formatCount(points)} crash points, ${found} · ${latest}`;
}

/** Scripts rely on its fields: they are added, not renamed. `limit` is there when one was given. */
export function crashPointsDocument(result: CrashPointsResult, limit: number | undefined): object {
  const { points, failed, failures, isInterrupted, undecided, notReproducible } = result;
  const document = { points, failed, failures, isInterrupted, undecided, notReproducible };
  return limit === undefined ? document : { ...document, limit };
}

/** A violation is certain, so it comes first; then what makes every verdict doubtful, and what keeps us from one. */
export function exitCodeOf({ failed, notReproducible, undecided, isInterrupted }: CrashPointsResult): ExitCode {
  if (failed > 0) return exitCodes.violated;
  if (notReproducible > 0) return exitCodes.notReproducible;
  return undecided > 0 || isInterrupted ? exitCodes.undecided : exitCodes.held;
}
