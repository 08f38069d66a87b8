/**
 * A plan: everything that happens to a cluster from outside during one run, as data.
 *
 * seed -> plan -> run. The plan is concrete: which node crashes, which pair is cut, what is broadcast and when are
 * decided here, once, from the seed. A run draws from the seed only for what lies inside the world (latencies, which
 * write is lost). That is why a failing plan survives changes of the code, can be edited by hand, and can be shrunk.
 *
 * Invariants (checked by `readPlan`, kept by `makePlan`):
 * - `version` names this format; any change that an older reader would misread gets a new number.
 * - Operations and faults are sorted by time; equal times happen in the order of the list.
 * - Every name that occurs is in `nodes`, and some node is no joiner; no fault or operation comes after `healedAtMs`; `deadlineMs` comes after it.
 * Times are milliseconds of virtual time since the start, whole microseconds.
 */
import type { Durability, Limits, NodeName, NodeOptions, Timings } from '../core/index.js';
import type { DiskProfile, LatencyProfile, LinkProfile } from '../transport-sim/index.js';

export const planVersion = 1;
/** Most operations of a plan. */
export const operationsMax = 1_000_000;

/** What the nodes of a run are: our own, or the model of pluto v0.4. */
export const systems = ['antecedent', 'pluto'] as const;
export type System = (typeof systems)[number];

export interface Plan {
  readonly version: typeof planVersion;
  /** Name of the scenario it was made from; for people. */
  readonly scenario: string;
  /** Seeds the world of the run: latencies, losses, torn writes. */
  readonly seed: string;
  /** `antecedent` when absent. */
  readonly system?: System;
  readonly nodes: readonly NodeName[];
  /** Those of `nodes` that are no members at the start, and are not started before they have been added. */
  readonly joiners?: readonly NodeName[];
  /** Which program the nodes run, and so what the operations mean. */
  readonly workload: string;
  readonly options: PlanOptions;
  readonly operations: readonly PlannedOperation[];
  readonly faults: readonly PlannedFault[];
  /**
   * In which order things happen, one by one, from the first operation on: until then operations wait, and all that is written to
   * links. What is left when the steps are over goes on by itself, before the faults end. See `steps.ts`.
   */
  readonly steps?: readonly PlannedStep[];
  /** From here on nothing is broken any more: network healed, losses off, every node up. */
  readonly healedAtMs: number;
  /** By then everything must have been delivered everywhere. */
  readonly deadlineMs: number;
  /** What the run may cost at most; no limit where absent. Judged at its end, when nothing else was violated. */
  readonly budgets?: Budgets;
}

/** Most of what `RunMetrics` of the same name may say. */
export interface Budgets {
  readonly messagesPerBroadcast?: number;
  readonly bytesPerBroadcast?: number;
  readonly deliveryP99Ms?: number;
  readonly diskBytesMax?: number;
}

export interface PlanOptions {
  readonly link: LinkSettings;
  readonly disk: DiskSettings;
  /** What differs from the core's defaults. */
  readonly limits: Partial<Limits>;
  readonly timings: Partial<Timings>;
  /** How the application of each node works; `{ memory: 'position' }` for a node that is not named. */
  readonly applications: Readonly<Record<string, ApplicationMode>>;
  /** Starts a node again so long after it has stopped by itself; without it such a node is down until the faults end. */
  readonly supervisor?: SupervisorSettings;
  /** How long journals wait for members that are away; the core's default when absent. */
  readonly retention?: NonNullable<NodeOptions['retention']>;
  /** For nodes of pluto v0.4; its own defaults when absent. */
  readonly pluto?: PlutoSettings;
}

/** What a configuration of pluto v0.4 says about its links. */
export interface PlutoSettings {
  /** Slept between the ping and the message. */
  readonly timeoutMs: number;
  /** Slept after a refused connection. */
  readonly retryMs: number;
}

export const plutoDefaults: PlutoSettings = { timeoutMs: 100, retryMs: 100 };

export interface SupervisorSettings {
  readonly restartAfterMs: number;
}

