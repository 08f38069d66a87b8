import { describe, expect, test } from 'vitest';
import { AntecedentError, nodeName, VectorClock, type Delivery, type Logger } from '../../core/index.js';
import { ApplyCalls, DeliveryStream, type Apply } from '../../transport-tls/applying.js';
import type { ApplyErrorEvent } from '../../transport-tls/retried-calls.js';
import { ManualClock } from './manual-clock.js';

function delivery(position: number): Delivery {
  return {
    origin: nodeName('b'),
    incarnation: 1,
    seq: position,
    position,
    payload: new Uint8Array(),
    clock: VectorClock.zero,
  };
}

/** Lets every promise that can be settled run its course. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

function calls(apply: Apply): {
  readonly calls: ApplyCalls;
  readonly clock: ManualClock;
  readonly applied: number[];
  readonly log: unknown[];
  readonly errors: ApplyErrorEvent[];
  readonly give: (position: number) => void;
} {
  const clock = new ManualClock();
  const log: unknown[] = [];
  const errors: ApplyErrorEvent[] = [];
  const logger: Logger = { log: (level, event, fields) => log.push({ level, event, ...fields }) };
  const made = new ApplyCalls(apply, clock, logger, (event) => errors.push(event));
  const applied: number[] = [];
  return {
    calls: made,
    clock,
    applied,
    log,
    errors,
    give: (position) => made.handle(delivery(position), () => applied.push(position)),
  };
}

describe('an apply function', () => {
  test('that returns has applied its message', async () => {
    const { give, applied } = calls(() => {});
    give(1);
    await settle();
    expect(applied).toEqual([1]);
  });

  test('that returns at once gives others a turn now and then', async () => {
    const { give, applied, clock } = calls(() => clock.advance(4));
    const waits: number[] = [];
    for (let position = 1; position <= 100; position++) {
      give(position);
      if (applied.length < position) {
        waits.push(position);
        await settle();
      }
      expect(applied).toHaveLength(position);
    }
    // From the end of the first one to that of the fourth 12 ms have passed.
    expect(waits).toEqual(Array.from({ length: 25 }, (_, index) => 4 * (index + 1)));
  });

  /** One whose call has returned, and which counts as applied after the next turn of the event loop. */
  function yielded(): ReturnType<typeof calls> & { readonly position: number } {
    const rig = calls(() => rig.clock.advance(20));
    for (let position = 1; ; position++) {
      rig.give(position);
      if (rig.applied.length < position) return { ...rig, position };
    }
  }

  test('that has returned is done before the node closes, though others have a turn first', async () => {
    const { calls: applier, applied, position } = yielded();
    await applier.settle(1000);
    expect(applied.at(-1)).toBe(position);
  });

  test('that has returned counts for nothing when it was given up in that turn, or the node has ended', async () => {
    for (const act of ['abandon', 'end'] as const) {
      const { calls: applier, applied, position } = yielded();
      if (act === 'end') applier.end();
      else applier.abandon(position);
      await settle();
      expect(applied).toHaveLength(position - 1);
    }
  });

  test('that returns a promise has applied its message when that is fulfilled', async () => {
    let finish = (): void => {};
    const { give, applied } = calls(() => new Promise((resolve) => (finish = resolve)));
    give(1);
    await settle();
    expect(applied).toEqual([]);
    finish();
    await settle();
    expect(applied).toEqual([1]);
  });

  test.each([
    [
      'throws',
      () => {
        throw new Error('no');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no'))],
  ])('that %s is called again with the same message, and the failure is logged', async (_claim, fail) => {
    const seen: number[] = [];
    const { give, applied, clock, log } = calls((message) => {
      seen.push(message.position);
      return seen.length < 3 ? fail() : undefined;
    });
    give(7);
    for (let tries = 0; tries < 3; tries++) {
      await settle();
      clock.advance(1000);
    }
    await settle();
    expect(seen).toEqual([7, 7, 7]);
    expect(applied).toEqual([7]);
    expect(log).toEqual(
      Array.from({ length: 2 }, () => ({
        level: 'error',
        event: 'apply-failed',
        code: 'E_APP',
        message: 'b:7',
        reason: 'Error: no',
      })),
    );
    expect(clock.pending).toBe(0);
  });

  test('that fails is told of each failure, with its message, the attempt and the wait', async () => {
    const { give, clock, errors } = calls((message) => {
      if (errors.length < 2) throw new Error(`no ${message.position}`);
    });
    give(7);
    await settle();
    clock.advance(100);
    await settle();
    clock.advance(200);
    await settle();
    const dot = { message: { origin: 'b', incarnation: 1, seq: 7 }, position: 7, error: new Error('no 7') };
    expect(errors).toEqual([
      { ...dot, attempt: 1, retryInMs: 100 },
      { ...dot, attempt: 2, retryInMs: 200 },
    ]);
  });

  test('that fails may throw anything', async () => {
    const { give, log } = calls(() => Promise.reject(Object.create(null) as Error));
    give(1);
    await settle();
    expect(log).toMatchObject([{ event: 'apply-failed', reason: 'something that cannot be shown as text' }]);
  });

  test('that has failed is called again at once when somebody asks for it, and not twice', async () => {
    let tries = 0;
    const {
      calls: applier,
      give,
      applied,
      clock,
    } = calls(() => {
      tries++;
      if (tries < 3) throw new Error('no');
    });
    give(1);
    await settle();
    expect(applier.retry()).toBe(true);
    expect(applier.retry()).toBe(false);
    await settle();
    expect(tries).toBe(2);
    // The wait that was cut short does not count for the next try.
    clock.advance(199);
    await settle();
    expect(tries).toBe(2);
    clock.advance(1);
    await settle();
    expect(applied).toEqual([1]);
  });

  test('that is at work, or has nothing to do, is not called again on request', async () => {
    const { calls: applier, give } = calls(() => new Promise(() => {}));
    expect(applier.retry()).toBe(false);
    give(1);
    await settle();
    expect(applier.retry()).toBe(false);
  });

  test('shows what it is at work on, for how long, and what went wrong', async () => {
    let isBroken = true;
    const {
      calls: applier,
      give,
      clock,
    } = calls(() => {
      if (isBroken) throw new Error('no');
    });
    expect(applier.status).toBeUndefined();
    give(4);
    await settle();
    clock.advance(40);
    const dot = { message: { origin: 'b', incarnation: 1, seq: 4 }, position: 4 };
    expect(applier.status).toEqual({ ...dot, forMs: 40, failures: 1, lastError: 'Error: no' });
    isBroken = false;
    clock.advance(60);
    await settle();
    expect(applier.status).toBeUndefined();
  });

  test('is not called again with a message that was given up', async () => {
    const seen: number[] = [];
    const {
      calls: applier,
      give,
      applied,
      clock,
    } = calls((message) => {
      seen.push(message.position);
      if (message.position === 1) throw new Error('no');
    });
    give(1);
    await settle();
    applier.abandon(1);
    expect(applier.status).toBeUndefined();
    await settle();
    expect(clock.pending).toBe(0);
    give(2);
    await settle();
    expect(seen).toEqual([1, 2]);
    expect(applied).toEqual([2]);
  });

  test.each(['fulfilled', 'rejected'])(
    'that never ended, and is %s after its message was given up, changes nothing',
    async (how) => {
      const ends: (() => void)[] = [];
      const {
        calls: applier,
        give,
        applied,
        clock,
        errors,
      } = calls(
        () =>
          new Promise((resolve, reject) => {
            ends.push(how === 'fulfilled' ? resolve : () => reject(new Error('no')));
          }),
      );
      give(1);
      applier.abandon(2);
      expect(applier.status?.position).toBe(1);
      applier.abandon(1);
      give(2);
      ends[0]?.();
      await settle();
      expect(applier.status).toMatchObject({ position: 2, failures: 0 });
      expect(applied).toEqual([]);
      expect(errors).toEqual([]);
      // The watch over the second call alone.
      expect(clock.pending).toBe(1);
    },
  );

  test('goes on with the next message although the last one still waits for its next try', async () => {
    const seen: number[] = [];
    const { give, applied, clock } = calls((message) => {
      seen.push(message.position);
      if (message.position === 1) throw new Error('no');
    });
    give(1);
    await settle();
    // The node may hand over the next one before anybody has said that the last one was given up.
    give(2);
    await settle();
    expect([seen, applied, clock.pending]).toEqual([[1, 2], [2], 0]);
  });

  test('that never ends is reported', async () => {
    const { give, clock, log } = calls(() => new Promise(() => {}));
    give(1);
    clock.advance(30_000);
    await settle();
    expect(log).toMatchObject([{ event: 'apply-slow', message: 'b:1' }]);
  });

  test('is waited for when the node closes, and no longer than asked', async () => {
    let finish = (): void => {};
    const { calls: applier, give, applied, clock } = calls(() => new Promise((resolve) => (finish = resolve)));
    give(1);
    const settled = applier.settle(1000);
    finish();
    await settled;
    expect(applied).toEqual([1]);
    expect(clock.pending).toBe(0);
    const stuck = calls(() => new Promise(() => {}));
    stuck.give(1);
    const gaveUp = stuck.calls.settle(1000);
    stuck.clock.advance(1000);
    await gaveUp;
    expect(stuck.applied).toEqual([]);
  });

  test('is not called again while the node closes', async () => {
    const seen: number[] = [];
    const {
      calls: applier,
      give,
      applied,
    } = calls((message) => {
      seen.push(message.position);
      throw new Error('no');
    });
    give(1);
    await settle();
    await applier.settle(1000);
    give(2);
    await settle();
    expect(seen).toEqual([1]);
    expect(applied).toEqual([]);
  });

  test('that ends after the node has ended changes nothing', async () => {
    let finish = (): void => {};
    const { calls: applier, give, applied } = calls(() => new Promise((resolve) => (finish = resolve)));
    give(1);
    applier.end();
    finish();
    await settle();
    expect(applied).toEqual([]);
  });
});

