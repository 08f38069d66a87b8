/**
 * The fences around the folders hold: for each, a small file that climbs it, and the tool that refuses the file.
 *
 * The compiler and the linter get the files from memory, under names of the folder they pretend to be in;
 * dependency-cruiser gets a small tree of its own in a temporary folder.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { cruise, type ICruiseResult, type IFlattenedRuleSet } from 'dependency-cruiser';
import { ESLint } from 'eslint';
import ts from 'typescript';
import tseslint from 'typescript-eslint';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from './source-tree.js';

/** What the pure folders must not do, and who notices. */
const impurities: readonly {
  readonly code: string;
  readonly compiler: boolean;
  readonly linter: string | undefined;
}[] = [
  { code: 'export const x: number = Date.now();', compiler: false, linter: 'no-restricted-globals' },
  { code: 'export const x: Date = new Date();', compiler: false, linter: 'no-restricted-globals' },
  { code: 'export const x: number = Math.random();', compiler: false, linter: 'no-restricted-properties' },
  { code: 'export const x: number = Math.log(2);', compiler: false, linter: 'no-restricted-properties' },
  { code: 'export const x: number = performance.now();', compiler: true, linter: 'no-restricted-globals' },
  { code: 'setTimeout(() => {}, 1);', compiler: true, linter: 'no-restricted-globals' },
  { code: 'setInterval(() => {}, 1);', compiler: true, linter: 'no-restricted-globals' },
  { code: 'setImmediate(() => {});', compiler: true, linter: 'no-restricted-globals' },
  { code: 'queueMicrotask(() => {});', compiler: true, linter: 'no-restricted-globals' },
  { code: 'void Promise.resolve();', compiler: false, linter: 'no-restricted-globals' },
  { code: 'export async function f(): Promise<void> {}', compiler: false, linter: 'no-restricted-syntax' },
  { code: 'process.exit(1);', compiler: true, linter: 'no-restricted-globals' },
  { code: 'export const x: Uint8Array = Buffer.alloc(1);', compiler: true, linter: 'no-restricted-globals' },
  { code: "console.log('x');", compiler: true, linter: 'no-restricted-globals' },
  { code: 'crypto.getRandomValues(new Uint8Array(1));', compiler: true, linter: 'no-restricted-globals' },
  { code: 'globalThis.Date.now();', compiler: false, linter: 'no-restricted-globals' },
  { code: "['b', 'a'].sort((a, b) => a.localeCompare(b));", compiler: false, linter: 'no-restricted-syntax' },
  { code: 'for (const key in { a: 1 }) void key;', compiler: false, linter: 'no-restricted-syntax' },
  {
    code: "import { readFileSync } from 'node:fs';\nreadFileSync('x');",
    compiler: true,
    linter: 'no-restricted-imports',
  },
  { code: "import { pino } from 'pino';\npino();", compiler: false, linter: 'no-restricted-imports' },
];

const harmless =
  "export const sorted: readonly string[] = ['b', 'a'].sort();\nexport const half: number = Math.floor(1 / 2);\n";

/** Rules whose violation needs types, or that some other folder must obey: here it is enough that they are on. */
const rulesEverywhere = [
  'eqeqeq',
  '@typescript-eslint/consistent-type-imports',
  '@typescript-eslint/no-explicit-any',
  '@typescript-eslint/no-floating-promises',
  '@typescript-eslint/no-misused-promises',
  '@typescript-eslint/no-non-null-assertion',
  '@typescript-eslint/switch-exhaustiveness-check',
];

