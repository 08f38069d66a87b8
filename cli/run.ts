/** `antecedent run`: one run, one verdict. */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import {
  compareLines,
  formatHistory,
  linesUnderFaults,
  makePlan,
  planForSystem,
  planLines,
  recordRun,
  runPlan,
  systemOption as optionFor,
  type LineComparison,
  type Plan,
  type RunResult,
  type System,
} from '../scenarios/index.js';
import { parseSeed } from './arguments.js';
import { usageError } from './command-error.js';
import { exitCodes } from './exit-code.js';
import { programName } from './invocation.js';
import { bytesOfFile, isPlanFile, planFromFile, scenarioNamed } from './scenario-argument.js';
import { systemOption } from './system-option.js';
import { paint, writeJson, type Terminal } from './terminal.js';
import { describeLines, describeRun, exitCodeOf, keepPlan, runDocument } from './verdict-text.js';

interface Options {
  readonly seed?: number;
  readonly system?: System;
  readonly input?: string;
  readonly json?: true;
  readonly trace?: string;
  readonly history?: string;
  readonly out?: string;
}

const defaultScenario = 'partition-heal';
const defaultDirectory = 'runs';
/** Lines of trace in a file, at most: the last ones count. */
const traceLinesMax = 1_000_000;

export function runCommand(terminal: Terminal): Command {
  return new Command('run')
    .description(
      'Runs one scenario in the simulation, with everything that is left to chance decided by the seed, and judges it. ' +
        'The same seed gives the same run, event by event.',
    )
    .argument('[scenario]', `a scenario of "antecedent list", or the file of a plan (${defaultScenario} when absent)`)
    .addOption(new Option('--seed <number>', 'decides everything left to chance (1 when absent)').argParser(parseSeed))
    .addOption(systemOption())
    .option('--input <file>', 'broadcast every line of this file, spread over the nodes, instead of mailbox operations')
    .option('--json', 'print one JSON document instead of text')
    .option('--trace <file>', 'write every simulated event to this file')
    .option(
      '--history <file>',
      'write what applications did and were given to this file, as "antecedent check" reads it',
    )
    .option(
      '--out <dir>',
      `keep the plan in this directory (a failing run is always kept, in ${defaultDirectory}/ when absent)`,
    )
    .addHelpText(
      'after',
      `
Examples:
  antecedent run                                    ${defaultScenario}, seed 1
  antecedent run crash-restart --seed 17
  antecedent run --input words.txt --seed 3         "lines": losses, a partition, crashes, a loss of power
  antecedent run lossy --input words.txt            the same lines under other faults
  antecedent run runs/crash-restart-17.json         a plan, maybe edited by hand
  antecedent run crash-restart --system pluto       the same faults, and nodes of pluto v0.4
`,
    )
    .action((scenario: string | undefined, options: Options) => {
      act(terminal, scenario, options);
    });
}

function act(terminal: Terminal, scenario: string | undefined, options: Options): void {
  const input = options.input === undefined ? undefined : bytesOfFile(options.input);
  const plan = planFor(scenario, options, input);
  const needsHistory = input !== undefined || options.history !== undefined;
  let result = runPlan(plan, {
    keepHistory: needsHistory,
    ...(options.trace === undefined ? {} : { keepTrace: traceLinesMax }),
  });
  const isFailure = result.violations.length > 0;
  // Histories cost memory, so a run keeps one only when somebody will read it.
  if (isFailure && !needsHistory) result = { ...result, history: runPlan(plan, { keepHistory: true }).history ?? [] };
  if (options.trace !== undefined) writeFileSync(options.trace, `${(result.trace ?? []).join('\n')}\n`);
  if (options.history !== undefined) writeFileSync(options.history, formatHistory(recordRun(result)));
  const lines = input === undefined ? undefined : compareLines(input, plan.nodes, result.history ?? []);
  const isComplete = lines?.nodes.every(({ isEqual }) => isEqual) !== false;
  const planPath = placeOfPlan(scenario, options, result, isFailure || !isComplete);

  terminal.exitCode = exitCodeOf(result);
  if (result.verdict === 'pass' && !isComplete) terminal.exitCode = exitCodes.violated;
  if (options.json === true) {
    writeJson(terminal, {
      ...runDocument(result, planPath),
      ...(lines === undefined ? {} : { lines: linesDocument(lines) }),
    });
  } else {
    terminal.out.write(describeOutcome(terminal, result, { planPath, lines, options }));
  }
}

function planFor(scenario: string | undefined, options: Options, input: Uint8Array | undefined): Plan {
  const seed = String(options.seed ?? 1);
  if (scenario !== undefined && isPlanFile(scenario)) {
    if (input !== undefined) throw usageError('a plan holds its own operations: give either a plan file or --input');
    if (options.seed !== undefined) {
      throw usageError('a plan holds its own seed: edit "seed" in the file, or name a scenario');
    }
    const plan = planFromFile(scenario);
    return planForSystem(plan, options.system ?? plan.system ?? 'antecedent');
  }
  const { system = 'antecedent' } = options;
  const isLines = scenario === linesUnderFaults.name;
  if (input !== undefined) {
    const chosen = scenario === undefined || isLines ? linesUnderFaults : scenarioNamed(scenario);
    return planForSystem(planLines(chosen, seed, input), system);
  }
  if (isLines) throw usageError(`the scenario "${scenario}" broadcasts the lines of a file: name it with --input FILE`);
  return planForSystem(makePlan(scenarioNamed(scenario ?? defaultScenario), seed), system);
}

/** Where the plan is: kept now if somebody will want it, or in the file it came from. */
function placeOfPlan(
  scenario: string | undefined,
  { out, system }: Options,
  result: RunResult,
  isWanted: boolean,
): string | undefined {
  if (out !== undefined) return keepPlan(result, out);
  if (scenario !== undefined && isPlanFile(scenario) && system === undefined) return scenario;
  return isWanted ? keepPlan(result, defaultDirectory) : undefined;
}

function linesDocument({ lines, sha256, nodes }: LineComparison): Readonly<Record<string, unknown>> {
  return { lines, sha256, isComplete: nodes.every(({ isEqual }) => isEqual), nodes };
}

interface Outcome {
  readonly planPath: string | undefined;
  readonly lines: LineComparison | undefined;
  readonly options: Options;
}

function describeOutcome(terminal: Terminal, result: RunResult, { planPath, lines, options }: Outcome): string {
  const parts = [describeRun(terminal.out, result, planPath)];
  if (lines !== undefined) parts.push(describeLines(terminal.out, lines, options.input ?? ''));
  const { scenario, seed } = result;
  if (options.out !== undefined && planPath !== undefined) parts.push(`\n  plan        ${planPath}\n`);
  if (result.verdict === 'pass' && options.input === undefined && !Number.isNaN(Number(seed))) {
    const next = `${programName()} run ${scenario} --seed ${Number(seed) + 1}${optionFor(result.system)}`;
    parts.push(
      paint(
        terminal.out,
        'dim',
        `\nNext: ${next}, or many seeds at once: ${programName()} sweep ${scenario} --for 10s${optionFor(result.system)}\n`,
      ),
    );
  }
  return parts.join('');
}
