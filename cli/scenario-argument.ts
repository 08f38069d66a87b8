/** What is to be run, as a person names it: a scenario of the catalogue, or the file of a plan. */
import { readFileSync } from 'node:fs';
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

/** Reads the plan of a failing run. */
export function planFromFile(path: string): Plan {
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
