/**
 * The valid name somebody probably meant, for messages about unknown keys, options and scenarios.
 *
 * A message names what can be written instead: the nearest valid name if one is near, all of them otherwise. A far-fetched
 * guess would only mislead.
 */

/** Longer names cost time by their square, and are near nothing anyway. */
const nameLengthMax = 100;

/** `unknown key "nme": did you mean "name"?`, or the list of all that there is. */
export function unknownName(kind: string, name: string, known: readonly string[]): string {
  const what = `unknown ${kind} ${JSON.stringify(name.slice(0, nameLengthMax))}`;
  const meant = nearestName(name, known);
  if (meant !== undefined) return `${what}: did you mean ${JSON.stringify(meant)}?`;
  return known.length === 0 ? `${what}: none is valid here` : `${what}. There are: ${known.join(', ')}`;
}

/** The known name with the fewest edits, whatever the case of letters, if that is fewer than half of its length. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const wanted = name.slice(0, nameLengthMax).toLowerCase();
  let best: string | undefined;
  let bestEdits = Infinity;
  for (const candidate of known) {
    const edits = editDistance(wanted, candidate.toLowerCase());
    if (edits >= bestEdits || edits * 2 >= candidate.length) continue;
    best = candidate;
    bestEdits = edits;
  }
  return best;
}

/** Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966; one row at a time. */
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
