/** What passes between the application and a node. */
import type { VectorClock } from './clock/vector-clock.js';
import type { Dot } from './message/origin.js';

/** A message handed to the application. The payload is shared with other messages: neither change it nor transfer its buffer. */
export interface Delivery extends Dot {
  readonly payload: Uint8Array;
  /**
   * Number of this delivery in the life of the data directory: 1, 2, 3, ... The same position always holds the same
   * message. An application that stores it together with the effect of the message, and gives it back at open, sees
   * every message exactly once.
   */
  readonly position: number;
  /** What the broadcaster had been delivered when it broadcast, and the message itself. Built on first use. */
  readonly clock: VectorClock;
}

/** Proof of acceptance: the message is durable on as many members as the broadcast asked for. */
export type Receipt = Dot;

/**
 * When a broadcast counts as accepted: synced `here`, on that many members (this one included), or on `all` members.
 * It is sent to everybody in any case.
 */
export type Durability = 'here' | 'all' | number;
