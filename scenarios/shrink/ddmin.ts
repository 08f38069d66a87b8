/**
 * Delta debugging: takes out of a list whatever is not needed for something to fail.
 *
 * After Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing Input" (IEEE Transactions on Software Engineering
 * 28(2), 2002), algorithm ddmin: cut in halves, then in ever smaller pieces, until no single item can go. Two things differ.
 * Nothing at all is tried first, for here a whole list may be needless. And only complements are tried, each piece once a
 * round, from the last to the first: with halves these are the subsets too, and later ones are cheaper than starting anew.
 *
 * It is a coroutine: it yields a candidate and is told what came of it. When and whether a candidate is run, and what is done
 * meanwhile, is up to the caller, who may also stop asking at any time.
 */

/** Yields candidates of type `C`; is told the outcome of each, undefined for one that does not fail; returns a `T`. */
export type Search<C, O, T> = Generator<C, T, O | undefined>;

/**
 * A part of `items` from which no single one can be taken, in the same order. `build` makes a candidate of a part, or undefined
 * where none can be made of it, which counts as one that does not fail.
 */
export function* ddmin<T, C, O>(
  items: readonly T[],
  build: (part: readonly T[]) => C | undefined,
): Search<C, O, readonly T[]> {
  if (items.length === 0 || (yield* fails<C, O>(build([])))) return [];
  let rest = items;
  for (let size = Math.ceil(items.length / 2); ; size = Math.ceil(size / 2)) {
    const before = rest.length;
    // From the end, so that what is taken out does not move what is still to be tried.
    for (let end = rest.length; end > 0; end -= size) {
      const part = [...rest.slice(0, Math.max(0, end - size)), ...rest.slice(end)];
      // The empty part has been tried.
      if (part.length > 0 && (yield* fails<C, O>(build(part)))) rest = part;
    }
    if (rest.length === 1) return rest;
    if (size > 1) continue;
    // What could not go before may be able to now that others have gone.
    if (rest.length === before) return rest;
  }
}

function* fails<C, O>(candidate: C | undefined): Search<C, O, boolean> {
  return candidate !== undefined && (yield candidate) !== undefined;
}
