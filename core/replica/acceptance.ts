/**
 * Which of our own broadcasts are as durable as was asked for.
 *
 * A broadcast waits for a number of members, ourselves included. All that wait for the same number form one queue in
 * order of seq, so an acknowledgement costs one comparison per number in use, not per message.
 */
import type { Durability } from '../delivery.js';
import { AntecedentError } from '../errors.js';
import { Fifo } from '../fifo.js';

/** On how many of `all` members a broadcast must be. Throws `E_CONFIG` for a number that the cluster does not have. */
export function membersFor(durable: Durability, all: number): number {
  const members = durable === 'here' ? 1 : durable === 'all' ? all : durable;
  if (Number.isInteger(members) && members >= 1 && members <= all) return members;
  throw new AntecedentError(
    'E_CONFIG',
    `durable: ${String(durable)} is not "here", "all" or a number from 1 to ${all}`,
  );
}

export class Acceptance {
  /** Waiting seqs by the number of members that they wait for. */
  readonly #waiting = new Map<number, Fifo<number>>();
  #waitingCount = 0;

  /** Message `seq` is to be durable on `members` members. Called in ascending order of seq. */
  expect(seq: number, members: number): void {
    let queue = this.#waiting.get(members);
    if (queue === undefined) {
      queue = new Fifo<number>();
      this.#waiting.set(members, queue);
    }
    queue.push(seq);
    this.#waitingCount++;
  }

  /**
   * Calls `accept` for every seq that has become durable enough. `durableSeqs` says how far each member has synced our
   * log, in any order.
   */
  settle(durableSeqs: readonly number[], accept: (seq: number) => void): void {
    if (this.#waitingCount === 0) return;
    const descending = durableSeqs.toSorted((a, b) => b - a);
    for (const [members, queue] of this.#waiting) {
      const reached = descending[members - 1] ?? 0;
      for (let seq = queue.first(); seq !== undefined && seq <= reached; seq = queue.first()) {
        queue.shift();
        this.#waitingCount--;
        accept(seq);
      }
    }
  }
}
