import { expect, test } from 'vitest';
import type { StreamEnd } from '../../../../core/pluto/model/stream.js';
import { Stream } from '../../../../core/pluto/model/stream.js';
import { Routines, type Steps } from '../../../../core/pluto/model/routines.js';
import { bytesOf } from '../../../../core/pluto/model/text.js';
import type { LinkProfile } from '../../../../transport-sim/index.js';
import { Simulation, type Process, type World } from '../../../../transport-sim/index.js';
import { a, b } from '../../../transport-sim/programs.js';

/** A dials b and keeps the stream; b reads lines from all streams to their ends. */
class Party implements Process {
  readonly lines: string[] = [];
  readonly ends: StreamEnd[] = [];
  readonly streams: Stream[] = [];
  world: World | undefined;

  start(world: World): void {
    this.world = world;
    world.links.listen(
      (link) => this.#open(world, link),
      () => undefined,
    );
  }

  dial(): void {
    const { world } = this;
    if (world === undefined) throw new Error('not started');
    world.links.dial(
      b,
      (link) => this.#open(world, link),
      () => undefined,
    );
  }

  #open(world: World, link: ConstructorParameters<typeof Stream>[0]): Stream {
    const { clock, digests } = world;
    const readEnd = (reason: string): StreamEnd => (reason === 'the other end is gone' ? 'closed' : 'reset');
    const stream = new Stream(link, { clock, digests, readEnd });
    this.streams.push(stream);
    new Routines((error) => {
      throw error;
    }).start(this.#read(stream));
    return stream;
  }

  *#read(stream: Stream): Steps<void> {
    for (;;) {
      const { line, end } = yield* stream.readLine();
      if (end !== undefined) {
        this.ends.push(end);
        return;
      }
      this.lines.push(line);
    }
  }
}

function connected(
  link: Partial<LinkProfile>,
  seed = '1',
): { simulation: Simulation; one: Party; other: Party; stream: Stream } {
  const simulation = new Simulation({ seed, link: { latency: { minMs: 1, maxMs: 5 } } });
  const [one, other] = [new Party(), new Party()];
  simulation.addNode(a, one);
  simulation.addNode(b, other);
  simulation.start(a);
  simulation.start(b);
  simulation.run({ untilMs: 1 });
  one.dial();
  simulation.run({ untilMs: 20 });
  simulation.network.setProfile(link);
  const stream = one.streams[0];
  if (stream === undefined) throw new Error('not connected');
  return { simulation, one, other, stream };
}

test.each(['1', '2', '3', '4', '5', '6', '7', '8'])(
  'a line that is lost, doubled, overtaken, split and damaged on its way arrives once, whole and in order (seed %s)',
  (seed) => {
    const worst = { loss: 0.3, duplication: 0.3, reordering: 0.3, corruption: 0.2, splitting: 0.3 };
    const { simulation, other, stream } = connected(worst, seed);
    const lines = Array.from({ length: 30 }, (_, index) => `line ${index} ${'x'.repeat(index * 7)}\n`);
    for (const line of lines) expect(stream.write(bytesOf(line))).toBe('written');
    simulation.run({ untilMs: 600_000 });
    expect(other.lines).toEqual(lines);
  },
);

test('waits out a partition', () => {
  const { simulation, other, stream } = connected({});
  simulation.network.partition([[a], [b]]);
  stream.write(bytesOf('late\n'));
  simulation.run({ untilMs: 3000 });
  expect(other.lines).toEqual([]);
  simulation.network.heal();
  simulation.run({ untilMs: 8000 });
  expect(other.lines).toEqual(['late\n']);
});

test('is at rest when everything is acknowledged', () => {
  const { simulation, stream } = connected({});
  stream.write(bytesOf('one\n'));
  simulation.run({ untilMs: 100 });
  const { events } = simulation;
  simulation.run({ untilMs: 100_000 });
  expect(simulation.events).toBe(events);
});

test('the first write to a process that has gone succeeds and is lost, the next one finds a broken pipe', () => {
  const { simulation, other, stream } = connected({});
  simulation.crash(b, { power: false });
  simulation.run({ untilMs: 40 });
  expect([1, 2, 3].map(() => stream.write(bytesOf('hello\n')))).toEqual(['written', 'broken-pipe', 'broken-pipe']);
  simulation.start(b);
  simulation.run({ untilMs: 5000 });
  expect(other.lines).toEqual([]);
});

test('after a reset the first write says so, and reading ends with it, without what came of a line', () => {
  const { simulation, other, one, stream } = connected({});
  stream.write(bytesOf('whole\nin part'));
  simulation.run({ untilMs: 40 });
  simulation.network.cut(a, b);
  simulation.run({ untilMs: 60 });
  expect([1, 2].map(() => stream.write(bytesOf('hello\n')))).toEqual(['reset', 'broken-pipe']);
  expect([other.lines, other.ends, one.ends]).toEqual([['whole\n'], ['reset'], ['reset']]);
});

test('gives up after fifteen vain repetitions, a quarter of an hour', () => {
  const { simulation, one, stream } = connected({});
  simulation.network.partition([[a], [b]]);
  stream.write(bytesOf('never\n'));
  simulation.run({ untilMs: 900_000 });
  expect(one.ends).toEqual([]);
  simulation.run({ untilMs: 1_000_000 });
  expect(one.ends).toEqual(['reset']);
});
