/**
 * A client that feeds its node operations one after the other, each exactly once, through crashes of the node.
 *
 * Rules:
 * - The next operation is sent when the receipt of the one before has come. One that the node refuses for lack of room
 *   is sent again a little later.
 * - When the node dies before the receipt, the fate of that operation is open: its message may have reached the disk or
 *   not. Sending it again at once could double it, dropping it could lose it. So the client waits for what the
 *   restarted node replays: a node hands over what its own journal holds before anything else, and needs nobody else
 *   for it. If the message comes, it survived. If nothing at all has come for `settleMs` of the node's running time, it
 *   did not, and the operation is sent again.
 * - The dot that the node then gives must not lie behind the open one in the same incarnation: that would prove that
 *   the message did survive, and that the node has not handed over what it holds. That is an error, never a silent
 *   double.
 *
 * The application knows what it was given, before a crash too; hence a message delivered but not receipted is settled
 * at once.
 */
import { assert, formatDot, type Dot } from '../core/index.js';
import type { NumberedOperation } from './plan.js';

/** The node as its client sees it. */
export interface Feed {
  /** Broadcasts, or returns undefined when the node has no room or cannot be reached. */
  broadcast(operation: NumberedOperation): Dot | undefined;
  /** Calls back after a time in which the node runs; never for a node that has died since. */
  wakeAfter(delayMs: number, wake: () => void): void;
}

/** A node that refuses is asked again after this long. */
const refusedRetryMs = 10;
const settleSteps = 10;

export class LineClient {
  readonly #settleMs: number;
  readonly #operations: NumberedOperation[] = [];
  #sent = 0;
  /** The message whose receipt has not come. */
  #open: Dot | undefined;
  #isOpenDelivered = false;
  #feed: Feed | undefined;
  /** The node died with `#open` unknown, and has not settled it yet. */
  #isSettling = false;
  #quietSteps = 0;
  /** Given up as lost; the next dot must not lie behind it. */
  #lost: Dot | undefined;
  #isRetryPending = false;

  /** `settleMs` must be longer than the longest gap between two deliveries of a node that replays its journal. */
  constructor(settleMs: number) {
    this.#settleMs = settleMs;
  }

  /** Every operation has been accepted. */
  get isDone(): boolean {
    return this.#sent === this.#operations.length && this.#open === undefined;
  }

  /** Takes one more operation. */
  add(operation: NumberedOperation): void {
    this.#operations.push(operation);
    this.advance();
  }

  /** The node is ready. */
  connect(feed: Feed): void {
    this.#feed = feed;
    if (this.#open !== undefined && this.#isOpenDelivered) this.#finishOpen();
    else if (this.#open !== undefined) {
      this.#isSettling = true;
      this.#quietSteps = 0;
      this.#awaitReplay(feed);
    }
    this.advance();
  }

  /** The node has died. */
  disconnect(): void {
    this.#feed = undefined;
    this.#isSettling = false;
    this.#isRetryPending = false;
  }

  handleAccepted(dot: Dot): void {
    if (this.#open === undefined || !isSame(this.#open, dot)) return;
    this.#finishOpen();
    this.advance();
  }

  /** Any delivery of the node, at its end: also those before `connect`. */
  handleDelivered(dot: Dot): void {
    this.#quietSteps = 0;
    if (this.#open === undefined || !isSame(this.#open, dot)) return;
    this.#isOpenDelivered = true;
    if (!this.#isSettling) return;
    this.#finishOpen();
    this.advance();
  }

  /** Sends the next operation if nothing is in its way. Also called when the node goes on after a pause. */
  advance(): void {
    const next = this.#operations[this.#sent];
    if (next === undefined || this.#open !== undefined || this.#feed === undefined) return;
    const dot = this.#feed.broadcast(next);
    if (dot === undefined) {
      this.#retryLater(this.#feed);
      return;
    }
    this.#checkNotDoubled(dot);
    this.#open = dot;
    this.#isOpenDelivered = false;
  }

  #retryLater(feed: Feed): void {
    if (this.#isRetryPending) return;
    this.#isRetryPending = true;
    feed.wakeAfter(refusedRetryMs, () => {
      this.#isRetryPending = false;
      this.advance();
    });
  }

  #finishOpen(): void {
    this.#open = undefined;
    this.#isSettling = false;
    this.#sent += 1;
  }

  #awaitReplay(feed: Feed): void {
    // Steps rather than one long wait: while a node is paused its timers pile up to one, so a pause counts as one step.
    feed.wakeAfter(this.#settleMs / settleSteps, () => {
      if (!this.#isSettling || this.#feed !== feed) return;
      this.#quietSteps += 1;
      if (this.#quietSteps < settleSteps) {
        this.#awaitReplay(feed);
        return;
      }
      this.#lost = this.#open;
      this.#open = undefined;
      this.#isSettling = false;
      this.advance();
    });
  }

  #checkNotDoubled(dot: Dot): void {
    const lost = this.#lost;
    this.#lost = undefined;
    if (lost?.incarnation !== dot.incarnation) return;
    assert(
      dot.seq <= lost.seq,
      `${dot.origin} handed over nothing for ${this.#settleMs} ms after its restart, but kept ${formatDot(lost)}: it now counts ${formatDot(dot)}`,
    );
  }
}

function isSame(one: Dot, other: Dot): boolean {
  return one.seq === other.seq && one.incarnation === other.incarnation && one.origin === other.origin;
}