describe('a stream of deliveries', () => {
  function stream(): {
    readonly stream: DeliveryStream;
    readonly applied: number[];
    readonly give: (position: number) => void;
  } {
    const made = new DeliveryStream(new ManualClock());
    const applied: number[] = [];
    return { stream: made, applied, give: (position) => made.handle(delivery(position), () => applied.push(position)) };
  }

  test('counts a message as applied when the next one is asked for', async () => {
    const { stream: made, applied, give } = stream();
    const reader = made.open();
    const first = reader.next();
    give(1);
    expect((await first).value?.position).toBe(1);
    expect(applied).toEqual([]);
    const second = reader.next();
    expect(applied).toEqual([1]);
    give(2);
    expect((await second).value?.position).toBe(2);
  });

  test('takes the next message although it comes while the last one is being reported', async () => {
    const made = new DeliveryStream(new ManualClock());
    made.handle(delivery(1), () => made.handle(delivery(2), () => {}));
    const reader = made.open();
    await reader.next();
    expect((await reader.next()).value?.position).toBe(2);
  });

  test('begins the next loop with the message that the last one left', async () => {
    const { stream: made, applied, give } = stream();
    give(1);
    const left = made.open();
    expect((await left.next()).value?.position).toBe(1);
    // What `break` does in a loop.
    await left.return?.();
    expect(applied).toEqual([]);
    const reader = made.open();
    expect((await reader.next()).value?.position).toBe(1);
  });

  test('has one reader at a time, and one question', async () => {
    const { stream: made } = stream();
    const reader = made.open();
    expect(() => made.open()).toThrow(expect.objectContaining({ code: 'E_STATE' }) as Error);
    const first = reader.next();
    await expect(reader.next()).rejects.toMatchObject({ code: 'E_STATE' });
    await reader.return?.();
    expect(await first).toEqual({ done: true, value: undefined });
    expect(await reader.next()).toEqual({ done: true, value: undefined });
    made.open();
  });

  test('shows what waits for its reader, or is with it', async () => {
    const { stream: made, give } = stream();
    expect(made.status).toBeUndefined();
    give(3);
    expect(made.status).toMatchObject({ position: 3, failures: 0, lastError: undefined });
    const reader = made.open();
    await reader.next();
    expect(made.status?.position).toBe(3);
    void reader.next();
    expect(made.status).toBeUndefined();
    expect(made.retry()).toBe(false);
  });

  test('passes over a message that was given up, also one that is with the reader', async () => {
    const { stream: made, applied, give } = stream();
    give(1);
    made.abandon(1);
    give(2);
    const reader = made.open();
    expect((await reader.next()).value?.position).toBe(2);
    made.abandon(2);
    give(3);
    expect((await reader.next()).value?.position).toBe(3);
    void reader.next();
    expect(applied).toEqual([3]);
  });

  test('ends when the node is closed, and throws what stopped it', async () => {
    const closed = stream();
    const waiting = closed.stream.open().next();
    closed.stream.end(undefined);
    expect((await waiting).done).toBe(true);
    const failed = stream();
    failed.stream.end(new AntecedentError('E_STORAGE', 'gone'));
    await expect(failed.stream.open().next()).rejects.toMatchObject({ code: 'E_STORAGE' });
  });
});
