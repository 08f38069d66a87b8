import { describe, expect, test } from 'vitest';
import { AntecedentError, nodeName, VectorClock, type Delivery } from '../../core/index.js';
import { ApplyCalls, DeliveryStream, type Apply } from '../../transport-tls/applying.js';
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
  readonly give: (position: number) => void;
} {
  const clock = new ManualClock();
  const log: unknown[] = [];
  const made = new ApplyCalls(apply, clock, { log: (level, event, fields) => log.push({ level, event, ...fields }) });
  const applied: number[] = [];
  return {
    calls: made,
    clock,
    applied,
    log,
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
    const made = new DeliveryStream();
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
    const made = new DeliveryStream();
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
