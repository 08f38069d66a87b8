/** Unknown names: what was probably meant, and what there is. */
import { usageError, type CommandError } from './command-error.js';

/** `unknown scenario "calmm": did you mean "calm"?` and the list. */
export function unknownName(kind: string, name: string, known: readonly string[]): CommandError {
  const meant = nearestName(name, known);
  const hint = meant === undefined ? '' : `: did you mean ${JSON.stringify(meant)}?`;
  return usageError(`unknown ${kind} ${JSON.stringify(name.slice(0, 100))}${hint}\nThere are: ${known.join(', ')}`);
}

/** The known name with the fewest edits, if that is fewer than half of its letters. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.slice(0, 100).toLowerCase();
  const [best] = known
    .map((candidate) => ({ candidate, edits: editDistance(wanted, candidate.toLowerCase()) }))
    .sort((a, b) => a.edits - b.edits);
  return best !== undefined && best.edits * 2 < best.candidate.length ? best.candidate : undefined;
}

/** Levenshtein's distance, one row of the table at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
