/**
 * Which faults find which bug: the search again, with one class of faults taken out of every plan. A bug that survives needs
 * that class.
 *
 * A plan without any fault of the class fails as it did. So does, mostly, the failing plan without them: only what survives both is
 * searched for from seed 1 on, first in the scenario in which it was found.
 */
import type { FaultKind, LinkSettings, Plan } from '../scenarios/index.js';
import type { Mutant } from './mutant.js';
import { search, type Discovery, type Searched, type SearchResult } from './search.js';

interface FaultClass {
  readonly kinds: readonly FaultKind[];
  /** What links do all the time, and what it is when they do not. */
  readonly link?: Partial<LinkSettings>;
}

export type FaultClassName =
  | 'partition'
  | 'clog'
  | 'lossy-link'
  | 'crash'
  | 'power-loss'
  | 'stop'
  | 'disk'
  | 'directory'
  | 'clock'
  | 'poison'
  | 'members';

/** Latency is no fault, and stays. */
const faultClasses: Readonly<Record<FaultClassName, FaultClass>> = {
  partition: { kinds: ['partition', 'one-way'] },
  clog: { kinds: ['hold'] },
  'lossy-link': {
    kinds: ['cut', 'link'],
    link: { loss: 0, duplication: 0, reordering: 0, cut: 0, corruption: 0, splitting: 0 },
  },
  crash: { kinds: ['crash'] },
  'power-loss': { kinds: ['power-loss'] },
  stop: { kinds: ['stop', 'pause'] },
  disk: { kinds: ['disk-errors', 'disk-full', 'disk-stall', 'bit-rot', 'lying-disk', 'slow-disk'] },
  directory: { kinds: ['wipe', 'backup', 'restore-backup', 'twin'] },
  clock: { kinds: ['clock-jump', 'clock-drift', 'timers-late'] },
  poison: { kinds: ['poison'] },
  members: { kinds: ['add-member', 'remove-member'] },
};

export const faultClassNames: readonly FaultClassName[] = Object.keys(faultClasses) as FaultClassName[];

/** The plan without any fault of a class. */
export function withoutFaults(plan: Plan, name: FaultClassName): Plan {
  const { kinds, link }: FaultClass = faultClasses[name];
  const faults = plan.faults.filter(({ kind }) => !kinds.includes(kind));
  return { ...plan, faults, options: { ...plan.options, link: { ...plan.options.link, ...link } } };
}

function hasFaults(plan: Plan, name: FaultClassName): boolean {
  const { kinds, link = {} }: FaultClass = faultClasses[name];
  if (plan.faults.some(({ kind }) => kinds.includes(kind))) return true;
  return Object.keys(link).some((key) => Number(plan.options.link[key as keyof LinkSettings] ?? 0) > 0);
}

/** Runs tried before a mutant counts as not found: twice as many as it took with all faults, and at least so many. */
const runsMin = 100;

/** True when a mutant that was found is still found without faults of a class. */
export async function isFoundWithout(
  name: FaultClassName,
  scenarios: Searched,
  mutant: Pick<Mutant, 'scenario'>,
  { discovery, runs }: SearchResult & { readonly discovery: Discovery },
  signal: AbortSignal,
): Promise<boolean> {
  if (!hasFaults(discovery.plan, name)) return true;
  const alter = (plan: Plan): Plan => withoutFaults(plan, name);
  if (scenarios.runPlan(alter(discovery.plan)).violations.length > 0) return true;
  const runsMax = Math.max(runsMin, 2 * runs);
  const isFoundAmong = async (where: Pick<Mutant, 'scenario'>, count: number): Promise<boolean> => {
    const seeds = { from: 1, to: Math.ceil(runsMax / count) };
    const result = await search(scenarios, where, { seeds, alter, signal });
    return result.discovery !== undefined;
  };
  if (mutant.scenario !== undefined) return isFoundAmong(mutant, 1);
  const { catalogue } = scenarios;
  // Where it was found it is most likely to be found again.
  const { scenario } = discovery;
  return (await isFoundAmong({ scenario }, catalogue.length)) || isFoundAmong({}, catalogue.length);
}
