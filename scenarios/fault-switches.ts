/**
 * Faults by name, to switch them off: what remains of a plan without some of them.
 *
 * A switch works on the plan, so everything else happens as it did: targets, times and operations were drawn before.
 * What ends a fault (heal, release, resume, restart, repair) stays; without its fault it does nothing.
 */
import { benignLink, type DiskChange, type LinkSettings, type Plan, type PlannedFault } from './plan.js';

/** What each one switches off, in the order in which help and documents list them. */
export const faultSwitches = {
  partition: 'partitions',
  'one-way': 'directions that are blocked silently',
  cut: 'links that are reset, also by a write',
  hold: 'directions that clog, swizzles included',
  loss: 'writes that vanish',
  duplication: 'writes that arrive twice',
  reordering: 'writes that overtake others',
  corruption: 'writes that are damaged',
  splitting: 'writes that arrive in pieces',
  'slow-link': 'links that become slow, and thin ones',
  crash: 'processes that die',
  'power-loss': 'machines that lose power',
  'torn-write': 'writes of which a loss of power leaves a part',
  stop: 'nodes that are closed and started again',
  pause: 'processes that stand still',
  'slow-disk': 'disks that become slow',
  'disk-errors': 'reads, writes and syncs that fail',
  'disk-full': 'disks that run full',
  'disk-stall': 'disks that hang',
  'bit-rot': 'bits that flip on a disk',
  'lying-disk': 'writes that go nowhere or elsewhere',
  wipe: 'disks that are emptied',
  'restore-backup': 'disks that are set back to a backup',
  twin: 'second processes with the name of a node',
  'clock-jump': 'clocks that jump',
  'clock-drift': 'clocks that run too fast or too slowly',
  'timers-late': 'timers that fire late',
  poison: 'messages that an application cannot apply',
  'slow-apply': 'applications that take their time',
  'add-member': 'members that are added',
  'remove-member': 'members that are removed',
} as const;

export type FaultSwitch = keyof typeof faultSwitches;

export const faultSwitchNames: readonly FaultSwitch[] = Object.keys(faultSwitches) as FaultSwitch[];

/** Rates of a link, by the switch that takes each away. */
const linkRates = ['loss', 'duplication', 'reordering', 'corruption', 'cut', 'splitting'] as const;

/** The plan as it would be if none of these ever happened. */
export function withoutFaults(plan: Plan, off: ReadonlySet<FaultSwitch>): Plan {
  if (off.size === 0) return plan;
  const { options } = plan;
  return {
    ...plan,
    options: {
      ...options,
      link: { ...options.link, ...benignOf(options.link, off) },
      disk: { ...options.disk, ...(off.has('torn-write') ? { tornWrite: 0 } : {}) },
      applications: off.has('slow-apply') ? quickApplications(plan) : options.applications,
    },
    faults: plan.faults.flatMap((fault) => withoutSome(fault, off)),
  };
}

/** What takes the place of the rates that are switched off. */
function benignOf(settings: LinkSettings, off: ReadonlySet<FaultSwitch>): Partial<LinkSettings> {
  const isThin = settings.bytesPerMs !== 'unlimited' && off.has('slow-link');
  const kept = linkRates.filter((rate) => !off.has(rate));
  return { ...without<LinkSettings>(benignLink, kept), ...(isThin ? { bytesPerMs: 'unlimited' } : {}) };
}

function quickApplications({ options }: Plan): Plan['options']['applications'] {
  return Object.fromEntries(Object.entries(options.applications).map(([node, { memory }]) => [node, { memory }]));
}

/** The fault, what is left of it, or nothing. */
function withoutSome(fault: PlannedFault, off: ReadonlySet<FaultSwitch>): readonly PlannedFault[] {
  switch (fault.kind) {
    case 'heal':
    case 'release':
    case 'resume':
    case 'restart':
    case 'repair':
      return [fault];
    case 'link':
      return withProfile(fault, without(fault.profile, linkKeys(off)));
    case 'slow-disk':
      return off.has('slow-disk')
        ? withProfile(fault, tornWriteOf(fault.profile, off))
        : withProfile(fault, without(fault.profile, off.has('torn-write') ? ['tornWrite'] : []));
    case 'backup':
      return off.has('restore-backup') ? [] : [fault];
    case 'crash-point':
      return off.has(fault.power ? 'power-loss' : 'crash') ? [] : [fault];
    default:
      return off.has(fault.kind) ? [] : [fault];
  }
}

function linkKeys(off: ReadonlySet<FaultSwitch>): readonly (keyof LinkSettings)[] {
  const keys: (keyof LinkSettings)[] = linkRates.filter((rate) => off.has(rate));
  if (off.has('reordering')) keys.push('reorderDelayMs');
  if (off.has('slow-link')) keys.push('latency', 'bytesPerMs');
  return keys;
}

/** Torn writes are no slowness. */
function tornWriteOf({ tornWrite }: DiskChange, off: ReadonlySet<FaultSwitch>): DiskChange {
  return tornWrite === undefined || off.has('torn-write') ? {} : { tornWrite };
}

/** Nothing when there is nothing left to change. */
function withProfile<Fault extends PlannedFault & { readonly profile: object }>(
  fault: Fault,
  profile: Fault['profile'],
): readonly Fault[] {
  return Object.keys(profile).length === 0 ? [] : [{ ...fault, profile }];
}

function without<T extends object>(all: Partial<T>, keys: readonly (keyof T)[]): Partial<T> {
  const rest: Partial<T> = {};
  for (const key of Object.keys(all) as (keyof T)[]) {
    if (!keys.includes(key)) rest[key] = all[key];
  }
  return rest;
}