describe.each(['core', 'transport-sim'])('in %s', (folder) => {
  /** Codes of the compiler's complaints about each text, all compiled as files of the folder. */
  function compile(texts: readonly string[]): readonly (readonly string[])[] {
    const project = join(root, folder, 'tsconfig.json');
    const host = { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => undefined };
    const config = ts.getParsedCommandLineOfConfigFile(project, { composite: false, incremental: false }, host);
    const files = new Map(texts.map((text, index) => [join(root, folder, `fence-${index}.ts`), text]));
    const options: ts.CompilerOptions = { ...config?.options, noEmit: true };
    const fromDisk = ts.createCompilerHost(options);
    const program = ts.createProgram([...files.keys()], options, {
      ...fromDisk,
      fileExists: (path) => files.has(path) || fromDisk.fileExists(path),
      readFile: (path) => files.get(path) ?? fromDisk.readFile(path),
      getSourceFile: (path, language, ...rest) => {
        const text = files.get(path);
        return text === undefined
          ? fromDisk.getSourceFile(path, language, ...rest)
          : ts.createSourceFile(path, text, language);
      },
    });
    return [...files.keys()].map((path) => {
      const source = program.getSourceFile(path);
      const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
      return found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
    });
  }

  const eslint = new ESLint({ cwd: root, overrideConfig: [tseslint.configs.disableTypeChecked] });

  async function lint(text: string): Promise<readonly (string | null)[]> {
    const results = await eslint.lintText(text, { filePath: join(folder, 'fence.ts') });
    return results.flatMap(({ messages }) => messages.map(({ ruleId }) => ruleId));
  }

  test('time, chance and the machine are refused by the linter', async () => {
    for (const { code, linter } of impurities) expect(await lint(code), code).toContain(linter);
    expect(await lint(harmless)).toEqual([]);
  });

  test('what the machine offers does not even compile', () => {
    const refused = impurities.filter(({ compiler }) => compiler);
    const [harmlessComplaints, ...complaints] = compile([harmless, ...refused.map(({ code }) => code)]);
    expect(harmlessComplaints).toEqual([]);
    for (const [index, found] of complaints.entries()) {
      expect(found, refused[index]?.code).toEqual([expect.stringMatching(/^Cannot find (name|module)/)]);
    }
  });
});

test.each([
  ['element.innerHTML = text;', 'no-restricted-properties'],
  ["element.insertAdjacentHTML('beforeend', text);", 'no-restricted-properties'],
  ['document.write(text);', 'no-restricted-properties'],
  ["fetch('x');", 'no-restricted-globals'],
  ['eval(text);', 'no-eval'],
])('in the page of a report the linter refuses %s', async (code, rule) => {
  const [result] = await new ESLint({ cwd: root }).lintText(code, { filePath: 'scenarios/report/browser/fence.js' });
  expect(result?.messages.map(({ ruleId }) => ruleId)).toContain(rule);
});

test.each(['core', 'transport-sim', 'transport-tls', 'scenarios', 'mutants', 'cli', 'test'])(
  'in %s the rules that need types are on',
  async (folder) => {
    const eslint = new ESLint({ cwd: root });
    const config = (await eslint.calculateConfigForFile(join(folder, 'fence.ts'))) as {
      readonly rules: Readonly<Record<string, readonly [severity: number]>>;
    };
    expect(rulesEverywhere.filter((rule) => config.rules[rule]?.[0] !== 2)).toEqual([]);
  },
);

