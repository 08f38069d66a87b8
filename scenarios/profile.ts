/**
 * Profiles: how much goes wrong, for any plan.
 *
 * calm: nothing at all; what a failure is compared with. swarm: of the plan's own faults each with even odds, for one
 * fault can hide what another one would show (Groce et al., "Swarm Testing", ISSTA 2012). chaos: its own faults, and on
 * top of them every fault that takes nothing away for good, in a cluster that may be slow, but must come to rest in the
 * end.
 *
 * Chaos leaves plans alone that take something away themselves (a member, a disk, a name). What they may rely on
 * meanwhile they say in their scenario, and more would ask for what no protocol can give.
 */
import { ms } from './duration.js';
import { drawEveryFault } from './catalogue/swarm.js';
import { faultSwitchNames, withoutFaults, type FaultSwitch } from './fault-switches.js';
import { convergeWithinMs, endOf, streamsOf } from './make-plan.js';
import type { Plan, PlannedFault, System } from './plan.js';
import { planForSystem } from './pluto-plan.js';
import { resolveFault } from './resolve-fault.js';
import { timesOf } from './schedule.js';
import type { Streams } from './scenario.js';

export const profiles = {
  calm: 'no faults at all',
  swarm: 'for each seed a random half of the faults',
  chaos: 'every fault that takes nothing away for good, on top of those of the scenario',
} as const;

export type Profile = keyof typeof profiles;

/** How the runs of a sweep differ from their scenarios. */
export interface Variation {
  /** What the nodes are; as the plan says when absent. */
  readonly system?: System;
  readonly profile?: Profile;
  /** Faults that are switched off, also those that a profile would bring. */
  readonly without?: readonly FaultSwitch[];
}

/** The same plan and variation always give the same plan. Throws `E_PLAN` for a plan that asks for what the system does not know. */
export function varyPlan(plan: Plan, { system, profile, without = [] }: Variation): Plan {
  const other = system === undefined ? plan : planForSystem(plan, system);
  const varied = profile === undefined ? other : applyProfile(other, profile);
  return withoutFaults(varied, new Set(without));
}

function applyProfile(plan: Plan, profile: Profile): Plan {
  const streams = prefixed(streamsOf(plan.seed), `profile ${profile} ${plan.scenario}`);
  switch (profile) {
    case 'calm':
      return withoutFaults(plan, new Set(faultSwitchNames));
    case 'swarm':
      return withoutFaults(plan, new Set(faultSwitchNames.filter((name) => streams(name).chance(0.5))));
    case 'chaos':
      return takesAway(plan) ? plan : addFaults(plan, streams);
  }
}

function prefixed(streams: Streams, prefix: string): Streams {
  return (concern) => streams(`${prefix}/${concern}`);
}

const takingAway: ReadonlySet<PlannedFault['kind']> = new Set([
  'bit-rot',
  'lying-disk',
  'wipe',
  'restore-backup',
  'twin',
  'add-member',
  'remove-member',
  'crash-point',
]);

function takesAway({ faults }: Plan): boolean {
  return faults.some((fault) => takingAway.has(fault.kind) || ('forGood' in fault && fault.forGood));
}

/** Faults begin while somebody writes. The run may cost what it costs, and come to rest later. */
function addFaults({ budgets: _dropped, ...plan }: Plan, streams: Streams): Plan {
  const { nodes, operations, options } = plan;
  const lastMs = operations.at(-1)?.atMs ?? plan.healedAtMs;
  const span = { from: ms(Math.min(50, lastMs)), until: ms(lastMs) };
  const added = drawEveryFault(streams, span).flatMap((scheduled, index) => {
    const random = streams(`fault ${index} ${scheduled.fault.kind}`);
    const { link, disk } = options;
    return timesOf(scheduled, random).flatMap((atMs) =>
      resolveFault(atMs, scheduled.fault, { nodes, random, link, disk }),
    );
  });
  const faults = [...plan.faults, ...added].sort((one, other) => one.atMs - other.atMs);
  const healedAtMs = Math.max(plan.healedAtMs, endOf(operations, faults));
  const roomMs = Math.max(plan.deadlineMs - plan.healedAtMs, convergeWithinMs);
  return {
    ...plan,
    options: { ...options, supervisor: options.supervisor ?? { restartAfterMs: 100 } },
    faults,
    healedAtMs,
    deadlineMs: healedAtMs + roomMs,
  };
}