export interface ApplicationMode {
  /**
   * `position`: the application stores the position of what it applied and gives it back at start, so nothing may come
   * twice. `mark`: the node remembers what was applied, so after a crash the last messages may come again.
   */
  readonly memory: 'position' | 'mark';
  /** Time to apply one message, and again until the node is told; absent: at once. */
  readonly applyMs?: LatencyProfile;
}

/** A link profile as JSON can write it. */
export interface LinkSettings extends Omit<LinkProfile, 'bytesPerMs' | 'sparedWrites'> {
  readonly bytesPerMs: number | 'unlimited';
  /** 0 when absent. */
  readonly sparedWrites?: number;
}

/** Rates of a network that does nothing wrong. */
export const benignLink = { loss: 0, duplication: 0, reordering: 0, cut: 0, corruption: 0, splitting: 0 } as const;

/** What a plan says about disks: how long they take, and what a loss of power leaves. */
export interface DiskSettings extends Pick<DiskProfile, 'syncMs' | 'writeMs' | 'readMs' | 'tornWrite'> {
  /** `random` when absent. */
  readonly powerLoss?: DiskProfile['powerLoss'];
}

/** What of it may change during a run. */
export type DiskChange = Partial<Omit<DiskSettings, 'powerLoss'>>;

// --- Operations ------------------------------------------------------------------------------------------------------

/** Something a user does at a node. */
export type PlannedOperation = {
  readonly atMs: number;
  readonly node: NodeName;
  /** When the broadcast counts as accepted; `here` when absent. */
  readonly durable?: Durability;
} & OperationBody;

/** The seed that a plan was made from: `17` of `17/3`, with which shrinking has replaced it. */
export function originalSeed(seed: string): string {
  return seed.replace(/\/\d+$/, '');
}

/** An operation with its number in the plan: 1, 2, 3, ..., which makes it unlike all others of a run. */
export type NumberedOperation = PlannedOperation & { readonly number: number };

export function numbered(operations: readonly PlannedOperation[]): readonly NumberedOperation[] {
  return operations.map((operation, index) => ({ ...operation, number: index + 1 }));
}

export type OperationBody =
  | { readonly kind: 'create' | 'delete'; readonly user: string; readonly mailbox: string }
  | {
      readonly kind: 'rename';
      readonly user: string;
      readonly mailbox: string;
      /** The mailbox that its mails are in afterwards. */
      readonly to: string;
    }
  | {
      readonly kind: 'append';
      readonly user: string;
      readonly mailbox: string;
      readonly mail: string;
      /** Length of the mail's text. */
      readonly bytes: number;
    }
  | {
      readonly kind: 'expunge';
      readonly user: string;
      readonly mailbox: string;
      /** Chooses one of the mails that the node sees by then: the one at `pick` modulo their number. */
      readonly pick: number;
    }
  | {
      readonly kind: 'store';
      readonly user: string;
      readonly mailbox: string;
      readonly pick: number;
      /** What the mail is called afterwards. */
      readonly mail: string;
    }
  | {
      readonly kind: 'copy';
      readonly user: string;
      readonly mailbox: string;
      readonly pick: number;
      /** The mailbox that the mail is in as well afterwards. */
      readonly to: string;
    }
  | { readonly kind: 'line'; readonly text: string }
  /** A line that is not UTF-8. */
  | { readonly kind: 'bytes'; readonly base64: string }
  /** An operation of a user's own workload. */
  | { readonly kind: 'custom'; readonly name: string; readonly data: JsonValue };

export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

// --- Steps -----------------------------------------------------------------------------------------------------------

/** One thing that happens while all others wait. A step that does not fit, such as one on a link that is empty, does nothing. */
export type PlannedStep =
  /** The next operation of the node. */
  | { readonly kind: 'operation'; readonly node: NodeName }
  /** Of what was written from the one to the other and waits, the first arrives; or is lost; or arrives, and waits on. */
  | { readonly kind: 'deliver' | 'drop' | 'duplicate'; readonly from: NodeName; readonly to: NodeName }
  /** The second arrives before the first. */
  | { readonly kind: 'overtake'; readonly from: NodeName; readonly to: NodeName }
  /** The process dies; it comes back. */
  | { readonly kind: 'crash' | 'restart'; readonly node: NodeName };

