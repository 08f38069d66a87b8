import { describe, expect, test } from 'vitest';
import type { DiskFile, Result } from '../../core/index.js';
import { rig, type Rig } from './disk-rig.js';
import { a, bytesOf } from './programs.js';

const textsOf = (files: ReadonlyMap<string, Uint8Array>): Record<string, string> =>
  Object.fromEntries([...files].map(([name, bytes]) => [name, Buffer.from(bytes).toString('latin1')]));

/** Both ways to look must agree with what is left after the worst loss of power. */
function expectSynced(made: Rig, expected: Record<string, string>): void {
  const disk = made.sim.disk(a);
  expect(textsOf(disk.syncedFiles)).toEqual(expected);
  expect(textsOf(disk.syncedImage)).toEqual(expected);
  disk.setProfile({ powerLoss: 'everything' });
  made.sim.crash(a, { power: true });
  expect(textsOf(disk.files)).toEqual(expected);
}

/** A log whose name is synced. */
function log(made: Rig): DiskFile {
  const file = made.create('log');
  made.answer((done) => made.disk.syncDirectory(done));
  return file;
}

function write(made: Rig, file: DiskFile, position: number, text: string): void {
  made.answer((done: (result: Result<void>) => void) => file.write(position, [bytesOf(text)], done));
}

describe('what is synced', () => {
  test('is nothing but names at first', () => {
    const made = rig();
    made.append(log(made), 'abc');
    made.append(made.create('other'), 'x');
    expectSynced(made, { log: '' });
  });

  test('is what was appended before the last sync', () => {
    const made = rig();
    const file = log(made);
    made.append(file, 'abc');
    made.answer((done) => file.sync(done));
    made.append(file, 'def');
    made.append(file, 'ghi');
    expectSynced(made, { log: 'abc' });
  });

  test('is what stood there before it was written over or cut', () => {
    const made = rig();
    const file = log(made);
    made.append(file, 'abcdef');
    made.answer((done) => file.sync(done));
    write(made, file, 1, 'xx');
    made.answer((done) => file.truncate(2, done));
    write(made, file, 2, 'yyy');
    expectSynced(made, { log: 'abcdef' });
  });

  test('is not what a failed sync should have covered', () => {
    const made = rig();
    const file = log(made);
    made.append(file, 'abc');
    made.sim.disk(a).setProfile({ syncError: 1 });
    made.answer((done) => file.sync(done));
    made.sim.disk(a).setProfile({ syncError: 0 });
    made.append(file, 'def');
    made.answer((done) => file.sync(done));
    expectSynced(made, { log: '\0\0\0def' });
  });

  test('is there under the synced name', () => {
    const made = rig();
    const file = log(made);
    made.append(file, 'abc');
    made.answer((done) => file.sync(done));
    made.answer((done) => made.disk.rename('log', 'log.1', done));
    expectSynced(made, { log: 'abc' });
  });
});
