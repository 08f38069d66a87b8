/** `antecedent run`: one run, one verdict. */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import {
  compareLines,
  formatHistory,
  linesUnderFaults,
  planLines,
  prepareRun,
  recordRun,
  runPlan,
  varyPlan,
  type LineComparison,
  type Plan,
  type Program,
  type RunResult,
  type System,
} from '../scenarios/index.js';
import { parseSeed } from './arguments.js';
import { usageError } from './command-error.js';
import { exitCodes } from './exit-code.js';
import { programName } from './invocation.js';
import {
  bytesOfFile,
  isPlanFile,
  isScenarioFile,
  planFromFile,
  programsOf,
  scenarioFileOption,
  scenarioFrom,
} from './scenario-argument.js';
import { systemOption } from './system-option.js';
import { paint, writeJson, type Terminal } from './terminal.js';
import { addVariationOptions, variationFlags, variationHelp, variationOf } from './variation-options.js';
import { describeLines, describeRun, exitCodeOf, keepPlan, runDocument } from './verdict-text.js';

interface Options extends Readonly<Record<string, unknown>> {
  readonly seed?: number;
  readonly system?: System;
  readonly input?: string;
  readonly json?: true;
  readonly trace?: string;
  readonly history?: string;
  readonly out?: string;
  readonly scenarioFile?: string;
}

const defaultScenario = 'partition-heal';
const defaultDirectory = 'runs';
/** Lines of trace in a file, at most: the last ones count. */
const traceLinesMax = 1_000_000;

const examples = `
Examples:
  antecedent run                                    ${defaultScenario}, seed 1
  antecedent run crash-restart --seed 17
  antecedent run --input words.txt --seed 3         "lines": losses, a partition, crashes, a loss of power
  antecedent run lossy --input words.txt            the same lines under other faults
  antecedent run ./mine.ts --seed 3                 the scenario that this file exports
  antecedent run ./mine.ts#second                   one of several that it exports
  antecedent run torn-tail --no-power-loss          without one of its faults
  antecedent run runs/crash-restart-17.json         a plan, maybe edited by hand
  antecedent run crash-restart --system pluto       the same faults, and nodes of pluto v0.4
`;

export function runCommand(terminal: Terminal): Command {
  const command = new Command('run')
    .description(
      'Runs one scenario in the simulation, with everything that is left to chance decided by the seed, and judges it. ' +
        'The same seed gives the same run, event by event.',
    )
    .argument(
      '[scenario]',
      `a scenario of "antecedent list", one of your own (mine.ts), or the file of a plan (${defaultScenario} when absent)`,
    )
    .addOption(new Option('--seed <number>', 'decides everything left to chance (1 when absent)').argParser(parseSeed))
    .addOption(systemOption())
    .option('--input <file>', 'broadcast every line of this file, spread over the nodes, instead of mailbox operations')
    .option('--json', 'print one JSON document instead of text')
    .option('--trace <file>', 'write the simulated events to this file, the last million of them')
    .option(
      '--history <file>',
      'write what applications did and were given to this file, as "antecedent check" reads it',
    )
    .option(
      '--out <dir>',
      `keep the plan in this directory (a failing run is always kept, in ${defaultDirectory}/ when absent)`,
    )
    .addOption(scenarioFileOption())
    .addHelpText('after', `${examples}${variationHelp}`)
    .action(async (scenario: string | undefined, options: Options) => {
      await act(terminal, scenario, options);
    });
  return addVariationOptions(command);
}

