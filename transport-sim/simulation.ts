/**
 * A simulated world: machines, a network, disks and one clock, all under one seed.
 *
 * Invariants:
 * - The same seed and the same calls give the same course of events, and so the same `traceHash`, on every machine.
 * - Everything happens inside `run`, one event at a time; no promise, no timer, no real time.
 * - A fault that does not apply (crashing what is down, resuming what is not paused) does nothing and is not counted, so
 *   that a schedule stays valid when parts of it are taken out.
 */
import type { Digests, Logger, LogLevel, NodeName } from '../core/index.js';
import { firstMicrosecond, SimulatedClock, type MachineClock } from './clock.js';
import { simulatedDigests } from './digests.js';
import { defaultDiskProfile, SimulatedDisk, type DiskImage, type DiskProfile } from './disk.js';
import { SimulatedDiskPort } from './disk-port.js';
import { SimulationEvent } from './event.js';
import { Host, Hosts } from './host.js';
import { Kernel, type RunEnd } from './kernel.js';
import { SimulatedLinks, type Topology } from './links.js';
import { SimulatedNetwork } from './network.js';
import type { Process, World } from './process.js';
import type { RandomStream } from './random.js';
import { defaultLinkProfile, type LinkProfile } from './route.js';
import { RouteTable } from './route-table.js';
import { nobody, Trace, traceKinds } from './trace.js';
import type { Usage } from './usage.js';

export interface SimulationOptions {
  readonly seed: string;
  /** For every direction of every link; the rest is `defaultLinkProfile`. */
  readonly link?: Partial<LinkProfile>;
  /** For every disk; the rest is `defaultDiskProfile`. */
  readonly disk?: Partial<DiskProfile>;
  /** Number of last trace lines to keep for people. Default 0. */
  readonly keepTrace?: number;
  /** Default `simulatedDigests`. Others must give the same values on every machine, or a seed is no longer one trace. */
  readonly digests?: Digests;
  /** Hears what the programs log. Must not change anything in the simulation. */
  readonly onLog?: (name: NodeName, level: LogLevel, event: string, fields: LogFields) => void;
}

export type LogFields = Readonly<Record<string, string | number | boolean>>;

export class Simulation {
  readonly network: SimulatedNetwork;

