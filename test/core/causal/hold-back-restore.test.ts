/** A hold-back queue that begins with what another one held, or that is told that much has come another way. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HoldBackQueue, isBare } from '../../../core/causal/hold-back-queue.js';
import { emptyLogState, type Message } from '../../../core/message/batch.js';
import { message } from './messages.js';

const origins = 5;

interface Sent extends Message {
  readonly past: readonly number[];
}

/** Messages whose causes are drawn from everything sent before, and an order of arrival that keeps that of each origin. */
const anyArrivals: fc.Arbitrary<readonly Sent[]> = fc
  .tuple(
    fc.array(fc.tuple(fc.nat(origins - 1), fc.array(fc.nat(20), { minLength: origins, maxLength: origins })), {
      maxLength: 60,
      size: 'max',
    }),
    fc.array(fc.nat(origins - 1), { minLength: 60, maxLength: 60 }),
  )
  .map(([steps, order]) => {
    const logs = Array.from({ length: origins }, (): Sent[] => []);
    for (const [origin, wants] of steps) {
      const log = logs[origin] ?? [];
      // Closed under causes: with a message comes everything that it depends on.
      const past = log.at(-1)?.past.slice() ?? Array.from({ length: origins }, () => 0);
      wants.forEach((want, other) => {
        const cause = logs[other]?.[Math.min(want, logs[other].length) - 1];
        if (other === origin || cause === undefined) return;
        past[other] = Math.max(past[other] ?? 0, cause.seq);
        cause.past.forEach((seq, index) => {
          if (index !== origin) past[index] = Math.max(past[index] ?? 0, seq);
        });
      });
      const before = log.at(-1)?.past;
      const changes = past.flatMap((seq, other) =>
        other !== origin && seq > (before?.[other] ?? 0) ? [other, seq] : [],
      );
      const seq = log.length + 1;
      past[origin] = seq;
      log.push({ ...message(origin, seq, changes), past });
    }
    const rest = logs.map((log) => [...log]);
    const arrivals: Sent[] = [];
    for (let turn = 0; rest.some((log) => log.length > 0); turn++) {
      const log = rest[(order[turn % order.length] ?? 0) + 0] ?? [];
      const next = log.shift() ?? rest.find((other) => other.length > 0)?.shift();
      if (next !== undefined) arrivals.push(next);
    }
    return arrivals;
  });

function takeAll(queue: HoldBackQueue): Message[] {
  const taken: Message[] = [];
  for (let next = queue.takeReleased(); next !== undefined; next = queue.takeReleased()) taken.push(next);
  return taken;
}

const dotOf = ({ origin, seq }: Message): string => `${origin}:${seq}`;

/** A queue that begins with what `queue` holds. */
function restoredFrom(queue: HoldBackQueue): HoldBackQueue {
  const held = queue.filingOrder;
  const order = [
    ...Array.from({ length: origins }, (_, origin) => origin).filter((origin) => !held.includes(origin)),
    ...held,
  ];
  const restored = new HoldBackQueue();
  restored.restore(order.map((origin) => ({ origin, ...queue.heldLog(origin), state: emptyLogState })));
  return restored;
}

describe('a queue that was restored in the middle of a history', () => {
  test('releases the same messages in the same order as the one that it stands for', () => {
    let held = 0;
    fc.assert(
      fc.property(anyArrivals, fc.nat(), (arrivals, cut) => {
        const at = arrivals.length === 0 ? 0 : cut % arrivals.length;
        const queue = new HoldBackQueue();
        for (const message of arrivals.slice(0, at)) queue.offer(message);
        takeAll(queue);
        const restored = restoredFrom(queue);
        expect(restored.heldCount).toBe(queue.heldCount);
        expect(restored.filingOrder).toEqual(queue.filingOrder);
        for (let origin = 0; origin < origins; origin++) {
          expect(restored.missingFor(origin)).toEqual(queue.missingFor(origin));
        }
        held += queue.heldCount;
        for (const message of arrivals.slice(at)) {
          for (const each of [queue, restored]) each.offer(message);
          expect(takeAll(restored).map(dotOf)).toEqual(takeAll(queue).map(dotOf));
        }
        expect(restored.heldCount).toBe(0);
      }),
      { numRuns: 150 },
    );
    expect(held).toBeGreaterThan(300);
  });

  test('gives what it began with without payloads, and the rest with them', () => {
    const queue = new HoldBackQueue();
    // Empty ones, which are not the same as ones without a payload.
    queue.offer(message(1, 1, [0, 1], 0));
    const restored = restoredFrom(queue);
    restored.offer(message(1, 2, [], 0));
    restored.offer(message(0, 1, [], 0));
    expect(takeAll(restored).map((each) => [dotOf(each), isBare(each)])).toEqual([
      ['0:1', false],
      ['1:1', true],
      ['1:2', false],
    ]);
  });
});

