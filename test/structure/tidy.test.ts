/** The house is tidy: every rule of `house-rules.ts` holds for every file, and every rule can tell when it does not. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  isFinished,
  isShort,
  namesAreKebabCase,
  namesSayWhatIsInside,
  opensWithHeader,
  relativeLinks,
  staysInside,
  type HouseRule,
  type SourceFile,
} from './house-rules.js';
import { readSourceTree, root } from './source-tree.js';

const tree = readSourceTree();

interface Claim {
  readonly claim: string;
  readonly rule: HouseRule;
  readonly broken: SourceFile;
  readonly kept: SourceFile;
}

const claims: readonly Claim[] = [
  {
    claim: 'file names are kebab-case',
    rule: namesAreKebabCase,
    broken: { path: 'core/holdBack.ts', text: '' },
    kept: { path: 'test/core/hold-back-2.long.test.ts', text: '' },
  },
  {
    claim: 'no file is named after nothing',
    rule: namesSayWhatIsInside,
    broken: { path: 'core/utils.ts', text: '' },
    kept: { path: 'core/frame.ts', text: '' },
  },
  {
    claim: 'every source file opens with a header',
    rule: opensWithHeader,
    broken: { path: 'cli/main.ts', text: "#!/usr/bin/env node\nimport 'x';\n/** Too late. */\n" },
    kept: { path: 'cli/main.ts', text: '#!/usr/bin/env node\n/** The command line. */\n' },
  },
  {
    claim: 'no file is longer than 600 lines',
    rule: isShort,
    broken: { path: 'core/a.ts', text: 'x;\n'.repeat(601) },
    kept: { path: 'core/a.ts', text: 'x;\n'.repeat(600) },
  },
  {
    claim: 'nothing is marked as unfinished',
    rule: isFinished,
    broken: { path: 'core/a.ts', text: 'x;\n// TO' + 'DO: more\n' },
    kept: { path: 'core/a.ts', text: '// The method of todoist; a hackney coach.\n' },
  },
  {
    claim: 'nothing names a folder of one machine',
    rule: staysInside,
    broken: { path: 'docs/a.md', text: 'See /ho' + 'me/ann/notes.' },
    kept: { path: 'docs/a.md', text: 'See https://example.org/a/home/ann.' },
  },
  {
    claim: 'nothing refers to a file outside the repository',
    rule: staysInside,
    broken: { path: 'core/clock/a.ts', text: "import { x } from '../.." + "/../b.js';" },
    kept: { path: 'core/clock/a.ts', text: "import { x } from '../../core/b.js';" },
  },
];

describe('the tree', () => {
  test('is found', () => {
    expect(tree.map((file) => file.path)).toEqual(expect.arrayContaining(['package.json', 'core/names.ts', '.ci/run']));
  });

  test.each(claims)('$claim', ({ rule }) => {
    expect(tree.flatMap(rule)).toEqual([]);
  });

  test('every relative link in a document leads to a file', () => {
    const dead = tree.flatMap((file) =>
      relativeLinks(file)
        .filter(({ target }) => !existsSync(join(root, target)))
        .map(({ line, target }) => `${file.path}:${line}: ${target}`),
    );
    expect(dead).toEqual([]);
  });

  test('every decision is in the index', () => {
    const records = tree.map(({ path }) => path).filter((path) => /^docs\/decisions\/\d{4}-/.test(path));
    const index = tree.filter(({ path }) => path === 'docs/decisions/README.md').flatMap(relativeLinks);
    expect(index.map(({ target }) => target)).toEqual(records);
  });
});

describe('the rules can tell', () => {
  test.each(claims)('$claim', ({ rule, broken, kept }) => {
    expect(rule(broken)).toEqual([expect.stringContaining(broken.path)]);
    expect(rule(kept)).toEqual([]);
  });

  test('links are resolved from the document that holds them; anchors and addresses are left alone', () => {
    const text = 'Text [a](../LICENSE)\n[b](decisions/README.md#index) [c](#here) [d](https://example.org/x)\n';
    expect(relativeLinks({ path: 'docs/a.md', text })).toEqual([
      { line: 1, target: 'LICENSE' },
      { line: 2, target: 'docs/decisions/README.md' },
    ]);
  });
});
