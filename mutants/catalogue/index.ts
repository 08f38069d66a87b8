/** All planted bugs: first the forty that real systems had, in the order of their numbers, then those of this code alone. */
import { idOf, type Mutant } from '../mutant.js';
import { handingOverMutants } from './handing-over.js';
import { journalMutants } from './journal.js';
import { linkMutants } from './links.js';
import { mailboxMutants } from './mailboxes.js';
import { memberMutants } from './members.js';
import { orderingMutants } from './ordering.js';
import { snapshotMutants } from './snapshots.js';

const all = [
  ...orderingMutants,
  ...handingOverMutants,
  ...journalMutants,
  ...linkMutants,
  ...memberMutants,
  ...snapshotMutants,
  ...mailboxMutants,
];

/** Bugs that real systems had. */
export const knownBugs: readonly Mutant[] = all
  .filter(({ number }) => number !== undefined)
  .toSorted((one, other) => (idOf(one) < idOf(other) ? -1 : 1));

/** Bugs that this code could easily have, and no other one would. */
export const ownBugs: readonly Mutant[] = all.filter(({ number }) => number === undefined);
