/**
 * Programs of this repository as plain JavaScript, for tests that start many processes: Node alone starts them in a
 * quarter of the time that it takes with a compiler in between.
 */
import { copyFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { build } from 'esbuild';
import { makeTestDirectory } from './certificates.js';

const root = resolve(import.meta.dirname, '../..');

/** The one package that is not JavaScript alone; where it lies decides what it loads. */
const nativePackage = 'fs-native-extensions';

/** What CommonJS packages expect to find. */
const banner =
  "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);";

/** `antecedent node`, without the commands around it. */
export function bundleNode(): Promise<string> {
  const run = "await nodeCommand().parseAsync(process.argv.slice(3), { from: 'user' });";
  return bundle(`import { nodeCommand } from './cli/node.js';\n${run}\n`);
}

/** A script; `path` is relative to the root of the repository. */
export function bundleScript(path: string): Promise<string> {
  return bundle(`import './${path}';\n`);
}

/** Builds `source` as a file in the root; returns the path of the result, which `removeTestDirectories` takes away. */
async function bundle(source: string): Promise<string> {
  const outdir = makeTestDirectory('program');
  await build({
    stdin: { contents: source, resolveDir: root, sourcefile: 'program.ts', loader: 'ts' },
    outdir,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    // What is loaded on demand stays so.
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    logLevel: 'silent',
    banner: { js: banner },
    plugins: [
      {
        name: 'native-package',
        setup(plugin): void {
          const path = join(root, 'node_modules', nativePackage, 'index.js');
          plugin.onResolve({ filter: new RegExp(`^${nativePackage}$`) }, () => ({ path, external: true }));
        },
      },
    ],
  });
  // The program asks its own package what version it is.
  copyFileSync(join(root, 'package.json'), join(outdir, 'package.json'));
  return join(outdir, 'stdin.mjs');
}