  readonly #options: SimulationOptions;
  readonly #kernel: Kernel;
  readonly #topology: Topology;
  readonly #disks = new Map<Host, SimulatedDisk>();

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.#kernel = new Kernel(options.seed, new Trace(options.keepTrace ?? 0));
    const hosts = new Hosts();
    const routes = new RouteTable(this.#kernel, { ...defaultLinkProfile, ...options.link });
    this.#topology = { hosts, routes };
    this.network = new SimulatedNetwork(this.#kernel, hosts, routes);
  }

  // --- What happened ------------------------------------------------------------------------------------------------

  /** Virtual time: milliseconds since the beginning, in whole microseconds. */
  get nowMs(): number {
    return this.#kernel.nowUs / 1000;
  }

  /** Events so far. */
  get events(): number {
    return this.#kernel.events;
  }

  /** 16 hexadecimal digits that depend on everything that has happened. */
  get traceHash(): string {
    return this.#kernel.trace.hash;
  }

  /** The last `keepTrace` lines, oldest first: `12.345ms b<-a bytes 312`. */
  get trace(): readonly string[] {
    return this.#kernel.trace.lines;
  }

  /** Faults that struck, by kind. */
  get faults(): ReadonlyMap<string, number> {
    return this.#kernel.faults;
  }

  /** What the programs have asked for so far; goes on counting. */
  get usage(): Usage {
    return this.#kernel.usage;
  }

  isUp(name: NodeName): boolean {
    return this.#host(name).isUp;
  }

  /** The disk of a node; it survives crashes. */
  disk(name: NodeName): SimulatedDisk {
    const disk = this.#disks.get(this.#host(name));
    if (disk !== undefined) return disk;
    return this.#makeDisk(this.#host(name));
  }

  /** The clock of a node; what it has gained or lost outlives crashes. */
  clock(name: NodeName): MachineClock {
    return this.#host(name).clock;
  }

  // --- Course -------------------------------------------------------------------------------------------------------

  /** The stream named `concern`, derived from the seed; the same stream for the same name. */
  random(concern: string): RandomStream {
    return this.#kernel.random(`scenario/${concern}`);
  }

  /** Calls `action` when virtual time has reached `atMs`; a moment that has passed means now. */
  at(atMs: number, action: () => void): void {
    this.#kernel.schedule(new Action(this.#kernel, action), firstMicrosecond(atMs));
  }

  /** Folds an observation of the caller into the trace. */
  note(label: string, a: number = 0, b: number = 0): void {
    this.#kernel.trace.recordText(this.#kernel.nowUs, traceKinds.note, nobody, label, a, b);
  }

  /**
   * Runs events in order until virtual time has reached `untilMs` (events of that very moment included), or `eventsMax`
   * more events have happened, or nothing is left, or `stop` was called. What a program throws comes out of here.
   */
  run(options: { readonly untilMs: number; readonly eventsMax?: number }): RunEnd {
    const untilUs = options.untilMs === Infinity ? Infinity : Math.floor(options.untilMs * 1000);
    return this.#kernel.run(untilUs, options.eventsMax ?? Infinity);
  }

  /** Ends `run` after the event that fires now. */
  stop(): void {
    this.#kernel.stop();
  }

  // --- Machines -----------------------------------------------------------------------------------------------------

  /** Adds a machine, not started yet: it has power but nobody listens there. */
  addNode(name: NodeName, process: Process): void {
    this.#addHost(name, name, process);
  }

  /**
   * Adds a machine, not started yet, whose program proves to be `of`: somebody has copied the keys of that node, and perhaps its
   * data directory, of which `image` is what is there. `name` is what the simulation calls the machine; peers and the program
   * itself know it as `of`, and dials to `of` reach one of the two while both run.
   */
  addTwin(name: NodeName, of: NodeName, process: Process, image: DiskImage): void {
    this.#addHost(name, this.#host(of).identity, process);
    this.disk(name).load(image);
    this.#kernel.countFault('twin');
  }

  /** Starts the program, for the first time or again. */
  start(name: NodeName): void {
    const host = this.#host(name);
    if (host.isUp) return;
    host.beginLife();
    if (host.lives > 1) this.#kernel.countFault('restart');
    this.#kernel.schedule(new Start(this.#kernel, host, this.#makeWorld(host)), this.#kernel.nowUs);
  }

  /**
   * Ends the program at once. The process alone: what it wrote stays, and its system resets its links. With power: what it
   * did not sync may be lost, and nobody hears anything. A node that is down can still lose its power.
   */
  crash(name: NodeName, how: { readonly power: boolean }): void {
    const host = this.#host(name);
    if (!host.isUp && !(how.power && host.hasPower)) return;
    this.#kernel.countFault(how.power ? 'power-loss' : 'crash');
    const kind = how.power ? traceKinds.powerLoss : traceKinds.crash;
    this.#kernel.trace.record(this.#kernel.nowUs, kind, host.index, nobody, host.lives);
    host.endLife(how.power);
    this.disk(name).crash(how.power);
  }

  /** The program has nothing more to do and ends by itself: no fault. What it wrote stays; its system resets its links. */
  exit(name: NodeName): void {
    const host = this.#host(name);
    if (!host.isUp) return;
    this.#kernel.trace.record(this.#kernel.nowUs, traceKinds.exit, host.index, nobody, host.lives);
    host.endLife(false);
    this.disk(name).crash(false);
  }

  /** Stops the program without ending it: its callbacks wait, the world goes on. */
  pause(name: NodeName): void {
    const host = this.#host(name);
    if (!host.isUp || host.isPaused) return;
    this.#kernel.countFault('pause');
    this.#kernel.trace.record(this.#kernel.nowUs, traceKinds.pause, host.index, nobody, 0);
    host.pause();
  }

  /** What waited happens now, in order. */
  resume(name: NodeName): void {
    const host = this.#host(name);
    if (!host.isPaused) return;
    this.#kernel.trace.record(this.#kernel.nowUs, traceKinds.resume, host.index, nobody, 0);
    host.resume();
  }

  #addHost(name: NodeName, identity: NodeName, process: Process): void {
    const { hosts } = this.#topology;
    hosts.add(new Host(this.#kernel, hosts.size, name, identity, process));
    this.#kernel.trace.nameNode(name);
  }

  #host(name: NodeName): Host {
    return this.#topology.hosts.get(name);
  }

  #makeDisk(host: Host): SimulatedDisk {
    const disk = new SimulatedDisk(this.#kernel, host.name, { ...defaultDiskProfile, ...this.#options.disk });
    this.#disks.set(host, disk);
    return disk;
  }

  #makeWorld(host: Host): World {
    return {
      name: host.identity,
      links: new SimulatedLinks(this.#kernel, this.#topology, host),
      disk: new SimulatedDiskPort(this.#kernel, host, this.disk(host.name)),
      clock: new SimulatedClock(host.clock, host.life),
      random: this.#kernel.privateRandom(`node/${host.lives}/${host.name}`),
      digests: this.#options.digests ?? simulatedDigests,
      logger: this.#makeLogger(host),
    };
  }

  #makeLogger(host: Host): Logger {
    const { trace } = this.#kernel;
    const { onLog } = this.#options;
    return {
      log: (level, event, fields): void => {
        const nowUs = this.#kernel.nowUs;
        if (trace.keepsLines) trace.describe(nowUs, host.index, `${level} ${event} ${JSON.stringify(fields)}`);
        onLog?.(host.name, level, event, fields);
      },
    };
  }
}

class Start extends SimulationEvent {
  readonly #kernel: Kernel;
  readonly #host: Host;
  readonly #world: World;

  constructor(kernel: Kernel, host: Host, world: World) {
    super(host, host.life);
    this.#kernel = kernel;
    this.#host = host;
    this.#world = world;
  }

  override fire(): void {
    this.#kernel.trace.record(this.#kernel.nowUs, traceKinds.start, this.#host.index, nobody, this.#host.lives);
    this.#host.process.start(this.#world);
  }
}

class Action extends SimulationEvent {
  readonly #kernel: Kernel;
  readonly #action: () => void;

  constructor(kernel: Kernel, action: () => void) {
    super(undefined, 0);
    this.#kernel = kernel;
    this.#action = action;
  }

  override fire(): void {
    this.#kernel.trace.record(this.#kernel.nowUs, traceKinds.action, nobody, nobody, 0);
    this.#action();
  }
}
