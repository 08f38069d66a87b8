/**
 * Which crash points there are: for every disk operation of every node, before it, during it and after it, as the death of
 * the process and as a loss of power.
 *
 * The death of a process leaves one disk behind. A loss of power leaves many: any of the pages that no sync had covered
 * may have reached the medium. Up to `subsetPagesMax` such pages every subset of them is a crash point of its own.
 */
import type { NodeName } from '../core/index.js';
import type { DiskOperation } from '../transport-sim/index.js';
import type { FaultBody, PlannedFault } from './plan.js';

/** A disk operation of one node, as the dry run saw it. */
export interface NodeOperation {
  readonly node: NodeName;
  readonly operation: DiskOperation;
}

/** As a plan names it. */
export type CrashPointFault = Extract<PlannedFault, { readonly kind: 'crash-point' }>;
type CrashPointBody = Extract<FaultBody, { readonly kind: 'crash-point' }>;
export type CrashMoment = CrashPointBody['when'];

export interface CrashPointPlace extends NodeOperation {
  readonly when: CrashMoment;
  /** How many pages are un-synced there, as far as the dry run shows: a crash there knows for certain. */
  readonly likelyPages: number;
}

/** With more un-synced pages than this, subsets are too many. */
const subsetPagesMax = 8;
/** A crash point names its pages by the bits of a number; further pages are always lost. */
const pagesNamedMax = 30;

/** The moments around one operation, in the order of time. Only a write can be cut in its middle. */
export function momentsOf(operation: DiskOperation): readonly CrashMoment[] {
  return operation.bytes > 1 ? ['before', 'during', 'after'] : ['before', 'after'];
}

/** The moments around all operations. `operations` are in the order in which each node completed its own. */
export function placesOf(operations: readonly NodeOperation[]): readonly CrashPointPlace[] {
  const next = new Map<NodeName, number>();
  const places: CrashPointPlace[] = [];
  for (const { node, operation } of operations.toReversed()) {
    const before = operation.unsyncedPages;
    // What an operation leaves is what the next one finds. A run ends at rest.
    const after = next.get(node) ?? 0;
    next.set(node, before);
    const pagesAt = { before, during: Math.ceil((before + after) / 2), after };
    for (const when of momentsOf(operation).toReversed()) {
      places.push({ node, operation, when, likelyPages: pagesAt[when] });
    }
  }
  return places.reverse();
}

/**
 * What may survive a loss of power with `pages` un-synced ones, each set once: every subset, or of many pages none, all,
 * each alone, and all but each. Bit i stands for the i-th page.
 */
export function survivorSets(pages: number): readonly number[] {
  const named = Math.min(pages, pagesNamedMax);
  const all = 2 ** named - 1;
  if (named <= subsetPagesMax) return Array.from({ length: all + 1 }, (_, survivors) => survivors);
  const single = Array.from({ length: named }, (_, page) => 2 ** page);
  return [0, all, ...single, ...single.map((page) => all - page)];
}

/** How many sets `survivorSets` gives. */
export function survivorSetCount(pages: number): number {
  const named = Math.min(pages, pagesNamedMax);
  return named <= subsetPagesMax ? 2 ** named : 2 + 2 * named;
}

/** The fault to put into a plan; `survivors` for a loss of power. */
export function crashPointFault(
  { node, operation, when }: CrashPointPlace,
  how: { readonly power: boolean; readonly survivors?: number },
  restartAfterMs: number,
): CrashPointFault {
  return { atMs: 0, kind: 'crash-point', node, operation: operation.index, when, ...how, restartAfterMs };
}
