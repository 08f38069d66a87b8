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
import type { Program } from './workloads/workload.js';

export class SimCluster {
  readonly #simulation: Simulation;
  readonly #members = new Map<NodeName, SimMember>();
  /** What to do when a node that was closed has ended. */
  readonly #onClosed = new Map<NodeName, () => void>();

  constructor(plan: Plan, program: Program, simulation: Simulation, observe: (event: HistoryEvent) => void) {
    this.#simulation = simulation;
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
        observe,
        onClosed: () => this.#end(name),
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

  /** Nodes that run: up, and not stopped by an error of their own. */
  get live(): readonly NodeName[] {
    return [...this.#members.keys()].filter((name) => this.#simulation.isUp(name) && !this.#member(name).isStopped);
  }

  /** A live node that still has something to do, and what; undefined when all are at rest. */
  get unfinished(): { readonly node: NodeName; readonly what: string } | undefined {
    for (const node of this.live) {
      const what = this.#member(node).unfinished;
      if (what !== undefined) return { node, what };
    }
    return undefined;
  }

  start(name: NodeName): boolean {
    if (this.#simulation.isUp(name)) return false;
    this.#simulation.start(name);
    return true;
  }

  /** A node that is down can still lose its power, and with it what its last life did not sync. */
  crash(name: NodeName, how: { readonly power: boolean }): boolean {
    const wasUp = this.#simulation.isUp(name);
    this.#simulation.crash(name, how);
    this.#onClosed.delete(name);
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

  #end(name: NodeName): void {
    this.#simulation.exit(name);
    const done = this.#onClosed.get(name);
    this.#onClosed.delete(name);
    done?.();
  }

  #member(name: NodeName): SimMember {
    const member = this.#members.get(name);
    assert(member !== undefined, `the plan has no node ${name}`);
    return member;
  }
}

/**
 * Longer than a replaying node can be silent between two deliveries: some dozens of the slowest disk call of the plan,
 * one message applied, and a request repeated.
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
  return 500 + 50 * Math.max(...disksMs) + Math.max(0, ...applyMs) + repeatMs;
}
