/** What a sweep found, for somebody who sees one for the first time. */
import { readFileSync } from 'node:fs';
import Table from 'cli-table3';
import {
  goalMeanings,
  hasRegressed,
  propertyMeanings,
  type SweepFailure,
  type SweepResult,
} from '../scenarios/index.js';
import { programName } from './invocation.js';
import { countOf, formatCount, formatDuration } from './numbers.js';
import { paint, printable, type Stream } from './terminal.js';
import { variationFlags } from './variation-options.js';

/** Failures listed one by one; the rest is counted. */
const failuresListedMax = 10;

export interface SweepTextOptions {
  /** Where plans and reports of failures are. */
  readonly directory: string;
  /** What to write on a command line for the scenario of this name, which may be one of a file. */
  readonly argumentFor?: (scenario: string) => string;
}

export function describeSweep(
  stream: Stream,
  result: SweepResult,
  { directory, argumentFor = (scenario) => scenario }: SweepTextOptions,
): string {
  const flags = variationFlags(result);
  const argumentWithFlags = (scenario: string): string => `${argumentFor(scenario)}${flags}`;
  return [
    firstReport(result),
    'What was simulated\n',
    scenarioTable(stream, result),
    '\n\n',
    totals(result),
    '\nWhat every run was judged by\n',
    ...result.properties.map((property) => `  ${property.padEnd(20)}  ${propertyMeanings[property]}\n`),
    '\n',
    regressionsText(stream, result),
    headline(stream, result),
    ...failureList(result, argumentWithFlags),
    ...others(stream, result),
    whatNext(result, directory, argumentWithFlags),
  ].join('');
}

function scenarioTable(stream: Stream, { scenarios }: SweepResult): string {
  const style = stream.hasColor ? { head: ['cyan'], border: ['gray'] } : { head: [], border: [] };
  const table = new Table({
    head: ['scenario', 'runs', 'failed', 'events', 'delivered', 'simulated'],
    colAligns: ['left', 'right', 'right', 'right', 'right', 'right'],
    style: { ...style, 'padding-left': 1, 'padding-right': 1, compact: true },
  });
  for (const { name, runs, failed, events, deliveries, simulatedMs } of scenarios) {
    const marked = failed > 0 ? paint(stream, 'red', formatCount(failed)) : '0';
    table.push([
      name,
      formatCount(runs),
      marked,
      formatCount(events),
      formatCount(deliveries),
      formatDuration(simulatedMs),
    ]);
  }
  return table.toString();
}

function totals(result: SweepResult): string {
  const faults = Object.entries(result.faults).map(([kind, count]) => `${kind} ${formatCount(count)}`);
  const flags = variationFlags(result).trim();
  const rows = [
    ...(flags === '' ? [] : [['varied', flags]]),
    [
      'in total',
      `${countOf(result.runs, 'run')}, ${countOf(result.events, 'event')}, ${countOf(result.broadcasts, 'message')} broadcast, ${countOf(result.deliveries, 'delivery', 'deliveries')}`,
    ],
    [
      'time',
      `${formatDuration(result.simulatedMs)} simulated in ${formatDuration(result.elapsedMs)} (${formatCount(result.simulatedToWall)} times as fast)`,
    ],
    ['speed', `${formatCount(result.eventsPerSecond)} events/s, ${formatCount(result.runsPerSecond)} runs/s`],
    ['faults', faults.length === 0 ? 'none' : faults.join(', ')],
    ['came to', goalCounts(result)],
    [
      'verified',
      `${countOf(result.verified, 'run')} made twice: ${result.notReproducible.length === 0 ? 'the same event by event' : `${result.notReproducible.length} DIFFERENT`}`,
    ],
  ];
  return rows.map(([name = '', text = '']) => `  ${name.padEnd(10)}  ${text}\n`).join('');
}

/** In how many runs each rare moment came, and which never did. */
function goalCounts({ goals }: SweepResult): string {
  const all = Object.entries(goals);
  const reached = all.flatMap(([goal, runs]) => (runs > 0 ? [`${goal} ${formatCount(runs)}`] : []));
  const never = all.flatMap(([goal, runs]) => (runs > 0 ? [] : [goal]));
  const parts = [reached.length === 0 ? 'no rare moment' : reached.join(', ')];
  if (never.length > 0 && reached.length > 0) parts.push(`never ${never.join(', ')}`);
  return parts.join('; ');
}

