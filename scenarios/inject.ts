/**
 * Carries the faults of a plan out on a simulation, and at the end takes all of them back.
 *
 * What is taken back is known here and nowhere else: the network keeps no list of what is held, and no profile
 * remembers what it was before.
 */
import type { Simulation } from '../transport-sim/index.js';
import { toLinkProfile, type Direction, type Plan, type PlannedFault } from './plan.js';
import type { SimCluster } from './sim-cluster.js';

/** Rates of a network that does nothing wrong. */
const benign = { loss: 0, duplication: 0, reordering: 0, cut: 0, corruption: 0, splitting: 0 };

export class FaultInjector {
  readonly #plan: Plan;
  readonly #simulation: Simulation;
  readonly #cluster: SimCluster;
  readonly #held: Direction[] = [];
  readonly #changes = { link: 0, 'slow-disk': 0 };

  constructor(plan: Plan, simulation: Simulation, cluster: SimCluster) {
    this.#plan = plan;
    this.#simulation = simulation;
    this.#cluster = cluster;
  }

  /** Changes of profiles so far, by kind; the simulation counts all other faults itself. */
  get changes(): Readonly<Record<string, number>> {
    return Object.fromEntries(Object.entries(this.#changes).filter(([, count]) => count > 0));
  }

  inject(fault: PlannedFault): void {
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
      case 'link': {
        const profile = toLinkProfile(fault.profile);
        this.#changes.link += 1;
        forEachPair(fault, (from, to) => network.setProfile(profile, from, to));
        return;
      }
      case 'slow-disk':
        this.#changes['slow-disk'] += 1;
        this.#simulation.disk(fault.node).setProfile(fault.profile);
        return;
      case 'crash':
      case 'power-loss':
        this.#crash(fault);
        return;
      case 'restart':
        this.#cluster.start(fault.node);
        return;
      case 'pause':
        this.#cluster.pause(fault.node);
        return;
      case 'resume':
        this.#cluster.resume(fault.node);
        return;
    }
  }

  /** Ends every fault: from now on the world is benign and every node is up. */
  endAll(): void {
    const { nodes, options } = this.#plan;
    const { network } = this.#simulation;
    network.heal();
    for (const direction of this.#held.splice(0)) this.#release(direction);
    network.setProfile({ ...toLinkProfile(options.link), ...benign });
    for (const node of nodes) {
      this.#simulation.disk(node).setProfile(options.disk);
      this.#cluster.start(node);
      this.#cluster.resume(node);
    }
  }

  #release(direction: Direction): void {
    forEachPair(direction, (from, to) => this.#simulation.network.release(from, to));
  }

  #crash(fault: Extract<PlannedFault, { readonly kind: 'crash' | 'power-loss' }>): void {
    const { node, restartAfterMs } = fault;
    if (!this.#cluster.crash(node, { power: fault.kind === 'power-loss' })) return;
    if (restartAfterMs === undefined) return;
    this.#simulation.at(fault.atMs + restartAfterMs, () => this.#cluster.start(node));
  }
}

function forEachPair(
  { from, to }: Direction,
  act: (from: Direction['from'][number], to: Direction['to'][number]) => void,
): void {
  for (const one of from) for (const other of to) if (one !== other) act(one, other);
}
