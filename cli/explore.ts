/** `antecedent explore`: a very small run in every order in which its messages can come. */
import { Command, Option } from 'commander';
import {
  explore,
  exploreFaultsMax,
  exploreMessagesMax,
  exploreNodesMax,
  makePlan,
  smallPlan,
  type ExploreFailure,
  type ExploreProgress,
  type ExploreResult,
  type Plan,
} from '../scenarios/index.js';
import { parseCount, parseSeed } from './arguments.js';
import { usageError } from './command-error.js';
import { exitCodes, type ExitCode } from './exit-code.js';
import { programName } from './invocation.js';
import { countOf, formatCount, formatDuration } from './numbers.js';
import { withProgress } from './progress.js';
import { isPlanFile, planFromFile, scenarioNamed } from './scenario-argument.js';
import { seedForJson } from './seed-name.js';
import { paint, printable, writeJson, type Stream, type Terminal } from './terminal.js';

interface Options {
  readonly seed?: number;
  readonly nodes: number;
  readonly messages: number;
  readonly faults: number;
  readonly limit: number;
  readonly bail?: true;
  readonly json?: true;
  readonly out: string;
}

const defaultScenario = 'calm';
const limitUsual = 10_000;
const failuresListedMax = 10;

export function exploreCommand(terminal: Terminal): Command {
  return new Command('explore')
    .description(
      'Takes the first nodes and messages of a scenario and runs them in every order in which messages can be broadcast ' +
        'and arrive, and, at every moment, with a write lost, doubled or overtaken, or a process that dies. ' +
        'Every run is judged by every property. What two orders have in common is followed once.',
    )
    .argument('[scenario]', `a scenario of "antecedent list", or the file of a plan (${defaultScenario} when absent)`)
    .addOption(new Option('--seed <number>', 'decides what is broadcast (1 when absent)').argParser(parseSeed))
    .addOption(
      new Option('--nodes <number>', `how many nodes, 1 to ${exploreNodesMax}`)
        .default(2)
        .argParser(numberUpTo(1, exploreNodesMax)),
    )
    .addOption(
      new Option('--messages <number>', `how many messages, 1 to ${exploreMessagesMax}`)
        .default(2)
        .argParser(numberUpTo(1, exploreMessagesMax)),
    )
    .addOption(
      new Option('--faults <number>', `how many faults in one run at most, 0 to ${exploreFaultsMax}`)
        .default(1)
        .argParser(numberUpTo(0, exploreFaultsMax)),
    )
    .addOption(
      new Option('--limit <number>', 'stop after so many runs, and say so').default(limitUsual).argParser(parseCount),
    )
    .option('--bail', 'stop at the first failure')
    .option('--json', 'print one JSON document instead of text')
    .option('--out <dir>', 'where plans and reports of failures are kept', 'runs')
    .addHelpText(
      'after',
      `
Examples:
  antecedent explore                                two nodes, two messages, one fault: every order
  antecedent explore --nodes 3 --messages 3 --faults 0
  antecedent explore --nodes 3 --limit 50000 --json > result.json

Exit codes: 0 held, and nothing was left out; 1 a property was violated; 3 the limit came first.
`,
    )
    .action(async (scenario: string | undefined, options: Options) => {
      await act(terminal, scenario ?? defaultScenario, options);
    });
}

function numberUpTo(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw usageError(`${JSON.stringify(text)} is out of range: write a whole number from ${least} to ${most}`);
  };
}

async function act(terminal: Terminal, scenario: string, options: Options): Promise<void> {
  if (options.out === '') throw usageError('--out needs the name of a directory');
  const plan = smallPlan(planFor(scenario, options), options);
  const result = await exploreWithProgress(terminal, plan, options);
  terminal.exitCode = exitCodeOf(result);
  if (options.json === true) writeJson(terminal, exploreDocument(result));
  else terminal.out.write(describeExploration(terminal.out, result));
}