function headline(stream: Stream, result: SweepResult): string {
  const stopped = result.isInterrupted ? ' (interrupted)' : '';
  if (result.failed > 0) {
    return `${paint(stream, 'red', 'VIOLATED')}  ${countOf(result.failed, 'run')} of ${formatCount(result.runs)} violated a property${stopped}\n`;
  }
  if (result.undecided > 0 || result.notReproducible.length > 0 || result.missedGoals.length > 0) return '';
  // A sweep that stops at the first failure may stop before its first run.
  if (result.runs === 0 && result.regressions.some(hasRegressed)) return '';
  if (result.runs === 0) return `${paint(stream, 'yellow', 'UNDECIDED')}  no run came to its end${stopped}\n`;
  return `${paint(stream, 'green', 'HELD')}  every property held in ${result.runs === 1 ? 'the one run' : `all ${countOf(result.runs, 'run')}`}${stopped}\n`;
}

/** What came of the plans of earlier failures; nothing when there are none. */
function regressionsText(stream: Stream, { regressions }: SweepResult): string {
  if (regressions.length === 0) return '';
  const broken = regressions.filter(({ verdict }) => verdict !== 'pass');
  const plans = countOf(regressions.length, 'plan');
  if (broken.length === 0) return `${paint(stream, 'green', 'HELD')}  ${plans} of earlier failures, run first\n`;
  const rows = broken.map(
    ({ path, property, sentence }) =>
      `  ${printable(path)}: ${property ?? 'undecided'}${sentence === null ? '' : `: ${printable(sentence)}`}\n`,
  );
  return `${paint(stream, 'red', 'REGRESSED')}  ${broken.length} of ${plans} of earlier failures\n${rows.join('')}`;
}

/** The report of the first failure, whole: it is at most a screen. That of the smallest plan, where there is one. */
function firstReport({ failures }: SweepResult): string {
  const first = failures.find(({ reportPath }) => reportPath !== null);
  const path = first?.shrunkPath?.replace(/\.json$/, '.txt') ?? first?.reportPath;
  return typeof path === 'string' ? `${printable(readFileSync(path, 'utf8'))}\n` : '';
}

type ArgumentFor = NonNullable<SweepTextOptions['argumentFor']>;

function failureList({ failures }: SweepResult, argumentFor: ArgumentFor): readonly string[] {
  const listed = failures.slice(0, failuresListedMax).map((failure) => {
    const { scenario, seed, property } = failure;
    return `  ${`${scenario}, seed ${seed}: ${property}`.padEnd(44)}  ${commandFor(failure, argumentFor)}\n`;
  });
  const rest = failures.length - listed.length;
  return rest > 0 ? [...listed, `  and ${formatCount(rest)} more\n`] : listed;
}

/** The command that shows it again. */
function commandFor({ scenario, seed, planPath, shrunkPath }: SweepFailure, argumentFor: ArgumentFor): string {
  const path = shrunkPath ?? planPath;
  return path === null
    ? `${programName()} run ${argumentFor(scenario)} --seed ${seed}`
    : `${programName()} replay ${path}`;
}

function others(stream: Stream, { missedGoals, notReproducible, undecidedRuns }: SweepResult): readonly string[] {
  const name = ({ scenario, seed }: { readonly scenario: string; readonly seed: number }): string =>
    `${scenario} ${seed}`;
  const list = (title: string, runs: SweepResult['undecidedRuns']): readonly string[] =>
    runs.length === 0
      ? []
      : [`${paint(stream, 'yellow', title)}  ${runs.slice(0, failuresListedMax).map(name).join(', ')}\n`];
  const missed = missedGoals.map(
    ({ scenario, goal, runs }) =>
      `${paint(stream, 'red', 'MISSED')}  ${scenario} promises "${goal}", and none of its ${formatCount(runs)} runs came there: ${goalMeanings[goal]}\n`,
  );
  return [...missed, ...list('NOT REPRODUCIBLE', notReproducible), ...list('UNDECIDED', undecidedRuns)];
}

function whatNext(
  { failures, regressions, scenarios }: SweepResult,
  directory: string,
  argumentFor: ArgumentFor,
): string {
  const regressed = regressions.find(({ verdict }) => verdict !== 'pass');
  if (regressed !== undefined) return `\nNext: ${programName()} replay ${printable(regressed.path)}\n`;
  const first = failures[0];
  if (first !== undefined) {
    const diagram = failures.find(({ htmlPath }) => htmlPath !== null)?.htmlPath;
    const page = typeof diagram === 'string' ? `Diagram of the first: ${printable(diagram)}\n` : '';
    return `\n${page}Plans and reports are in ${printable(directory)}/. Next: ${commandFor(first, argumentFor)}\n`;
  }
  const some = argumentFor(scenarios[0]?.name ?? 'calm');
  const program = programName();
  return `\nNext: ${program} run ${some} (one run), ${program} sweep --for 5m (longer), ${program} run --input FILE (your own data)\n`;
}
