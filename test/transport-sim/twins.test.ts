import { describe, expect, test } from 'vitest';
import { nodeName } from '../../core/index.js';
import { Simulation } from '../../transport-sim/index.js';
import { a, b, bytesOf, pass, Puppet } from './programs.js';

const twin = nodeName('a.twin');

interface Rig {
  readonly sim: Simulation;
  readonly original: Puppet;
  readonly copy: Puppet;
  readonly peer: Puppet;
}

/** a, its twin, and b are up. */
function rig(seed = 'twins'): Rig {
  const sim = new Simulation({ seed });
  const [original, copy, peer] = [new Puppet(), new Puppet(), new Puppet()];
  sim.addNode(a, original);
  sim.addNode(b, peer);
  sim.addTwin(twin, a, copy, new Map());
  for (const name of [a, b, twin]) sim.start(name);
  pass(sim, 1);
  return { sim, original, copy, peer };
}

test('a twin believes to be the other one, and so does its peer', () => {
  const { sim, copy, peer } = rig();
  expect(copy.world.name).toBe('a');
  copy.dial(b);
  pass(sim);
  expect(peer.link.remote).toBe('a');
  copy.write('hello');
  pass(sim);
  expect(peer.recorder.text).toBe('hello');
  expect(sim.faults.get('twin')).toBe(1);
});

test('is not found under the name that the simulation has for it', () => {
  const { sim, peer } = rig();
  peer.dial(twin);
  pass(sim);
  expect(peer.failures).toEqual(['E_UNREACHABLE']);
});

describe('a dial', () => {
  test('reaches both, by chance, while both run', () => {
    const { sim, original, copy, peer } = rig();
    for (let count = 0; count < 30; count += 1) peer.dial(a);
    pass(sim);
    expect(original.links.length + copy.links.length).toBe(30);
    expect(original.links.length).toBeGreaterThan(5);
    expect(copy.links.length).toBeGreaterThan(5);
  });

  test('reaches whoever runs alone, and the first one when nobody does', () => {
    const { sim, original, copy, peer } = rig();
    sim.crash(a, { power: true });
    for (let count = 0; count < 5; count += 1) peer.dial(a);
    pass(sim);
    expect([original.links.length, copy.links.length]).toEqual([0, 5]);
    sim.crash(twin, { power: false });
    // The machine of a is dark: nobody answers, and nobody refuses either.
    peer.dial(a);
    pass(sim);
    expect(peer.failures).toEqual([]);
    sim.start(a);
    pass(sim, 1);
    peer.dial(a);
    pass(sim);
    expect(original.links).toHaveLength(1);
  });
});

test('a cut strikes the links of the machine that is named, and not those of its twin', () => {
  const { sim, original, copy, peer } = rig();
  original.dial(b);
  copy.dial(b);
  pass(sim);
  sim.network.cut(b, a);
  pass(sim);
  expect(original.recorder.closed).toHaveLength(1);
  expect(copy.recorder.closed).toEqual([]);
  sim.network.cut(twin, b);
  pass(sim);
  expect(copy.recorder.closed).toHaveLength(1);
  expect(peer.recorders.map(({ closed }) => closed.length)).toEqual([1, 1]);
});

test('a twin has a disk of its own, with what it was given', () => {
  const sim = new Simulation({ seed: 'disks' });
  sim.addNode(a, new Puppet());
  sim.addTwin(twin, a, new Puppet(), new Map([['f', bytesOf('copied')]]));
  expect([...sim.disk(twin).files]).toEqual([['f', bytesOf('copied')]]);
  expect(sim.disk(a).files.size).toBe(0);
  expect([...sim.faults.keys()]).toEqual(['twin']);
});

test('one seed takes one course', () => {
  const course = (): string => {
    const { sim, peer } = rig('again');
    for (let count = 0; count < 9; count += 1) peer.dial(a);
    pass(sim);
    return sim.traceHash;
  };
  expect(course()).toBe(course());
});
