import { expect, test } from 'vitest';
import { Simulation } from '../../transport-sim/index.js';
import { a, b, bytesOf, linkedPair, pass, Puppet } from './programs.js';

test('counts what is written to links, whatever becomes of it', () => {
  const { sim, dialer, acceptor } = linkedPair();
  expect(sim.usage).toEqual({ writes: 0, writtenBytes: 0, syncs: 0, bufferedBytesMax: 0, diskBytesMax: 0 });
  dialer.write('four');
  pass(sim);
  acceptor.write('seventy');
  sim.network.block(a, b);
  dialer.write('lost');
  dialer.link.write(new Uint8Array(0));
  pass(sim);
  expect(sim.usage).toMatchObject({ writes: 3, writtenBytes: 15, bufferedBytesMax: 0 });
});

test('a write that cannot leave is counted when it leaves, or never', () => {
  const { sim, dialer, acceptor } = linkedPair();
  acceptor.link.pause();
  dialer.link.write(new Uint8Array(300 << 10));
  pass(sim);
  dialer.write('waits');
  pass(sim);
  expect(sim.usage.writes).toBe(1);
  acceptor.link.resume();
  pass(sim);
  expect(sim.usage).toMatchObject({ writes: 2, writtenBytes: (300 << 10) + 5, bufferedBytesMax: 5 });
});

test('knows the most bytes that waited in all links of one machine together', () => {
  const { sim, dialer, acceptor } = linkedPair({ link: { bytesPerMs: 1 } });
  dialer.dial(b);
  pass(sim);
  for (const link of dialer.links) link.write(bytesOf('thirty bytes, give or take one'));
  acceptor.write('some');
  pass(sim);
  expect(sim.usage.bufferedBytesMax).toBe(60);
  dialer.write('less');
  pass(sim);
  expect(sim.usage.bufferedBytesMax).toBe(60);
});

test('what a link takes with it when it ends waits no longer', () => {
  const { sim, dialer } = linkedPair({ link: { bytesPerMs: 1 } });
  for (const length of [40, 30, 20]) {
    dialer.link.write(new Uint8Array(length));
    sim.network.cut(a, b);
    pass(sim);
    dialer.dial(b);
    pass(sim);
  }
  expect(sim.usage.bufferedBytesMax).toBe(40);
  dialer.link.write(new Uint8Array(50));
  sim.crash(a, { power: false });
  sim.start(a);
  pass(sim);
  dialer.dial(b);
  pass(sim);
  dialer.link.write(new Uint8Array(45));
  pass(sim);
  expect(sim.usage.bufferedBytesMax).toBe(50);
});

test('counts the syncs of files and of the directory, and knows the fullest disk', () => {
  const sim = new Simulation({ seed: 's' });
  const puppet = new Puppet();
  sim.addNode(a, puppet);
  sim.start(a);
  pass(sim);
  const { disk } = puppet.world;
  disk.open('file', { create: true }, ({ value: file }) => {
    file?.write(0, [bytesOf('some bytes')], () =>
      file.sync(() => file.truncate(3, () => disk.syncDirectory(() => undefined))),
    );
  });
  pass(sim);
  expect(sim.usage).toMatchObject({ syncs: 2, writes: 0, diskBytesMax: 10 });
});
