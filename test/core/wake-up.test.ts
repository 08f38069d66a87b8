import { describe, expect, test } from 'vitest';
import type { Clock } from '../../core/index.js';
import { WakeUp } from '../../core/wake-up.js';

class HandClock implements Clock {
  now = 0;
  readonly waiting = new Set<{ readonly atMs: number; readonly wake: () => void }>();

  nowMs(): number {
    return this.now;
  }

  wakeAt(atMs: number, wake: () => void): () => void {
    const entry = { atMs, wake };
    this.waiting.add(entry);
    return () => this.waiting.delete(entry);
  }

  goTo(now: number): void {
    this.now = now;
    for (const entry of [...this.waiting]) {
      if (entry.atMs > now) continue;
      this.waiting.delete(entry);
      entry.wake();
    }
  }
}

describe('a wake-up', () => {
  test('comes at the newest time asked for and at no other', () => {
    const clock = new HandClock();
    const wokenAt: number[] = [];
    const wakeUp = new WakeUp(clock, () => wokenAt.push(clock.now));
    for (const atMs of [50, 10, 30]) wakeUp.set(atMs);
    expect(clock.waiting.size).toBe(1);
    for (const now of [10, 30, 50]) clock.goTo(now);
    expect(wokenAt).toEqual([30]);
  });

  test('that is asked for again at the same time stays as it is', () => {
    const clock = new HandClock();
    const wakeUp = new WakeUp(clock, () => undefined);
    wakeUp.set(10);
    const [before] = clock.waiting;
    wakeUp.set(10);
    expect([...clock.waiting]).toEqual([before]);
  });

  test('may be set again by the one that it wakes, for the same time too', () => {
    const clock = new HandClock();
    let count = 0;
    const wakeUp: WakeUp = new WakeUp(clock, () => {
      if (++count < 3) wakeUp.set(10);
    });
    wakeUp.set(10);
    for (let turn = 0; turn < 5; turn++) clock.goTo(10);
    expect(count).toBe(3);
  });

  test('does not come once it is not wanted any more', () => {
    const clock = new HandClock();
    let count = 0;
    const wakeUp = new WakeUp(clock, () => count++);
    wakeUp.set(10);
    wakeUp.set(undefined);
    wakeUp.set(20);
    wakeUp.cancel();
    wakeUp.cancel();
    clock.goTo(100);
    expect([count, clock.waiting.size]).toEqual([0, 0]);
  });
});
