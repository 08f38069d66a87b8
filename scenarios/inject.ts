/**
 * Carries the faults of a plan out on a simulation, and at the end takes all of them back.
 *
 * Invariants:
 * - What is taken back is known here and nowhere else: the network keeps no list of what is held, and no profile
 *   remembers what it was before.
 * - Only what changes something is counted, and only when it begins: neither the end of a change nor a second one like it.
 */
import type { NodeName } from '../core/index.js';
import type { Simulation } from '../transport-sim/index.js';
import { DiskFaults } from './disk-faults.js';
import { isNodeFault, NodeFaults } from './node-faults.js';
import { benignLink, toLinkProfile, type Direction, type Plan, type PlannedFault } from './plan.js';
import type { SimCluster } from './sim-cluster.js';

type FaultOf<Kind extends PlannedFault['kind']> = Extract<PlannedFault, { readonly kind: Kind }>;

/** A crash point that a node has come to. */
export interface StruckCrashPoint {
  /** How many pages (of files, and one for the directory) a loss of power there decides about. */
  readonly unsyncedPages: number;
}

export class FaultInjector {
  readonly #plan: Plan;
  readonly #simulation: Simulation;
  readonly #cluster: SimCluster;
  readonly #held: Direction[] = [];
  readonly #changes = { 'gone-for-good': 0, link: 0, repair: 0, 'slow-disk': 0, stop: 0 };
  /** Settings that were changed, as they are now: by direction, and by node. */
  readonly #links = new Map<string, object>();
  readonly #disks = new Map<string, object>();
  readonly #diskFaults: DiskFaults;
  readonly #nodeFaults: NodeFaults;
  readonly #struck: StruckCrashPoint[] = [];
  /** Restarts behind a crash point that are still to come. */
  #awaited = 0;
  #hasEnded = false;

  constructor(plan: Plan, simulation: Simulation, cluster: SimCluster) {
    this.#plan = plan;
    this.#simulation = simulation;
    this.#cluster = cluster;
    this.#diskFaults = new DiskFaults(simulation, (node) => cluster.handleDamage(node));
    this.#nodeFaults = new NodeFaults(simulation, cluster);
  }

