/**
 * What waits in the event queue.
 *
 * One object per event, with a method instead of a closure: an event is made for every write, timer and disk operation,
 * and this is what the engine's speed hangs on.
 */

/** Any life of the owner: the event concerns the machine or the network, not one run of the program. */
export const anyLife = 0;

/** Whose callback an event is. */
export interface EventOwner {
  /** Number of the life that runs now, counted from 1; -1 while down. */
  readonly life: number;
  /** True while callbacks must wait: paused, or still working off what waited. */
  readonly holdsBack: boolean;
  /** Keeps `event` until the owner goes on. Events are handed over in order. */
  holdBack(event: SimulationEvent): void;
}

export abstract class SimulationEvent {
  // `declare` and assignments below: a field declared in a base class of many shapes is defined by a slow path of V8,
  // which took half of the run.
  /** Undefined for what no node can hold up: actions of the scenario, the network's own bookkeeping. */
  declare readonly owner: EventOwner | undefined;
  /** The event is dropped when the owner's life is another one by then. `anyLife` is never dropped. */
  declare readonly life: number;
  /** Set by the kernel alone. */
  declare isCancelled: boolean;
  /** Set by the kernel alone, just before `fire`. */
  declare isDone: boolean;

  constructor(owner: EventOwner | undefined, life: number) {
    this.owner = owner;
    this.life = life;
    this.isCancelled = false;
    this.isDone = false;
  }

  /** Does what was planned, now. */
  abstract fire(): void;

  /** The owner is paused; `fire` comes later. */
  handleHeldBack(): void {
    // Most events need not know.
  }

  /** The owner crashed while this event waited in it; `fire` will not come. */
  handleAbandoned(): void {
    // Most events need not know.
  }
}
