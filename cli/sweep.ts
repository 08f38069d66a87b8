/** `antecedent sweep`: many seeds of many scenarios. */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { Command, Option } from 'commander';
import {
  canRunRegression,
  catalogueFor,
  readRegressions,
  ResultsFile,
  sweep,
  type Regression,
  type Scenario,
  type Shard,
  type SweepProgress,
  type SweepResult,
  type System,
  type Variation,
} from '../scenarios/index.js';
import { parseDuration, parseJobs, parseSeeds, type SeedRange } from './arguments.js';
import { tellGithub, writeJunit } from './ci-output.js';
import { usageError } from './command-error.js';
import { programName } from './invocation.js';
import { countOf, formatCount } from './numbers.js';
import { withProgress } from './progress.js';
import { argumentsFor, scenariosFrom } from './scenario-argument.js';
import { parseShard } from './shard-argument.js';
import { describeShrinkProgress } from './shrink.js';
import { sweepExitCode } from './sweep-exit-code.js';
import { describeSweep } from './sweep-text.js';
import { systemOption } from './system-option.js';
import { printable, writeJson, type Terminal } from './terminal.js';
import { addVariationOptions, variationHelp, variationOf } from './variation-options.js';

interface Options extends Readonly<Record<string, unknown>> {
  readonly seeds?: SeedRange;
  readonly system?: System;
  readonly for?: number;
  readonly jobs?: number;
  readonly shard?: Shard;
  readonly results?: string;
  readonly runLimit: number;
  readonly bail?: true;
  readonly json?: true;
  readonly junit?: string;
  readonly out: string;
  readonly shrink: boolean;
  /** False for none. */
  readonly regressions: string | false;
}

const defaultForMs = 10_000;
const defaultRunLimitMs = 60_000;
const regressionsUsual = 'regressions';

const examples = `
Examples:
  antecedent sweep                                  everything, for ${defaultForMs / 1000} seconds
  antecedent sweep --for 5m
  antecedent sweep swarm power-loss --seeds 1..1000
  antecedent sweep --profile chaos --no-disk-full   more of everything, but for one thing
  antecedent sweep ./my-scenarios.ts --for 1m       scenarios of your own
  antecedent sweep --system pluto --for 10s         what pluto v0.4 makes of the same
  antecedent sweep --for 5m --junit junit.xml       for continuous integration; on GitHub annotations and a job summary come by themselves
  antecedent sweep --seeds 1..200 --bail --json > result.json

A sweep that goes on where it was cut short, and one that four machines share:
  antecedent sweep --seeds 1..5000 --results night.jsonl
  antecedent sweep --seeds 1..5000 --shard 2/4 --results part-2.jsonl
  antecedent merge part-*.jsonl

What these find is the same wherever they run, so they look for no smaller plans, which takes as long as the machine lets
it: "antecedent shrink" does. Of several shards the first one runs the plans of earlier failures.

--shard auto knows the variables of GitLab (parallel), Buildkite (parallelism), Slurm (--array) and, as auto/N, of
Kubernetes Indexed Jobs.
`;

export function sweepCommand(terminal: Terminal): Command {
  const command = new Command('sweep')
    .description(
      'Runs scenarios with one seed after the other, on all cores, and judges every run. The plan of each failure is kept, ' +
        'ready for "antecedent replay"; the first of each kind is made as small as it gets. Every twentieth run or so is made ' +
        'twice, to prove that runs can be reproduced. Plans kept in regressions/ are run before anything else. ' +
        'What is found does not depend on the number of jobs, nor on how a sweep was shared among machines.',
    )
    .argument(
      '[scenarios...]',
      'names from "antecedent list", or files of your own (mine.ts); the catalogue when absent',
    )
    .addOption(new Option('--seeds <a..b>', 'seeds a to b, both included').argParser(parseSeeds).conflicts('for'))
    .addOption(
      new Option(
        '--for <time>',
        `for this long, with seeds from 1 on (${defaultForMs / 1000}s when neither is given)`,
      ).argParser(parseDuration),
    )
    .addOption(systemOption())
    .addOption(
      new Option('--jobs <number>', 'runs at the same time (as many as there are cores when absent)').argParser(
        parseJobs,
      ),
    )
    .addOption(
      new Option('--shard <i/n>', 'only the i-th of n equal shares; "auto" asks the environment').argParser((text) =>
        parseShard(text),
      ),
    )
    .option('--results <file>', 'keep every run in this file, and do not run again what it holds: to resume, to merge')
    .addOption(
      new Option('--run-limit <time>', 'real time after which a run counts as hanging')
        .argParser(parseDuration)
        .default(defaultRunLimitMs, `${defaultRunLimitMs / 1000}s`),
    )
    .option('--bail', 'stop at the first failure')
    .option('--json', 'print one JSON document instead of text')
    .option('--junit <file>', 'write the outcome as JUnit XML too')
    .option('--out <dir>', 'where plans and reports of failures are kept', 'runs')
    .option('--no-shrink', 'do not look for the smallest plan of the first failure of each kind')
    .option(
      '--regressions <dir>',
      'plans of earlier failures, which are run first',
      existsSync(regressionsUsual) ? regressionsUsual : false,
    )
    .option('--no-regressions', 'do not run them')
    .addHelpText('after', `${examples}${variationHelp}`)
    .action(async (names: readonly string[], options: Options) => {
      await act(terminal, names, options);
    });
  return addVariationOptions(command);
}

