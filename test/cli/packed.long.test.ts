/**
 * The package as somebody else has it: packed, unpacked into a project outside the repository, and used from there. Its
 * dependencies are those of the checkout, so no registry is asked.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SweepResult } from '../../scenarios/index.js';

const root = resolve(import.meta.dirname, '../..');

const scenarios = `
import { at, crash, lines, mailboxes, ms, scenario, seconds, type Scenario, type Workload } from 'antecedent/scenarios';

const timings = { heartbeatMs: 400, probeMs: 100, deadMs: 1_200, backoffMs: 30, backoffMaxMs: 1_000 };

export const mine: Scenario = scenario('mine', {
  about: 'One process dies.',
  nodes: 3,
  workload: mailboxes({ perSecond: 10, for: seconds(1) }),
  faults: [at(ms(300), crash('any', { for: ms(100) }))],
  timings,
});

const own: Workload = { ...lines({ lines: ['one', 'two'], perSecond: 50 }), name: 'my-lines' };
export const special: Scenario = scenario('special', { about: 'My own workload.', nodes: 2, workload: own, timings });
`;

const tests = `
import { scenario } from 'antecedent/scenarios';
import { scenarioTest } from 'antecedent/vitest';
import { mine, special } from './mine.ts';

scenarioTest('one process dies, and all is well', mine, { seeds: 4 });
scenarioTest('my own workload', special, { seeds: 2 });

const dear = scenario('dear', {
  about: 'Must not cost anything.',
  vary: (streams) => ({ ...mine.body(streams), expect: { messagesPerBroadcast: 0.5 } }),
});
scenarioTest('costs nothing', dear, { seeds: { from: 3, to: 9 } });
`;

let project = '';

interface Outcome {
  readonly exitCode: number | null;
  readonly out: string;
  /** All that was printed. */
  readonly text: string;
}

/** Runs a program of Node in the project. */
function run(args: readonly string[], environment: Readonly<Record<string, string>> = {}): Outcome {
  const { VITEST: _, ...clean } = process.env;
  const env = { ...clean, NO_COLOR: '1', ...environment };
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: project, env, encoding: 'utf8' });
  return { exitCode: status, out: stdout, text: `${stdout}${stderr}` };
}

const antecedent = (...args: readonly string[]): Outcome => run(['node_modules/antecedent/dist/cli/main.js', ...args]);
const vitest = (environment: Readonly<Record<string, string>> = {}): Outcome =>
  run(['node_modules/vitest/vitest.mjs', 'run', '--root', '.'], environment);

beforeAll(() => {
  project = mkdtempSync(join(tmpdir(), 'antecedent-project-'));
  const modules = join(project, 'node_modules');
  mkdirSync(modules);
  const packed = execFileSync('npm', ['pack', '--silent', '--pack-destination', project], {
    cwd: root,
    encoding: 'utf8',
  });
  execFileSync('tar', ['xzf', join(project, packed.trim().split('\n').at(-1) ?? '')], { cwd: project });
  renameSync(join(project, 'package'), join(modules, 'antecedent'));
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  for (const name of [...Object.keys(manifest.dependencies), 'vitest', '@types/node']) {
    mkdirSync(dirname(join(modules, name)), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), join(modules, name));
  }
  writeFileSync(join(project, 'package.json'), '{ "name": "project", "private": true, "type": "module" }\n');
  writeFileSync(join(project, 'mine.ts'), scenarios);
  writeFileSync(join(project, 'mine.test.ts'), tests);
});

afterAll(() => {
  rmSync(project, { recursive: true });
});

test('holds what it needs, and no tests', () => {
  const inside = (path: string): boolean => existsSync(join(project, 'node_modules/antecedent', path));
  expect(
    ['dist/scenarios/seed-worker.js', 'dist/scenarios/vitest.d.ts', 'LICENSE'].filter((path) => !inside(path)),
  ).toEqual([]);
  expect(['dist/test', 'dist/bench', 'test', 'scenarios/index.ts'].filter(inside)).toEqual([]);
});

test('a scenario of the project runs', () => {
  const { exitCode, text } = antecedent('run', './mine.ts#mine', '--seed', '2');
  expect(text).toContain('HELD  mine, seed 2: every property held.');
  expect(exitCode).toBe(0);
});

test('its scenarios are swept on worker threads, a workload of its own included', () => {
  const { exitCode, out } = antecedent('sweep', './mine.ts', '--seeds', '1..4', '--jobs', '2', '--json');
  const result = JSON.parse(out) as SweepResult;
  expect(result).toMatchObject({
    runs: 8,
    passed: 8,
    scenarios: [
      { name: 'mine', runs: 4 },
      { name: 'special', runs: 4 },
    ],
  });
  expect(exitCode).toBe(0);
});

test('its scenarios are tests, and a failing one says how to see it again', () => {
  const { exitCode, text } = vitest();
  expect(exitCode).toBe(1);
  expect(text).toContain('✓ one process dies, and all is well');
  expect(text).toContain('✓ my own workload');
  expect(text).toContain('ScenarioFailure: dear, seed 3: budget violated');
  expect(text).toContain('npx antecedent replay runs/dear-3.json');
  expect(text).toContain("ANTECEDENT_SEED=3 npx vitest run -t 'costs nothing'");
  // The place is that of the test, not of the package.
  expect(text).toMatch(/❯ mine\.test\.ts:\d+:\d+/);
  expect(antecedent('replay', 'runs/dear-3.json')).toMatchObject({ exitCode: 1 });
});

test('the environment chooses the seed', () => {
  expect(vitest({ ANTECEDENT_SEED: '8' }).text).toContain('ScenarioFailure: dear, seed 8: budget violated');
  expect(vitest({ ANTECEDENT_SEEDS: 'some' }).text).toContain('ANTECEDENT_SEEDS is "some"; write how many');
});

test('its types are found', () => {
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2023',
    '--allowImportingTsExtensions',
  ];
  const { exitCode, text } = run([
    compiler,
    ...options,
    '--types',
    'node',
    '--skipLibCheck',
    'mine.ts',
    'mine.test.ts',
  ]);
  expect(text).toBe('');
  expect(exitCode).toBe(0);
});
