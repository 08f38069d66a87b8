/**
 * The one loop: takes the next event, sets the time, fires it.
 *
 * Invariants:
 * - Time never goes back, and an event never fires inside another one.
 * - An event of an earlier life of its owner, or a cancelled one, is dropped without a trace and is not counted.
 * - Events of an owner that holds back are handed to it in order and fire when it goes on.
 */
import { EventQueue } from './event-queue.js';
import { anyLife, type SimulationEvent } from './event.js';
import { randomStream, type RandomStream } from './random.js';
import type { Trace } from './trace.js';
import { noUsage, type MutableUsage } from './usage.js';

/** Why a run ended. `idle`: nothing is left that could happen; the time is that of the last event. */
export type RunEnd = 'until' | 'events' | 'idle' | 'stopped';

export class Kernel {
  readonly trace: Trace;
  /** Whole microseconds since the simulation began. Set by the loop alone. */
  nowUs = 0;
  /** Events fired so far. */
  events = 0;
  readonly usage: MutableUsage = noUsage();

  readonly #seed: string;
  readonly #streams = new Map<string, RandomStream>();
  readonly #faults = new Map<string, number>();
  readonly #queue = new EventQueue<SimulationEvent>();
  #isStopped = false;

  constructor(seed: string, trace: Trace) {
    this.#seed = seed;
    this.trace = trace;
  }

  /** Faults so far, by kind, in the order in which the kinds first struck. */
  get faults(): ReadonlyMap<string, number> {
    return this.#faults;
  }

  countFault(kind: string): void {
    this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + 1);
  }

  /** The stream named `concern`: the same object for the same name. */
  random(concern: string): RandomStream {
    const known = this.#streams.get(concern);
    if (known !== undefined) return known;
    const made = this.privateRandom(concern);
    this.#streams.set(concern, made);
    return made;
  }

  /** A stream that starts over at each call and belongs to the caller. */
  privateRandom(concern: string): RandomStream {
    return randomStream(this.#seed, concern);
  }

  /** Fires `event` at `atUs`, a whole number; a moment that has passed means now, after what is due now already. */
  schedule(event: SimulationEvent, atUs: number): void {
    this.#queue.push(atUs > this.nowUs ? atUs : this.nowUs, event);
  }

  /** Takes an event back. Does nothing once it has fired. */
  cancel(event: SimulationEvent): void {
    if (event.isDone || event.isCancelled) return;
    event.isCancelled = true;
    this.#queue.noteCancelled();
  }

  /** Ends the run in progress, or the next one, after the event that fires now. */
  stop(): void {
    this.#isStopped = true;
  }

  run(untilUs: number, eventsMax: number): RunEnd {
    const queue = this.#queue;
    const eventsEnd = this.events + eventsMax;
    for (;;) {
      if (this.#isStopped) {
        this.#isStopped = false;
        return 'stopped';
      }
      if (queue.size === 0) return 'idle';
      const atUs = queue.firstUs;
      if (atUs > untilUs) {
        if (untilUs > this.nowUs) this.nowUs = untilUs;
        return 'until';
      }
      if (this.events >= eventsEnd) return 'events';
      const event = queue.pop();
      if (event.isCancelled) continue;
      const owner = event.owner;
      if (owner !== undefined) {
        if (event.life !== anyLife && event.life !== owner.life) continue;
        this.nowUs = atUs;
        if (owner.holdsBack) {
          owner.holdBack(event);
          event.handleHeldBack();
          continue;
        }
      }
      this.nowUs = atUs;
      this.events += 1;
      event.isDone = true;
      event.fire();
    }
  }
}
