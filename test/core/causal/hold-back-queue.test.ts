import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HoldBackQueue } from '../../../core/causal/hold-back-queue.js';
import type { Message } from '../../../core/message/batch.js';
import { message } from './messages.js';

function takeAll(queue: HoldBackQueue): string[] {
  const taken: string[] = [];
  for (let next = queue.takeReleased(); next !== undefined; next = queue.takeReleased()) {
    taken.push(`${next.origin}:${next.seq}`);
  }
  return taken;
}

/** A random history: broadcasts by some origins, each after random deliveries of what exists, and an order of arrival. */
function anyHistory(originsMax: number, stepsMax: number) {
  return fc.record({
    origins: fc.integer({ min: 2, max: originsMax }),
    steps: fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat(originsMax)), { maxLength: stepsMax, size: 'max' }),
    order: fc.array(fc.nat(), { minLength: stepsMax, maxLength: stepsMax }),
  });
}

interface Simulated extends Message {
  /** Full clock: how many of each origin this message depends on. */
  readonly past: readonly number[];
}

function simulateHistory(origins: number, steps: readonly (readonly [number, number, number])[]): Simulated[] {
  const all: Simulated[] = [];
  const logs = Array.from({ length: origins }, (): Simulated[] => []);
  const delivered = Array.from({ length: origins }, () => Array.from({ length: origins }, () => 0));
  const lastNamed = Array.from({ length: origins }, () => Array.from({ length: origins }, () => 0));
  for (const [who, from, howMany] of steps) {
    const node = who % origins;
    const own = delivered[node] ?? [];
    for (let turn = 0; turn < howMany; turn++) {
      const origin = (from + turn) % origins;
      const next = logs[origin]?.[own[origin] ?? 0];
      if (next?.past.every((seq, index) => (own[index] ?? 0) >= seq) === true) own[origin] = next.seq;
    }
    const changes = own.flatMap((seq, origin) =>
      origin !== node && seq > (lastNamed[node]?.[origin] ?? 0) ? [origin, seq] : [],
    );
    lastNamed[node] = own.slice();
    const seq = (own[node] ?? 0) + 1;
    const broadcast = { ...message(node, seq, changes), past: own.slice() };
    all.push(broadcast);
    logs[node]?.push(broadcast);
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

/**
 * The definition, with full clocks, looking through everything that waits again and again.
 *
 * In which order: whoever an offer lets go releases all that it can; then come, in the order in which they began to wait
 * for it, those who waited for the first of these messages, then for the second, and so on. Whoever may not go on waits for
 * the first entry of its clock that is missing.
 */
class NaiveModel {
  readonly #released: number[] = [];
  #held: Simulated[] = [];
  /** Origins whose next message waits, in the order in which they began to. */
  #waits: { readonly waiting: number; readonly origin: number; readonly seq: number }[] = [];

  get heldCount(): number {
    return this.#held.length;
  }

  /** What the offer lets go, in order. */
  offer(offered: Simulated): string[] {
    this.#held.push(offered);
    const out: string[] = [];
    const turns = this.#waits.some(({ waiting }) => waiting === offered.origin) ? [] : [offered.origin];
    for (const origin of turns) {
      for (let next = this.#nextOf(origin); next !== undefined; next = this.#nextOf(origin)) {
        const missing = next.past.findIndex((seq, other) => other !== origin && this.#seqOf(other) < seq);
        if (missing >= 0) {
          this.#waits.push({ waiting: origin, origin: missing, seq: next.past[missing] ?? 0 });
          break;
        }
        const { seq } = next;
        this.#released[origin] = seq;
        this.#held = this.#held.filter((other) => other !== next);
        out.push(`${origin}:${seq}`);
        const isWoken = (wait: { readonly origin: number; readonly seq: number }): boolean =>
          wait.origin === origin && wait.seq === seq;
        turns.push(...this.#waits.filter(isWoken).map(({ waiting }) => waiting));
        this.#waits = this.#waits.filter((wait) => !isWoken(wait));
      }
    }
    return out;
  }

  /** True when something that waits could be delivered by the definition alone. */
  get isAnythingDeliverable(): boolean {
    return this.#held.some(
      ({ origin, seq, past }) =>
        this.#seqOf(origin) === seq - 1 && past.every((of, other) => other === origin || this.#seqOf(other) >= of),
    );
  }

  #seqOf(origin: number): number {
    return this.#released[origin] ?? 0;
  }

  #nextOf(origin: number): Simulated | undefined {
    return this.#held.find((held) => held.origin === origin && held.seq === this.#seqOf(origin) + 1);
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

  test('agrees with a naive model on 1,000 random histories, in what is released and in which order', () => {
    let held = 0;
    fc.assert(
      fc.property(anyHistory(20, 100), ({ origins, steps, order }) => {
        const queue = new HoldBackQueue();
        const model = new NaiveModel();
        const ours: string[][] = [];
        const theirs: string[][] = [];
        for (const offered of shuffleByOrigin(simulateHistory(origins, steps), order)) {
          queue.offer(offered);
          ours.push(takeAll(queue));
          theirs.push(model.offer(offered));
          held += queue.heldCount;
          if (model.isAnythingDeliverable) throw new Error('the model leaves something behind');
        }
        expect(ours).toEqual(theirs);
        expect(queue.heldCount).toBe(0);
      }),
      { numRuns: 1000 },
    );
    // What the claim is worth: much of it was held back.
    expect(held).toBeGreaterThan(10_000);
  });

  test('looks at each entry of a clock a few times, however often its message is woken', () => {
    const origins = 100;
    const queue = new HoldBackQueue();
    let looks = 0;
    // Origin n depends on one message of each before it; they come in the order that wakes everybody for each release.
    for (let origin = origins - 1; origin >= 0; origin--) {
      const changes = Array.from({ length: origin }, (_, other) => [other, 1]).flat();
      const watched = new Proxy(changes, {
        get: (target, key, receiver): unknown => {
          if (typeof key === 'string' && /^\d+$/.test(key)) looks++;
          return Reflect.get(target, key, receiver);
        },
      });
      queue.offer(message(origin, 1, watched));
    }
    expect(takeAll(queue)).toEqual(Array.from({ length: origins }, (_, origin) => `${origin}:1`));
    const numbers = origins * (origins - 1);
    expect(looks).toBeGreaterThanOrEqual(numbers);
    expect(looks).toBeLessThanOrEqual(3 * numbers);
  });

  test('releases in an order that does not depend on when the released are taken', () => {
    fc.assert(
      fc.property(anyHistory(5, 60), ({ origins, steps, order }) => {
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
