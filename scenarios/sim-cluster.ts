/**
 * The nodes of a plan in one simulation: starts, crashes and pauses them, and carries operations to them.
 *
 * A command that does not fit the state of its node (a crash of one that is down, a pause of one that is paused) does
 * nothing and returns false: plans are drawn without knowing what a run will do, and shrinking takes them apart.
 *
 * A twin is a second process with the name of a member. It is no member here: nobody waits for it, and nothing but itself and the
 * users who happen to reach it ends up in it.
 */
import { assert, clusterName, defaultTimings, nameLengthMax, nodeName, type NodeName } from '../core/index.js';
import type { DiskImage, RandomStream, Simulation } from '../transport-sim/index.js';
import { DiskWitness } from './disk-witness.js';
import type { HistoryEvent } from './history.js';
import { MemberChanges } from './member-changes.js';
import type { MemoryLook } from './oracles/resources.js';
import type { MemberChangeBody, NumberedOperation, Plan, PlannedOperation } from './plan.js';
import type { PoisonOptions } from './poison.js';
import { SimMember, type MemberBackup, type MemberOptions } from './sim-member.js';
import { StoredApplication } from './stored-application.js';
import { Supervisor, type SelfStop } from './supervisor.js';
import type { Program } from './workloads/workload.js';

interface Backup {
  readonly image: DiskImage;
  readonly member: MemberBackup;
}

/** When a member cannot be asked, the next one is asked after so long. */
const changeRetryMs = 20;

export class SimCluster {
  readonly #plan: Plan;
  readonly #program: Program;
  readonly #settleMs: number;
  readonly #simulation: Simulation;
  readonly #members = new Map<NodeName, SimMember>();
  readonly #backups = new Map<NodeName, Backup>();
  /** Those that run, by the member whose name they have. */
  readonly #twins = new Map<NodeName, SimMember>();
  /** All that ever ran. */
  readonly #everyTwin: SimMember[] = [];
  /** What to do when a node that was closed has ended. */
  readonly #onClosed = new Map<NodeName, () => void>();
  readonly #observe: (event: HistoryEvent) => void;
  readonly #supervisor: Supervisor;
  readonly #witness = new DiskWitness();
  /** Whose log was damaged and not repaired since. */
  readonly #damaged = new Set<NodeName>();
  /** Nodes that are down and stay so. */
  readonly #gone = new Set<NodeName>();
  readonly #changes: MemberChanges;

