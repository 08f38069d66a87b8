/**
 * `npm run check`: everything that can be said about the source without running it.
 *
 * The steps know nothing of each other, so as many run at once as there are cores, the longest first. The linter takes
 * longer than all others together, so it runs twice, over the tests and over everything else. A step that holds is one
 * line; a step that fails prints what it found. Exit 1 when any failed.
 */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { styleText } from 'node:util';

const folders = ['core', 'transport-sim', 'transport-tls', 'scenarios', 'mutants', 'cli', 'test', 'bench', 'examples'];

/** What test/tsconfig.json compiles: the linter needs the types of all of it, wherever it begins. */
const tests = ['test', 'examples', 'vitest.config.ts'];

const steps = [
  { name: 'lint tests', command: 'eslint', args: tests },
  { name: 'lint', command: 'eslint', args: ['.', ...tests.flatMap((path) => ['--ignore-pattern', path])] },
  { name: 'types', command: 'tsc', args: ['-b'] },
  { name: 'format', command: 'prettier', args: ['--check', '--log-level', 'warn', '.'] },
  { name: 'unused', command: 'knip', args: [] },
  { name: 'imports', command: 'depcruise', args: [...folders, '--config', '.dependency-cruiser.cjs'] },
];

/** Runs one step to its end. `npm run` has put node_modules/.bin on the PATH. */
function run({ command, args }) {
  const color = process.stdout.isTTY && process.env.NO_COLOR === undefined ? { FORCE_COLOR: '1' } : {};
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...color } });
    const output = [];
    child.stdout.on('data', (bytes) => output.push(bytes));
    child.stderr.on('data', (bytes) => output.push(bytes));
    child.on('error', (cause) => reject(new Error(`cannot start ${command}: run it as npm run check`, { cause })));
    child.on('close', (code) => resolve({ holds: code === 0, output: Buffer.concat(output).toString() }));
  });
}

async function runNext() {
  for (let step = steps.shift(); step !== undefined; step = steps.shift()) {
    const startMs = performance.now();
    const { holds, output } = await run(step);
    const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
    console.log(
      `${holds ? styleText('green', 'ok    ') : styleText('red', 'FAILED')} ${step.name.padEnd(10)} ${seconds} s`,
    );
    if (!holds) {
      console.log(`${output.trimEnd()}\n`);
      process.exitCode = 1;
    }
  }
}

await Promise.all(Array.from({ length: availableParallelism() }, runNext));
