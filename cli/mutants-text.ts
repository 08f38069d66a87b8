/** Which planted bugs were found, for a person. */
import Table from 'cli-table3';
import type { FaultClassName, Finding, Findings, Mutant } from '../mutants/index.js';
import { programName } from './invocation.js';
import { countOf, formatCount } from './numbers.js';
import { paint, type Stream } from './terminal.js';

/** What this file needs of the folder, which is loaded only in a checkout. */
interface Vocabulary {
  readonly idOf: (mutant: Mutant) => string;
  readonly faultClassNames: readonly FaultClassName[];
}

/** Narrowest column of text that is broken into lines. */
const textWidthMin = 30;

export function describeFindings(stream: Stream, found: Findings, vocabulary: Vocabulary): string {
  return [
    'Bugs planted into the sources, one at a time; a failing plan is shrunk to so many nodes (n), operations (op) and faults (f)\n',
    findingTable(stream, found, vocabulary),
    '\n\n',
    ...ablationTable(stream, found, vocabulary),
    headline(stream, found, vocabulary),
    whatNext(found, vocabulary),
  ].join('');
}

function newTable(stream: Stream, options: Table.TableConstructorOptions): Table.Table {
  const style = stream.hasColor ? { head: ['cyan'], border: ['gray'] } : { head: [], border: [] };
  return new Table({ ...options, style: { ...style, 'padding-left': 1, 'padding-right': 1, compact: true } });
}

function findingTable(stream: Stream, { findings }: Findings, { idOf }: Vocabulary): string {
  const head = ['bug', 'seeds', 'found in', 'shrunk to', 'given away by'];
  const rows = findings.map(({ mutant, result: { discovery, seeds }, shrunk }) => [
    idOf(mutant),
    discovery === undefined ? `> ${formatCount(seeds)}` : formatCount(seeds),
    // The whole catalogue was searched, or only the one scenario.
    mutant.scenario === undefined ? (discovery?.scenario ?? '') : `${mutant.scenario} alone`,
    shrunk === undefined ? '' : `${shrunk.nodes} n ${shrunk.operations} op ${shrunk.faults} f`,
    discovery?.symptom ?? 'NOT FOUND',
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const table = newTable(stream, {
    head: [...head, 'what was planted'],
    colAligns: ['left', 'right', 'left', 'left', 'left', 'left'],
    colWidths: [null, null, null, null, null, restOf(stream, widths)],
    wordWrap: true,
  });
  for (const [index, [id, seeds, where, shrunk, symptom = '']] of rows.entries()) {
    const finding = findings[index];
    const marked = finding?.result.discovery === undefined ? paint(stream, 'red', symptom) : symptom;
    table.push([id, seeds, where, shrunk, marked, finding?.mutant.about]);
  }
  return table.toString();
}

/** What columns of these widths leave of a line, with a blank at both sides of each and borders between. */
function restOf(stream: Stream, widths: readonly number[]): number {
  const taken = widths.reduce((sum, width) => sum + width + 3, 0);
  return Math.max(textWidthMin, stream.columns - taken - 2);
}

function ablationTable(
  stream: Stream,
  { findings }: Findings,
  { idOf, faultClassNames }: Vocabulary,
): readonly string[] {
  const ablated = findings.filter(({ needs }) => needs !== undefined);
  if (ablated.length === 0) return [];
  const table = newTable(stream, {
    head: ['without', 'still found', 'not found any more'],
    colAligns: ['left', 'right', 'left'],
    colWidths: [null, null, restOf(stream, [10, 11])],
    wordWrap: true,
  });
  for (const name of faultClassNames) {
    const survivors = ablated.filter(({ needs }) => needs?.includes(name) === true);
    const found = ablated.length - survivors.length;
    table.push([name, formatCount(found), survivors.map(({ mutant }) => idOf(mutant)).join(', ')]);
  }
  return ['The same without one class of faults\n', table.toString(), '\n\n'];
}

function headline(stream: Stream, found: Findings, { idOf }: Vocabulary): string {
  const { findings, mutants, seedsMax, isInterrupted } = found;
  const missed = findings.filter(({ result }) => result.discovery === undefined);
  const effort = describeEffort(findings);
  const stopped = isInterrupted ? ` (interrupted; ${formatCount(mutants - findings.length)} were not tried)` : '';
  if (missed.length > 0) {
    const names = missed.map(({ mutant }) => idOf(mutant)).join(', ');
    return `${paint(stream, 'red', 'MISSED')}  ${formatCount(missed.length)} of ${countOf(findings.length, 'bug')} in ${countOf(seedsMax, 'seed')}: ${names}${stopped}\n${effort}`;
  }
  if (isInterrupted) {
    return `${paint(stream, 'yellow', 'UNDECIDED')}  ${countOf(findings.length, 'bug')} found${stopped}\n${effort}`;
  }
  return `${paint(stream, 'green', 'FOUND')}  all ${countOf(findings.length, 'bug')}\n${effort}`;
}

/** Half of those found, and all but a twentieth, need no more seeds than these. */
function describeEffort(findings: readonly Finding[]): string {
  const seeds = findings.flatMap(({ result }) => (result.discovery === undefined ? [] : result.seeds));
  if (seeds.length === 0) return '';
  const sorted = seeds.toSorted((one, other) => one - other);
  const quantile = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  const runs = findings.reduce((sum, { result }) => sum + result.runs, 0);
  return `  seeds needed: ${formatCount(quantile(0.5))} in the median, ${formatCount(quantile(0.95))} for 95 %, ${formatCount(quantile(1))} at most; ${countOf(runs, 'run')} in all\n`;
}

function whatNext({ findings }: Findings, { idOf }: Vocabulary): string {
  const missed = findings.find(({ result }) => result.discovery === undefined);
  if (missed === undefined) return '';
  return (
    '\nA bug that is not found is a fault that no scenario has, or a property that no oracle checks. ' +
    `Next: ${programName()} mutants ${idOf(missed.mutant)} --seeds 5000\n`
  );
}
