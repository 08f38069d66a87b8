/** What crash points showed, for a person. */
import { readFileSync } from 'node:fs';
import Table from 'cli-table3';
import { propertyMeanings, type CrashPointFailure, type CrashPointsResult } from '../scenarios/index.js';
import { programName } from './invocation.js';
import { countOf, formatCount, formatDuration } from './numbers.js';
import { paint, printable, type Stream } from './terminal.js';

/** Failures listed one by one; the rest is counted. */
const failuresListedMax = 10;

/** How the crash points were asked for. */
export interface CrashPointsRequest {
  /** Where plans and reports of failures are kept. */
  readonly directory: string;
  /** At most so many; undefined for all. */
  readonly limit: number | undefined;
}

export function describeCrashPoints(stream: Stream, result: CrashPointsResult, request: CrashPointsRequest): string {
  return [
    firstReport(result),
    printable(`Crash points of ${result.scenario}, seed ${result.seed}\n`),
    nodeTable(stream, result),
    `\n\n${totals(result)}`,
    '\nWhat every run was judged by\n',
    ...result.properties.map((property) => `  ${property.padEnd(20)}  ${propertyMeanings[property]}\n`),
    '\n',
    headline(stream, result, request),
    ...failureList(result),
    ...doubts(stream, result),
    whatNext(result, request.directory),
  ].join('');
}

function nodeTable(stream: Stream, { nodes }: CrashPointsResult): string {
  const style = stream.hasColor ? { head: ['cyan'], border: ['gray'] } : { head: [], border: [] };
  const table = new Table({
    head: ['node', 'disk operations', 'crashes', 'losses of power', 'failed'],
    colAligns: ['left', 'right', 'right', 'right', 'right'],
    style: { ...style, 'padding-left': 1, 'padding-right': 1, compact: true },
  });
  for (const { node, operations, crashes, powerLosses, failed } of nodes) {
    const marked = failed > 0 ? paint(stream, 'red', formatCount(failed)) : '0';
    table.push([node, formatCount(operations), formatCount(crashes), formatCount(powerLosses), marked]);
  }
  return table.toString();
}

function totals({ points, events, elapsedMs }: CrashPointsResult): string {
  const perSecond = (1000 * points) / Math.max(elapsedMs, 1);
  return (
    `  in total    ${countOf(points, 'crash point')}, ${countOf(events, 'event')}\n` +
    `  time        ${formatDuration(elapsedMs)}, ${formatCount(perSecond)} crash points/s on one core\n`
  );
}

function headline(stream: Stream, result: CrashPointsResult, { limit }: CrashPointsRequest): string {
  const stopped = result.isInterrupted ? ' (interrupted)' : '';
  const isPart = limit !== undefined && result.points < result.pointsLikely;
  const ofAll = isPart ? `${formatCount(result.points)} of about ` : '';
  const points = countOf(isPart ? result.pointsLikely : result.points, 'crash point');
  if (result.failed > 0) {
    const where =
      result.points === 0
        ? 'the scenario fails without any crash point: mend that first'
        : `${formatCount(result.failed)} of ${countOf(result.points, 'crash point')} violated a property`;
    return `${paint(stream, 'red', 'VIOLATED')}  ${where}${stopped}\n`;
  }
  if (result.undecided > 0 || result.notReproducible > 0) return '';
  const title = result.isInterrupted ? paint(stream, 'yellow', 'UNDECIDED') : paint(stream, 'green', 'HELD');
  return `${title}  every property held at ${ofAll}${points}${stopped}\n`;
}

/** The report of the first failure, whole: it is at most a screen. */
function firstReport({ failures }: CrashPointsResult): string {
  const path = failures.find(({ reportPath }) => reportPath !== null)?.reportPath;
  return typeof path === 'string' ? `${printable(readFileSync(path, 'utf8'))}\n` : '';
}

function failureList({ failures }: CrashPointsResult): readonly string[] {
  const listed = failures
    .slice(0, failuresListedMax)
    .map((failure) => `  ${printable(describePlace(failure)).padEnd(64)}  ${failure.property}\n`);
  const rest = failures.length - listed.length;
  return rest > 0 ? [...listed, `  and ${formatCount(rest)} more\n`] : listed;
}

/** `b, operation 17: loss of power during write journal-1.log, survivors 101`. */
function describePlace({ node, operation, text, when, power, survivors }: CrashPointFailure): string {
  if (node === null) return 'without a crash point';
  const what = power === true ? 'loss of power' : 'crash';
  const pages = survivors === null || survivors === 0 ? '' : `, survivors ${survivors.toString(2)}`;
  return `${node}, operation ${operation}: ${what} ${when} ${text}${pages}`;
}

function doubts(stream: Stream, { notReproducible, undecided }: CrashPointsResult): readonly string[] {
  const line = (title: string, count: number, what: string): readonly string[] =>
    count === 0 ? [] : [`${paint(stream, 'yellow', title)}  ${countOf(count, 'run')} ${what}\n`];
  return [
    ...line('NOT REPRODUCIBLE', notReproducible, 'took another course than the same plan before'),
    ...line('UNDECIDED', undecided, 'came to no end'),
  ];
}

function whatNext({ failures, scenario, seed }: CrashPointsResult, directory: string): string {
  const first = failures.find(({ planPath }) => planPath !== null)?.planPath;
  if (typeof first === 'string') {
    return `\nPlans and reports are in ${printable(directory)}/. Next: ${programName()} replay ${printable(first)}\n`;
  }
  const next = Number(seed) + 1;
  if (Number.isNaN(next)) return '';
  return `\nNext: ${programName()} crash-points ${scenario} --seed ${next}, or another scenario of ${programName()} list\n`;
}
