/** The programs that a plan may name without bringing its own. */
import { AntecedentError } from '../../core/index.js';
import { linesProgram } from './lines.js';
import { mailboxesProgram } from './mailboxes.js';
import type { Program } from './workload.js';

export const builtInPrograms: readonly Program[] = [linesProgram, mailboxesProgram];

/** True for the name of a program that comes with this package. */
export function isBuiltIn(name: string): boolean {
  return builtInPrograms.some((program) => program.name === name);
}

/** The program called `name`, among `own` first. Throws `E_PLAN`. */
export function findProgram(name: string, own: readonly Program[]): Program {
  const known = [...own, ...builtInPrograms];
  const found = known.find((program) => program.name === name);
  if (found !== undefined) return found;
  const names = [...new Set(known.map((program) => program.name))].join(', ');
  throw new AntecedentError(
    'E_PLAN',
    `workload: ${JSON.stringify(name)} is unknown; use one of ${names}, or name the file of the plan's scenario with --scenario-file`,
  );
}
