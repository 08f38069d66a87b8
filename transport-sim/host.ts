/**
 * A machine with a name: it has power, a disk, and at times a running program.
 *
 * Invariants:
 * - `life` is -1 while no program runs; every start has a number of its own, counted from 1.
 * - While paused, and until all that waited has fired, callbacks queue up here in order.
 * - `ends` holds the link ends that the running program owns, in the order in which they were made.
 * - Several machines may have one identity, as twins do: peers know a program by its identity alone.
 */
import { AntecedentError, Fifo, type Link, type LinkHandlers, type NodeName } from '../core/index.js';
import { MachineClock } from './clock.js';
import { SimulationEvent, type EventOwner } from './event.js';
import type { Kernel } from './kernel.js';
import type { Process } from './process.js';

/** One end of a link, as far as its machine is concerned. */
export interface LinkEndpoint {
  readonly remote: NodeName;
  readonly remoteHost: Host;
  /** The program is gone. With `tellsPeer` the system resets the link, otherwise there is silence. */
  die(tellsPeer: boolean): void;
  /** The link is destroyed in both directions, with everything that is under way. */
  cut(): void;
}

const down = -1;

export class Host implements EventOwner {
  readonly index: number;
  readonly name: NodeName;
  /** Who its program proves to be on links; its name, unless it is somebody's twin. */
  readonly identity: NodeName;
  readonly process: Process;
  readonly clock: MachineClock;
  readonly ends: Set<LinkEndpoint> = new Set<LinkEndpoint>();
  /** Off after a loss of power, until the next start: nobody answers for this machine. */
  hasPower = true;
  /** Takes incoming links while the program listens. */
  listener: ((link: Link) => LinkHandlers) | undefined;

  readonly #kernel: Kernel;
  readonly #waiting = new Fifo<SimulationEvent>();
  #life = down;
  #lives = 0;
  #isPaused = false;
  #refusal: AntecedentError | undefined;
  #bufferedBytes = 0;

  constructor(kernel: Kernel, index: number, name: NodeName, identity: NodeName, process: Process) {
    this.#kernel = kernel;
    this.index = index;
    this.name = name;
    this.identity = identity;
    this.process = process;
    this.clock = new MachineClock(kernel, this);
  }

  get life(): number {
    return this.#life;
  }

  /** Number of starts so far. */
  get lives(): number {
    return this.#lives;
  }

  get isUp(): boolean {
    return this.#life !== down;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Why dials fail while nobody listens here: one for all of them, because capturing its stack costs as much as five events. */
  get refusal(): AntecedentError {
    this.#refusal ??= new AntecedentError('E_UNREACHABLE', `${this.name} does not listen`);
    return this.#refusal;
  }

  get holdsBack(): boolean {
    return this.#isPaused || this.#waiting.length > 0;
  }

  holdBack(event: SimulationEvent): void {
    this.#waiting.push(event);
  }

  /** So many more bytes wait in the links of this machine, or fewer. */
  buffer(bytes: number): void {
    this.#bufferedBytes += bytes;
    const { usage } = this.#kernel;
    if (this.#bufferedBytes > usage.bufferedBytesMax) usage.bufferedBytesMax = this.#bufferedBytes;
  }

  /** Begins the next life. */
  beginLife(): void {
    this.hasPower = true;
    this.#lives += 1;
    this.#life = this.#lives;
  }

  /** Ends the life: nothing of it is called back any more. With `power` the machine goes dark as well. */
  endLife(power: boolean): void {
    this.#life = down;
    this.#isPaused = false;
    this.hasPower = !power;
    this.listener = undefined;
    this.clock.forgetTimers();
    for (const end of [...this.ends]) end.die(!power);
    this.ends.clear();
    for (let event = this.#waiting.shift(); event !== undefined; event = this.#waiting.shift()) event.handleAbandoned();
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#waiting.length > 0) this.#kernel.schedule(new Thaw(this), this.#kernel.nowUs);
  }

  /** Fires the first event that waited; the rest follows one by one, each an event of its own. */
  thaw(): void {
    if (this.#isPaused) return;
    const event = this.#waiting.shift();
    if (event === undefined) return;
    if (this.#waiting.length > 0) this.#kernel.schedule(new Thaw(this), this.#kernel.nowUs);
    if (event.isCancelled) return;
    event.isDone = true;
    event.fire();
  }
}

class Thaw extends SimulationEvent {
  readonly #host: Host;

  constructor(host: Host) {
    super(undefined, 0);
    this.#host = host;
  }

  override fire(): void {
    this.#host.thaw();
  }
}

/** All machines, by name and in the order in which they were added. */
export class Hosts implements Iterable<Host> {
  readonly #byName = new Map<NodeName, Host>();
  readonly #byIdentity = new Map<NodeName, Host[]>();

  get size(): number {
    return this.#byName.size;
  }

  add(host: Host): void {
    if (this.#byName.has(host.name)) throw new AntecedentError('E_STATE', `node ${host.name} exists already`);
    this.#byName.set(host.name, host);
    const others = this.#byIdentity.get(host.identity);
    if (others === undefined) this.#byIdentity.set(host.identity, [host]);
    else others.push(host);
  }

  /** The machines that prove to be `identity`, in the order in which they were added. */
  of(identity: NodeName): readonly Host[] {
    return this.#byIdentity.get(identity) ?? [];
  }

  /** Throws `E_UNKNOWN_MEMBER`. */
  get(name: NodeName): Host {
    const host = this.#byName.get(name);
    if (host !== undefined) return host;
    const known = [...this.#byName.keys()].join(' ');
    throw new AntecedentError(
      'E_UNKNOWN_MEMBER',
      `no node is called ${name}; there are: ${known === '' ? 'none' : known}`,
    );
  }

  [Symbol.iterator](): Iterator<Host> {
    return this.#byName.values();
  }
}
