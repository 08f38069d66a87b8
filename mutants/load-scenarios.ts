/**
 * The scenarios package with a bug in it: built from the sources of a checkout, with a mutant's lines replaced on the way.
 *
 * Nothing is written but a bundle that is removed again once it is loaded. What was loaded stays in memory until the process
 * ends, some megabytes for each mutant.
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build, type Plugin } from 'esbuild';
import type * as scenarios from '../scenarios/index.js';
import { idOf, type Mutant, type MutantEdit } from './mutant.js';

export type Scenarios = typeof scenarios;

/** Bundles of this process have names of their own: Node loads a path only once. */
let bundles = 0;

/**
 * The scenarios package, built from the sources in `root` with the mutant in them; without a mutant, as they are. Throws for a
 * mutant that does not fit the sources.
 */
export async function loadScenarios(root: string, mutant?: Mutant): Promise<Scenarios> {
  const directory = join(root, 'node_modules', '.cache', 'antecedent-mutants');
  bundles += 1;
  const outfile = join(directory, `${mutant === undefined ? 'none' : idOf(mutant)}-${process.pid}-${bundles}.mjs`);
  mkdirSync(directory, { recursive: true });
  try {
    await build({
      entryPoints: [join(root, 'scenarios', 'index.ts')],
      outfile,
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'esm',
      target: 'node20',
      logLevel: 'silent',
      plugins: mutant === undefined ? [] : [planting(root, mutant)],
    });
    return (await import(pathToFileURL(outfile).href)) as Scenarios;
  } finally {
    rmSync(outfile, { force: true });
  }
}

function planting(root: string, mutant: Mutant): Plugin {
  const files = new Map<string, MutantEdit[]>();
  for (const edit of mutant.edits) {
    const path = join(root, edit.file);
    files.set(path, [...(files.get(path) ?? []), edit]);
  }
  return {
    name: mutant.name,
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
