/**
 * Mutants: bugs put into the real code, one at a time, to see whether the simulator finds them.
 *
 * A mutant is a few replaced lines of a source file. The replacement happens while the sources are bundled for the test,
 * so the code that ships knows nothing of it and pays nothing for it. Every replaced text must occur exactly once;
 * otherwise the mutant no longer fits the code, and loading it fails.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type * as scenarios from '../../scenarios/index.js';
import type { Property } from '../../scenarios/index.js';

export interface MutantEdit {
  /** Path from the root of the repository. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface Mutant {
  readonly id: string;
  readonly about: string;
  readonly edits: readonly MutantEdit[];
  /** The properties that this bug breaks: one of them must be named. */
  readonly breaks: readonly Property[];
  /** Scenario to look in, where a sweep of all of them would take long. */
  readonly scenario?: string;
  /**
   * Seed to begin with, where the bug shows in few of them. All others are tried after it: once the code has changed, a number
   * that is out of date costs time and nothing else.
   */
  readonly seed?: number;
}

export type Scenarios = typeof scenarios;

const root = resolve(import.meta.dirname, '../..');

/** The scenarios package, built from sources with the mutant in them; without a mutant, as they are. */
export async function loadScenarios(mutant?: Mutant): Promise<Scenarios> {
  const outdir = join(root, 'node_modules/.cache/antecedent-mutants');
  const outfile = join(outdir, `${mutant?.id ?? 'none'}-${process.pid}.mjs`);
  mkdirSync(outdir, { recursive: true });
  await build({
    entryPoints: [join(root, 'scenarios/index.ts')],
    outfile,
    bundle: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    plugins: mutant === undefined ? [] : [editing(mutant)],
  });
  const loaded = (await import(pathToFileURL(outfile).href)) as Scenarios;
  rmSync(outfile);
  return loaded;
}

function editing(mutant: Mutant): Plugin {
  const files = new Map<string, MutantEdit[]>();
  for (const edit of mutant.edits) {
    const path = join(root, edit.file);
    files.set(path, [...(files.get(path) ?? []), edit]);
  }
  return {
    name: mutant.id,
    setup(plugin): void {
      plugin.onLoad({ filter: /\.ts$/ }, ({ path }) => {
        const edits = files.get(path);
        return edits === undefined
          ? undefined
          : { loader: 'ts', contents: edits.reduce(applyEdit, readFileSync(path, 'utf8')) };
      });
    },
  };
}

function applyEdit(source: string, { file, from, to }: MutantEdit): string {
  const parts = source.split(from);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} places like this, not one:\n${from}`);
  return parts.join(to);
}
