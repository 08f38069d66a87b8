/**
 * Scenarios out of a user's own file, TypeScript or JavaScript.
 *
 * The file is a module: every scenario that it exports counts, by itself or in an exported array, under whatever name.
 * It is user code like any test file, run with all rights of this process; `.ts` is compiled on the way in, types
 * unchecked. What a scenario was loaded from stays with it, for a worker thread cannot be handed a function and has to
 * load it again.
 */
import { statSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AntecedentError } from '../core/index.js';
import { isScenario, type Scenario } from './scenario.js';

/** What a file of scenarios may end in. */
export const scenarioFileEndings: readonly string[] = ['.ts', '.mts', '.cts', '.js', '.mjs', '.cjs'];

/** Those that Node cannot load by itself, in every version that we run on. */
const typescriptEndings: ReadonlySet<string> = new Set(['.ts', '.mts', '.cts']);

/**
 * The scenarios that the file exports, in the order of their exports. Throws `E_CONFIG` for a file that is not there,
 * cannot be loaded, exports no scenario, or exports two of one name.
 */
export async function loadScenarios(path: string): Promise<readonly Scenario[]> {
  checkFile(path);
  const file = resolve(path);
  let loaded: unknown;
  try {
    loaded = await importFile(file);
  } catch (cause) {
    throw new AntecedentError('E_CONFIG', `${path} cannot be loaded: ${describeCause(cause)}`, { cause });
  }
  const scenarios = scenariosOf(loaded);
  if (scenarios.length === 0) {
    const remedy = "write: export default scenario('my-scenario', { ... }), with scenario from antecedent/scenarios";
    throw new AntecedentError('E_CONFIG', `${path} exports no scenario; ${remedy}`);
  }
  const twice = scenarios.find(({ name }, index) => scenarios.findIndex((other) => other.name === name) < index);
  if (twice !== undefined) {
    throw new AntecedentError('E_CONFIG', `${path} exports two scenarios called "${twice.name}"; rename one`);
  }
  return scenarios.map((scenario) => ({ ...scenario, file }));
}

function checkFile(path: string): void {
  if (!scenarioFileEndings.includes(extname(path))) {
    const endings = scenarioFileEndings.join(', ');
    throw new AntecedentError('E_CONFIG', `${path} is no file of scenarios; its name ends in one of ${endings}`);
  }
  const status = statSync(path, { throwIfNoEntry: false });
  if (status === undefined) throw new AntecedentError('E_CONFIG', `there is no file ${path}`);
  if (!status.isFile()) throw new AntecedentError('E_CONFIG', `${path} is no file; name one`);
}

async function importFile(file: string): Promise<unknown> {
  const url = pathToFileURL(file).href;
  if (!typescriptEndings.has(extname(file))) return await import(url);
  // Loaded here alone: it brings a compiler along.
  const { tsImport } = await import('tsx/esm/api');
  return await tsImport(url, import.meta.url);
}

/** Each scenario once, also when it is exported under two names. */
function scenariosOf(loaded: unknown): readonly Scenario[] {
  if (typeof loaded !== 'object' || loaded === null) return [];
  const exported: readonly unknown[] = Object.values(loaded);
  // A CommonJS module comes as the default export of itself.
  const all = exported.flatMap((value) => [value, ...insideOf(value)]);
  return [...new Set(all.filter((value) => isScenario(value)))];
}

function insideOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  return typeof value === 'object' && value !== null && !isScenario(value) ? Object.values(value) : [];
}

/** What is wrong with the file, in one line: of a compiler the first error and its place. */
function describeCause(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  const missing = /^Cannot find (?:package|module) 'antecedent\b/.test(cause.message);
  const remedy = missing ? ' (npm install antecedent in the folder of that file, or one above it)' : '';
  return `${cause.message.split('\n').slice(0, 2).join(' ').trim()}${remedy}`;
}
