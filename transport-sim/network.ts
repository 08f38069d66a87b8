/**
 * The network as a scenario drives it.
 *
 * A fault that changes nothing (blocking what is blocked, cutting where no link is) does nothing and is not counted, so
 * that a schedule stays valid when parts of it are taken out.
 */
import type { NodeName } from '../core/index.js';
import type { Host, Hosts } from './host.js';
import type { Kernel } from './kernel.js';
import type { LinkProfile, Parcel } from './route.js';
import type { RouteTable } from './route-table.js';
import { nobody, traceKinds, type TraceKind } from './trace.js';

export class SimulatedNetwork {
  readonly #kernel: Kernel;
  readonly #hosts: Hosts;
  readonly #routes: RouteTable;

  constructor(kernel: Kernel, hosts: Hosts, routes: RouteTable) {
    this.#kernel = kernel;
    this.#hosts = hosts;
    this.#routes = routes;
  }

  /**
   * Nodes that share no group cannot reach each other: writes vanish silently, dials stay unanswered, links live on. A
   * node in two groups is a bridge; a node in no group reaches everybody. Replaces an earlier partition. What is already
   * under way arrives.
   */
  partition(groups: readonly (readonly NodeName[])[]): void {
    const sets = groups.map((group) => new Set(group.map((name) => this.#hosts.get(name))));
    if (this.#routes.separates(sets)) this.#kernel.countFault('partition');
    sets.forEach((set, index) => {
      for (const host of set) this.#record(traceKinds.partition, host, undefined, index);
    });
    this.#routes.setGroups(sets);
  }

  /** One way: nothing from `from` reaches `to`. */
  block(from: NodeName, to: NodeName): void {
    const [fromHost, toHost] = this.#pair(from, to);
    if (!this.#routes.isBlocked(fromHost, toHost)) this.#kernel.countFault('one-way');
    this.#record(traceKinds.block, fromHost, toHost, 1);
    this.#routes.block(fromHost, toHost);
  }

  /** Undoes `block` of this direction alone. */
  unblock(from: NodeName, to: NodeName): void {
    const [fromHost, toHost] = this.#pair(from, to);
    this.#record(traceKinds.block, fromHost, toHost, 0);
    this.#routes.unblock(fromHost, toHost);
  }

  /** Undoes `partition` and every `block`. */
  heal(): void {
    this.#record(traceKinds.heal, undefined, undefined, 0);
    this.#routes.heal();
  }

  /** Resets every link between the two: both ends are closed, bytes under way are lost. */
  cut(a: NodeName, b: NodeName): void {
    const [hostA, hostB] = this.#pair(a, b);
    const ends = [...hostA.ends].filter((end) => end.remoteHost === hostB);
    if (ends.length > 0) this.#kernel.countFault('cut');
    this.#record(traceKinds.cut, hostA, hostB, ends.length);
    for (const end of ends) end.cut();
  }

  /** Clogs one direction: what is sent from now on waits, dials and farewells included. */
  hold(from: NodeName, to: NodeName): void {
    const [fromHost, toHost] = this.#pair(from, to);
    const route = this.#routes.get(fromHost, toHost);
    if (!route.isHeld) this.#kernel.countFault('hold');
    this.#record(traceKinds.hold, fromHost, toHost, 0);
    route.hold();
  }

  /** What waited leaves now, in order. */
  release(from: NodeName, to: NodeName): void {
    const [fromHost, toHost] = this.#pair(from, to);
    this.#record(traceKinds.release, fromHost, toHost, 0);
    this.#routes.get(fromHost, toHost).release();
  }

  /** What waits in the hold of one direction, in order: whether each is a write, or else a dial, its answer or a farewell. */
  held(from: NodeName, to: NodeName): readonly { readonly isWrite: boolean }[] {
    const [fromHost, toHost] = this.#pair(from, to);
    return this.#routes.get(fromHost, toHost).held.map((parcel) => ({ isWrite: parcel.copy() !== undefined }));
  }

  /** Lets go what waits at `index` of a hold, before all others; it goes on holding. */
  releaseHeld(from: NodeName, to: NodeName, index: number): void {
    this.#take(from, to, index)?.launch();
  }

  /** Loses what waits at `index` of a hold. */
  loseHeld(from: NodeName, to: NodeName, index: number): void {
    if (this.#take(from, to, index) !== undefined) this.#kernel.countFault('loss');
  }

  /** Lets a copy of the write go that waits at `index` of a hold; the write itself waits on. */
  repeatHeld(from: NodeName, to: NodeName, index: number): void {
    const [fromHost, toHost] = this.#pair(from, to);
    const copy = this.#routes.get(fromHost, toHost).held[index]?.copy();
    if (copy === undefined) return;
    this.#kernel.countFault('duplication');
    this.#record(traceKinds.release, fromHost, toHost, index + 1);
    copy.launch();
  }

  #take(from: NodeName, to: NodeName, index: number): Parcel | undefined {
    const [fromHost, toHost] = this.#pair(from, to);
    this.#record(traceKinds.release, fromHost, toHost, index + 1);
    return this.#routes.get(fromHost, toHost).takeHeld(index);
  }

  /** Changes the named fields for all directions, for all from one node, for all to one, or for one direction. */
  setProfile(profile: Partial<LinkProfile>, from?: NodeName, to?: NodeName): void {
    const fromHost = from === undefined ? undefined : this.#hosts.get(from);
    const toHost = to === undefined ? undefined : this.#hosts.get(to);
    this.#record(traceKinds.profile, fromHost, toHost, 0);
    this.#routes.setProfile(profile, fromHost, toHost);
  }

  #pair(from: NodeName, to: NodeName): readonly [Host, Host] {
    return [this.#hosts.get(from), this.#hosts.get(to)];
  }

  /** `from` is the cause in the trace, as with bytes. */
  #record(kind: TraceKind, from: Host | undefined, to: Host | undefined, amount: number): void {
    this.#kernel.trace.record(this.#kernel.nowUs, kind, to?.index ?? nobody, from?.index ?? nobody, amount);
  }
}