async function act(terminal: Terminal, scenario: string | undefined, options: Options): Promise<void> {
  const input = options.input === undefined ? undefined : bytesOfFile(options.input);
  const prepared = await prepare(scenario, options, input);
  const { programs, scenarioFile } = prepared;
  const variation = variationOf(options);
  const plan = varyPlan(prepared.plan, variation);
  const needsHistory = input !== undefined || options.history !== undefined;
  let result = runPlan(plan, {
    programs,
    keepHistory: needsHistory,
    ...(options.trace === undefined ? {} : { keepTrace: traceLinesMax }),
  });
  const isFailure = result.violations.length > 0;
  // Histories cost memory, so a run keeps one only when somebody will read it.
  if (isFailure && !needsHistory) {
    result = { ...result, history: runPlan(plan, { programs, keepHistory: true }).history ?? [] };
  }
  if (options.trace !== undefined) writeFileSync(options.trace, `${(result.trace ?? []).join('\n')}\n`);
  if (options.history !== undefined) writeFileSync(options.history, formatHistory(recordRun(result)));
  const lines = input === undefined ? undefined : compareLines(input, plan.nodes, result.history ?? []);
  const isComplete = lines?.nodes.every(({ isEqual }) => isEqual) !== false;
  const isVaried = variation.profile !== undefined || variation.without !== undefined;
  const planPath = placeOfPlan(scenario, options, result, { isWanted: isFailure || !isComplete, isVaried });

  terminal.exitCode = exitCodeOf(result);
  if (result.verdict === 'pass' && !isComplete) terminal.exitCode = exitCodes.violated;
  if (options.json === true) {
    writeJson(terminal, {
      ...runDocument(result, planPath),
      ...(lines === undefined ? {} : { lines: linesDocument(lines) }),
    });
  } else {
    terminal.out.write(
      describeOutcome(terminal, result, {
        planPath,
        lines,
        options,
        scenario: scenario ?? defaultScenario,
        scenarioFile,
      }),
    );
  }
}

interface Prepared {
  readonly plan: Plan;
  /** The user's own, for plans that name one. */
  readonly programs: readonly Program[];
  /** Where they come from. */
  readonly scenarioFile?: string | undefined;
}

async function prepare(
  scenario: string | undefined,
  options: Options,
  input: Uint8Array | undefined,
): Promise<Prepared> {
  const seed = String(options.seed ?? 1);
  if (scenario !== undefined && isPlanFile(scenario)) {
    if (input !== undefined) throw usageError('a plan holds its own operations: give either a plan file or --input');
    if (options.seed !== undefined) {
      throw usageError('a plan holds its own seed: edit "seed" in the file, or name a scenario');
    }
    const plan = planFromFile(scenario);
    const { scenarioFile } = options;
    return { plan, programs: await programsOf(plan, scenarioFile), scenarioFile };
  }
  const isLines = scenario === linesUnderFaults.name;
  if (input !== undefined) {
    const base = scenario === undefined || isLines ? linesUnderFaults : await scenarioFrom(scenario);
    return { plan: planLines(base, seed, input), programs: [] };
  }
  if (isLines) throw usageError(`the scenario "${scenario}" broadcasts the lines of a file: name it with --input FILE`);
  const found = await scenarioFrom(scenario ?? defaultScenario);
  const { plan, program } = prepareRun(found, seed);
  return { plan, programs: [program], scenarioFile: found.file };
}

/** Where the plan is: kept now if somebody will want it, or in the file it came from. */
function placeOfPlan(
  scenario: string | undefined,
  { out, system }: Options,
  result: RunResult,
  { isWanted, isVaried }: { readonly isWanted: boolean; readonly isVaried: boolean },
): string | undefined {
  if (out !== undefined) return keepPlan(result, out, isVaried);
  if (scenario !== undefined && isPlanFile(scenario) && !isVaried && system === undefined) return scenario;
  return isWanted ? keepPlan(result, defaultDirectory, isVaried) : undefined;
}

function linesDocument({ lines, sha256, nodes }: LineComparison): Readonly<Record<string, unknown>> {
  return { lines, sha256, isComplete: nodes.every(({ isEqual }) => isEqual), nodes };
}

interface Outcome {
  readonly planPath: string | undefined;
  readonly lines: LineComparison | undefined;
  readonly options: Options;
  /** As it was named. */
  readonly scenario: string;
  readonly scenarioFile: string | undefined;
}

function describeOutcome(terminal: Terminal, result: RunResult, outcome: Outcome): string {
  const { planPath, lines, options, scenario } = outcome;
  const parts = [describeRun(terminal.out, result, planPath, outcome)];
  if (lines !== undefined) parts.push(describeLines(terminal.out, lines, options.input ?? ''));
  const { seed } = result;
  if (options.out !== undefined && planPath !== undefined) parts.push(`\n  plan        ${planPath}\n`);
  if (result.verdict === 'pass' && options.input === undefined && !Number.isNaN(Number(seed))) {
    const name = isScenarioFile(scenario) ? scenario : result.scenario;
    const flags = variationFlags(variationOf(options));
    const next = `${programName()} run ${name}${flags} --seed ${Number(seed) + 1}`;
    parts.push(
      paint(
        terminal.out,
        'dim',
        `\nNext: ${next}, or many seeds at once: ${programName()} sweep ${name}${flags} --for 10s\n`,
      ),
    );
  }
  return parts.join('');
}
