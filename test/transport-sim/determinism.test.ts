import { describe, expect, test } from 'vitest';
import { nodeName, type Link, type LinkHandlers } from '../../core/index.js';
import { Simulation, type Process, type SimulationOptions, type World } from '../../transport-sim/index.js';
import { a, b, bytesOf, linkedPair, pass, writeNumbers } from './programs.js';

/** Tells its peers a growing count, and keeps it in files: a program that is not our node. */
class PingPong implements Process {
  count = 0;
  readonly #peers: readonly string[];

  constructor(peers: readonly string[]) {
    this.#peers = peers;
  }

  start(world: World): void {
    world.links.listen(
      (link) => this.#play(world, link, () => {}),
      () => {
        for (const peer of this.#peers) this.#dial(world, peer);
      },
    );
  }

  #dial(world: World, peer: string): void {
    const again = (): void => void world.clock.wakeAt(world.clock.nowMs() + 5, () => this.#dial(world, peer));
    world.links.dial(nodeName(peer), (link) => this.#play(world, link, again), again);
  }

  #play(world: World, link: Link, closed: () => void): LinkHandlers {
    let isOpen = true;
    const tell = (): void => {
      if (!isOpen) return;
      link.write(new Uint8Array([this.count >> 8, this.count & 0xff, world.random.nextUint32() & 0xff]));
      world.clock.wakeAt(world.clock.nowMs() + 2, tell);
    };
    tell();
    return {
      onBytes: (bytes) => {
        const told = (bytes[0] ?? 0) * 256 + (bytes[1] ?? 0);
        if (bytes.length !== 3 || told < this.count || told > this.count + 10) return;
        this.count = told + 1;
        this.#store(world);
      },
      onDrain: () => {},
      onClose: () => {
        isOpen = false;
        closed();
      },
    };
  }

  #store(world: World): void {
    world.disk.open(`count-${this.count}`, { create: true }, (opened) => {
      const file = opened.value;
      file?.write(0, [bytesOf(String(this.count))], () => file.sync(() => {}));
    });
  }
}

const stormy: Partial<SimulationOptions> = {
  link: { loss: 0.02, duplication: 0.05, reordering: 0.05, cut: 0.01, splitting: 0.1, corruption: 0.01 },
};

function play(seed: string, options: Partial<SimulationOptions> = stormy): Simulation {
  const sim = new Simulation({ seed, ...options });
  const names = ['a', 'b', 'c'].map((name) => nodeName(name));
  for (const name of names) {
    sim.addNode(name, new PingPong(names.filter((peer) => peer > name)));
    sim.start(name);
  }
  sim.at(200, () => sim.crash(b, { power: true }));
  sim.at(250, () => sim.start(b));
  sim.at(300, () => sim.network.partition([[a], [b]]));
  sim.at(320, () => sim.pause(a));
  sim.at(340, () => sim.resume(a));
  sim.at(350, () => sim.network.heal());
  sim.run({ untilMs: 1_000, eventsMax: 20_000 });
  return sim;
}

test('one seed takes one course, faults and all', () => {
  const [first, second] = [play('7'), play('7')];
  expect(second.traceHash).toBe(first.traceHash);
  expect(second.events).toBe(first.events);
  expect([...second.faults]).toEqual([...first.faults]);
  expect(first.events).toBeGreaterThan(1_000);
});

test('two seeds take two courses', () => {
  const hashes = ['1', '2', '3', '4'].map((seed) => play(seed).traceHash);
  expect(new Set(hashes).size).toBe(4);
});

test('the course is the same on every version of Node and every machine', () => {
  expect(play('golden').traceHash).toMatchInlineSnapshot(`"c285734389f2355c"`);
});

test('keeping lines for people changes nothing', () => {
  const kept = play('7', { ...stormy, keepTrace: 50 });
  expect(kept.traceHash).toBe(play('7').traceHash);
  expect(kept.trace).toHaveLength(50);
  expect(kept.trace.some((line) => /^\d+\.\d{3}ms [abc]<-[abc] bytes \d+$/.test(line))).toBe(true);
});

