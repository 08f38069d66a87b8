/** The outcome of one run, for people and for scripts; shared by `run` and `replay`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  failureFileName,
  failureText,
  formatPlan,
  type LineComparison,
  type RunMetrics,
  type RunResult,
} from '../scenarios/index.js';
import { exitCodes, type ExitCode } from './exit-code.js';
import { programName } from './invocation.js';
import { countOf, formatCount, formatDuration } from './numbers.js';
import { seedForJson } from './seed-name.js';
import { paint, printable, type Stream } from './terminal.js';

/** What the verdict of a run means to the shell. */
export function exitCodeOf({ verdict }: Pick<RunResult, 'verdict'>): ExitCode {
  if (verdict === 'pass') return exitCodes.held;
  return verdict === 'undecided' ? exitCodes.undecided : exitCodes.violated;
}

/**
 * Keeps the plan where `replay` finds it; returns the path. One that was varied does not take the place of the one that it was
 * made from.
 */
export function keepPlan({ plan }: RunResult, directory: string, isVaried: boolean): string {
  mkdirSync(directory, { recursive: true });
  const path = join(
    directory,
    failureFileName(plan.scenario, isVaried ? `${plan.seed}-varied` : plan.seed, plan.system),
  );
  writeFileSync(path, formatPlan(plan));
  return path;
}

/** The document of `run --json`. */
export function runDocument(result: RunResult, planPath: string | undefined): Readonly<Record<string, unknown>> {
  const { scenario, seed, system, on, verdict, violations, traceHash, events, broadcasts, deliveries, faults } = result;
  return {
    scenario,
    seed: seedForJson(seed),
    system,
    on,
    verdict,
    violations,
    traceHash,
    events,
    broadcasts,
    deliveries,
    simulatedMs: result.simulatedMs,
    wallMs: Math.round(result.wallMs * 1000) / 1000,
    faults,
    metrics: result.metrics,
    goals: result.goals,
    planPath: planPath ?? null,
  };
}

/** The whole outcome as text. */
export function describeRun(
  stream: Stream,
  result: RunResult,
  planPath: string | undefined,
  how: { readonly isShrunk?: boolean; readonly scenarioFile?: string | undefined } = {},
): string {
  const violation = result.violations[0];
  if (violation !== undefined) {
    const report = failureText({
      plan: result.plan,
      violation,
      history: result.history ?? [],
      planPath,
      ...how,
      program: programName(),
      columns: stream.columns,
    });
    return `${paint(stream, 'red', 'VIOLATED')}  ${printable(report)}`;
  }
  const system = result.system === 'antecedent' ? '' : `, ${result.system}`;
  const name = printable(`${result.scenario}, seed ${result.seed}${system}`);
  const headline =
    result.verdict === 'pass'
      ? `${paint(stream, 'green', 'HELD')}  ${name}: every property held.`
      : `${paint(stream, 'yellow', 'UNDECIDED')}  ${name}: the run was given up before it came to an end.`;
  return `${headline}\n\n${describeNumbers(result)}`;
}

function describeNumbers(result: RunResult): string {
  const { plan, simulatedMs, wallMs } = result;
  const speed = Math.round(simulatedMs / Math.max(wallMs, 0.001));
  const faults = Object.entries(result.faults).map(([kind, count]) => `${kind} ${formatCount(count)}`);
  const lines = [
    [
      'simulated',
      `${countOf(plan.nodes.length, 'node')} for ${formatDuration(simulatedMs)}, in ${formatDuration(wallMs)} (${formatCount(speed)} times as fast)`,
    ],
    ['messages', `${formatCount(result.broadcasts)} broadcast, ${formatCount(result.deliveries)} delivered`],
    ['events', formatCount(result.events)],
    ['faults', faults.length === 0 ? 'none' : faults.join(', ')],
    ...describeMetrics(result.metrics),
    ['came to', result.goals.length === 0 ? 'no rare moment' : result.goals.join(', ')],
    ['judged by', result.properties.join(', ')],
    ['trace', `${result.traceHash} (the same plan and code always give this hash)`],
  ];
  return lines.map(([name = '', value = '']) => `  ${name.padEnd(10)}  ${value}\n`).join('');
}

/** What the run cost. Times are simulated. */
function describeMetrics(metrics: RunMetrics): readonly (readonly [name: string, value: string])[] {
  const { messagesPerBroadcast, bytesPerBroadcast, syncsPerBroadcast, deliveryMs, memoryBytes } = metrics;
  return [
    [
      'network',
      `${messagesPerBroadcast.toFixed(1)} messages and ${formatCount(bytesPerBroadcast)} bytes per broadcast, everything included`,
    ],
    [
      'delivery',
      `within ${formatDuration(deliveryMs.p50)} for half of them, ${formatDuration(deliveryMs.p99)} for 99 %, ${formatDuration(deliveryMs.max)} for all`,
    ],
    [
      'disks',
      `${syncsPerBroadcast.toFixed(1)} syncs per broadcast, at most ${countOf(metrics.diskBytesMax, 'byte')} on one disk`,
    ],
    ['waiting', `at most ${countOf(metrics.linkBufferBytesMax, 'byte')} in the links of one node`],
    [
      'memory',
      `at most ${countOf(memoryBytes.max, 'byte')} counted in one node: ${formatCount(memoryBytes.messages)} in messages, ${formatCount(memoryBytes.index)} in the index of its log, ${formatCount(memoryBytes.tables)} in tables of logs and members`,
    ],
  ];
}

/** Who was given which lines, as a table. */
export function describeLines(stream: Stream, comparison: LineComparison, path: string): string {
  const rows = comparison.nodes.map(({ node, lines, sha256, isEqual }) => {
    const verdict = isEqual ? paint(stream, 'green', 'equal') : paint(stream, 'red', 'DIFFERENT');
    return `  ${node.padEnd(10)}  ${formatCount(lines).padStart(9)} lines  ${sha256}  ${verdict}\n`;
  });
  const file = `  ${'file'.padEnd(10)}  ${formatCount(comparison.lines).padStart(9)} lines  ${comparison.sha256}\n`;
  return `\nLines given to each node, and the SHA-256 of them sorted (LC_ALL=C sort ${printable(path)} | sha256sum)\n${file}${rows.join('')}`;
}
