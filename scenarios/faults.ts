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
 * groups · `bridge`: halves that reach each other only through one node, which is in both.
 */
export type PartitionTarget = 'halves' | 'one' | 'minority' | 'random' | 'bridge' | readonly (readonly string[])[];

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

/** A node that dies comes back after `for`, at the end of the faults, or, when that is said, never. */
export type Dying = (Lasting & { readonly forGood?: false }) | { readonly for?: undefined; readonly forGood: true };

export type Fault =
  | { readonly kind: 'partition'; readonly groups: PartitionTarget; readonly for: Milliseconds | undefined }
  | { readonly kind: 'heal' }
  | { readonly kind: 'one-way' | 'hold'; readonly direction: DirectionTarget; readonly for: Milliseconds | undefined }
  | { readonly kind: 'cut' | 'release'; readonly direction: DirectionTarget }
  | { readonly kind: 'swizzle'; readonly for: Milliseconds }
  | {
      readonly kind: 'crash' | 'power-loss';
      readonly nodes: NodeTarget;
      readonly for: Milliseconds | undefined;
      readonly forGood: boolean;
    }
  | { readonly kind: 'stop'; readonly nodes: NodeTarget; readonly for: Milliseconds | undefined }
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
  | { readonly kind: 'add-member' | 'remove-member'; readonly node: string; readonly by: string }
  | NodeFault
  | DiskFault;

/** What becomes of a node's directory, its name, its clock or its application. */
export type NodeFault = { readonly nodes: NodeTarget } & (
  | { readonly kind: 'wipe'; readonly for: Milliseconds | undefined }
  | { readonly kind: 'backup' }
  | { readonly kind: 'restore-backup'; readonly marked: boolean; readonly for: Milliseconds | undefined }
  | { readonly kind: 'twin'; readonly copy: boolean; readonly for: Milliseconds | undefined }
  | { readonly kind: 'clock-jump'; readonly byMs: Milliseconds }
  | { readonly kind: 'clock-drift'; readonly rate: number; readonly for: Milliseconds | undefined }
  | { readonly kind: 'timers-late'; readonly byMs: Milliseconds; readonly for: Milliseconds | undefined }
  | {
      readonly kind: 'poison';
      readonly cure: 'skip' | 'retry' | 'any';
      readonly among: number;
      readonly for: Milliseconds | undefined;
    }
);

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

/**
 * Clogs some directions one after the other, in a random order, and releases them in another one: half of `for` goes by
 * until all are clogged, the other half until all are free again. (After the swizzle-clogging of FoundationDB's simulation.)
 */
export function swizzle(options: { readonly for: Milliseconds }): Fault {
  return { kind: 'swizzle', for: options.for };
}

/** Kills the process; its files keep what was written. Restarts after `for`. */
export function crash(nodes: NodeTarget, options: Dying = {}): Fault {
  return { kind: 'crash', nodes, for: options.for, forGood: options.forGood === true };
}

/**
 * Switches the machine off: what was not synced is lost, wholly or in part, and peers see silence. Restarts after
 * `for`.
 */
export function powerLoss(nodes: NodeTarget, options: Dying = {}): Fault {
  return { kind: 'power-loss', nodes, for: options.for, forGood: options.forGood === true };
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

/**
 * Empties the disk of a node, which is killed if it is up; its application begins anew. Starts again after `for`, under the same
 * name. What the node alone held is lost, and the oracles excuse that.
 */
export function wipe(nodes: NodeTarget, options: Lasting = {}): Fault {
  return { kind: 'wipe', nodes, for: options.for };
}

/**
 * Copies what is synced on the disk of a node, and with it the state of its application at that moment. The node, if it is up,
 * goes on.
 */
export function backup(nodes: NodeTarget): Fault {
  return { kind: 'backup', nodes };
}

/**
 * Puts the last backup of a node in the place of its disk and of its application; the node is killed if it is up, and starts
 * again after `for`. With `marked` (the default) the log begins a new incarnation, as after `antecedent restore`; without it the node starts as a clone
 * of a machine or a snapshot of its disk does, which knows of nothing. Does nothing to a node without a backup.
 */
export function restoreBackup(nodes: NodeTarget, options: Lasting & { readonly marked?: boolean } = {}): Fault {
  return { kind: 'restore-backup', nodes, marked: options.marked ?? true, for: options.for };
}

/**
 * A second process with the name and the keys of a node runs beside it, with a copy of its data directory and its application as they are
 * now, or with `copy: false` with nothing. Peers reach one of the two, and users both. It is killed after `for`, and what it alone
 * held is lost.
 */
export function twin(nodes: NodeTarget, options: Lasting & { readonly copy?: boolean } = {}): Fault {
  return { kind: 'twin', nodes, copy: options.copy ?? true, for: options.for };
}

/** The monotonic clock jumps ahead, as after a machine was suspended. */
export function clockJump(nodes: NodeTarget, options: { readonly by: Milliseconds }): Fault {
  return { kind: 'clock-jump', nodes, byMs: options.by };
}

/** The monotonic clock runs at `rate` times its pace, from 0.1 to 10. Throws `E_CONFIG` for any other rate. */
export function clockDrift(nodes: NodeTarget, options: Lasting & { readonly rate: number }): Fault {
  const { rate } = options;
  if (!(rate >= 0.1 && rate <= 10)) {
    throw new AntecedentError('E_CONFIG', `clockDrift: a rate of ${rate}; give a number from 0.1 to 10`);
  }
  return { kind: 'clock-drift', nodes, rate, for: options.for };
}

/** Every timer of the node fires late, each by another time up to `by`. */
export function timersLate(nodes: NodeTarget, options: Lasting & { readonly by: Milliseconds }): Fault {
  return { kind: 'timers-late', nodes, byMs: options.by, for: options.for };
}

/**
 * The application cannot apply one of the next `among` messages (10 when not given), and confirms neither it nor any other, until
 * `for` later it is cured: an operator skips the message, or the application can apply it after all (`retry`). Throws `E_CONFIG` for less
 * than one message.
 */
export function poison(
  nodes: NodeTarget,
  options: Lasting & { readonly cure?: 'skip' | 'retry' | 'any'; readonly among?: number } = {},
): Fault {
  const { among = 10, cure = 'any' } = options;
  if (!Number.isSafeInteger(among) || among < 1) {
    throw new AntecedentError('E_CONFIG', `poison: among ${among} messages; give a whole number from 1 on`);
  }
  return { kind: 'poison', nodes, cure, among, for: options.for };
}

/**
 * Makes `node` a member and starts it, with nothing on its disk: a joiner of the scenario, or one that was removed. It is added by a
 * member (`any` when not given), or, if that one cannot, by another.
 */
export function addMember(node: string, options: { readonly by?: string } = {}): Fault {
  return { kind: 'add-member', node, by: options.by ?? 'any' };
}

/**
 * Removes a member, by another one (`any` when not given), or, if that one cannot, by a third. It goes on until somebody tells it:
 * whoever is to be gone as well must be stopped.
 */
export function removeMember(node: string, options: { readonly by?: string } = {}): Fault {
  return { kind: 'remove-member', node, by: options.by ?? 'any' };
}

function checkRates(name: string, rates: DiskErrorRates | DiskLieRates): void {
  for (const [key, rate] of Object.entries(rates)) {
    if (typeof rate === 'number' && rate >= 0 && rate <= 1) continue;
    throw new AntecedentError('E_CONFIG', `${name}: ${key} is ${String(rate)}, it must be a probability from 0 to 1`);
  }
}
