/** The files of the repository as the structure tests see them: what people wrote, nothing that tools made. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SourceFile } from './house-rules.js';

export const root = fileURLToPath(new URL('../..', import.meta.url));

/** Top-level folders that hold what people wrote. Anything else there is output, or no business of ours. */
const folders = [
  '.ci',
  'core',
  'transport-sim',
  'transport-tls',
  'scenarios',
  'mutants',
  'cli',
  'test',
  'bench',
  'docs',
  'examples',
];

const textFile = /\.(ts|js|mjs|cjs|json|md|toml|txt|sh)$|(^|\/)(run|\.editorconfig|\.gitignore|\.prettierignore)$/;

/** Every text file, sorted by path. The lock file is npm's. */
export function readSourceTree(): readonly SourceFile[] {
  const top = readdirSync(root, { withFileTypes: true });
  const paths = top.flatMap((entry) => {
    if (entry.isFile()) return [entry.name];
    if (!folders.includes(entry.name)) return [];
    return readdirSync(join(root, entry.name), { recursive: true, withFileTypes: true })
      .filter((inner) => inner.isFile() && !inner.parentPath.includes('node_modules'))
      .map((inner) => join(inner.parentPath, inner.name).slice(root.length).replaceAll('\\', '/'));
  });
  return paths
    .filter((path) => textFile.test(path) && path !== 'package-lock.json')
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }));
}