describe('a queue that is told that a part has come another way', () => {
  test('releases exactly what is then deliverable, each message once, causes first', () => {
    fc.assert(
      fc.property(anyArrivals, fc.nat(), fc.nat(), (arrivals, cut, jump) => {
        const at = arrivals.length === 0 ? 0 : cut % arrivals.length;
        const queue = new HoldBackQueue();
        for (const message of arrivals.slice(0, at)) queue.offer(message);
        const taken = takeAll(queue).map(dotOf);
        // Everything that one message depends on, and what was released here: closed under causes.
        const target = arrivals.length === 0 ? undefined : arrivals[jump % arrivals.length];
        const logs = Array.from({ length: origins }, (_, origin) => {
          return { origin, releasedSeq: Math.max(queue.releasedSeq(origin), target?.past[origin] ?? 0) };
        });
        queue.advance(logs);
        const order = takeAll(queue);
        for (const message of arrivals.slice(at)) {
          queue.offer(message);
          order.push(...takeAll(queue));
        }
        const released = logs.map(({ releasedSeq }) => releasedSeq);
        for (const message of order) {
          const { origin, seq } = message;
          const past = arrivals.find((each) => dotOf(each) === dotOf(message))?.past ?? [];
          expect(seq).toBe((released[origin] ?? 0) + 1);
          for (const [other, cause] of past.entries()) {
            if (other !== origin) expect(released[other]).toBeGreaterThanOrEqual(cause);
          }
          released[origin] = seq;
          expect(taken).not.toContain(dotOf(message));
        }
        expect(queue.heldCount).toBe(0);
        expect(queue.releasedBytes).toBe(0);
        for (let origin = 0; origin < origins; origin++) {
          expect(queue.heldBytes(origin)).toBe(0);
          expect(released[origin]).toBe(arrivals.filter((message) => message.origin === origin).length);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('forgets what waits to be taken and is contained in it, and keeps the rest', () => {
    const queue = new HoldBackQueue();
    for (const [origin, seq] of [
      [0, 1],
      [0, 2],
      [1, 1],
    ] as const) {
      queue.offer(message(origin, seq, [], 3));
    }
    expect(queue.releasedCount).toBe(3);
    queue.advance([
      { origin: 0, releasedSeq: 1 },
      { origin: 1, releasedSeq: 1 },
    ]);
    expect(takeAll(queue).map(dotOf)).toEqual(['0:2']);
    expect(queue.releasedBytes).toBe(0);
  });
});

test('names the first cause that is missing, and another one when that has come', () => {
  const queue = new HoldBackQueue();
  const offer = (origin: number, seq: number, changes: number[] = []): void => {
    queue.offer(message(origin, seq, changes));
  };
  expect(queue.missingFor(2)).toBeUndefined();
  offer(2, 1, [0, 1, 1, 1]);
  expect(queue.missingFor(2)).toEqual({ waitingSeq: 1, origin: 0, seq: 1 });
  offer(0, 1);
  expect(queue.missingFor(2)).toEqual({ waitingSeq: 1, origin: 1, seq: 1 });
  offer(1, 1);
  expect(queue.missingFor(2)).toBeUndefined();
});