// --- Faults ----------------------------------------------------------------------------------------------------------

/**
 * Something that goes wrong (or comes right) at a time. A fault that does not apply, such as a crash of a node that is
 * down, does nothing.
 */
export type PlannedFault = { readonly atMs: number } & FaultBody;

export type FaultBody =
  /** Nodes that share no group cannot reach each other; a node in no group reaches everybody. */
  | { readonly kind: 'partition'; readonly groups: readonly (readonly NodeName[])[] }
  /** Nothing gets from `from` to `to`; the other direction works. */
  | ({ readonly kind: 'one-way' } & Direction)
  /** Ends every partition and one-way block. */
  | { readonly kind: 'heal' }
  /** Resets the links between `from` and `to`. */
  | ({ readonly kind: 'cut' } & Direction)
  /** What is written waits (`hold`) until it arrives in order (`release`). */
  | ({ readonly kind: 'hold' | 'release' } & Direction)
  /**
   * The process dies; `power-loss` also takes what was not synced. Without `restartAfterMs` it stays down until the
   * end of the faults. With `forGood` nothing starts it ever again, and what it alone held is not asked for.
   */
  | {
      readonly kind: 'crash' | 'power-loss';
      readonly node: NodeName;
      readonly restartAfterMs?: number;
      readonly forGood?: true;
    }
  /** The node is closed in peace; `restartAfterMs` counts from when its process has ended, which may take a while. */
  | { readonly kind: 'stop'; readonly node: NodeName; readonly restartAfterMs?: number }
  | { readonly kind: 'restart' | 'pause' | 'resume'; readonly node: NodeName }
  /**
   * An operator repairs the log of a node that is down, and starts it; if there was something to repair, its application is
   * built anew.
   */
  | { readonly kind: 'repair'; readonly node: NodeName }
  /** Changes the links from `from` to `to`, from now on. */
  | ({ readonly kind: 'link'; readonly profile: Partial<LinkSettings> } & Direction)
  | { readonly kind: 'slow-disk'; readonly node: NodeName; readonly profile: DiskChange }
  | NodeFaultBody
  | DiskFaultBody
  | MemberChangeBody
  /**
   * The node crashes at one disk operation of its run, whenever that comes: `operation` counts from 0 through all lives.
   * `during` cuts a write in its middle. With `power` bit i of `survivors` says whether the i-th un-synced page survives.
   */
  | {
      readonly kind: 'crash-point';
      readonly node: NodeName;
      readonly operation: number;
      readonly when: 'before' | 'during' | 'after';
      readonly power: boolean;
      readonly survivors?: number;
      readonly restartAfterMs: number;
    };

/**
 * `by` makes `node` a member, or makes it one no more; or, if `by` cannot, another member does, a little later. Who is added begins with
 * an empty disk, also when it was a member before. Who is removed goes on until it is told.
 */
export interface MemberChangeBody {
  readonly kind: 'add-member' | 'remove-member';
  readonly node: NodeName;
  readonly by: NodeName;
}

