/**
 * Faults as a scenario names them: with targets such as `'any'` or `'halves'`, which a plan replaces by nodes.
 *
 * Everything here is data. `resolveFault` (in `resolve-fault.ts`) draws the targets; `FaultInjector` (in `inject.ts`)
 * carries the result out. A fault with `for` brings its own end, on the same targets: a partition heals, a pause
 * resumes.
 */
import { AntecedentError } from '../core/index.js';
import type { Milliseconds } from './duration.js';
import type { DiskChange, DiskErrorRates, DiskLieRates, LinkSettings } from './plan.js';

/** One random node, a random minority of them, every node, or the node of that name. */
export type NodeTarget = 'any' | 'minority' | 'all' | (string & {});

/**
 * `halves`: two groups of equal size, or nearly · `one`: one node alone · `minority`: fewer than half · `random`: any
 * groups.
 */
export type PartitionTarget = 'halves' | 'one' | 'minority' | 'random' | readonly (readonly string[])[];

/**
 * Directions between nodes. `any`: one random direction · `from-one`, `to-one`: everything that one random node sends,
 * or is sent · `around-one`: both of these · `all`.
 */
export type DirectionTarget =
  | 'any'
  | 'from-one'
  | 'to-one'
  | 'around-one'
  | 'all'
  | { readonly from: string | readonly string[]; readonly to: string | readonly string[] };

/** How long a fault lasts; without it, until another fault ends it or the faults of the scenario end. */
export interface Lasting {
  readonly for?: Milliseconds;
}

export type Fault =
  | { readonly kind: 'partition'; readonly groups: PartitionTarget; readonly for: Milliseconds | undefined }
  | { readonly kind: 'heal' }
  | { readonly kind: 'one-way' | 'hold'; readonly direction: DirectionTarget; readonly for: Milliseconds | undefined }
  | { readonly kind: 'cut' | 'release'; readonly direction: DirectionTarget }
  | {
      readonly kind: 'crash' | 'power-loss' | 'stop';
      readonly nodes: NodeTarget;
      readonly for: Milliseconds | undefined;
    }
  | { readonly kind: 'pause'; readonly nodes: NodeTarget; readonly for: Milliseconds | undefined }
  | { readonly kind: 'restart' | 'repair' | 'resume'; readonly nodes: NodeTarget }
  | {
      readonly kind: 'link';
      readonly direction: DirectionTarget;
      readonly profile: Partial<LinkSettings>;
      readonly for: Milliseconds | undefined;
    }
  | {
      readonly kind: 'slow-disk';
      readonly nodes: NodeTarget;
      readonly profile: DiskChange;
      readonly for: Milliseconds | undefined;
    }
  | DiskFault;

/** What a disk does beyond being slow. */
export type DiskFault = { readonly nodes: NodeTarget } & (
  | { readonly kind: 'disk-errors'; readonly rates: DiskErrorRates; readonly for: Milliseconds | undefined }
  | { readonly kind: 'disk-full'; readonly freeBytes: number; readonly for: Milliseconds | undefined }
  | { readonly kind: 'disk-stall'; readonly for: Milliseconds | undefined }
  | { readonly kind: 'bit-rot'; readonly bits: number; readonly at: number | undefined }
  | { readonly kind: 'lying-disk'; readonly rates: DiskLieRates; readonly for: Milliseconds | undefined }
);

/** Splits the network into groups that cannot reach each other. Links stay open and silent. */
export function partition(groups: PartitionTarget, options: Lasting = {}): Fault {
  return { kind: 'partition', groups, for: options.for };
}

/** Blocks a direction, silently; the other one works. Its end heals every partition and block. */
export function oneWay(direction: DirectionTarget, options: Lasting = {}): Fault {
  return { kind: 'one-way', direction, for: options.for };
}

/** Ends every partition and one-way block. */
export function heal(): Fault {
  return { kind: 'heal' };
}

/** Resets links: both ends see them close, bytes on the way are lost. */
export function cut(direction: DirectionTarget): Fault {
  return { kind: 'cut', direction };
}

/** Clogs a direction: what is written waits and then arrives in order. */
export function hold(direction: DirectionTarget, options: Lasting = {}): Fault {
  return { kind: 'hold', direction, for: options.for };
}

export function release(direction: DirectionTarget): Fault {
  return { kind: 'release', direction };
}

/** Kills the process; its files keep what was written. Restarts after `for`. */
export function crash(nodes: NodeTarget, options: Lasting = {}): Fault {
  return { kind: 'crash', nodes, for: options.for };
}

/**
 * Switches the machine off: what was not synced is lost, wholly or in part, and peers see silence. Restarts after
 * `for`.
 */
export function powerLoss(nodes: NodeTarget, options: Lasting = {}): Fault {
  return { kind: 'power-loss', nodes, for: options.for };
}

