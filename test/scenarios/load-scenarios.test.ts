import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadScenarios, runSeed } from '../../scenarios/index.js';
import { temporaryDirectory } from '../cli/temporary-directory.js';

const typescript = join(import.meta.dirname, '../support/unruly-scenarios.ts');
const sources = join(import.meta.dirname, '../../scenarios/index.js');

function write(name: string, text: string): string {
  const path = join(temporaryDirectory(), name);
  writeFileSync(path, text);
  return path;
}

const plain = `{ name: 'plain', about: 'Made by hand.', body: () => ({}) }`;

test('finds every scenario that a TypeScript file exports, and remembers the file', async () => {
  const found = await loadScenarios(typescript);
  expect(found.map(({ name }) => name).sort()).toEqual(
    ['dear', 'exiting', 'greedy', 'hanging', 'own-workload', 'quick', 'senseless'].sort(),
  );
  for (const { file } of found) expect(file).toBe(typescript);
});

test('a scenario with a workload of its own runs', async () => {
  const found = (await loadScenarios(typescript)).find(({ name }) => name === 'own-workload');
  if (found === undefined) throw new Error('the file has it');
  const outcome = runSeed(found, 1, { verifyShare: 1, planPath: undefined });
  expect(outcome).toMatchObject({ verdict: 'pass', broadcasts: 3, isReproducible: true });
});

test('JavaScript is loaded as it is, arrays are looked into, and what is exported twice counts once', async () => {
  const path = write('mine.mjs', `const it = ${plain}; export const all = [it, 7]; export default it;`);
  expect((await loadScenarios(path)).map(({ name }) => name)).toEqual(['plain']);
});

test('CommonJS is loaded', async () => {
  const path = write('mine.cjs', `exports.it = ${plain};`);
  expect((await loadScenarios(path)).map(({ name }) => name)).toEqual(['plain']);
});

test.each([
  ['empty.mjs', 'export const x = 1;', 'exports no scenario; write: export default scenario('],
  ['broken.ts', 'export const = 1;', 'cannot be loaded: '],
  [
    'lost.mjs',
    "import 'antecedent/scenarios';",
    '(npm install antecedent in the folder of that file, or one above it)',
  ],
  [
    'twice.mjs',
    `export const a = ${plain}; export const b = ${plain};`,
    'exports two scenarios called "plain"; rename one',
  ],
  ['mine.txt', '', 'is no file of scenarios; its name ends in one of .ts, .mts'],
])('%s is refused with what is wrong', async (name, text, message) => {
  const path = write(name, text);
  await expect(loadScenarios(path)).rejects.toMatchObject({ code: 'E_CONFIG' });
  await expect(loadScenarios(path)).rejects.toThrow(message);
  await expect(loadScenarios(path)).rejects.toThrow(path);
});

test('what is not there, or no file, is named', async () => {
  const directory = temporaryDirectory();
  await expect(loadScenarios(join(directory, 'no.ts'))).rejects.toThrow('there is no file');
  mkdirSync(join(directory, 'folder.ts'));
  await expect(loadScenarios(join(directory, 'folder.ts'))).rejects.toThrow('is no file; name one');
});

test('a syntax error is told with its place', async () => {
  const path = write('broken.ts', `import { ms } from '${sources}';\nexport const = ms(1);\n`);
  await expect(loadScenarios(path)).rejects.toThrow(/broken\.ts:2:13: /);
});
