/**
 * The house rules that neither the compiler nor the linter knows: each looks at one file and returns what is wrong with
 * it, in words. Pure, so that the tests can show every rule a file that breaks it.
 */
import { posix } from 'node:path';

/** A file of the repository; `path` is relative to its root, with slashes. */
export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export type HouseRule = (file: SourceFile) => readonly string[];

const sourceFolders = ['core', 'transport-sim', 'transport-tls', 'scenarios', 'mutants', 'cli'];
const linesMax = 600;

// Put together here, so that this file obeys its own rule.
const unfinishedWords = ['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'];
const unfinished = new RegExp(`\\b(${unfinishedWords.join('|')})\\b`);

function isCode(path: string): boolean {
  return /\.(ts|js|mjs|cjs)$/.test(path);
}

function folderOf(path: string): string {
  return path.split('/')[0] ?? '';
}

/** 1 for the first line. */
function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}

/** File names are words with hyphens, so that they are the same on every file system. Tools name their own files. */
export const namesAreKebabCase: HouseRule = ({ path }) => {
  const name = posix.basename(path);
  if (!/\.ts$/.test(name) || /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z]+)*\.ts$/.test(name)) return [];
  return [`${path}: file names are kebab-case`];
};

/** A file named after nothing attracts everything. */
export const namesSayWhatIsInside: HouseRule = ({ path }) =>
  /(^|\/)(utils?|helpers?|misc|common|shared|tools?)\.ts$/.test(path)
    ? [`${path}: name the file after the concept it holds`]
    : [];

/** A source file opens with what it is, its invariants, and why not the obvious way. */
export const opensWithHeader: HouseRule = ({ path, text }) => {
  if (!sourceFolders.includes(folderOf(path)) || !path.endsWith('.ts')) return [];
  return /^(#!.*\n)?\/\*\*/.test(text) ? [] : [`${path}: opens without a header comment that says what the file is`];
};

/** One concept a file. */
export const isShort: HouseRule = ({ path, text }) => {
  const lines = text.split('\n').length - 1;
  return isCode(path) && lines > linesMax ? [`${path}: ${lines} lines exceed ${linesMax}`] : [];
};

/** What is not finished is not committed. */
export const isFinished: HouseRule = ({ path, text }) =>
  text.split('\n').flatMap((line, index) => {
    const word = unfinished.exec(line)?.[0];
    return word === undefined ? [] : [`${path}:${index + 1}: ${word}`];
  });

/** The project speaks of itself alone: no path of somebody's machine, no relative path that leaves the repository. */
export const staysInside: HouseRule = ({ path, text }) => {
  const machinePaths = [...text.matchAll(/(?<![\w.~-])\/(home|Users|root)\/\w+/g)].map((match) => match[0]);
  const relativePaths = [
    ...text.matchAll(/(?:from |import |import\(|\]\(|"extends": |"path": )['"]?(\.\.?\/[^'")\s]*)/g),
  ]
    .map((match) => match[1] ?? '')
    .filter((target) => posix.join(posix.dirname(path), target).startsWith('..'));
  return [...machinePaths, ...relativePaths].map((target) => `${path}: ${target} lies outside the repository`);
};

/** Relative links of a document, as paths from the root of the repository, with the line they stand on. */
export function relativeLinks({
  path,
  text,
}: SourceFile): readonly { readonly line: number; readonly target: string }[] {
  if (!path.endsWith('.md')) return [];
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)]
    .map((match) => ({ line: lineAt(text, match.index), link: (match[1] ?? '').replace(/#.*$/, '') }))
    .filter(({ link }) => link !== '' && !/^[a-z]+:/.test(link))
    .map(({ line, link }) => ({ line, target: posix.join(posix.dirname(path), link) }));
}