/** What becomes of a node's directory, its name, its clock or its application. */
export type NodeFaultBody = { readonly node: NodeName } &
  /**
   * Its disk is emptied, and its application begins anew. It is killed if it is up. Without `restartAfterMs` it stays down until
   * the end of the faults.
   */
  (
    | { readonly kind: 'wipe'; readonly restartAfterMs?: number }
    /** What is synced on its disk is copied, with the state of its application. */
    | { readonly kind: 'backup' }
    /** Both are put back, as `wipe` takes them away. With `marked` the log then begins a new incarnation. */
    | { readonly kind: 'restore-backup'; readonly marked: boolean; readonly restartAfterMs?: number }
    /**
     * A second process with its name runs beside it, with a copy of its directory and application, or with nothing. Without `forMs`
     * until the end of the faults.
     */
    | { readonly kind: 'twin'; readonly copy: boolean; readonly forMs?: number }
    /** Its monotonic clock jumps ahead. */
    | { readonly kind: 'clock-jump'; readonly byMs: number }
    /** Its monotonic clock runs at so many times its pace from now on: 1 is the end of it. */
    | { readonly kind: 'clock-drift'; readonly rate: number }
    /** Its timers are up to so late from now on: 0 is the end of it. */
    | { readonly kind: 'timers-late'; readonly byMs: number }
    /**
     * Its application cannot apply the message that comes after `after` others. `forMs` later, or at the end of the faults, an
     * operator skips it, or the application can (`retry`).
     */
    | { readonly kind: 'poison'; readonly after: number; readonly cure: 'skip' | 'retry'; readonly forMs?: number }
  );

/**
 * What a disk does beyond being slow. A fault with `forMs` ends by itself; without it, at the end of the faults. Two of the
 * same kind at one node may overlap: the later one counts, and the disk is well again when both have ended.
 */
export type DiskFaultBody =
  /** Reads, writes and syncs fail at these rates, 0 where absent. A failed sync loses what it should have covered. */
  | ({ readonly kind: 'disk-errors'; readonly node: NodeName; readonly forMs?: number } & DiskErrorRates)
  /** No more than `freeBytes` fit on the disk from now on. */
  | { readonly kind: 'disk-full'; readonly node: NodeName; readonly freeBytes: number; readonly forMs?: number }
  /** No call is answered. */
  | { readonly kind: 'disk-stall'; readonly node: NodeName; readonly forMs?: number }
  /** So many bits of the log flip, for good: those at the fraction `at` of its bytes. */
  | { readonly kind: 'bit-rot'; readonly node: NodeName; readonly at: number; readonly bits: number }
  /** Writes go nowhere (`phantom`) or to another place (`misdirected`) at these rates, and are answered as if all was well. */
  | ({ readonly kind: 'lying-disk'; readonly node: NodeName; readonly forMs?: number } & DiskLieRates);

export interface DiskErrorRates {
  readonly read?: number;
  readonly write?: number;
  readonly sync?: number;
}

export interface DiskLieRates {
  readonly phantom?: number;
  readonly misdirected?: number;
}

/** Every link from a node in `from` to another node in `to`. */
export interface Direction {
  readonly from: readonly NodeName[];
  readonly to: readonly NodeName[];
}

export type FaultKind = FaultBody['kind'];

const diskFaultKinds: ReadonlySet<FaultKind> = new Set<DiskFaultBody['kind']>([
  'disk-errors',
  'disk-full',
  'disk-stall',
  'bit-rot',
  'lying-disk',
]);

export function isDiskFault(fault: PlannedFault): fault is PlannedFault & DiskFaultBody {
  return diskFaultKinds.has(fault.kind);
}

/** The plan as text: one operation or fault a line, so that it can be read, edited and compared. */
export function formatPlan(plan: Plan): string {
  const lines = Object.entries(plan).map(([key, value]: [string, unknown]) => {
    const name = JSON.stringify(key);
    if (!Array.isArray(value) || value.length === 0 || key === 'nodes') return `  ${name}: ${JSON.stringify(value)}`;
    return `  ${name}: [\n${value.map((item) => `    ${JSON.stringify(item)}`).join(',\n')}\n  ]`;
  });
  return `{\n${lines.join(',\n')}\n}\n`;
}

/** The profile that the simulated network takes. */
export function toLinkProfile(settings: LinkSettings): LinkProfile;
export function toLinkProfile(settings: Partial<LinkSettings>): Partial<LinkProfile>;
export function toLinkProfile(settings: Partial<LinkSettings>): Partial<LinkProfile> {
  const { bytesPerMs, ...rest } = settings;
  if (bytesPerMs === undefined) return rest;
  return { ...rest, bytesPerMs: bytesPerMs === 'unlimited' ? undefined : bytesPerMs };
}
