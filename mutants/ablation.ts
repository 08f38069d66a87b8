/**
 * Which faults find which bug: the search again, with one class of faults taken out of every plan. A bug that survives needs
 * that class.
 *
 * A plan without any fault of the class fails as it did. So does, mostly, the failing plan without them: only what survives both is
 * searched for from seed 1 on, first in the scenario in which it was found.
 */
import type { FaultKind, LinkSettings, Plan } from '../scenarios/index.js';
import type { Mutant } from './mutant.js';
import { search, type Discovery, type Searched, type SearchOptions } from './search.js';

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

/** True when the mutant that `discovery` has found is still found without faults of a class. */
export async function isFoundWithout(
  name: FaultClassName,
  scenarios: Searched,
  mutant: Pick<Mutant, 'scenario'>,
  discovery: Discovery,
  options: Pick<SearchOptions, 'seeds' | 'signal'>,
): Promise<boolean> {
  if (!hasFaults(discovery.plan, name)) return true;
  const alter = (plan: Plan): Plan => withoutFaults(plan, name);
  if (scenarios.runPlan(alter(discovery.plan)).violations.length > 0) return true;
  // Where it was found it is most likely to be found again.
  const { scenario } = discovery;
  const again = await search(scenarios, { scenario }, { ...options, alter });
  if (again.discovery !== undefined) return true;
  if (mutant.scenario !== undefined || options.signal?.aborted === true) return false;
  const anywhere = await search(scenarios, {}, { ...options, alter });
  return anywhere.discovery !== undefined;
}
