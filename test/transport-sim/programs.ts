/** Small programs for the simulation's own tests: they run over the ports and know nothing of our node. */
import { nodeName, type Link, type LinkHandlers, type NodeName } from '../../core/index.js';
import { Simulation, type Process, type SimulationOptions, type World } from '../../transport-sim/index.js';

export const a = nodeName('a');
export const b = nodeName('b');
export const c = nodeName('c');

/** What one end of a link has seen, in order. */
export class Recorder implements LinkHandlers {
  readonly received: string[] = [];
  readonly closed: string[] = [];
  drains = 0;
  receivedAtMs: number[] = [];
  onReceived: (text: string) => void = () => {};
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => 0) {
    this.#nowMs = nowMs;
  }

  onBytes(bytes: Uint8Array): void {
    const text = Buffer.from(bytes).toString('latin1');
    this.received.push(text);
    this.receivedAtMs.push(this.#nowMs());
    this.onReceived(text);
  }

  onDrain(): void {
    this.drains += 1;
  }

  onClose(reason: string): void {
    this.closed.push(reason);
  }

  get text(): string {
    return this.received.join('');
  }
}

/** A program that keeps its latest world, so that a test can drive the ports itself. */
export class Puppet implements Process {
  readonly worlds: World[] = [];
  readonly links: Link[] = [];
  readonly recorders: Recorder[] = [];
  readonly failures: string[] = [];
  readonly #listens: boolean;

  constructor(listens = true) {
    this.#listens = listens;
  }

  get world(): World {
    const world = this.worlds.at(-1);
    if (world === undefined) throw new Error('not started');
    return world;
  }

  get link(): Link {
    const link = this.links.at(-1);
    if (link === undefined) throw new Error('no link yet');
    return link;
  }

  get recorder(): Recorder {
    const recorder = this.recorders.at(-1);
    if (recorder === undefined) throw new Error('no link yet');
    return recorder;
  }

  start(world: World): void {
    this.worlds.push(world);
    if (this.#listens) world.links.listen(this.takeLink, () => {});
  }

  readonly takeLink = (link: Link): LinkHandlers => {
    const recorder = new Recorder(() => this.world.clock.nowMs());
    this.links.push(link);
    this.recorders.push(recorder);
    return recorder;
  };

  dial(peer: NodeName): () => void {
    return this.world.links.dial(peer, this.takeLink, (error) => this.failures.push(error.code));
  }

  write(text: string): void {
    this.link.write(bytesOf(text));
  }
}

export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

export interface Pair {
  readonly sim: Simulation;
  readonly dialer: Puppet;
  readonly acceptor: Puppet;
}

/** Runs everything that is due within `ms` more milliseconds. */
export function pass(sim: Simulation, ms = 1_000): void {
  sim.at(sim.nowMs + ms, () => {});
  sim.run({ untilMs: sim.nowMs + ms });
}

/** a and b are up; a has dialled b. */
export function linkedPair(options: Partial<SimulationOptions> = {}): Pair {
  const sim = new Simulation({ seed: 'pair', ...options });
  const dialer = new Puppet();
  const acceptor = new Puppet();
  sim.addNode(a, dialer);
  sim.addNode(b, acceptor);
  sim.start(a);
  sim.start(b);
  pass(sim, 1);
  dialer.dial(b);
  pass(sim);
  return { sim, dialer, acceptor };
}

/** `count` writes of one decimal number each, `;` behind it. */
export function writeNumbers(puppet: Puppet, count: number, from = 0): string[] {
  const texts = Array.from({ length: count }, (_, index) => `${from + index};`);
  for (const text of texts) puppet.write(text);
  return texts;
}
