import { describe, expect, test } from 'vitest';
import { Simulation } from '../../transport-sim/index.js';
import { a, b, pass, Puppet } from './programs.js';

interface Rig {
  readonly sim: Simulation;
  readonly puppet: Puppet;
  /** When wake-ups came: in virtual time, and by the clock of the node. */
  readonly woken: { readonly name: string; readonly atMs: number; readonly clockMs: number }[];
  /** Asks for a wake-up at that time of the node's clock. */
  wake(name: string, atMs: number): () => void;
}

/** Node a, started, at 100 ms. */
function rig(): Rig {
  const sim = new Simulation({ seed: 'clocks' });
  const puppet = new Puppet(false);
  sim.addNode(a, puppet);
  sim.start(a);
  pass(sim, 100);
  const woken: { name: string; atMs: number; clockMs: number }[] = [];
  const wake = (name: string, atMs: number): (() => void) => {
    const { clock } = puppet.world;
    return clock.wakeAt(atMs, () => woken.push({ name, atMs: sim.nowMs, clockMs: clock.nowMs() }));
  };
  return { sim, puppet, woken, wake };
}

describe('a clock that jumps', () => {
  test('is further, and goes on at its pace', () => {
    const { sim, puppet } = rig();
    sim.clock(a).jump(5000);
    expect(puppet.world.clock.nowMs()).toBe(5100);
    pass(sim, 20);
    expect(puppet.world.clock.nowMs()).toBe(5120);
    expect(sim.faults.get('clock-jump')).toBe(1);
  });

  test('wakes at once whoever has become overdue, in the order of the due times, and others so much earlier', () => {
    const { sim, woken, wake } = rig();
    wake('second', 900);
    wake('later', 1300);
    wake('first', 200);
    pass(sim, 50);
    sim.clock(a).jump(1000);
    pass(sim, 200);
    expect(woken).toEqual([
      { name: 'first', atMs: 150, clockMs: 1150 },
      { name: 'second', atMs: 150, clockMs: 1150 },
      { name: 'later', atMs: 300, clockMs: 1300 },
    ]);
  });

  test('wakes nobody who has cancelled, before or after the jump', () => {
    const { sim, woken, wake } = rig();
    const early = wake('early', 500);
    const late = wake('late', 1500);
    early();
    sim.clock(a).jump(1000);
    late();
    late();
    pass(sim, 5000);
    expect(woken).toEqual([]);
  });

  test('wakes a suspended node when it goes on', () => {
    const { sim, woken, wake } = rig();
    wake('due', 150);
    wake('overdue', 5000);
    sim.pause(a);
    pass(sim, 100);
    sim.clock(a).jump(10_000);
    pass(sim, 100);
    expect(woken).toEqual([]);
    sim.resume(a);
    pass(sim, 1);
    expect(woken.map(({ name, atMs }) => [name, atMs])).toEqual([
      ['due', 300],
      ['overdue', 300],
    ]);
  });

  test('keeps what it has gained through a crash, and tells the next life of no wake-up of the one before', () => {
    const { sim, puppet, woken, wake } = rig();
    wake('of the first life', 2000);
    sim.clock(a).jump(1000);
    sim.crash(a, { power: true });
    sim.start(a);
    sim.clock(a).jump(1000);
    pass(sim, 50);
    expect(puppet.world.clock.nowMs()).toBe(2150);
    pass(sim, 5000);
    expect(woken).toEqual([]);
  });

  test('cannot go back', () => {
    expect(() => rig().sim.clock(a).jump(-1)).toThrow('a monotonic clock cannot jump by -1 ms');
  });
});

describe('a clock that drifts', () => {
  test.each([0.5, 2])('at %s times its pace wakes earlier or later, and never before its own time has come', (rate) => {
    const { sim, woken, wake } = rig();
    wake('before', 1100);
    sim.clock(a).setRate(rate);
    wake('after', 1100.0007);
    pass(sim, 5000);
    expect(woken.map(({ atMs }) => Math.round(atMs))).toEqual([100 + 1000 / rate, 100 + 1000 / rate]);
    expect(woken[0]?.clockMs).toBeGreaterThanOrEqual(1100);
    expect(woken[1]?.clockMs).toBeGreaterThanOrEqual(1100.0007);
  });

  test('keeps what it has lost when it runs as it should again', () => {
    const { sim, puppet } = rig();
    sim.clock(a).setRate(0.5);
    pass(sim, 100);
    sim.clock(a).setRate(1);
    pass(sim, 100);
    expect(puppet.world.clock.nowMs()).toBe(250);
    expect(sim.faults.get('clock-drift')).toBe(1);
  });

  test('cannot stand still', () => {
    expect(() => rig().sim.clock(a).setRate(0)).toThrow('a clock cannot run at 0 times its pace');
  });
});

describe('timers that are late', () => {
  test('come between their time and the latest one, each by another delay', () => {
    const { sim, woken, wake } = rig();
    sim.clock(a).setLateness(50);
    for (let index = 0; index < 20; index += 1) wake(String(index), 200);
    pass(sim, 500);
    const delaysMs = woken.map(({ atMs }) => atMs - 200);
    expect(woken).toHaveLength(20);
    expect(Math.min(...delaysMs)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...delaysMs)).toBeLessThanOrEqual(50);
    expect(new Set(delaysMs).size).toBeGreaterThan(10);
    expect(sim.faults.get('timers-late')).toBe(1);
  });

  test('come at once when it ends and they are overdue', () => {
    const { sim, woken, wake } = rig();
    sim.clock(a).setLateness(1_000_000);
    wake('x', 110);
    pass(sim, 400);
    sim.clock(a).setLateness(0);
    pass(sim, 1);
    expect(woken.map(({ atMs }) => atMs)).toEqual([500]);
  });
});

test('what changes nothing is no fault, and no other node notices', () => {
  const { sim } = rig();
  const other = new Puppet(false);
  sim.addNode(b, other);
  sim.start(b);
  pass(sim, 10);
  const before = sim.traceHash;
  sim.clock(a).jump(0);
  sim.clock(a).setRate(1);
  sim.clock(a).setLateness(0);
  expect(sim.traceHash).toBe(before);
  sim.clock(a).jump(7);
  expect(other.world.clock.nowMs()).toBe(sim.nowMs);
  expect([...sim.faults.keys()]).toEqual(['clock-jump']);
});
