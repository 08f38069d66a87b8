/**
 * `antecedent replay`: exactly a kept run again.
 *
 * A run is its plan and the code. The same plan and code give the same run, so `--until` need not stop it: it shows the
 * end of what had happened by then.
 */
import { Command, Option } from 'commander';
import { describeEvent, runPlan, type RunResult } from '../scenarios/index.js';
import { parseDuration } from './arguments.js';
import { exitCodes } from './exit-code.js';
import { formatDuration } from './numbers.js';
import { planFromFile, programsOf, scenarioFileOption } from './scenario-argument.js';
import { paint, printable, writeJson, type Terminal } from './terminal.js';
import { describeRun, exitCodeOf, runDocument } from './verdict-text.js';

interface Options {
  readonly until?: number;
  readonly verify?: true;
  readonly scenarioFile?: string;
  readonly json?: true;
}

/** Events shown by `--until`. */
const eventsShownMax = 30;

export function replayCommand(terminal: Terminal): Command {
  return new Command('replay')
    .description(
      'Runs the plan of a failure again, exactly as it was, and reports the same violation while the code still has it.',
    )
    .argument('<failure>', 'the file that a failing run or sweep has kept')
    .addOption(
      new Option('--until <time>', 'show what had happened by this simulated time, such as 2.5s').argParser(
        parseDuration,
      ),
    )
    .option('--verify', 'run it twice and compare event by event; exit code 4 when they differ')
    .addOption(scenarioFileOption())
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      `
Examples:
  antecedent replay runs/crash-restart-17.json
  antecedent replay runs/crash-restart-17.json --until 1.2s
  antecedent replay runs/crash-restart-17.json --verify
`,
    )
    .action(async (path: string, options: Options) => {
      await act(terminal, path, options);
    });
}

async function act(terminal: Terminal, path: string, options: Options): Promise<void> {
  const plan = planFromFile(path);
  const programs = await programsOf(plan, options.scenarioFile);
  const result = runPlan(plan, { programs, keepHistory: true });
  const again = options.verify === true ? runPlan(plan, { programs, keepHistory: true }) : undefined;
  const difference = again === undefined ? undefined : firstDifference(result, again);
  const until = options.until === undefined ? undefined : cutOff(result, options.until);
  terminal.exitCode = exitCodeOf(until ?? result);
  if (difference !== undefined) terminal.exitCode = exitCodes.notReproducible;
  if (options.json === true) {
    writeJson(terminal, {
      ...runDocument(until ?? result, path),
      ...(again === undefined ? {} : { isReproducible: difference === undefined }),
    });
    return;
  }
  const parts = [describeRun(terminal.out, until ?? result, path, options)];
  if (until !== undefined) parts[0] = describeUntil(terminal, until, options);
  if (again !== undefined) parts.push(describeVerification(terminal, result, difference));
  terminal.out.write(parts.join(''));
}

/** The run as it stood at a time: without a verdict, unless the violation had happened. */
function cutOff(result: RunResult, untilMs: number): RunResult {
  const violations = result.violations.filter((violation) => violation.atMs <= untilMs);
  if (violations.length > 0) return result;
  const verdict = result.simulatedMs <= untilMs ? result.verdict : 'undecided';
  const history = (result.history ?? []).filter((event) => event.atMs <= untilMs);
  return { ...result, verdict, violations, history, simulatedMs: Math.min(result.simulatedMs, untilMs) };
}

function describeUntil(terminal: Terminal, result: RunResult, { until = 0, scenarioFile }: Options): string {
  if (result.verdict !== 'undecided') return describeRun(terminal.out, result, undefined, { scenarioFile });
  const history = result.history ?? [];
  const shown = history.slice(-eventsShownMax).map((event) => `  ${printable(describeEvent(event))}\n`);
  const earlier = history.length - shown.length;
  const headline = paint(terminal.out, 'yellow', 'UNDECIDED');
  return [
    `${headline}  ${printable(result.scenario)}, seed ${printable(result.seed)}: nothing was violated by ${formatDuration(until)}.\n\n`,
    earlier > 0 ? `  ... ${earlier} earlier events\n` : '',
    ...shown,
  ].join('');
}

function describeVerification(terminal: Terminal, result: RunResult, difference: string | undefined): string {
  if (difference === undefined) {
    return `\n${paint(terminal.out, 'green', 'REPRODUCIBLE')}  both runs have the trace ${result.traceHash}\n`;
  }
  return `\n${paint(terminal.out, 'red', 'NOT REPRODUCIBLE')}  ${difference}\n`;
}

/** The first thing that an observer saw differently; undefined when the traces are equal. */
function firstDifference(one: RunResult, other: RunResult): string | undefined {
  if (one.traceHash === other.traceHash) return undefined;
  const otherHistory = other.history ?? [];
  for (const [index, event] of (one.history ?? []).entries()) {
    const counterpart = otherHistory[index];
    const [here, there] = [describeEvent(event), counterpart === undefined ? 'nothing' : describeEvent(counterpart)];
    if (here !== there) return `first "${here}", then "${there}"`;
  }
  return 'applications saw the same, but the traces beneath differ';
}
