import { describe, expect, test } from 'vitest';
import { Simulation } from '../../transport-sim/index.js';
import { a, b, bytesOf, c, linkedPair, pass, Puppet, writeNumbers } from './programs.js';

test('a program that exits leaves its files and is no fault; it can be started again', () => {
  const { sim, dialer, acceptor } = linkedPair();
  const { world } = acceptor;
  let hasFired = false;
  world.clock.wakeAt(sim.nowMs + 50, () => (hasFired = true));
  world.disk.open('f', { create: true }, () => sim.exit(b));
  pass(sim);
  expect([sim.isUp(b), hasFired]).toEqual([false, false]);
  expect(dialer.recorder.closed).toHaveLength(1);
  expect(sim.disk(b).files.has('f')).toBe(true);
  expect([...sim.faults]).toEqual([]);
  sim.exit(b);
  sim.start(b);
  expect(sim.isUp(b)).toBe(true);
});

describe('a crash of the process', () => {
  test('closes the links of its peers after what it wrote has arrived', () => {
    const { sim, dialer, acceptor } = linkedPair();
    const texts = writeNumbers(acceptor, 5);
    sim.crash(b, { power: false });
    expect(sim.isUp(b)).toBe(false);
    pass(sim);
    expect(dialer.recorder.received).toEqual(texts);
    expect(dialer.recorder.closed).toHaveLength(1);
    expect(acceptor.recorder.closed).toEqual([]);
    expect(sim.faults.get('crash')).toBe(1);
  });

  test('loses what had not left yet', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { bytesPerMs: 1 } });
    const texts = writeNumbers(acceptor, 10);
    pass(sim, 8);
    sim.crash(b, { power: false });
    pass(sim);
    expect(dialer.recorder.received).toEqual(texts.slice(0, 4));
  });

  test('across a partition is not heard; the next write after the healing hears of it', () => {
    const { sim, dialer } = linkedPair();
    sim.network.partition([[a], [b]]);
    sim.crash(b, { power: false });
    pass(sim);
    sim.network.heal();
    pass(sim);
    expect(dialer.recorder.closed).toEqual([]);
    dialer.write('hello?');
    pass(sim);
    expect(dialer.recorder.closed).toHaveLength(1);
  });

  test('silences every callback of that life, also of calls made afterwards', () => {
    const { sim, dialer, acceptor } = linkedPair();
    const calls: string[] = [];
    const { world } = acceptor;
    world.clock.wakeAt(sim.nowMs + 50, () => calls.push('timer'));
    world.disk.open('f', { create: true }, () => calls.push('disk'));
    world.links.dial(a, acceptor.takeLink, () => calls.push('dial'));
    writeNumbers(dialer, 3);
    sim.crash(b, { power: false });
    sim.start(b);
    world.clock.wakeAt(sim.nowMs + 50, () => calls.push('timer of the dead'));
    world.disk.open('g', { create: true }, () => calls.push('disk of the dead'));
    world.links.listen(acceptor.takeLink, () => calls.push('listen of the dead'));
    world.links.dial(a, acceptor.takeLink, () => calls.push('dial of the dead'));
    acceptor.write('write of the dead');
    pass(sim);
    expect(calls).toEqual([]);
    expect(acceptor.recorder.received).toEqual([]);
    expect(dialer.recorder.received).toEqual([]);
    expect(dialer.links).toHaveLength(1);
    expect(sim.disk(b).files.has('g')).toBe(false);
    expect(acceptor.worlds).toHaveLength(2);
    expect(sim.faults.get('restart')).toBe(1);
  });

  test('inside one of its own callbacks ends that life there', () => {
    const { sim, dialer, acceptor } = linkedPair();
    acceptor.recorder.onReceived = () => sim.crash(b, { power: true });
    writeNumbers(dialer, 3);
    pass(sim);
    expect(acceptor.recorder.received).toHaveLength(1);
  });

  test('a new life draws other numbers than the one before, the same in every run', () => {
    const draws = (): number[] => {
      const { sim, acceptor } = linkedPair();
      sim.crash(b, { power: false });
      sim.start(b);
      pass(sim);
      return acceptor.worlds.map((world) => world.random.nextUint32());
    };
    expect(draws()).toEqual(draws());
    expect(new Set(draws()).size).toBe(2);
  });
});

