import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HoldBackQueue } from '../../../core/causal/hold-back-queue.js';
import type { Message } from '../../../core/message/batch.js';

function message(origin: number, seq: number, changes: readonly number[] = []): Message {
  return { origin, seq, changes, dictionary: [], clock: [], payload: new Uint8Array(1) };
}

function takeAll(queue: HoldBackQueue): string[] {
  const taken: string[] = [];
  for (let next = queue.takeReleased(); next !== undefined; next = queue.takeReleased()) {
    taken.push(`${next.origin}:${next.seq}`);
  }
  return taken;
}

/** A random history: broadcasts by three to five origins, each after random deliveries of what exists. */
const anyHistory = fc.record({
  origins: fc.integer({ min: 2, max: 5 }),
  steps: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(4)), { maxLength: 60 }),
  order: fc.array(fc.nat(), { minLength: 60, maxLength: 60 }),
});

interface Simulated extends Message {
  /** Full clock: how many of each origin this message depends on. */
  readonly past: readonly number[];
}

function simulateHistory(origins: number, steps: readonly (readonly [number, number, number])[]): Simulated[] {
  const all: Simulated[] = [];
  const delivered = Array.from({ length: origins }, () => Array.from({ length: origins }, () => 0));
  const lastNamed = Array.from({ length: origins }, () => Array.from({ length: origins }, () => 0));
  for (const [who, from, howMany] of steps) {
    const node = who % origins;
    const own = delivered[node] ?? [];
    for (let turn = 0; turn < howMany; turn++) {
      const origin = (from + turn) % origins;
      const next = all.find((candidate) => candidate.origin === origin && candidate.seq === (own[origin] ?? 0) + 1);
      if (next?.past.every((seq, index) => (own[index] ?? 0) >= seq) === true) own[origin] = next.seq;
    }
    const changes = own.flatMap((seq, origin) =>
      origin !== node && seq > (lastNamed[node]?.[origin] ?? 0) ? [origin, seq] : [],
    );
    lastNamed[node] = own.slice();
    const seq = (own[node] ?? 0) + 1;
    all.push({ ...message(node, seq, changes), past: own.slice() });
    own[node] = seq;
  }
  return all;
}

/** A random order of arrival that keeps each origin's own order. */
function shuffleByOrigin(messages: readonly Simulated[], order: readonly number[]): Simulated[] {
  const rest = [...messages];
  const shuffled: Simulated[] = [];
  for (let turn = 0; rest.length > 0; turn++) {
    const pick = rest[(order[turn % order.length] ?? 0) % rest.length];
    const first = rest.findIndex((candidate) => candidate.origin === pick?.origin);
    shuffled.push(...rest.splice(first, 1));
  }
  return shuffled;
}

/** The definition, applied again and again to everything that waits. */
class NaiveModel {
  readonly released: number[] = [];
  #waiting: Simulated[] = [];

  offer(offered: Simulated): Set<string> {
    this.#waiting.push(offered);
    const out = new Set<string>();
    for (let found = true; found;) {
      found = false;
      for (const candidate of this.#waiting) {
        const isNext = (this.released[candidate.origin] ?? 0) === candidate.seq - 1;
        if (
          !isNext ||
          !candidate.past.every((seq, origin) => origin === candidate.origin || (this.released[origin] ?? 0) >= seq)
        ) {
          continue;
        }
        this.released[candidate.origin] = candidate.seq;
        this.#waiting = this.#waiting.filter((other) => other !== candidate);
        out.add(`${candidate.origin}:${candidate.seq}`);
        found = true;
        break;
      }
    }
    return out;
  }
}

describe('hold-back queue', () => {
  test('holds back b until a arrives', () => {
    const queue = new HoldBackQueue();
    queue.offer(message(1, 1, [0, 1]));
    expect(takeAll(queue)).toEqual([]);
    expect(queue.heldCount).toBe(1);
    queue.offer(message(0, 1));
    expect(takeAll(queue)).toEqual(['0:1', '1:1']);
    expect(queue.heldCount).toBe(0);
  });

  test('releases a chain through several origins at once', () => {
    const queue = new HoldBackQueue();
    queue.offer(message(2, 1, [1, 1]));
    queue.offer(message(2, 2));
    queue.offer(message(1, 1, [0, 1]));
    queue.offer(message(0, 1));
    expect(takeAll(queue)).toEqual(['0:1', '1:1', '2:1', '2:2']);
  });

  test('releases exactly what a rescan would release, offer by offer', () => {
    fc.assert(
      fc.property(anyHistory, ({ origins, steps, order }) => {
        const queue = new HoldBackQueue();
        const model = new NaiveModel();
        for (const offered of shuffleByOrigin(simulateHistory(origins, steps), order)) {
          queue.offer(offered);
          expect(new Set(takeAll(queue))).toEqual(model.offer(offered));
        }
        expect(queue.heldCount).toBe(0);
      }),
      { numRuns: 1000 },
    );
  });

  test('releases in an order that does not depend on when the released are taken', () => {
    fc.assert(
      fc.property(anyHistory, ({ origins, steps, order }) => {
        const arrivals = shuffleByOrigin(simulateHistory(origins, steps), order);
        const eager = new HoldBackQueue();
        const lazy = new HoldBackQueue();
        const eagerOrder = arrivals.flatMap((offered) => {
          eager.offer(offered);
          lazy.offer(offered);
          return takeAll(eager);
        });
        expect(takeAll(lazy)).toEqual(eagerOrder);
      }),
    );
  });

  test("refuses a message out of its origin's order: the caller has a bug", () => {
    expect(() => new HoldBackQueue().offer(message(0, 2))).toThrow('in order');
  });
});