  /** Faults so far that are known here alone, by kind; the simulation counts all others itself. */
  get changes(): Readonly<Record<string, number>> {
    const all = {
      ...this.#changes,
      ...this.#diskFaults.changes,
      ...this.#nodeFaults.changes,
      ...this.#cluster.memberChanges,
    };
    return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0));
  }

  /** The crash points that nodes have come to, in that order. */
  get struck(): readonly StruckCrashPoint[] {
    return this.#struck;
  }

  /** True while a node is down at a crash point: the only fault that may strike after the end of the faults. */
  get awaitsRestart(): boolean {
    return this.#awaited > 0;
  }

  inject(fault: PlannedFault): void {
    if (isNodeFault(fault)) {
      this.#nodeFaults.inject(fault);
      return;
    }
    const { network } = this.#simulation;
    switch (fault.kind) {
      case 'partition':
        network.partition(fault.groups);
        return;
      case 'one-way':
        forEachPair(fault, (from, to) => network.block(from, to));
        return;
      case 'heal':
        network.heal();
        return;
      case 'cut':
        forEachPair(fault, (from, to) => network.cut(from, to));
        return;
      case 'hold':
        this.#held.push(fault);
        forEachPair(fault, (from, to) => network.hold(from, to));
        return;
      case 'release':
        this.#release(fault);
        return;
      case 'link':
        this.#changeLinks(fault);
        return;
      case 'slow-disk':
        this.#changeDisk(fault);
        return;
      case 'disk-errors':
      case 'disk-full':
      case 'disk-stall':
      case 'bit-rot':
      case 'lying-disk':
        this.#diskFaults.inject(fault);
        return;
      case 'add-member':
      case 'remove-member':
        this.#cluster.changeMembers(fault);
        return;
      case 'crash':
      case 'power-loss':
        this.#crash(fault);
        return;
      case 'stop':
        this.#stop(fault);
        return;
      case 'crash-point':
        this.#armCrash(fault);
        return;
      case 'restart':
        this.#cluster.start(fault.node);
        return;
      case 'repair':
        if (this.#cluster.repair(fault.node)) this.#changes.repair += 1;
        return;
      case 'pause':
        this.#cluster.pause(fault.node);
        return;
      case 'resume':
        this.#cluster.resume(fault.node);
        return;
    }
  }

  /** To be called before anything is made of what a node does: see `DiskFaults.reportLies`. */
  reportLies(): void {
    this.#diskFaults.reportLies();
  }

  /** Ends every fault: from now on the world is benign and every node is up that is not gone for good. */
  endAll(): void {
    const { nodes, options } = this.#plan;
    const { network } = this.#simulation;
    this.#hasEnded = true;
    network.heal();
    for (const direction of this.#held.splice(0)) this.#release(direction);
    network.setProfile({ ...toLinkProfile(options.link), ...benignLink });
    this.#diskFaults.endAll();
    this.#nodeFaults.endAll(nodes);
    this.#cluster.endFaults();
    for (const node of nodes) {
      this.#simulation.disk(node).setProfile(options.disk);
      this.#cluster.start(node);
      this.#cluster.resume(node);
    }
  }

  #release(direction: Direction): void {
    forEachPair(direction, (from, to) => this.#simulation.network.release(from, to));
  }

  #changeLinks(fault: FaultOf<'link'>): void {
    const profile = toLinkProfile(fault.profile);
    const usual = this.#plan.options.link;
    const changed = new Set<string>();
    forEachPair(fault, (from, to) => {
      this.#simulation.network.setProfile(profile, from, to);
      const direction = `${from}>${to}`;
      if (change(this.#links, direction, usual, fault.profile)) changed.add(direction);
    });
    if (changed.size > 0) this.#changes.link += 1;
  }

  #changeDisk({ node, profile }: FaultOf<'slow-disk'>): void {
    this.#simulation.disk(node).setProfile(profile);
    if (change(this.#disks, node, this.#plan.options.disk, profile)) this.#changes['slow-disk'] += 1;
  }

  #crash(fault: FaultOf<'crash' | 'power-loss'>): void {
    const { node, restartAfterMs } = fault;
    const hasDied = this.#cluster.crash(node, { power: fault.kind === 'power-loss' });
    // Also one that was down already, and would have come back.
    if (fault.forGood === true && this.#cluster.abandon(node)) this.#changes['gone-for-good'] += 1;
    if (!hasDied) return;
    if (restartAfterMs === undefined) return;
    this.#simulation.at(fault.atMs + restartAfterMs, () => this.#cluster.start(node));
  }

  #armCrash({ node, restartAfterMs, ...point }: FaultOf<'crash-point'>): void {
    const disk = this.#simulation.disk(node);
    disk.armCrash(point, () => {
      this.#struck.push({ unsyncedPages: disk.unsyncedPages });
      this.#cluster.crash(node, { power: point.power });
      this.#awaited += 1;
      this.#simulation.at(this.#simulation.nowMs + restartAfterMs, () => {
        this.#awaited -= 1;
        this.#cluster.start(node);
      });
    });
  }

  #stop({ node, restartAfterMs }: FaultOf<'stop'>): void {
    const isClosing = this.#cluster.close(node, () => {
      // A node that took so long that the faults are over is up again at once, like all others.
      const delayMs = this.#hasEnded ? 0 : restartAfterMs;
      if (delayMs === undefined) return;
      this.#simulation.at(this.#simulation.nowMs + delayMs, () => this.#cluster.start(node));
    });
    if (isClosing) this.#changes.stop += 1;
  }
}

function forEachPair({ from, to }: Direction, act: (from: NodeName, to: NodeName) => void): void {
  for (const one of from) for (const other of to) if (one !== other) act(one, other);
}

/** Enters new settings. True when they are others than before, and not those of a world in which nothing is wrong. */
function change(current: Map<string, object>, key: string, usual: object, changes: object): boolean {
  const before = current.get(key) ?? usual;
  const now = { ...before, ...changes };
  current.set(key, now);
  return !holds(before, changes) && !holds(usual, changes);
}

/** True when every one of `values` is what `settings` says. */
function holds(settings: object, values: object): boolean {
  const has = new Map<string, unknown>(Object.entries(settings));
  return Object.entries(values).every(([key, value]) => JSON.stringify(has.get(key)) === JSON.stringify(value));
}
