/** What runs in the simulation: any program written against the ports, not only our own node. */
import type { NodeName, Ports } from '../core/index.js';

/** The ports of one node for one life, from start to crash. Callbacks of an earlier life never arrive. */
export interface World extends Ports {
  readonly name: NodeName;
}

/** A program. */
export interface Process {
  /** Called at every start and restart with a fresh world; whatever the program remembers must come from its disk. */
  start(world: World): void;
}
