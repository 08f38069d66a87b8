/** `antecedent shrink`: the smallest plan that still fails in the same way. */
import { writeFileSync } from 'node:fs';
import { Command, Option } from 'commander';
import {
  formatPlan,
  keepShrunk,
  shrink,
  shrunkPathOf,
  type Plan,
  type PlanSize,
  type ShrinkProgress,
  type ShrinkResult,
} from '../scenarios/index.js';
import { parseCount, parseDuration } from './arguments.js';
import { exitCodes, type ExitCode } from './exit-code.js';
import { programName } from './invocation.js';
import { countOf, formatDuration } from './numbers.js';
import { withProgress } from './progress.js';
import { planFromFile, programsOf, scenarioFileOption } from './scenario-argument.js';
import { seedForJson } from './seed-name.js';
import { paint, printable, writeJson, type Terminal } from './terminal.js';
import { describeRun, exitCodeOf as exitCodeOfRun } from './verdict-text.js';

interface Options {
  readonly for?: number;
  readonly runs?: number;
  readonly out?: string;
  readonly scenarioFile?: string;
  readonly json?: true;
}

export function shrinkCommand(terminal: Terminal): Command {
  return new Command('shrink')
    .description(
      'Takes nodes, faults and operations out of the plan of a failure, and makes times and parameters simpler, for as long ' +
        'as the same property is violated. The smallest plan is kept beside the failure as *.shrunk.json, with its report.',
    )
    .argument('<failure>', 'the file that a failing run or sweep has kept')
    .addOption(
      new Option('--for <time>', 'stop after this long (10s when neither this nor --runs is given)').argParser(
        parseDuration,
      ),
    )
    .addOption(
      new Option('--runs <number>', 'stop after so many runs: the same number always gives the same plan').argParser(
        parseCount,
      ),
    )
    .option('--out <file>', 'write the smallest plan to this file instead, and no report')
    .addOption(scenarioFileOption())
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      `
Examples:
  antecedent shrink runs/crash-restart-17.json
  antecedent shrink runs/crash-restart-17.json --for 1m
  antecedent shrink runs/crash-restart-17.json --runs 500 --out regressions/lost-acknowledgement.json

Exit codes: 1 the plan fails, and so does the smaller one; 0 the plan holds, there is nothing to shrink.
`,
    )
    .action(async (path: string, options: Options) => {
      await act(terminal, path, options);
    });
}

async function act(terminal: Terminal, path: string, options: Options): Promise<void> {
  const result = await shrinkWithProgress(terminal, planFromFile(path), options);
  const isFailing = result.signature !== undefined && result.isReproducible;
  const kept = isFailing ? keep(result, path, options) : undefined;
  terminal.exitCode = exitCodeOf(result);
  if (options.json === true) {
    writeJson(terminal, shrinkDocument(result, { planPath: path, ...kept }));
  } else {
    terminal.out.write(describeShrink(terminal, result, kept?.shrunkPath, options.scenarioFile));
  }
}

/** Beside the failure, with its report; or the plan alone, where somebody wants to have it. */
function keep(
  result: ShrinkResult,
  path: string,
  { out, scenarioFile }: Options,
): { readonly shrunkPath: string; readonly reportPath?: string } {
  if (out === undefined) return keepShrunk(result, shrunkPathOf(path), programName(), scenarioFile);
  writeFileSync(out, formatPlan(result.smallest.plan));
  return { shrunkPath: out };
}

async function shrinkWithProgress(terminal: Terminal, plan: Plan, options: Options): Promise<ShrinkResult> {
  const programs = await programsOf(plan, options.scenarioFile);
  return await withProgress(terminal.err, (progress, signal) =>
    shrink(plan, {
      programs,
      ...(options.for === undefined ? {} : { forMs: options.for }),
      ...(options.runs === undefined ? {} : { runsMax: options.runs }),
      signal,
      onProgress: (now) => {
        progress.update(now.fraction, describeShrinkProgress(now));
      },
    }),
  );
}

export function describeShrinkProgress({ runs, size }: ShrinkProgress): string {
  return `${countOf(runs, 'run')}, down to ${describeSize(size)}`;
}

function exitCodeOf(result: ShrinkResult): ExitCode {
  return result.isReproducible ? exitCodeOfRun(result.original) : exitCodes.notReproducible;
}

/** Scripts rely on its fields: they are added, not renamed. */
function shrinkDocument(
  result: ShrinkResult,
  paths: { readonly planPath: string; readonly shrunkPath?: string; readonly reportPath?: string },
): object {
  const { original, smallest, signature, before, after, runs, elapsedMs } = result;
  const { isMinimal, isReproducible, isInterrupted } = result;
  return {
    scenario: original.scenario,
    seed: seedForJson(original.seed),
    verdict: original.verdict,
    signature: signature ?? null,
    violations: smallest.violations,
    before,
    after,
    runs,
    elapsedMs,
    isMinimal,
    isReproducible,
    isInterrupted,
    traceHash: smallest.traceHash,
    planPath: paths.planPath,
    shrunkPath: paths.shrunkPath ?? null,
    reportPath: paths.reportPath ?? null,
  };
}

function describeShrink(
  terminal: Terminal,
  result: ShrinkResult,
  shrunkPath: string | undefined,
  scenarioFile: string | undefined,
): string {
  const { out } = terminal;
  const { original, smallest } = result;
  const name = printable(`${original.scenario}, seed ${original.seed}`);
  if (!result.isReproducible) {
    return `${paint(out, 'red', 'NOT REPRODUCIBLE')}  ${name}: two runs of the plan differ, so nothing was tried.\n`;
  }
  if (shrunkPath === undefined) {
    return `${describeRun(out, original, undefined)}\nThere is nothing to shrink: the plan violates nothing.\n`;
  }
  return `${describeRun(out, smallest, shrunkPath, { isShrunk: true, scenarioFile })}\n${describeCut(terminal, result)}`;
}

function describeCut(terminal: Terminal, result: ShrinkResult): string {
  const { before, after, runs, elapsedMs, isMinimal, isInterrupted } = result;
  const spent = isInterrupted ? 'interrupted' : 'the budget is spent; --for 1m may find a smaller plan';
  const end = isMinimal ? 'no single part of it can be taken out' : spent;
  return [
    `${paint(terminal.out, 'bold', 'SHRUNK')}  from ${describeSize(before)}`,
    `        to ${describeSize(after)}`,
    `        in ${countOf(runs, 'run')} and ${formatDuration(elapsedMs)}; ${end}\n`,
  ].join('\n');
}

function describeSize({ nodes, operations, faults }: PlanSize): string {
  return `${countOf(nodes, 'node')}, ${countOf(operations, 'operation')}, ${countOf(faults, 'fault')}`;
}
