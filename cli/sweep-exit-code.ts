/** What the result of a sweep means to the shell; the same for one that was merged. */
import { hasRegressed, type SweepResult } from '../scenarios/index.js';
import { exitCodes, type ExitCode } from './exit-code.js';

/** A violation is certain, so it comes first; then what makes every verdict doubtful, and what keeps us from one. */
export function sweepExitCode({
  failed,
  missedGoals,
  notReproducible,
  undecided,
  isInterrupted,
  regressions,
}: SweepResult): ExitCode {
  // A search that never came to where it was to look has not shown what it promises.
  if (failed > 0 || missedGoals.length > 0 || regressions.some(hasRegressed)) return exitCodes.violated;
  if (notReproducible.length > 0) return exitCodes.notReproducible;
  const isOpen = undecided > 0 || isInterrupted || regressions.some(({ verdict }) => verdict === 'undecided');
  return isOpen ? exitCodes.undecided : exitCodes.held;
}
