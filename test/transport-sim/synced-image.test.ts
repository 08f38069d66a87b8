import { expect, test } from 'vitest';
import { rig } from './disk-rig.js';
import { a, bytesOf } from './programs.js';

const textOf = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString('latin1');

test('holds what was synced, under names that were synced, and changes nothing', () => {
  const { sim, disk, answer, create, append, text } = rig({ disk: { powerLoss: 'everything' } });
  const log = create('log');
  append(log, 'synced');
  answer((done) => log.sync(done));
  answer((done) => disk.syncDirectory(done));
  append(log, ' and more');
  answer((done) => log.write(0, [bytesOf('S')], done));
  append(create('unnamed'), 'x');
  const { syncedImage } = sim.disk(a);
  expect([...syncedImage.keys()]).toEqual(['log']);
  expect(textOf(syncedImage.get('log'))).toBe('synced');
  expect(text('log')).toBe('Synced and more');
  answer((done) => log.sync(done));
  expect(textOf(syncedImage.get('log'))).toBe('synced');
  expect(textOf(sim.disk(a).syncedImage.get('log'))).toBe('Synced and more');
});

test('is what a loss of everything that was not synced leaves', () => {
  const { sim, disk, answer, create, append } = rig({ disk: { powerLoss: 'everything' } });
  const log = create('log');
  append(log, 'one two');
  answer((done) => log.sync(done));
  answer((done) => disk.syncDirectory(done));
  answer((done) => log.truncate(3, done));
  append(log, '!');
  answer((done) => disk.rename('log', 'renamed', done));
  const { syncedImage } = sim.disk(a);
  sim.crash(a, { power: true });
  expect([...sim.disk(a).image]).toEqual([...syncedImage]);
});
