/** What to type to see a run again: scenario and seed are enough, but a plan that was kept survives changes of the scenario. */
import type { System } from '../plan.js';

export interface ReplayTarget {
  readonly scenario: string;
  readonly seed: string | number;
  /** Ours when absent. */
  readonly system?: System;
  /** Where its plan was kept; undefined when it was not. */
  readonly planPath: string | undefined;
}

/** `program`: what to type to start this program. */
export function replayLine(program: string, { scenario, seed, system, planPath }: ReplayTarget): string {
  return planPath === undefined
    ? `${program} run ${quoteForShell(scenario)} --seed ${seed}${systemOption(system)}`
    : `${program} replay ${quoteForShell(planPath)}`;
}

/** What to add to a command that makes a plan, so that it is for this system. */
export function systemOption(system: System = 'antecedent'): string {
  return system === 'antecedent' ? '' : ` --system ${system}`;
}

/** In quotes, where a shell needs them. */
export function quoteForShell(text: string): string {
  return /^[\w./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