function planFor(scenario: string, { seed }: Options): Plan {
  if (!isPlanFile(scenario)) return makePlan(scenarioNamed(scenario), String(seed ?? 1));
  if (seed !== undefined) throw usageError('a plan holds its own seed: edit "seed" in the file, or name a scenario');
  return planFromFile(scenario);
}

function exploreWithProgress(terminal: Terminal, plan: Plan, options: Options): Promise<ExploreResult> {
  const { faults, limit, bail, out } = options;
  return withProgress(terminal.err, (progress, signal) =>
    explore(plan, {
      faults,
      limit,
      bail: bail === true,
      outDir: out,
      program: programName(),
      signal,
      onProgress: (now) => {
        progress.update(now.runs / limit, describeProgress(now));
      },
    }),
  );
}

function describeProgress({ runs, states, failed, waiting }: ExploreProgress): string {
  const found = failed === 0 ? 'no failure' : `${formatCount(failed)} FAILED`;
  return `${countOf(runs, 'run')}, ${countOf(states, 'state')}, ${found}, ${formatCount(waiting)} waiting`;
}

/** Scripts rely on its fields: they are added, not renamed. */
function exploreDocument({ seed, ...result }: ExploreResult): object {
  return { ...result, seed: seedForJson(seed) };
}

function exitCodeOf({ failed, isExhaustive }: ExploreResult): ExitCode {
  if (failed > 0) return exitCodes.violated;
  return isExhaustive ? exitCodes.held : exitCodes.undecided;
}

function describeExploration(stream: Stream, result: ExploreResult): string {
  const { scenario, seed, nodes, messages, faults, runs, states, ends, stepsMax, elapsedMs } = result;
  const rows = [
    [
      'explored',
      `${printable(`${scenario}, seed ${seed}`)}: ${countOf(nodes, 'node')}, ${countOf(messages, 'message')}, at most ${countOf(faults, 'fault')} a run`,
    ],
    ['states', `${formatCount(states)}, after up to ${countOf(stepsMax, 'step')}`],
    [
      'runs',
      `${formatCount(runs)}, of which ${formatCount(ends)} to the end and the others to where one had been; ${formatDuration(elapsedMs)}`,
    ],
    ['judged by', result.properties.join(', ')],
  ];
  return [
    `${headline(stream, result)}\n\n`,
    ...rows.map(([name = '', text = '']) => `  ${name.padEnd(10)}  ${text}\n`),
    ...failureList(result),
  ].join('');
}

function headline(stream: Stream, { failed, runs, isExhaustive, isInterrupted }: ExploreResult): string {
  if (failed > 0) {
    return `${paint(stream, 'red', 'VIOLATED')}  ${countOf(failed, 'run')} of ${formatCount(runs)} violated a property`;
  }
  if (isExhaustive) return `${paint(stream, 'green', 'HELD')}  every property held in every order`;
  const why = isInterrupted ? 'it was interrupted' : `the limit of ${countOf(runs, 'run')} came first; --limit sets it`;
  return `${paint(stream, 'yellow', 'UNDECIDED')}  every property held as far as was explored: ${why}`;
}

function failureList({ failures }: ExploreResult): readonly string[] {
  if (failures.length === 0) return [];
  const listed = failures.slice(0, failuresListedMax).map(describeFailure);
  const rest = failures.length - listed.length;
  const [first] = failures;
  const next =
    typeof first?.planPath !== 'string' ? '' : `\nNext: ${programName()} shrink ${printable(first.planPath)}\n`;
  return ['\n', ...listed, ...(rest > 0 ? [`  and ${formatCount(rest)} more\n`] : []), next];
}

function describeFailure({ property, sentence, steps, planPath }: ExploreFailure): string {
  const where = planPath === null ? '' : `\n    ${programName()} replay ${printable(planPath)}`;
  return `  ${property} after ${countOf(steps.length, 'step')}: ${printable(sentence)}${where}\n`;
}
