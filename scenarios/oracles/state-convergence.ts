/**
 * State convergence: at every moment, two nodes that have been given the same messages are in the same state, whatever
 * the order in which concurrent ones came.
 *
 * The first node to reach a set leaves its state digest; every later one is compared with it, in O(1), through a 53-bit
 * hash of the set. Two sets may share a hash, so an alarm is raised only after the sets themselves were compared.
 */
import type { Attempt, GroundTruth, NodeTruth } from './ground-truth.js';
import { countIn } from './ground-truth.js';
import type { Violation } from './violation.js';

interface Seen {
  readonly name: string;
  /** What it had been given by then, and maybe more since; another list takes its place when its state is replaced. */
  readonly positions: readonly Attempt[];
  readonly position: number;
  readonly stateDigest: number;
}

export class StateConvergence {
  readonly #truth: GroundTruth;
  readonly #seen = new Map<number, Seen>();

  constructor(truth: GroundTruth) {
    this.#truth = truth;
  }

  /** Takes the state of `node` right after its latest delivery. */
  check(node: NodeTruth, stateDigest: number, atMs: number): Violation | undefined {
    // 32 bits of one half, 21 of the other: exact in a double.
    const key = (node.setXor >>> 0) * 0x200000 + (node.setSum >>> 11);
    const seen = this.#seen.get(key);
    if (seen === undefined) {
      const { name, positions } = node;
      this.#seen.set(key, { name, positions, position: positions.length, stateDigest });
      return undefined;
    }
    if (seen.stateDigest === stateDigest || !this.#isSameSet(node, seen)) return undefined;
    const nodes = [seen.name, node.name];
    return {
      property: 'state-convergence',
      kind: 'safety',
      atMs,
      sentence: `${nodes.join(' and ')} have been given the same ${node.positions.length} messages but are in different states.`,
      nodes,
      messages: [],
    };
  }

  /** Compares the sets themselves: counts of the one against the first positions of the other. */
  #isSameSet(node: NodeTruth, seen: Seen): boolean {
    if (seen.position !== node.positions.length) return false;
    const counts = new Int32Array(this.#truth.logs.length);
    for (const attempt of seen.positions.slice(0, seen.position)) {
      const { log, seq } = attempt;
      // What the other one was given under this dot is set aside: see `rivals.ts`.
      if (log.attempts[seq - 1] !== attempt) return false;
      counts[log.index] = countIn(counts, log.index) + 1;
    }
    return counts.every((count, index) => count === countIn(node.delivered, index));
  }
}
