import { expect, test } from 'vitest';
import { nodeName, type NodeName } from '../../core/index.js';
import { Simulation } from '../../transport-sim/index.js';
import { a, b, c, linkedPair, pass, Puppet, writeNumbers } from './programs.js';

test('a partition drops writes of both directions and lets links live', () => {
  const { sim, dialer, acceptor } = linkedPair();
  sim.network.partition([[a], [b]]);
  writeNumbers(dialer, 3);
  writeNumbers(acceptor, 3);
  pass(sim);
  expect([dialer.recorder.received, acceptor.recorder.received]).toEqual([[], []]);
  sim.network.heal();
  const later = [writeNumbers(acceptor, 3, 10), writeNumbers(dialer, 3, 10)];
  pass(sim);
  expect([dialer.recorder.received, acceptor.recorder.received]).toEqual(later);
  expect(sim.faults.get('partition')).toBe(1);
  expect(sim.faults.get('unreachable-write')).toBe(6);
});

test('a partition that parts nobody else, and a block of what is blocked, are not counted', () => {
  const { sim } = linkedPair();
  sim.network.partition([[a, b]]);
  sim.network.partition([[a]]);
  expect(sim.faults.get('partition')).toBeUndefined();
  sim.network.partition([[a], [b]]);
  sim.network.partition([[b], [a]]);
  sim.network.block(a, b);
  expect([sim.faults.get('partition'), sim.faults.get('one-way')]).toEqual([1, undefined]);
  sim.network.heal();
  sim.network.block(a, b);
  sim.network.block(a, b);
  expect(sim.faults.get('one-way')).toBe(1);
  sim.network.partition([[a], [b]]);
  expect(sim.faults.get('partition')).toBe(2);
});

test('a block is one way, and can be taken back alone', () => {
  const { sim, dialer, acceptor } = linkedPair();
  sim.network.block(a, b);
  sim.network.partition([]);
  writeNumbers(dialer, 1);
  const back = writeNumbers(acceptor, 1);
  pass(sim);
  expect(acceptor.recorder.received).toEqual([]);
  expect(dialer.recorder.received).toEqual(back);
  sim.network.unblock(a, b);
  const there = writeNumbers(dialer, 1, 7);
  pass(sim);
  expect(acceptor.recorder.received).toEqual(there);
  expect(sim.faults.get('one-way')).toBe(1);
});

/** Who can dial whom, as `ab` for a to b. */
function reachable(sim: Simulation, puppets: ReadonlyMap<NodeName, Puppet>): string[] {
  const found: string[] = [];
  for (const [from, puppet] of puppets) {
    for (const to of puppets.keys()) {
      if (from === to) continue;
      puppet.world.links.dial(
        to,
        (link) => {
          found.push(`${from}${to}`);
          return puppet.takeLink(link);
        },
        () => {},
      );
    }
  }
  pass(sim);
  return found.toSorted();
}

test('a node in two groups is a bridge, a node in no group reaches all, a new partition replaces the old', () => {
  const sim = new Simulation({ seed: 's' });
  const d = nodeName('d');
  const puppets = new Map([a, b, c, d].map((name) => [name, new Puppet()]));
  for (const [name, puppet] of puppets) {
    sim.addNode(name, puppet);
    sim.start(name);
  }
  pass(sim);
  sim.network.partition([
    [a, b],
    [b, c],
  ]);
  expect(reachable(sim, puppets)).toEqual(['ab', 'ad', 'ba', 'bc', 'bd', 'cb', 'cd', 'da', 'db', 'dc']);
  sim.network.partition([[a, c], [b]]);
  expect(reachable(sim, puppets)).toEqual(['ac', 'ad', 'bd', 'ca', 'cd', 'da', 'db', 'dc']);
  sim.network.heal();
  expect(reachable(sim, puppets)).toHaveLength(12);
});

test('a held direction keeps everything in order, its close too, and the other direction goes on', () => {
  const { sim, dialer, acceptor } = linkedPair();
  sim.network.hold(a, b);
  const there = writeNumbers(dialer, 20);
  const back = writeNumbers(acceptor, 3);
  pass(sim, 500);
  dialer.link.close();
  dialer.dial(b);
  pass(sim, 500);
  expect(acceptor.recorder.received).toEqual([]);
  expect(dialer.recorder.received).toEqual(back);
  expect(acceptor.links).toHaveLength(1);
  sim.network.release(a, b);
  pass(sim);
  expect(acceptor.recorders[0]?.received).toEqual(there);
  expect(acceptor.recorders[0]?.closed).toHaveLength(1);
  expect(acceptor.links).toHaveLength(2);
  expect(sim.faults.get('hold')).toBe(1);
});

test('a cut ends both ends and loses what was under way', () => {
  const { sim, dialer, acceptor } = linkedPair();
  writeNumbers(dialer, 5);
  sim.network.cut(b, a);
  expect(dialer.recorder.closed).toEqual([]);
  pass(sim);
  expect(dialer.recorder.closed).toHaveLength(1);
  expect(acceptor.recorder.closed).toHaveLength(1);
  expect(acceptor.recorder.received).toEqual([]);
  sim.network.cut(a, b);
  expect(sim.faults.get('cut')).toBe(1);
});

test('a cut fails a dial whose answer was under way', () => {
  const { sim, dialer, acceptor } = linkedPair({ link: { latency: { minMs: 5, maxMs: 5 } } });
  dialer.dial(b);
  pass(sim, 7);
  sim.network.cut(a, b);
  pass(sim);
  expect(dialer.failures).toEqual(['E_UNREACHABLE']);
  expect(acceptor.recorder.closed).toHaveLength(1);
});

test('a profile changes the named fields of the named directions, now and for routes first used later', () => {
  const sim = new Simulation({ seed: 's', link: { latency: { minMs: 1, maxMs: 1 } } });
  const puppets = new Map([a, b, c].map((name) => [name, new Puppet()]));
  for (const [name, puppet] of puppets) {
    sim.addNode(name, puppet);
    sim.start(name);
  }
  pass(sim);
  const dialMs = (from: NodeName, to: NodeName): number => {
    const startMs = sim.nowMs;
    let atMs = NaN;
    puppets.get(from)?.world.links.dial(
      to,
      (link) => {
        atMs = sim.nowMs;
        return puppets.get(from)?.takeLink(link) ?? { onBytes() {}, onDrain() {}, onClose() {} };
      },
      () => {},
    );
    pass(sim);
    return atMs - startMs;
  };
  expect(dialMs(a, b)).toBe(2);
  sim.network.setProfile({ latency: { minMs: 10, maxMs: 10 } }, a);
  expect([dialMs(a, b), dialMs(b, a), dialMs(a, c), dialMs(b, c)]).toEqual([11, 11, 11, 2]);
  sim.network.setProfile({ latency: { minMs: 30, maxMs: 30 } }, a, b);
  sim.network.setProfile({ loss: 0.5 }, a, b);
  expect([dialMs(a, b), dialMs(a, c)]).toEqual([31, 11]);
  sim.network.setProfile({ latency: { minMs: 2, maxMs: 2 } });
  expect([dialMs(a, b), dialMs(c, b)]).toEqual([4, 4]);
});

test('a node nobody added is an error that lists the known ones', () => {
  const { sim } = linkedPair();
  expect(() => sim.network.cut(a, nodeName('z'))).toThrow('no node is called z; there are: a b');
});