async function act(terminal: Terminal, names: readonly string[], options: Options): Promise<void> {
  if (options.out === '') throw usageError('--out needs the name of a directory');
  if (options.results === '') throw usageError('--results needs the name of a file');
  if (options.junit === '') throw usageError('--junit needs the name of a file');
  const variation = variationOf(options);
  const scenarios = names.length === 0 ? catalogueFor(variation.system ?? 'antecedent') : await scenariosFrom(names);
  const result = await sweepWithProgress(terminal, scenarios, options, variation);
  terminal.exitCode = sweepExitCode(result);
  const textOptions = { directory: options.out, argumentFor: argumentsFor(scenarios) };
  if (options.json === true) writeJson(terminal, result);
  else terminal.out.write(describeSweep(terminal.out, result, textOptions));
  tellGithub(terminal, result);
  if (options.junit !== undefined) writeJunit(options.junit, result);
}

async function sweepWithProgress(
  terminal: Terminal,
  scenarios: readonly Scenario[],
  options: Options,
  variation: Variation,
): Promise<SweepResult> {
  const { seeds, shard, bail = false } = options;
  const regressions = regressionsFor(terminal, scenarios, options);
  const identity = { scenarios, regressions, seeds, shard, bail, variation };
  const results = options.results === undefined ? undefined : ResultsFile.open(options.results, identity);
  if (results !== undefined && results.recorded > 0) {
    const path = printable(options.results ?? '');
    terminal.err.write(
      `${countOf(results.recorded, 'run')} of this sweep ${results.recorded === 1 ? 'is' : 'are'} in ${path}\n`,
    );
  }
  try {
    return await withProgress(terminal.err, (progress, signal) =>
      sweep({
        ...(seeds === undefined ? { forMs: options.for ?? defaultForMs } : { seeds }),
        ...(shard === undefined ? {} : { shard }),
        ...(results === undefined ? {} : { results }),
        scenarios,
        regressions,
        variation,
        bail,
        shrink: options.shrink,
        jobs: options.jobs ?? availableParallelism(),
        runLimitMs: options.runLimit,
        outDir: options.out,
        program: programName(),
        signal,
        onProgress: (now) => {
          progress.update(now.fraction, describeProgress(now));
        },
        onShrinkProgress: ({ scenario, seed }, now) => {
          progress.update(now.fraction, `shrinking ${scenario} ${seed}: ${describeShrinkProgress(now)}`);
        },
      }),
    );
  } finally {
    results?.close();
  }
}

/** Plans whose program came with a file of scenarios can be run only when that file is named. */
function regressionsFor(
  terminal: Terminal,
  scenarios: readonly Scenario[],
  { regressions: directory }: Options,
): readonly Regression[] {
  const all = directory === false ? [] : readRegressions(directory);
  const [possible, others] = [true, false].map((can) =>
    all.filter((regression) => canRunRegression(regression, scenarios) === can),
  );
  for (const { path, plan } of others ?? []) {
    const remedy = 'its workload is your own, and no file that was named has its scenario';
    terminal.err.write(`${printable(path)} is not run: ${remedy} (${printable(plan.scenario)})\n`);
  }
  return possible ?? [];
}

function describeProgress({ runs, failed, events, latest }: SweepProgress): string {
  const found = failed === 0 ? 'no failure' : `${formatCount(failed)} FAILED`;
  return `${formatCount(runs)} runs, ${formatCount(events)} events, ${found} · ${latest.scenario} ${latest.seed}`;
}