test('running in small steps takes the same course as running at once', () => {
  const inSteps = new Simulation({ seed: '7', ...stormy });
  const atOnce = new Simulation({ seed: '7', ...stormy });
  for (const sim of [inSteps, atOnce]) {
    sim.addNode(a, new PingPong(['b']));
    sim.addNode(b, new PingPong([]));
    sim.start(a);
    sim.start(b);
  }
  atOnce.run({ untilMs: 300 });
  while (inSteps.run({ untilMs: 300, eventsMax: 3 }) === 'events');
  expect(inSteps.traceHash).toBe(atOnce.traceHash);
});

test('a note of the caller is part of the trace', () => {
  const hashes = [
    [1, 2],
    [1, 3],
    [1.5, 2],
    [2 ** 40, 2],
  ].map(([x, y]) => {
    const sim = new Simulation({ seed: 's' });
    sim.note('seen', x, y);
    return sim.traceHash;
  });
  expect(new Set(hashes).size).toBe(4);
});

test('a program that is not our node counts up over its links', () => {
  const sim = new Simulation({ seed: 'count' });
  const players = [new PingPong(['b']), new PingPong([])];
  sim.addNode(a, players[0] as PingPong);
  sim.addNode(b, players[1] as PingPong);
  sim.start(a);
  sim.start(b);
  sim.run({ untilMs: 500 });
  expect(players[0]?.count).toBeGreaterThan(50);
  expect(sim.disk(a).files.size).toBeGreaterThan(20);
});

describe('each kind of fault has draws of its own', () => {
  const rates = { duplication: 0.2, reordering: 0.2, splitting: 0.2 } as const;

  function faultsOf(link: SimulationOptions['link']): ReadonlyMap<string, number> {
    const { sim, dialer } = linkedPair({ link: { latency: { minMs: 1, maxMs: 3 }, ...link } });
    writeNumbers(dialer, 400, 100);
    pass(sim);
    return sim.faults;
  }

  test('switching loss off leaves duplications and reorderings where they were', () => {
    const arrivals = (loss: number): ReadonlyMap<string, readonly number[]> => {
      const { sim, dialer, acceptor } = linkedPair({ link: { ...rates, splitting: 0, loss } });
      writeNumbers(dialer, 300);
      pass(sim);
      const atMs = new Map<string, number[]>();
      acceptor.recorder.received.forEach((text, index) => {
        atMs.set(text, [...(atMs.get(text) ?? []), acceptor.recorder.receivedAtMs[index] ?? 0]);
      });
      return atMs;
    };
    const lossy = arrivals(0.3);
    const lossless = arrivals(0);
    expect(lossless.size).toBe(300);
    expect(lossy.size).toBeLessThan(250);
    // In-order writes wait for their predecessors, so times may differ; which writes are doubled may not.
    for (const [text, atMs] of lossy) expect(lossless.get(text)?.length, text).toBe(atMs.length);
  });

  test('switching one kind off leaves the count of the others', () => {
    const all = faultsOf(rates);
    for (const kind of Object.keys(rates)) {
      const without = faultsOf({ ...rates, [kind]: 0 });
      expect(without.get(kind)).toBeUndefined();
      for (const other of ['duplication', 'reordering'].filter((name) => name !== kind)) {
        expect(without.get(other), `${other} without ${kind}`).toBe(all.get(other));
      }
    }
  });

  test('faults on one route leave the other routes alone', () => {
    const course = (cut: number): string[] => {
      const { sim, dialer, acceptor } = linkedPair({ link: { ...rates } });
      sim.network.setProfile({ loss: cut }, b, a);
      writeNumbers(acceptor, 50);
      writeNumbers(dialer, 50);
      pass(sim);
      return acceptor.recorder.received;
    };
    expect(course(0.5)).toEqual(course(0));
  });
});
