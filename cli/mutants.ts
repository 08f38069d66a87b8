/** `antecedent mutants`: which planted bugs the simulator finds. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Command, Option } from 'commander';
import type * as mutantsFolder from '../mutants/index.js';
import type { Findings, Mutant } from '../mutants/index.js';
import { unknownName } from '../scenarios/index.js';
import { parseCount } from './arguments.js';
import { usageError } from './command-error.js';
import { exitCodes, type ExitCode } from './exit-code.js';
import { describeFindings } from './mutants-text.js';
import { withProgress } from './progress.js';
import { writeJson, type Terminal } from './terminal.js';

type Mutants = typeof mutantsFolder;

interface Options {
  readonly seeds: number;
  readonly all?: true;
  readonly canary?: true;
  readonly shrink: boolean;
  readonly ablate?: true;
  readonly json?: true;
}

const seedsMaxUsual = 1000;

/** Breaks a promise about disks, and shows within some ten runs. */
const canary = 'M07';

export function mutantsCommand(terminal: Terminal): Command {
  return new Command('mutants')
    .description(
      'Plants bugs into the sources, one at a time and only in memory, and tells which of them the simulator finds, after how many ' +
        'seeds, and what gave them away. M01 to M40 are bugs that real systems had. The search knows nothing of what was planted: ' +
        'seeds from 1 on in their order, each with every scenario; for some bugs the one scenario that is about what they break. Needs ' +
        'a checkout of the sources.',
    )
    .argument('[ids...]', 'M01 to M40, or names; all forty when absent')
    .addOption(
      new Option('--seeds <number>', 'seeds tried before a bug counts as not found')
        .argParser(parseCount)
        .default(seedsMaxUsual),
    )
    .option('--all', 'also the bugs that no other system has had, as far as we know')
    .option('--canary', `${canary} alone: for CI, to see that its sweep would notice anything`)
    .option('--no-shrink', 'leave the failing plans as they were found')
    .option('--ablate', 'then again without one class of faults after the other: which bugs survive?')
    .option('--json', 'print one JSON document instead of text')
    .addHelpText(
      'after',
      `
Exit codes: 0 all were found, 1 one was not, 2 usage, or no sources here, 3 interrupted.

Examples:
  antecedent mutants                     the forty, in a few minutes
  antecedent mutants M07 M24             these two; a few seconds
  antecedent mutants --seeds 50 --json   which are found within 50 seeds
  antecedent mutants --ablate            which faults find which bug; three times as long
`,
    )
    .action(async (ids: readonly string[], options: Options) => {
      await act(terminal, ids, options);
    });
}

async function act(terminal: Terminal, ids: readonly string[], options: Options): Promise<void> {
  const root = checkoutRoot();
  // Not part of the package: what ships holds no bugs.
  const mutants = await import('../mutants/index.js');
  const chosen = choose(mutants, ids, options);
  const found = await withProgress(terminal.err, (progress, signal) =>
    mutants.findAll(chosen, {
      root,
      seedsMax: options.seeds,
      shrinks: options.shrink,
      ablates: options.ablate === true,
      signal,
      onProgress: ({ fraction, status }) => {
        progress.update(fraction, status);
      },
    }),
  );
  terminal.exitCode = exitCodeOf(found);
  if (options.json === true) writeJson(terminal, mutantsDocument(found, mutants));
  else terminal.out.write(describeFindings(terminal.out, found, mutants));
}

/** The directory of the sources. Throws a usage error where there are none, or nothing to bundle them with. */
function checkoutRoot(): string {
  const require = createRequire(import.meta.url);
  // The package refers to itself by name, so this works from the sources and from dist/ alike.
  const root = dirname(require.resolve('antecedent/package.json'));
  checkSources(root);
  try {
    require.resolve('esbuild');
  } catch {
    throw usageError(`the sources are bundled with esbuild, which is not installed: run npm ci in ${root}`);
  }
  return root;
}

/** Throws a usage error where no sources are. */
export function checkSources(root: string): void {
  if (!existsSync(join(root, 'scenarios', 'index.ts')) || !existsSync(join(root, 'mutants', 'index.ts'))) {
    throw usageError(
      `mutants are planted into the sources of antecedent, and ${root} holds only what was compiled from them: ` +
        'clone the repository, run npm ci there, and then npm run -s antecedent -- mutants',
    );
  }
}

/** In the order of the catalogue, each once. */
function choose(
  { idOf, knownBugs, ownBugs }: Mutants,
  ids: readonly string[],
  { all, canary: isCanary }: Options,
): readonly Mutant[] {
  const every = [...knownBugs, ...ownBugs];
  const named = isCanary === true ? [canary, ...ids] : ids;
  if (named.length === 0) return all === true ? every : knownBugs;
  const wanted = named.map((id) => {
    const found = every.find((mutant) => mutant.name === id || idOf(mutant) === id.toUpperCase());
    if (found === undefined) throw usageError(unknownName('mutant', id, every.flatMap(namesOf)));
    return found;
  });
  return every.filter((mutant) => wanted.includes(mutant));
}

function namesOf({ name, number }: Mutant): readonly string[] {
  return number === undefined ? [name] : [number, name];
}

/**
 * Scripts rely on its fields: they are added, not renamed. `shrunk` and `shrunkFaults` are null where nothing was shrunk; `needs` is there when it
 * was asked for.
 */
export function mutantsDocument({ findings, isInterrupted }: Findings, { idOf }: Pick<Mutants, 'idOf'>): object {
  const mutants = findings.map(({ mutant, result: { discovery, seeds, runs }, shrunk, needs }) => ({
    id: idOf(mutant),
    name: mutant.name,
    about: mutant.about,
    found: discovery !== undefined,
    seeds,
    runs,
    property: discovery?.symptom ?? null,
    scenario: discovery?.scenario ?? null,
    shrunkFaults: shrunk?.faults ?? null,
    shrunk: shrunk ?? null,
    ...(needs === undefined ? {} : { needs }),
  }));
  return { mutants, isInterrupted };
}

/** A bug that was not found is certain, so it comes first. */
export function exitCodeOf({ findings, isInterrupted }: Findings): ExitCode {
  if (findings.some(({ result }) => result.discovery === undefined)) return exitCodes.violated;
  return isInterrupted ? exitCodes.undecided : exitCodes.held;
}