describe('a loss of power', () => {
  test('is silence for the peers, until the machine is back and they write', () => {
    const { sim, dialer } = linkedPair();
    sim.crash(b, { power: true });
    writeNumbers(dialer, 3);
    pass(sim);
    expect(dialer.recorder.closed).toEqual([]);
    sim.start(b);
    pass(sim);
    expect(dialer.recorder.closed).toEqual([]);
    dialer.write('still there?');
    pass(sim);
    expect(dialer.recorder.closed).toHaveLength(1);
    expect(sim.faults.get('power-loss')).toBe(1);
  });

  test('can follow the crash of the process', () => {
    const { sim, dialer } = linkedPair();
    sim.crash(b, { power: false });
    sim.crash(b, { power: false });
    sim.crash(b, { power: true });
    sim.crash(b, { power: true });
    dialer.dial(b);
    pass(sim);
    expect(dialer.failures).toEqual([]);
    expect([...sim.faults]).toEqual([
      ['crash', 1],
      ['power-loss', 1],
    ]);
  });
});

describe('a pause', () => {
  test('keeps callbacks in order and runs them at the resume; what is due then comes behind', () => {
    const { sim, dialer, acceptor } = linkedPair({ link: { latency: { minMs: 1, maxMs: 1 } } });
    const seen: string[] = [];
    acceptor.recorder.onReceived = (text) => seen.push(text);
    const startMs = sim.nowMs;
    for (const afterMs of [3, 7]) acceptor.world.clock.wakeAt(startMs + afterMs, () => seen.push(`timer ${afterMs}`));
    for (const atMs of [1, 4, 9, 19]) sim.at(startMs + atMs, () => writeNumbers(dialer, 1, atMs));
    sim.at(startMs + 1, () => sim.pause(b));
    sim.at(startMs + 20, () => sim.resume(b));
    sim.run({ untilMs: startMs + 19 });
    expect(seen).toEqual([]);
    pass(sim);
    expect(seen).toEqual(['1;', 'timer 3', '4;', 'timer 7', '9;', '19;']);
    expect(sim.faults.get('pause')).toBe(1);
  });

  test('keeps dials waiting; a crash then refuses them', () => {
    const { sim, dialer, acceptor } = linkedPair();
    sim.pause(b);
    dialer.dial(b);
    pass(sim);
    expect([dialer.links.length, acceptor.links.length, dialer.failures.length]).toEqual([1, 1, 0]);
    sim.crash(b, { power: false });
    pass(sim);
    expect(dialer.failures).toEqual(['E_UNREACHABLE']);
    sim.start(b);
    pass(sim);
    dialer.dial(b);
    pass(sim);
    expect(dialer.links).toHaveLength(2);
  });

  test('stops the sender behind a full window', () => {
    const { sim, dialer, acceptor } = linkedPair();
    sim.pause(b);
    const chunk = new Uint8Array(200_000);
    for (let round = 0; round < 4; round += 1) {
      dialer.link.write(chunk);
      pass(sim, 10);
    }
    expect(dialer.link.bufferedBytes).toBe(400_000);
    sim.resume(b);
    pass(sim);
    expect(dialer.link.bufferedBytes).toBe(0);
    expect(acceptor.recorder.text).toHaveLength(800_000);
  });

  test('can begin again before everything has run', () => {
    const { sim, dialer, acceptor } = linkedPair();
    sim.pause(b);
    const texts = writeNumbers(dialer, 4);
    pass(sim);
    acceptor.recorder.onReceived = () => sim.pause(b);
    sim.resume(b);
    pass(sim);
    expect(acceptor.recorder.received).toEqual(texts.slice(0, 1));
    acceptor.recorder.onReceived = () => {};
    sim.resume(b);
    pass(sim);
    expect(acceptor.recorder.received).toEqual(texts);
  });

  test('leaves a cancelled timer cancelled', () => {
    const { sim, acceptor } = linkedPair();
    let woken = 0;
    const cancel = acceptor.world.clock.wakeAt(sim.nowMs + 1, () => (woken += 1));
    sim.pause(b);
    pass(sim);
    cancel();
    sim.resume(b);
    pass(sim);
    expect(woken).toBe(0);
  });
});

