/**
 * Judges a history that was recorded, wherever it comes from, with the oracles that judge simulated runs.
 *
 * What only the simulator sees is not judged: memory, idleness, cost. Without its end a history can show what is wrong, but
 * not that everything was right: nobody knows whether the rest was going to come.
 */
import { AntecedentError } from '../core/index.js';
import type { HistoryFile } from './history-file.js';
import { Judge } from './oracles/judge.js';
import type { Property, Violation } from './oracles/violation.js';
import type { Verdict } from './run.js';

export interface HistoryVerdict {
  readonly verdict: Verdict;
  readonly violation: Violation | undefined;
  /** What it was judged by. */
  readonly properties: readonly Property[];
  readonly broadcasts: number;
  readonly deliveries: number;
}

/** Throws `E_HISTORY` for one that contradicts itself, with the line that does. */
export function checkHistory(history: HistoryFile): HistoryVerdict {
  const judge = new Judge(history.judged);
  let violation: Violation | undefined;
  for (const [index, event] of history.events.entries()) {
    violation = inLine(history, index, () => judge.observe(event));
    if (violation !== undefined) break;
  }
  const { end } = history;
  if (violation === undefined && end !== undefined) {
    violation = inLine(history, history.events.length, () => judge.finish(end));
  }
  return {
    verdict: violation !== undefined ? violation.kind : end === undefined ? 'undecided' : 'pass',
    violation,
    properties: judge.properties,
    broadcasts: judge.broadcasts,
    deliveries: judge.deliveries,
  };
}

/** Behind the last event comes the end. */
function inLine<Result>({ source, lineNumbers }: HistoryFile, index: number, act: () => Result): Result {
  try {
    return act();
  } catch (cause) {
    if (!(cause instanceof AntecedentError)) throw cause;
    const lineNumber = lineNumbers[index];
    const place = lineNumber === undefined ? 'its end' : `line ${lineNumber}`;
    throw new AntecedentError('E_HISTORY', `${source} contradicts itself in ${place}: ${cause.message}`, { cause });
  }
}