/**
 * Closes a node in peace: it finishes what it has begun and says goodbye. Starts again `for` after its end; one node after
 * the other makes a rolling restart.
 */
export function stop(nodes: NodeTarget, options: Lasting = {}): Fault {
  return { kind: 'stop', nodes, for: options.for };
}

/** Starts a node that is down. */
export function restart(nodes: NodeTarget): Fault {
  return { kind: 'restart', nodes };
}

/**
 * Repairs the log of a node that is down, as an operator does whose node has refused it, and starts the node. If there was
 * something to repair, the application is built anew, from the first message on.
 */
export function repair(nodes: NodeTarget): Fault {
  return { kind: 'repair', nodes };
}

/** Stops the process where it stands (as SIGSTOP does); the world goes on. */
export function pause(nodes: NodeTarget, options: Lasting = {}): Fault {
  return { kind: 'pause', nodes, for: options.for };
}

export function resume(nodes: NodeTarget): Fault {
  return { kind: 'resume', nodes };
}

/**
 * Changes what is given in `profile`: loss, duplication, reordering, corruption, splitting, cuts, latency, bandwidth.
 * Its end restores exactly that.
 */
export function link(
  profile: Partial<LinkSettings>,
  options: Lasting & { readonly direction?: DirectionTarget } = {},
): Fault {
  return { kind: 'link', direction: options.direction ?? 'all', profile, for: options.for };
}

/** Makes a disk slow, by default 20 to 80 ms a sync. */
export function slowDisk(nodes: NodeTarget, options: Lasting & { readonly profile?: DiskChange } = {}): Fault {
  return {
    kind: 'slow-disk',
    nodes,
    profile: options.profile ?? { syncMs: { minMs: 20, maxMs: 80 } },
    for: options.for,
  };
}

/**
 * Reads, writes and syncs fail, each call with the probability given for its kind. A node that cannot write waits and tries
 * again; one that cannot read or sync stops, and only a supervisor brings it back before the faults end. Throws
 * `E_CONFIG` for what is no probability.
 */
export function diskErrors(nodes: NodeTarget, options: Lasting & DiskErrorRates): Fault {
  const { for: lasting, ...rates } = options;
  checkRates('diskErrors', rates);
  return { kind: 'disk-errors', nodes, rates, for: lasting };
}

/**
 * Fills the disk until only so many bytes are free (0 when not given); at the end there is room again. Throws `E_CONFIG`
 * for less than nothing.
 */
export function diskFull(nodes: NodeTarget, options: Lasting & { readonly freeBytes?: number } = {}): Fault {
  const { freeBytes = 0 } = options;
  if (!Number.isSafeInteger(freeBytes) || freeBytes < 0) {
    throw new AntecedentError('E_CONFIG', `diskFull: ${freeBytes} free bytes; give a whole number from 0 on`);
  }
  return { kind: 'disk-full', nodes, freeBytes, for: options.for };
}

/** The disk hangs: no call is answered until the end, and then all of them are. */
export function diskStall(nodes: NodeTarget, options: Lasting = {}): Fault {
  return { kind: 'disk-stall', nodes, for: options.for };
}

/**
 * Flips so many bits (1 when not given), each in a byte of its own, for good: at the fraction `at` of the log, or at a random
 * place. What was promised may be lost with them: the oracles excuse what no node could do anything about. Throws
 * `E_CONFIG` for less than one bit and a place outside the log.
 */
export function bitRot(nodes: NodeTarget, options: { readonly bits?: number; readonly at?: number } = {}): Fault {
  const { bits = 1, at } = options;
  if (!Number.isSafeInteger(bits) || bits < 1) {
    throw new AntecedentError('E_CONFIG', `bitRot: ${bits} bits; give a whole number from 1 on`);
  }
  if (at !== undefined && !(at >= 0 && at <= 1)) {
    throw new AntecedentError('E_CONFIG', `bitRot: ${at} of the log; give a fraction from 0 to 1`);
  }
  return { kind: 'bit-rot', nodes, bits, at };
}

/**
 * The disk answers writes as if all was well, though nothing was written (`phantom`) or something else was overwritten
 * (`misdirected`), each with the probability given. The oracles excuse the same as for `bitRot`. Throws `E_CONFIG` for what is no
 * probability.
 */
export function lyingDisk(nodes: NodeTarget, options: Lasting & DiskLieRates): Fault {
  const { for: lasting, ...rates } = options;
  checkRates('lyingDisk', rates);
  return { kind: 'lying-disk', nodes, rates, for: lasting };
}

function checkRates(name: string, rates: DiskErrorRates | DiskLieRates): void {
  for (const [key, rate] of Object.entries(rates)) {
    if (typeof rate === 'number' && rate >= 0 && rate <= 1) continue;
    throw new AntecedentError('E_CONFIG', `${name}: ${key} is ${String(rate)}, it must be a probability from 0 to 1`);
  }
}