describe('the course of a run', () => {
  test('a wake-up comes when the clock has reached the moment, and not inside the call', () => {
    const { sim, dialer } = linkedPair();
    const { clock } = dialer.world;
    const wokenMs: number[] = [];
    const startMs = clock.nowMs();
    for (const afterMs of [0, -5, 0.0001, 1 / 3, 2.5]) {
      clock.wakeAt(startMs + afterMs, () => wokenMs.push(clock.nowMs()));
    }
    expect(wokenMs).toEqual([]);
    pass(sim);
    expect(wokenMs.slice(0, 2)).toEqual([startMs, startMs]);
    expect(wokenMs[2]).toBe(startMs + 0.001);
    expect(wokenMs[3]).toBeGreaterThanOrEqual(startMs + 1 / 3);
    expect(wokenMs[4]).toBe(startMs + 2.5);
    expect(() => clock.wakeAt(NaN, () => {})).toThrow('NaN ms is no moment');
  });

  test('a run says why it ended', () => {
    const sim = new Simulation({ seed: 's' });
    expect(sim.run({ untilMs: 10 })).toBe('idle');
    for (const atMs of [1, 2, 3, 4]) sim.at(atMs, () => (atMs === 3 ? sim.stop() : undefined));
    expect(sim.run({ untilMs: 10, eventsMax: 1 })).toBe('events');
    expect(sim.run({ untilMs: 2.5 })).toBe('until');
    expect(sim.nowMs).toBe(2.5);
    expect(sim.run({ untilMs: 10 })).toBe('stopped');
    expect(sim.run({ untilMs: 10 })).toBe('idle');
    expect([sim.nowMs, sim.events]).toEqual([4, 4]);
  });

  test('what a program throws comes out of the run, which can go on', () => {
    const { sim, dialer, acceptor } = linkedPair();
    acceptor.recorder.onReceived = (text) => {
      if (text === '1;') throw new Error('a bug');
    };
    const texts = writeNumbers(dialer, 3);
    expect(() => sim.run({ untilMs: sim.nowMs + 100 })).toThrow('a bug');
    pass(sim);
    expect(acceptor.recorder.received).toEqual(texts);
  });

  test('starting what runs and resuming what is not paused change nothing', () => {
    const { sim, acceptor } = linkedPair();
    const hash = sim.traceHash;
    sim.start(b);
    sim.resume(b);
    expect(sim.traceHash).toBe(hash);
    expect(acceptor.worlds).toHaveLength(1);
    sim.addNode(c, new Puppet());
    sim.pause(c);
    expect(sim.faults.size).toBe(0);
    expect(() => sim.addNode(c, new Puppet())).toThrow('node c exists already');
  });

  test('logs reach whoever listens, and the lines', () => {
    const heard: string[] = [];
    const { sim, dialer } = linkedPair({
      keepTrace: 3,
      onLog: (name, level, event) => heard.push(`${name} ${level} ${event}`),
    });
    dialer.world.logger.log('warn', 'link-lost', { bytes: bytesOf('x').length });
    expect(heard).toEqual(['a warn link-lost']);
    expect(sim.trace.at(-1)).toMatch(/^\d+\.\d{3}ms a warn link-lost \{"bytes":1\}$/);
  });
});
