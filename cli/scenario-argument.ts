/** What is to be run, as a person names it: a scenario of the catalogue, a file of scenarios, or the file of a plan. */
import { readFileSync, statSync } from 'node:fs';
import { extname, relative } from 'node:path';
import { Option } from 'commander';
import {
  catalogue,
  largeScenarios,
  loadScenarios,
  programsFor,
  readPlan,
  scenarioFileEndings,
  unknownName,
  type Plan,
  type Program,
  type Scenario,
} from '../scenarios/index.js';
import { usageError } from './command-error.js';

/** The scenario of that name; a usage error with the nearest name otherwise. */
export function scenarioNamed(name: string): Scenario {
  const all = [...catalogue, ...largeScenarios];
  const found = all.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  const known = all.map((scenario) => scenario.name);
  throw usageError(unknownName('scenario', name, known));
}

/** All that the arguments of a command stand for: every scenario of a file, and each one once. */
export async function scenariosFrom(args: readonly string[]): Promise<readonly Scenario[]> {
  const found: Scenario[] = [];
  for (const argument of new Set(args)) {
    found.push(...(isScenarioFile(argument) ? await scenariosOfFile(argument) : [scenarioNamed(argument)]));
  }
  return found;
}

/** What to write on a command line for each of these, as seen from the working directory. */
export function argumentsFor(scenarios: readonly Scenario[]): (name: string) => string {
  const files = new Map(scenarios.map(({ name, file }) => [name, file]));
  return (name) => {
    const file = files.get(name);
    return file === undefined ? name : `${relative('.', file)}#${name}`;
  };
}

/** The one scenario that an argument stands for. A file of several needs to be told which: `mine.ts#third`. */
export async function scenarioFrom(argument: string): Promise<Scenario> {
  if (!isScenarioFile(argument)) return scenarioNamed(argument);
  const scenarios = await scenariosOfFile(argument);
  const [only] = scenarios;
  if (only !== undefined && scenarios.length === 1) return only;
  const { path } = splitName(argument);
  const names = scenarios.map(({ name }) => name).join(', ');
  throw usageError(`${path} has several scenarios (${names}): name one of them, as in ${path}#${only?.name ?? ''}`);
}

async function scenariosOfFile(argument: string): Promise<readonly Scenario[]> {
  const { path, name } = splitName(argument);
  const scenarios = await loadScenarios(path);
  if (name === undefined) return scenarios;
  const found = scenarios.filter((scenario) => scenario.name === name);
  if (found.length > 0) return found;
  const known = scenarios.map((scenario) => scenario.name);
  throw usageError(`${path}: ${unknownName('scenario', name, known)}`);
}

function splitName(argument: string): { readonly path: string; readonly name: string | undefined } {
  const end = argument.lastIndexOf('#');
  return end < 0
    ? { path: argument, name: undefined }
    : { path: argument.slice(0, end), name: argument.slice(end + 1) };
}

/** True for what can only be a file of scenarios. */
export function isScenarioFile(text: string): boolean {
  return scenarioFileEndings.includes(extname(splitName(text).path));
}

/** True for what can only be the file of a plan. */
export function isPlanFile(text: string): boolean {
  return !isScenarioFile(text) && (text.endsWith('.json') || text.includes('/'));
}

/** No plan that can be run is as long. */
const planBytesMax = 256 << 20;

/** Reads the plan of a failing run. */
export function planFromFile(path: string): Plan {
  const { size = 0 } = statSync(path, { throwIfNoEntry: false }) ?? {};
  if (size > planBytesMax) {
    throw usageError(`${path} has ${size} bytes, a plan has at most ${planBytesMax}: name the file of a plan`);
  }
  return readPlan(new TextDecoder().decode(bytesOfFile(path)), path);
}

/** `--scenario-file`, for plans whose workload came with a file of scenarios. */
export function scenarioFileOption(): Option {
  return new Option('--scenario-file <file>', 'for a plan whose workload is your own: the file of its scenario');
}

/** Programs of the user that the plan may need: those of the scenario in that file that the plan was made from. */
export async function programsOf(plan: Plan, scenarioFile: string | undefined): Promise<readonly Program[]> {
  if (scenarioFile === undefined) return [];
  const { path } = splitName(scenarioFile);
  return programsFor(plan, await scenariosOfFile(`${path}#${plan.scenario}`));
}

/** Reads a file that the command line names. */
export function bytesOfFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
    if (code === 'ENOENT') throw usageError(`there is no file ${path}`);
    if (code === 'EISDIR') throw usageError(`${path} is a directory; name a file in it`);
    throw cause;
  }
}
