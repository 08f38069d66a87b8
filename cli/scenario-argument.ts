/** What is to be run, as a person names it: a scenario of the catalogue, or the file of a plan. */
import { readFileSync, statSync } from 'node:fs';
import { catalogue, largeScenarios, readPlan, unknownName, type Plan, type Scenario } from '../scenarios/index.js';
import { usageError } from './command-error.js';

/** The scenario of that name; a usage error with the nearest name otherwise. */
export function scenarioNamed(name: string): Scenario {
  const all = [...catalogue, ...largeScenarios];
  const found = all.find((scenario) => scenario.name === name);
  if (found !== undefined) return found;
  const known = all.map((scenario) => scenario.name);
  throw usageError(unknownName('scenario', name, known));
}

/** True for what can only be a file. */
export function isPlanFile(text: string): boolean {
  return text.endsWith('.json') || text.includes('/');
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
