/** The valid word somebody probably meant, for messages about unknown keys and options. */

/** The word of `words` that takes the fewest edits to reach from `word`; undefined without words. */
export function nearestWord(word: string, words: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestCost = Infinity;
  for (const candidate of words) {
    const cost = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (cost < bestCost) {
      best = candidate;
      bestCost = cost;
    }
  }
  return best;
}

/** `unknown key "nme": did you mean "name"?` */
export function unknownWord(kind: string, word: string, words: readonly string[]): string {
  // A long word costs time by its square, and is near nothing anyway.
  const meant = nearestWord(word.slice(0, 100), words);
  const hint = meant === undefined ? 'none is valid here' : `did you mean ${JSON.stringify(meant)}?`;
  return `unknown ${kind} ${JSON.stringify(word.slice(0, 100))}: ${hint}`;
}

/** Levenshtein, "Binary codes capable of correcting deletions, insertions, and reversals", 1966; one row at a time. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const substituted = (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(substituted, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