describe('imports', () => {
  /** A small house with the doors of the real one. */
  const house = {
    'core/index.ts': "export { a } from './clock/a.js';",
    'core/clock/a.ts': 'export const a = 1;',
    'core/two.ts': "import './one.js';",
    'transport-sim/index.ts': "export { a } from '../core/index.js';\nimport 'seedrandom';",
    'transport-tls/index.ts': "export { a } from '../core/index.js';\nimport 'node:timers/promises';\nimport 'pino';",
    'scenarios/index.ts':
      "export { a } from '../transport-sim/index.js';\nexport * as tls from '../transport-tls/index.js';",
    'mutants/index.ts': "import '../scenarios/index.js';\nimport 'node:fs';\nimport 'esbuild';",
    'cli/main.ts':
      "import '../scenarios/index.js';\nimport '../transport-tls/index.js';\nimport '../mutants/index.js';\nimport 'commander';",
    'test/a.test.ts': "import '../core/clock/a.js';\nimport 'vitest';\nimport 'seedrandom';",
  };

  /** Files that climb a fence, with the rule that must refuse each. */
  const climbers: readonly (readonly [rule: string, path: string, code: string])[] = [
    ['core-imports-core-only', 'core/fs.ts', "import 'node:fs';"],
    ['core-imports-core-only', 'core/npm.ts', "import 'zod';"],
    ['core-imports-core-only', 'core/out.ts', "import '../transport-sim/index.js';"],
    ['core-imports-core-only', 'core/late.ts', "export const late = () => import('node:fs');"],
    [
      'core-imports-core-only',
      'core/type.ts',
      "import type { PathLike } from 'node:fs';\nexport type Path = PathLike;",
    ],
    ['no-index-from-inside', 'core/clock/b.ts', "import '../index.js';"],
    ['no-cycles', 'core/one.ts', "import './two.js';"],
    ['transport-sim-imports-core-and-seedrandom', 'transport-sim/tls.ts', "import '../transport-tls/index.js';"],
    ['transport-sim-imports-core-and-seedrandom', 'transport-sim/fs.ts', "import 'node:fs';"],
    ['transport-sim-imports-core-and-seedrandom', 'transport-sim/npm.ts', "import 'pino';"],
    ['only-through-index', 'transport-sim/deep.ts', "import '../core/clock/a.js';"],
    ['transport-tls-imports-core', 'transport-tls/sim.ts', "import '../transport-sim/index.js';"],
    [
      'only-through-index',
      'transport-tls/deep.ts',
      "import type { a } from '../core/clock/a.js';\nexport type A = typeof a;",
    ],
    ['scenarios-import-core-and-transports', 'scenarios/cli.ts', "import '../cli/main.js';"],
    ['scenarios-import-core-and-transports', 'scenarios/test.ts', "import '../test/a.test.js';"],
    ['scenarios-import-core-and-transports', 'scenarios/mutants.ts', "import '../mutants/index.js';"],
    ['mutants-import-scenarios', 'mutants/core.ts', "import '../core/index.js';"],
    ['esbuild-only-in-mutants', 'scenarios/bundle.ts', "import 'esbuild';"],
    ['cli-imports-scenarios-and-transport-tls', 'cli/core.ts', "import '../core/index.js';"],
    ['pino-only-in-transport-tls', 'cli/log.ts', "import 'pino';"],
    ['commander-only-in-cli', 'scenarios/arguments.ts', "import 'commander';"],
    ['only-listed-packages', 'scenarios/unlisted.ts', "import 'typescript';"],
    ['only-declared-packages', 'cli/unknown.ts', "import 'no-such-package';"],
    ['only-declared-packages', 'cli/gone.ts', "import './gone-away.js';"],
  ];

  let folder = '';
  let refusals: readonly (readonly [rule: string, path: string])[] = [];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'antecedent-fences-'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    symlinkSync(join(root, 'package.json'), join(folder, 'package.json'));
    for (const [path, code] of [...Object.entries(house), ...climbers.map(([, path, code]) => [path, code] as const)]) {
      mkdirSync(join(folder, dirname(path)), { recursive: true });
      writeFileSync(join(folder, path), code);
    }
    const { options, ...ruleSet } = createRequire(import.meta.url)(
      '../../.dependency-cruiser.cjs',
    ) as IFlattenedRuleSet & {
      readonly options: object;
    };
    const folders = [...new Set(Object.keys(house).map((path) => path.split('/')[0] ?? ''))];
    const { output } = await cruise(folders, { ...options, baseDir: folder, ruleSet, validate: true });
    refusals = (output as ICruiseResult).summary.violations.map(({ rule, from }) => [rule.name, from] as const);
  });

  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  test.each(climbers)('%s refuses %s', (rule, path) => {
    expect(refusals).toContainEqual([rule, path]);
  });

  test('the doors are open', () => {
    const own = Object.keys(house);
    expect(refusals.filter(([, path]) => own.includes(path))).toEqual([]);
  });
});
