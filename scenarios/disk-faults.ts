/**
 * Carries out what a plan does to disks, each fault until its end, and knows whose disk has lost or changed what it held.
 *
 * Invariants:
 * - Of several faults of one kind at one disk the latest counts; when the last of them has ended, the disk is well again.
 * - A node is reported as damaged whenever something was really done to its disk, and before anything that follows from
 *   it is observed.
 */
import type { NodeName } from '../core/index.js';
import type { Simulation } from '../transport-sim/index.js';
import type { DiskFaultBody, PlannedFault } from './plan.js';

export type PlannedDiskFault = Extract<PlannedFault, { readonly kind: DiskFaultBody['kind'] }>;
type LastingFault = Exclude<PlannedDiskFault, { readonly kind: 'bit-rot' }>;
type FaultOf<Kind extends LastingFault['kind']> = Extract<LastingFault, { readonly kind: Kind }>;

export class DiskFaults {
  readonly #simulation: Simulation;
  readonly #onDamaged: (node: NodeName) => void;
  /** In the order in which they began. */
  readonly #underWay: LastingFault[] = [];
  readonly #changes = { 'disk-errors': 0, 'lying-disk': 0 };
  /** Writes of all disks so far that did not do what was answered. */
  #lies = 0;

  constructor(simulation: Simulation, onDamaged: (node: NodeName) => void) {
    this.#simulation = simulation;
    this.#onDamaged = onDamaged;
  }

  /** Faults so far that are known here alone, by kind; the disks count all others themselves. */
  get changes(): Readonly<Record<string, number>> {
    return this.#changes;
  }

  inject(fault: PlannedDiskFault): void {
    if (fault.kind === 'bit-rot') {
      if (this.#simulation.disk(fault.node).rot(fault)) this.#onDamaged(fault.node);
      return;
    }
    // Before there is one more disk that could have lied.
    this.reportLies();
    this.#underWay.push(fault);
    this.#apply(fault);
    this.#count(fault);
    if (fault.forMs === undefined) return;
    this.#simulation.at(fault.atMs + fault.forMs, () => this.#end(fault));
  }

  /** Every disk is well again; what was damaged stays so. */
  endAll(): void {
    for (const fault of [...this.#underWay]) this.#end(fault);
  }

  /**
   * Reports the disks that have lied since the last look: to be called before anything is made of what a node does. Disks
   * count their lies together, so of several that lie at the same time all are taken to have done it.
   */
  reportLies(): void {
    const lying = this.#underWay.filter((fault) => isLie(fault) && this.#latest(fault.kind, fault.node) === fault);
    if (lying.length === 0) return;
    const { faults } = this.#simulation;
    const lies = (faults.get('phantom-write') ?? 0) + (faults.get('misdirected-write') ?? 0);
    if (lies === this.#lies) return;
    this.#lies = lies;
    for (const { node } of lying) this.#onDamaged(node);
  }

  #end(fault: LastingFault): void {
    const index = this.#underWay.indexOf(fault);
    if (index < 0) return;
    // While it is known who could have lied.
    this.reportLies();
    const isLatest = this.#latest(fault.kind, fault.node) === fault;
    this.#underWay.splice(index, 1);
    if (isLatest) this.#apply(fault);
  }

  /** Makes the disk what the faults of this kind that are under way say. */
  #apply({ kind, node }: LastingFault): void {
    const disk = this.#simulation.disk(node);
    switch (kind) {
      case 'disk-errors': {
        const { read = 0, write = 0, sync = 0 } = this.#latest(kind, node) ?? {};
        disk.setProfile({ readError: read, writeError: write, syncError: sync });
        return;
      }
      case 'lying-disk': {
        const { phantom = 0, misdirected = 0 } = this.#latest(kind, node) ?? {};
        disk.setProfile({ phantomWrite: phantom, misdirectedWrite: misdirected });
        return;
      }
      case 'disk-full': {
        const latest = this.#latest(kind, node);
        if (latest === undefined) disk.makeRoom();
        else disk.fill(latest.freeBytes);
        return;
      }
      case 'disk-stall':
        if (this.#latest(kind, node) === undefined) disk.goOn();
        else disk.stall();
        return;
    }
  }

  #latest<Kind extends LastingFault['kind']>(kind: Kind, node: NodeName): FaultOf<Kind> | undefined {
    return this.#underWay.findLast((fault): fault is FaultOf<Kind> => fault.kind === kind && fault.node === node);
  }

  #count(fault: LastingFault): void {
    if (fault.kind === 'disk-errors' && (fault.read ?? 0) + (fault.write ?? 0) + (fault.sync ?? 0) > 0) {
      this.#changes['disk-errors'] += 1;
    }
    if (isLie(fault)) this.#changes['lying-disk'] += 1;
  }
}

function isLie(fault: LastingFault): boolean {
  return fault.kind === 'lying-disk' && (fault.phantom ?? 0) + (fault.misdirected ?? 0) > 0;
}
