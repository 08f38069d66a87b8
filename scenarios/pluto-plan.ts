/**
 * What a plan may ask of pluto v0.4.
 *
 * Most faults happen to machines, networks and disks, and so to any program. Some are about what v0.4 does not have: members that
 * come and go, repairs of a log, directories and names that are used twice and told apart, an operator who skips a message. A plan
 * for v0.4 with one of these is refused, for a run that left it out would be judged by something that did not happen.
 */
import { AntecedentError } from '../core/index.js';
import { formatJsonPath, type JsonProblem } from './json-text.js';
import type { FaultKind, Plan, PlutoSettings, System } from './plan.js';

const reasons: ReadonlyMap<FaultKind, string> = new Map<FaultKind, string>([
  ['add-member', 'its members are those of its configuration'],
  ['remove-member', 'its members are those of its configuration'],
  ['repair', 'it has nothing that repairs a log'],
  ['wipe', 'a name whose directory is empty counts from 1 again, and it cannot tell'],
  ['backup', 'a name whose directory is an older one counts again, and it cannot tell'],
  ['restore-backup', 'a name whose directory is an older one counts again, and it cannot tell'],
  ['twin', 'two processes of one name count alike, and it cannot tell'],
  ['poison', 'nobody can skip a message, and it says nothing of one that is not applied'],
]);

/** Of quick runs, in which everything that takes seconds takes tenths. */
export const quickPluto: PlutoSettings = { timeoutMs: 10, retryMs: 10 };

/** What a plan for pluto v0.4 has that v0.4 does not know, each with its place; nothing for other plans. */
export function unknownToPluto({ system, joiners, faults, steps }: Plan): readonly JsonProblem[] {
  if (system !== 'pluto') return [];
  const unknown = faults.flatMap(({ kind }, index): readonly JsonProblem[] => {
    const reason = reasons.get(kind);
    if (reason === undefined) return [];
    return [{ path: ['faults', index], text: `pluto v0.4 knows no ${kind}: ${reason}; remove it` }];
  });
  const joinersText = 'pluto v0.4 knows none: its members are those of its configuration; remove them';
  const stepsText = 'pluto v0.4 knows none: its nodes do not say when they are done with one; remove them';
  return [
    ...(joiners === undefined ? [] : [{ path: ['joiners'], text: joinersText }]),
    ...unknown,
    ...(steps === undefined ? [] : [{ path: ['steps'], text: stepsText }]),
  ];
}

/** The same plan for another system. Throws `E_PLAN` when it has something that this one does not know. */
export function planForSystem(plan: Plan, system: System): Plan {
  if (system === (plan.system ?? 'antecedent')) return plan;
  const { version, scenario, seed, system: before, budgets, options, ...rest } = plan;
  // What a run may cost is promised of our own protocol, by the scenario.
  const common = { version, scenario, seed, ...rest, options };
  if (system === 'antecedent') return common;
  const pluto = options.pluto ?? quickPluto;
  const changed: Plan = { ...common, system, options: { ...options, pluto } };
  const [first] = unknownToPluto(changed);
  if (first === undefined) return changed;
  throw new AntecedentError(
    'E_PLAN',
    `the scenario ${scenario} is not for pluto v0.4: ${formatJsonPath(first.path)}: ${first.text}, or choose another one`,
  );
}
