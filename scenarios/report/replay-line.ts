/** What to type to see a run again: scenario and seed are enough, but a plan that was kept survives changes of the scenario. */
import { relative } from 'node:path';
import type { System } from '../plan.js';
import { isBuiltIn } from '../workloads/index.js';

export interface ReplayTarget {
  readonly scenario: string;
  readonly seed: string | number;
  /** Ours when absent. */
  readonly system?: System;
  /** Where its plan was kept; undefined when it was not. */
  readonly planPath: string | undefined;
  /** What its nodes run; a program of this package when absent. */
  readonly workload?: string;
  /** Where its scenario comes from; absent for one of the catalogue, and where nobody knows. */
  readonly scenarioFile?: string | undefined;
}

/** `program`: what to type to start this program. */
export function replayLine(program: string, target: ReplayTarget): string {
  const { scenario, seed, system, planPath, scenarioFile } = target;
  if (planPath !== undefined) return `${program} replay ${quoteForShell(planPath)}${scenarioFileFlag(target)}`;
  const name = scenarioFile === undefined ? scenario : `${fromHere(scenarioFile)}#${scenario}`;
  return `${program} run ${quoteForShell(name)} --seed ${seed}${systemOption(system)}`;
}

/** What to add to a command that reads a plan, so that it finds a program of the user's own. */
export function scenarioFileFlag({ workload, scenarioFile }: Pick<ReplayTarget, 'workload' | 'scenarioFile'>): string {
  if (workload === undefined || isBuiltIn(workload)) return '';
  return ` --scenario-file ${scenarioFile === undefined ? 'FILE' : quoteForShell(fromHere(scenarioFile))}`;
}

/** As seen from the working directory, where what is printed will be typed. */
function fromHere(path: string): string {
  return relative('.', path);
}

/** What to add to a command that makes a plan, so that it is for this system. */
export function systemOption(system: System = 'antecedent'): string {
  return system === 'antecedent' ? '' : ` --system ${system}`;
}

/** In quotes, where a shell needs them. */
export function quoteForShell(text: string): string {
  return /^[\w./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
