/**
 * Which of our own broadcasts are as durable as was asked for.
 *
 * A broadcast waits for a number of members, ourselves included. All that wait for the same number form one queue in
 * order of seq, so an acknowledgement costs one comparison per number in use, not per message.
 */
import type { Durability } from '../delivery.js';
import { AntecedentError } from '../errors.js';
import { Fifo } from '../fifo.js';

/** Throws `E_CONFIG` for a durability that a cluster of `all` members cannot give. */
export function checkDurability(durable: Durability, all: number): void {
  if (durable === 'here' || durable === 'all') return;
  if (Number.isInteger(durable) && durable >= 1 && durable <= all) return;
  throw new AntecedentError(
    'E_CONFIG',
    `durable: ${String(durable)} is not "here", "all" or a number from 1 to ${all}`,
  );
}

export class Acceptance {
  /** Waiting seqs by the number of members that they wait for, or for all, however many that are by then. */
  readonly #waiting = new Map<number | 'all', Fifo<number>>();
  #waitingCount = 0;

  /** True when nobody waits: there is nothing to settle. */
  get isEmpty(): boolean {
    return this.#waitingCount === 0;
  }

  /** Message `seq` is to be so durable. Called in ascending order of seq. */
  expect(seq: number, durable: Durability): void {
    const members = durable === 'here' ? 1 : durable;
    let queue = this.#waiting.get(members);
    if (queue === undefined) {
      queue = new Fifo<number>();
      this.#waiting.set(members, queue);
    }
    queue.push(seq);
    this.#waitingCount++;
  }

  /**
   * Calls `accept` for every seq that has become durable enough, and `refuse` for those that would need more members than
   * there are. `durableSeqs` says how far each member has synced our log, in any order.
   */
  settle(durableSeqs: readonly number[], accept: (seq: number) => void, refuse: (seq: number) => void): void {
    const descending = durableSeqs.toSorted((a, b) => b - a);
    for (const [members, queue] of this.#waiting) {
      const isPossible = members === 'all' || members <= descending.length;
      const reached = isPossible ? (descending.at(members === 'all' ? -1 : members - 1) ?? 0) : Infinity;
      for (let seq = queue.first(); seq !== undefined && seq <= reached; seq = queue.first()) {
        queue.shift();
        this.#waitingCount--;
        if (isPossible) accept(seq);
        else refuse(seq);
      }
    }
  }
}
