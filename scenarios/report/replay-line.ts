/** What to type to see a run again: scenario and seed are enough, but a plan that was kept survives changes of the scenario. */

export interface ReplayTarget {
  readonly scenario: string;
  readonly seed: string | number;
  /** Where its plan was kept; undefined when it was not. */
  readonly planPath: string | undefined;
}

/** `program`: what to type to start this program. */
export function replayLine(program: string, { scenario, seed, planPath }: ReplayTarget): string {
  return planPath === undefined
    ? `${program} run ${quoteForShell(scenario)} --seed ${seed}`
    : `${program} replay ${quoteForShell(planPath)}`;
}

/** In quotes, where a shell needs them. */
export function quoteForShell(text: string): string {
  return /^[\w./@+-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
