/**
 * The members of a plan in one simulation: starts, crashes and pauses them, and carries operations to them.
 *
 * A command that does not fit the state of its node (a crash of one that is down, a pause of one that is paused) does
 * nothing and returns false: plans are drawn without knowing what a run will do, and shrinking takes them apart.
 */
import { assert, clusterName, defaultTimings, type NodeName } from '../core/index.js';
import type { Simulation } from '../transport-sim/index.js';
import type { HistoryEvent } from './history.js';
import type { Plan, PlannedOperation } from './plan.js';
import { SimMember } from './sim-member.js';
import { Supervisor, type SelfStop } from './supervisor.js';
import type { Program } from './workloads/workload.js';

export class SimCluster {
  readonly #simulation: Simulation;
  readonly #members = new Map<NodeName, SimMember>();
  /** What to do when a node that was closed has ended. */
  readonly #onClosed = new Map<NodeName, () => void>();
  readonly #observe: (event: HistoryEvent) => void;
  readonly #supervisor: Supervisor;
  /** Whose log was damaged and not repaired since. */
  readonly #damaged = new Set<NodeName>();

  constructor(plan: Plan, program: Program, simulation: Simulation, observe: (event: HistoryEvent) => void) {
    this.#simulation = simulation;
    this.#observe = observe;
    this.#supervisor = new Supervisor(simulation, plan.options.supervisor?.restartAfterMs, (name) => this.start(name));
    const settleMs = settleTimeMs(plan);
    for (const name of plan.nodes) {
      const member = new SimMember({
        name,
        cluster: clusterName('scenario'),
        peers: plan.nodes.filter((other) => other !== name),
        limits: plan.options.limits,
        timings: plan.options.timings,
        mode: plan.options.applications[name] ?? { memory: 'position' },
        program,
        random: simulation.random(`application ${name}`),
        nowMs: () => simulation.nowMs,
        observe: (event) => {
          if (event.type === 'rebuilt') this.#damaged.delete(name);
          observe(event);
        },
        onEnded: (stop) => this.#handleEnded(name, stop),
        settleMs,
      });
      this.#members.set(name, member);
      simulation.addNode(name, member);
    }
  }

  /** Operations that came to nothing. */
  get skipped(): number {
    let skipped = 0;
    for (const member of this.#members.values()) skipped += member.skipped;
    return skipped;
  }

  /** Nodes that run. */
  get live(): readonly NodeName[] {
    return [...this.#members.keys()].filter((name) => this.#simulation.isUp(name));
  }

  /**
   * A node that still has something to do, and what; undefined when all are at rest. One that is down is not, unless its disk
   * was damaged: then it may refuse to start.
   */
  get unfinished(): { readonly node: NodeName; readonly what: string } | undefined {
    const live = this.live.length;
    for (const [node, member] of this.#members) {
      if (this.#damaged.has(node) && !this.#simulation.isUp(node)) continue;
      const what = member.unfinished(live);
      if (what !== undefined) return { node, what };
    }
    return undefined;
  }

  start(name: NodeName): boolean {
    if (this.#simulation.isUp(name)) return false;
    this.#simulation.start(name);
    return true;
  }

  /** Starts a node that is down as an operator does whose node has refused its log: with a repair. */
  repair(name: NodeName): boolean {
    if (this.#simulation.isUp(name)) return false;
    this.#member(name).repairAtStart();
    return this.start(name);
  }

  /** A node that is down can still lose its power, and with it what its last life did not sync. */
  crash(name: NodeName, how: { readonly power: boolean }): boolean {
    const wasUp = this.#simulation.isUp(name);
    this.#simulation.crash(name, how);
    this.#onClosed.delete(name);
    if (how.power) this.#supervisor.handlePowerLoss(name);
    if (wasUp) this.#member(name).handleCrash();
    return wasUp || how.power;
  }

  /** Closes the node; `done` is called when its process has ended, unless a crash ends it first. */
  close(name: NodeName, done: () => void): boolean {
    if (!this.#simulation.isUp(name) || !this.#member(name).close()) return false;
    this.#onClosed.set(name, done);
    return true;
  }

  pause(name: NodeName): boolean {
    const member = this.#member(name);
    if (!this.#simulation.isUp(name) || member.isPaused) return false;
    this.#simulation.pause(name);
    member.handlePause();
    return true;
  }

  resume(name: NodeName): boolean {
    const member = this.#member(name);
    if (!this.#simulation.isUp(name) || !member.isPaused) return false;
    this.#simulation.resume(name);
    member.handleResume();
    return true;
  }

  perform(operation: PlannedOperation): void {
    this.#member(operation.node).perform(operation);
  }

  /** What the disk of the node holds, or was told to hold, is no longer what it was. */
  handleDamage(name: NodeName): void {
    this.#damaged.add(name);
    this.#observe({ type: 'disk-damaged', atMs: this.#simulation.nowMs, node: name });
  }

  /** The faults are over: whoever is down will be started now. */
  endFaults(): void {
    this.#supervisor.endFaults();
  }

  /** The process of a node has ended by itself. Who closed it decides about its return, else the supervisor. */
  #handleEnded(name: NodeName, stop: SelfStop | undefined): void {
    this.#simulation.exit(name);
    const done = this.#onClosed.get(name);
    this.#onClosed.delete(name);
    if (done !== undefined) done();
    else if (stop !== undefined) this.#supervisor.handleStopped(name, stop);
  }

  #member(name: NodeName): SimMember {
    const member = this.#members.get(name);
    assert(member !== undefined, `the plan has no node ${name}`);
    return member;
  }
}

/**
 * Longer than a replaying node can be silent between two deliveries: some dozens of the slowest disk call of the plan,
 * every time a disk hangs, one message applied, and a request repeated.
 */
function settleTimeMs(plan: Plan): number {
  const { disk, applications, timings } = plan.options;
  const disks = [disk, ...plan.faults.flatMap((fault) => (fault.kind === 'slow-disk' ? [fault.profile] : []))];
  const disksMs = disks.flatMap(({ syncMs, writeMs, readMs }) => [
    syncMs?.maxMs ?? 0,
    writeMs?.maxMs ?? 0,
    readMs?.maxMs ?? 0,
  ]);
  const applyMs = Object.values(applications).map((mode) => 2 * (mode.applyMs?.maxMs ?? 0));
  const repeatMs = timings.wantRetryMs ?? defaultTimings.wantRetryMs;
  return 500 + 50 * Math.max(...disksMs) + stallsMs(plan) + Math.max(0, ...applyMs) + repeatMs;
}

function stallsMs({ faults, healedAtMs }: Plan): number {
  return faults.reduce((sumMs, fault) => {
    return fault.kind === 'disk-stall' ? sumMs + (fault.forMs ?? healedAtMs - fault.atMs) : sumMs;
  }, 0);
}
