/**
 * Carries out what a plan does to the directories, names, clocks and applications of nodes, each fault until its end.
 *
 * Invariants:
 * - Who is wiped or set back is down meanwhile, and comes back as after a crash.
 * - At the end no twin is left, every clock runs as it should, and nothing is in the way of any application; what a clock has
 *   gained by then stays.
 */
import type { NodeName } from '../core/index.js';
import type { Simulation } from '../transport-sim/index.js';
import type { NodeFaultBody, PlannedFault } from './plan.js';
import type { SimCluster } from './sim-cluster.js';

type PlannedNodeFault = Extract<PlannedFault, { readonly kind: NodeFaultBody['kind'] }>;
type FaultOf<Kind extends NodeFaultBody['kind']> = Extract<PlannedNodeFault, { readonly kind: Kind }>;

const kinds: ReadonlySet<PlannedFault['kind']> = new Set<NodeFaultBody['kind']>([
  'wipe',
  'backup',
  'restore-backup',
  'twin',
  'clock-jump',
  'clock-drift',
  'timers-late',
  'poison',
]);

export function isNodeFault(fault: PlannedFault): fault is PlannedNodeFault {
  return kinds.has(fault.kind);
}

export class NodeFaults {
  readonly #simulation: Simulation;
  readonly #cluster: SimCluster;
  readonly #changes = { backup: 0, poison: 0 };
  readonly #cures = new Set<() => void>();

  constructor(simulation: Simulation, cluster: SimCluster) {
    this.#simulation = simulation;
    this.#cluster = cluster;
  }

  /** Faults so far that are known here alone, by kind; the simulation counts all others itself. */
  get changes(): Readonly<Record<string, number>> {
    return this.#changes;
  }

  inject(fault: PlannedNodeFault): void {
    const { node } = fault;
    switch (fault.kind) {
      case 'wipe':
        if (this.#cluster.wipe(node)) this.#startLater(fault);
        return;
      case 'backup':
        if (this.#cluster.backUp(node)) this.#changes.backup += 1;
        return;
      case 'restore-backup':
        if (this.#cluster.restoreBackup(node, fault.marked)) this.#startLater(fault);
        return;
      case 'twin':
        this.#addTwin(fault);
        return;
      case 'clock-jump':
        this.#simulation.clock(node).jump(fault.byMs);
        return;
      case 'clock-drift':
        this.#simulation.clock(node).setRate(fault.rate);
        return;
      case 'timers-late':
        this.#simulation.clock(node).setLateness(fault.byMs);
        return;
      case 'poison':
        this.#poison(fault);
        return;
    }
  }

  endAll(nodes: readonly NodeName[]): void {
    for (const cure of [...this.#cures]) cure();
    for (const node of nodes) {
      this.#cluster.removeTwin(node);
      this.#simulation.clock(node).setRate(1);
      this.#simulation.clock(node).setLateness(0);
    }
  }

  #startLater({ atMs, node, restartAfterMs }: FaultOf<'wipe' | 'restore-backup'>): void {
    if (restartAfterMs === undefined) return;
    this.#simulation.at(atMs + restartAfterMs, () => this.#cluster.start(node));
  }

  #addTwin({ atMs, node, copy, forMs }: FaultOf<'twin'>): void {
    const twin = this.#cluster.addTwin(node, copy);
    if (twin === undefined || forMs === undefined) return;
    this.#simulation.at(atMs + forMs, () => this.#cluster.removeTwin(node, twin));
  }

  #poison({ node, after, cure: how, forMs }: FaultOf<'poison'>): void {
    const poisoned = this.#cluster.poison(node, {
      after,
      cure: how,
      onStruck: () => {
        this.#changes.poison += 1;
        if (forMs !== undefined) this.#simulation.at(this.#simulation.nowMs + forMs, cure);
      },
    });
    if (poisoned === undefined) return;
    const cure = (): void => {
      this.#cures.delete(cure);
      poisoned();
    };
    this.#cures.add(cure);
  }
}
