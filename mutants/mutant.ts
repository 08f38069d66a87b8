/**
 * Mutants: bugs put into the real code, one at a time, to see whether the simulator finds them.
 *
 * A mutant is a few replaced lines of source files. The replacement happens while the sources are bundled
 * (`load-scenarios.ts`), so the code that ships knows nothing of it and pays nothing for it.
 */
import type { Property } from '../scenarios/index.js';

export interface MutantEdit {
  /** Path from the root of the repository. */
  readonly file: string;
  /** Occurs exactly once in the file: otherwise the mutant no longer fits the code, and loading it fails. */
  readonly from: string;
  readonly to: string;
}

/** What gives a bug away: a property that it breaks, or that the same plan gives two different runs. */
export type Symptom = Property | 'reproducibility';

export interface Mutant {
  /** Place in the list of forty bugs that real systems had; undefined for one that only this code could have. */
  readonly number?: `M${number}`;
  /** Words with hyphens, unique. */
  readonly name: string;
  /** What the program does wrong, in one sentence for people. */
  readonly about: string;
  /** A system that had it, with the place where that is told. */
  readonly seenIn?: string;
  /** What the bug is over there, where this code has no place for it and the nearest one was planted. */
  readonly standsFor?: string;
  readonly edits: readonly MutantEdit[];
  /** One of these must give it away. */
  readonly breaks: readonly Symptom[];
  /** The scenario made for it, searched in place of the whole catalogue, where that would take long. */
  readonly scenario?: string;
  /**
   * A run in which it shows, where that is none of the first: tests look there first, and after it everywhere. Once the code has
   * changed, one that is out of date costs time and nothing else.
   */
  readonly shows?: { readonly scenario: string; readonly seed: number };
}

/** What a mutant is called on the command line: its number, or its name. */
export function idOf({ number, name }: Mutant): string {
  return number ?? name;
}