  constructor(plan: Plan, program: Program, simulation: Simulation, observe: (event: HistoryEvent) => void) {
    this.#plan = plan;
    this.#program = program;
    this.#settleMs = settleTimeMs(plan);
    this.#simulation = simulation;
    this.#observe = observe;
    this.#changes = this.#newChanges();
    this.#supervisor = new Supervisor(simulation, plan.options.supervisor?.restartAfterMs, (name) => this.start(name));
    for (const name of plan.nodes) {
      const application = new StoredApplication(() => program.createApplication(name));
      const member = this.#newMember({
        name,
        identity: name,
        application,
        random: simulation.random(`application ${name}`),
        observe: (event) => {
          if (event.type === 'rebuilt' || event.type === 'set-back') this.#damaged.delete(name);
          if (event.type === 'start') this.#witness.forget(name);
          observe(event);
        },
        onEnded: (stop) => this.#handleEnded(name, stop),
      });
      this.#members.set(name, member);
      simulation.addNode(name, member);
      this.#witness.add(name, simulation.disk(name), (ranges) => {
        // What a repair sets aside was damaged. (At a crash the node counts as running until its disk has crashed.)
        if (member.isNodeRunning) observe({ type: 'dropped', atMs: simulation.nowMs, node: name, ranges });
        return member.isNodeRunning;
      });
    }
  }

  /** Operations that came to nothing. */
  get skipped(): number {
    let skipped = 0;
    for (const member of [...this.#members.values(), ...this.#everyTwin]) skipped += member.skipped;
    return skipped;
  }

  /** What a node keeps in memory; undefined for one that is not ready. */
  memoryOf(name: NodeName): MemoryLook | undefined {
    return this.#members.get(name)?.memory;
  }

  /** Nodes that run. */
  get live(): readonly NodeName[] {
    return [...this.#members.keys()].filter((name) => this.#simulation.isUp(name));
  }

  /** True when a node that runs knows that its log went back, or was removed. */
  get hasFenced(): boolean {
    return this.#heard.length < this.live.length;
  }

  /** Whoever is fenced or removed is not heard, and acknowledges nothing. */
  get #heard(): readonly NodeName[] {
    return this.live.filter((name) => this.#changes.isMember(name) && !this.#member(name).isFenced);
  }

  /**
   * A node that still has something to do, and what; undefined when all are at rest. One that is down is not, unless it is
   * gone for good, or its disk was damaged: then it may refuse to start.
   */
  get unfinished(): { readonly node: NodeName; readonly what: string } | undefined {
    const live = this.#heard.length;
    const change = this.#changes.pending;
    if (change !== undefined) {
      return { node: change.node, what: `has not been ${change.kind === 'add-member' ? 'added' : 'removed'}` };
    }
    for (const [node, member] of this.#members) {
      if (this.#changes.isOutside(node)) continue;
      if (this.#gone.has(node) || (this.#damaged.has(node) && !this.#simulation.isUp(node))) continue;
      const what = member.unfinished(live);
      if (what !== undefined) return { node, what };
      if (!this.#changes.isMember(node) && !member.isFenced) return { node, what: 'was not told that it was removed' };
    }
    return undefined;
  }

  start(name: NodeName): boolean {
    if (!this.#mayRun(name) || this.#simulation.isUp(name)) return false;
    this.#simulation.start(name);
    return true;
  }

  /** Neither gone for good, nor to be added first. */
  #mayRun(name: NodeName): boolean {
    return !this.#gone.has(name) && !this.#changes.isOutside(name);
  }

  /** Nothing starts this node any more, once it is down. False when that is so already. */
  abandon(name: NodeName): boolean {
    if (this.#gone.has(name)) return false;
    this.#gone.add(name);
    return true;
  }

  /** Starts a node that is down as an operator does whose node has refused its log: with a repair. */
  repair(name: NodeName): boolean {
    if (!this.#mayRun(name) || this.#simulation.isUp(name)) return false;
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

  perform(operation: NumberedOperation): void {
    this.#performerOf(operation).perform(operation);
  }

  // --- Directories, names, applications --------------------------------------------------------------------------------

  /** The disk is emptied, and the application begins anew. False when there is nothing on it. */
  wipe(name: NodeName): boolean {
    const disk = this.#simulation.disk(name);
    if (!this.#mayRun(name) || disk.files.size === 0) return false;
    this.#empty(name);
    return true;
  }

  #empty(name: NodeName): void {
    const disk = this.#simulation.disk(name);
    this.crash(name, { power: false });
    disk.restore(new Map());
    this.handleDamage(name);
    this.#member(name).beginAnew();
  }

  /** Keeps a copy of what is synced, in the place of an earlier one. */
  backUp(name: NodeName): boolean {
    if (!this.#mayRun(name)) return false;
    this.#backups.set(name, { image: this.#simulation.disk(name).syncedImage, member: this.#member(name).backup });
    return true;
  }

  /** Puts the backup back; with `isMarked` the next start begins a new incarnation first. */
  restoreBackup(name: NodeName, isMarked: boolean): boolean {
    const backup = this.#backups.get(name);
    if (!this.#mayRun(name) || backup === undefined) return false;
    this.crash(name, { power: false });
    this.#simulation.disk(name).restore(backup.image);
    this.handleDamage(name);
    this.#member(name).setBack(backup.member, isMarked);
    return true;
  }

  /** Starts a second process with that name; undefined when there is one. With `isCopy` it has the directory and the application as they are. */
  addTwin(of: NodeName, isCopy: boolean): SimMember | undefined {
    if (!this.#mayRun(of) || this.#twins.has(of)) return undefined;
    const { application } = this.#member(of).backup;
    const name = this.#nameOfTwin(of);
    const twin = this.#newMember({
      name,
      identity: of,
      application: isCopy ? application : application.anew(),
      random: this.#simulation.random(`application ${name}`),
      observe: this.#observe,
      onEnded: () => this.#simulation.exit(name),
    });
    this.#twins.set(of, twin);
    this.#everyTwin.push(twin);
    this.#simulation.addTwin(name, of, twin, isCopy ? this.#simulation.disk(of).syncedImage : new Map());
    const position = isCopy ? application.position : 0;
    this.#observe({ type: 'twin', atMs: this.#simulation.nowMs, node: name, of, position });
    this.#simulation.start(name);
    return twin;
  }

  /** Kills the twin of a node: the given one, or whichever there is. */
  removeTwin(of: NodeName, which?: SimMember): void {
    const twin = this.#twins.get(of);
    if (twin === undefined || (which !== undefined && which !== twin)) return;
    this.#twins.delete(of);
    if (!this.#simulation.isUp(twin.name)) return;
    this.#simulation.crash(twin.name, { power: false });
    twin.handleCrash();
  }

  /** See `SimMember.poison`. */
  poison(name: NodeName, options: PoisonOptions): (() => void) | undefined {
    return this.#mayRun(name) ? this.#member(name).poison(options) : undefined;
  }

  // --- Membership ------------------------------------------------------------------------------------------------------

  /** See `MemberChanges`. */
  changeMembers(change: MemberChangeBody): void {
    this.#changes.begin(change);
  }

  /** Changes to the members, by kind. */
  get memberChanges(): Readonly<Record<string, number>> {
    return this.#changes.counts;
  }

  #newChanges(): MemberChanges {
    const { nodes, joiners = [] } = this.#plan;
    const observe = (type: 'joined' | 'removed', node: NodeName): void =>
      this.#observe({ type, atMs: this.#simulation.nowMs, node });
    return new MemberChanges({
      nodes,
      joiners,
      ask: (node, change, answered) => this.#member(node).askFor(change, answered),
      lists: (node, other) => this.#member(node).lists(other),
      isGone: (node) => this.#gone.has(node) && !this.#simulation.isUp(node),
      clear: (node) => {
        this.#gone.delete(node);
        this.#empty(node);
      },
      onRemoving: (node) => observe('removed', node),
      onAdded: (node) => {
        observe('joined', node);
        this.#member(node).join();
        this.start(node);
      },
      later: (act) => this.#simulation.at(this.#simulation.nowMs + changeRetryMs, act),
    });
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

  #newMember(
    own: Pick<MemberOptions, 'name' | 'identity' | 'application' | 'random' | 'observe' | 'onEnded'>,
  ): SimMember {
    const { nodes, joiners = [], options } = this.#plan;
    return new SimMember({
      ...own,
      cluster: clusterName('scenario'),
      peers: nodes.filter((other) => other !== own.identity && !joiners.includes(other)),
      joins: joiners.includes(own.identity),
      retention: options.retention,
      limits: options.limits,
      timings: options.timings,
      mode: options.applications[own.identity] ?? { memory: 'position' },
      program: this.#program,
      nowMs: () => this.#simulation.nowMs,
      holdersOf: (dot) => this.#witness.holdersOf(dot),
      settleMs: this.#settleMs,
    });
  }

  /** Users know a node by its name, so half of them reach its twin. */
  #performerOf({ node, kind }: PlannedOperation): SimMember {
    const twin = this.#twins.get(node);
    // A line waits at its client, which has one node. Of the other operations these alone make a payload that nothing else makes, and
    // so tell what the one has given out from what the other has.
    if (twin === undefined || kind !== 'append') return this.#member(node);
    const random: RandomStream = this.#simulation.random(`users of the twin of ${node}`);
    return random.chance(0.5) ? twin : this.#member(node);
  }

  /** A name that no node of the plan has. */
  #nameOfTwin(of: NodeName): NodeName {
    const taken = new Set<string>([...this.#plan.nodes, ...this.#everyTwin.map(({ name }) => name)]);
    for (let number = 1; ; number++) {
      const suffix = number === 1 ? '.twin' : `.twin${number}`;
      const name = nodeName(of.slice(0, nameLengthMax - suffix.length) + suffix);
      if (!taken.has(name)) return name;
    }
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
  // It is waited for by the clock of the node, while the disks keep to no clock.
  const rates = plan.faults.map((fault) => (fault.kind === 'clock-drift' ? fault.rate : 1));
  const waitMs = 500 + 50 * Math.max(...disksMs) + stallsMs(plan) + Math.max(0, ...applyMs) + repeatMs;
  return waitMs * Math.max(1, ...rates);
}

function stallsMs({ faults, healedAtMs }: Plan): number {
  return faults.reduce((sumMs, fault) => {
    return fault.kind === 'disk-stall' ? sumMs + (fault.forMs ?? healedAtMs - fault.atMs) : sumMs;
  }, 0);
}
