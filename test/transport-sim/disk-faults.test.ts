import { describe, expect, test } from 'vitest';
import type { DiskFile, Result } from '../../core/index.js';
import type { DiskProfile } from '../../transport-sim/index.js';
import { rig, type Rig } from './disk-rig.js';
import { a, bytesOf, pass } from './programs.js';

const sector = 512;

/** A file whose sectors hold their own numbers, from 1 on, everything synced. */
function numbered(made: Rig, sectors: number): DiskFile {
  const file = made.create('log');
  const bytes = Uint8Array.from({ length: sectors * sector }, (_, at) => 1 + Math.floor(at / sector));
  made.answer((done) => file.write(0, [bytes], done));
  made.answer((done) => file.sync(done));
  made.answer((done) => made.disk.syncDirectory(done));
  return file;
}

/** What the sectors of `log` hold, each given by its bytes without repetition. */
function sectorsOf({ sim }: Rig): string[] {
  const bytes = sim.disk(a).files.get('log') ?? new Uint8Array(0);
  const found: string[] = [];
  for (let at = 0; at < bytes.length; at += sector) {
    found.push([...new Set(bytes.subarray(at, at + sector))].join('/'));
  }
  return found;
}

describe('a phantom write', () => {
  test('is answered as done and synced, but neither a reader nor the medium has it', () => {
    const made = rig();
    const file = numbered(made, 2);
    made.sim.disk(a).setProfile({ phantomWrite: 1 });
    expect(made.answer((done) => file.write(0, [new Uint8Array(sector).fill(9)], done)).error).toBeUndefined();
    expect(made.answer((done) => file.sync(done)).error).toBeUndefined();
    expect(sectorsOf(made)).toEqual(['1', '2']);
    made.sim.crash(a, { power: true });
    expect(sectorsOf(made)).toEqual(['1', '2']);
    expect(made.sim.faults.get('phantom-write')).toBe(1);
  });

  test('lengthens the file with zeros where it would have grown', () => {
    const made = rig({ disk: { powerLoss: 'everything' } });
    const file = numbered(made, 1);
    made.sim.disk(a).setProfile({ phantomWrite: 1 });
    made.answer((done) => file.write(sector / 2, [new Uint8Array(sector).fill(9)], done));
    made.answer((done) => file.write(3 * sector, [new Uint8Array(sector).fill(9)], done));
    expect(sectorsOf(made)).toEqual(['1', '0', '0', '0']);
    made.answer((done) => file.sync(done));
    made.answer((done) => file.write(5 * sector, [new Uint8Array(1).fill(9)], done));
    made.sim.crash(a, { power: true });
    expect(sectorsOf(made)).toEqual(['1', '0', '0', '0']);
  });
});

describe('a misdirected write', () => {
  test('lands whole sectors away inside the file, and its own place keeps what it had', () => {
    const landings = new Set<string>();
    for (let seed = 0; seed < 60; seed += 1) {
      const made = rig({ seed: `misdirected ${seed}` });
      const file = numbered(made, 5);
      made.sim.disk(a).setProfile({ misdirectedWrite: 1 });
      made.answer((done) => file.write(2 * sector, [new Uint8Array(sector).fill(9)], done));
      landings.add(sectorsOf(made).join());
      expect(made.sim.faults.get('misdirected-write')).toBe(1);
    }
    expect(landings).toEqual(new Set(['9,2,3,4,5', '1,9,3,4,5', '1,2,3,9,5', '1,2,3,4,9']));
  });

  test('at the end leaves zeros where it should be', () => {
    const made = rig();
    const file = numbered(made, 1);
    made.sim.disk(a).setProfile({ misdirectedWrite: 1 });
    made.answer((done) => file.write(sector, [new Uint8Array(sector).fill(9)], done));
    expect(sectorsOf(made)).toEqual(['9', '0']);
  });

  test('keeps its offset in the sector', () => {
    const made = rig();
    const file = numbered(made, 3);
    made.sim.disk(a).setProfile({ misdirectedWrite: 1 });
    made.answer((done) => file.write(sector + 100, [new Uint8Array(10).fill(9)], done));
    const bytes = made.sim.disk(a).files.get('log') ?? new Uint8Array(0);
    expect(bytes.indexOf(9) % sector).toBe(100);
    expect(bytes.filter((byte) => byte === 9)).toHaveLength(10);
  });

  test('for which there is no other place goes where it should, and is no fault', () => {
    const made = rig({ disk: { misdirectedWrite: 1 } });
    const file = made.create('log');
    made.answer((done) => file.write(0, [bytesOf('abc')], done));
    made.answer((done) => file.write(3, [bytesOf('def')], done));
    expect(made.text('log')).toBe('abcdef');
    expect(made.sim.faults.size).toBe(0);
  });
});

test('a stray write that does not fit is a short write like any other', () => {
  for (const profile of [{ phantomWrite: 1 }, { misdirectedWrite: 1 }]) {
    const made = rig({ disk: profile });
    const file = made.create('log');
    made.sim.disk(a).fill(2);
    expect(made.append(file, 'abcd').error?.code).toBe('E_DISK_FULL');
    expect(made.text('log')).toBe('ab');
  }
});

test('the kinds of faults draw from streams of their own', () => {
  const struck = (profile: Partial<DiskProfile>, kind: string): boolean[] => {
    const made = rig({ seed: 'streams', disk: profile });
    const file = made.create('log');
    return Array.from({ length: 40 }, (_, index) => {
      const before = made.sim.faults.get(kind) ?? 0;
      made.answer((done) => file.write(sector * index, [new Uint8Array(sector)], done));
      return (made.sim.faults.get(kind) ?? 0) > before;
    });
  };
  const alone = struck({ phantomWrite: 0.3 }, 'phantom-write');
  expect(new Set(alone)).toEqual(new Set([true, false]));
  expect(struck({ phantomWrite: 0.3, misdirectedWrite: 0.5 }, 'phantom-write')).toEqual(alone);
});

test('one seed takes one course with all of it switched on', () => {
  const play = (seed: string): string => {
    const disk = { phantomWrite: 0.3, misdirectedWrite: 0.3, writeError: 0.1, syncError: 0.1 };
    const made = rig({ seed, disk });
    const file = made.create('journal.log');
    for (let index = 0; index < 20; index += 1) {
      made.answer((done) => file.write(300 * index, [new Uint8Array(300).fill(index + 1)], done));
      if (index % 4 === 0) made.answer((done) => file.sync(done));
    }
    made.sim.disk(a).rot({ at: 0.5, bits: 3 });
    made.sim.crash(a, { power: true });
    const bytes = made.sim.disk(a).files.get('journal.log') ?? new Uint8Array(0);
    return [made.sim.traceHash, JSON.stringify([...made.sim.faults]), Buffer.from(bytes).toString('hex')].join('\n');
  };
  expect(play('x')).toBe(play('x'));
  expect(play('x')).not.toBe(play('y'));
});

describe('a full disk', () => {
  test('refuses what adds bytes or names, until there is room', () => {
    const { sim, answer, append, create, disk, text } = rig();
    const file = create('log');
    append(file, 'abc');
    sim.disk(a).fill(2);
    expect(append(file, 'defg').error?.code).toBe('E_DISK_FULL');
    expect(text('log')).toBe('abcde');
    const codes = [
      answer((done) => disk.open('new', { create: true }, done)),
      answer((done) => disk.rename('log', 'new', done)),
      answer((done: (result: Result<void>) => void) => file.write(5, [bytesOf('f')], done)),
    ].map((result: Result<unknown>) => result.error?.code);
    expect(codes).toEqual(['E_DISK_FULL', 'E_DISK_FULL', 'E_DISK_FULL']);
    expect(sim.faults.get('disk-full')).toBe(4);
    expect([...sim.disk(a).files.keys()]).toEqual(['log']);
    sim.disk(a).makeRoom();
    expect(append(file, 'fgh').error).toBeUndefined();
    expect(answer((done) => disk.rename('log', 'new', done)).error).toBeUndefined();
    expect(text('new')).toBe('abcdefgh');
  });

  test('takes what adds nothing: overwriting, cutting, syncing, removing', () => {
    const { sim, answer, append, create, disk, text } = rig();
    const file = create('log');
    create('old');
    append(file, 'abc');
    sim.disk(a).fill(0);
    expect(answer((done: (result: Result<void>) => void) => file.write(0, [bytesOf('x')], done)).error).toBeUndefined();
    expect(answer((done: (result: Result<void>) => void) => file.truncate(2, done)).error).toBeUndefined();
    expect(answer((done: (result: Result<void>) => void) => file.sync(done)).error).toBeUndefined();
    expect(answer((done) => disk.remove('old', done)).error).toBeUndefined();
    expect(append(file, 'y').error).toBeUndefined();
    expect(text('log')).toBe('xby');
    expect(sim.faults.size).toBe(0);
  });

  test('holds no more than it can after a crash in the middle of a write', () => {
    for (let seed = 0; seed < 20; seed += 1) {
      const { sim, create, text } = rig({ seed: `full ${seed}` });
      const file = create('log');
      sim.disk(a).fill(3);
      file.write(0, [bytesOf('abcdefgh')], () => {});
      sim.crash(a, { power: false });
      expect('abc'.startsWith(text('log') ?? '?')).toBe(true);
    }
  });
});

describe('bit rot', () => {
  /** Positions that differ from what was written, counted through all files laid end to end. */
  function rotten(at: number, bits: number, only?: string): { found: string[]; flipped: number; isStruck: boolean } {
    const made = rig({ seed: `rot ${at}` });
    for (const [name, length] of [
      ['b.log', 100],
      ['a.log', 50],
      ['notes', 30],
      ['c.log', 0],
    ] as const) {
      const file = made.create(name);
      made.answer((done) => file.write(0, [new Uint8Array(length)], done));
    }
    const isStruck = made.sim.disk(a).rot({ at, bits, ...(only !== undefined && { only }) });
    const found: string[] = [];
    let flipped = 0;
    for (const [name, bytes] of made.sim.disk(a).files) {
      bytes.forEach((byte, position) => {
        if (byte === 0) return;
        found.push(`${name} ${position}`);
        if ((byte & (byte - 1)) === 0) flipped += 1;
      });
    }
    expect(made.sim.faults.get('bit-rot') ?? 0).toBe(isStruck ? 1 : 0);
    return { found, flipped, isStruck };
  }

  test('flips one bit in each of consecutive bytes of the logs, in byte order of their names', () => {
    expect(rotten(0, 2)).toEqual({ found: ['a.log 0', 'a.log 1'], flipped: 2, isStruck: true });
    expect(rotten(0.5, 1).found).toEqual(['b.log 25']);
    expect(rotten(49 / 150, 3).found).toEqual(['a.log 49', 'b.log 0', 'b.log 1']);
    expect(rotten(1, 2).found).toEqual(['b.log 98', 'b.log 99']);
    expect(rotten(0.3, 1_000).flipped).toBe(150);
  });

  test('can be kept to one file, and does nothing where there are no bytes', () => {
    expect(rotten(0.5, 1, 'notes').found).toEqual(['notes 15']);
    for (const only of ['c.log', 'nowhere']) {
      expect(rotten(0.5, 1, only)).toEqual({ found: [], flipped: 0, isStruck: false });
    }
    expect(rotten(0.5, 0).isStruck).toBe(false);
  });

  test('strikes any bit of a byte', () => {
    const made = rig();
    const file = made.create('log');
    made.answer((done) => file.write(0, [new Uint8Array(200)], done));
    made.sim.disk(a).rot({ at: 0, bits: 200, only: 'log' });
    expect(new Set(made.sim.disk(a).files.get('log'))).toEqual(new Set([1, 2, 4, 8, 16, 32, 64, 128]));
  });

  test('outlasts a loss of power', () => {
    const made = rig();
    numbered(made, 1);
    made.sim.disk(a).rot({ at: 0, bits: 1, only: 'log' });
    const rottenFirst = made.sim.disk(a).files.get('log')?.[0];
    made.sim.crash(a, { power: true });
    expect(rottenFirst).not.toBe(1);
    expect(made.sim.disk(a).files.get('log')?.[0]).toBe(rottenFirst);
  });
});

describe('a stalled disk', () => {
  const fixed = { minMs: 0.1, maxMs: 0.1 };

  test('completes nothing until it goes on, and then everything that is due, in order', () => {
    const { sim, create, disk, text } = rig();
    const [one, two] = [create('1'), create('2')];
    const seen: string[] = [];
    sim.disk(a).stall();
    sim.disk(a).stall();
    expect(sim.disk(a).isStalled).toBe(true);
    one.write(0, [bytesOf('a')], () => {
      seen.push('write 1');
      one.sync(() => seen.push('sync 1'));
    });
    pass(sim);
    two.write(0, [bytesOf('b')], () => seen.push('write 2'));
    pass(sim);
    disk.list(() => seen.push('list'));
    pass(sim);
    expect(seen).toEqual([]);
    expect(text('1')).toBe('');
    sim.disk(a).goOn();
    expect(sim.disk(a).isStalled).toBe(false);
    expect(seen).toEqual([]);
    pass(sim);
    expect(seen).toEqual(['write 1', 'write 2', 'list', 'sync 1']);
    expect(sim.faults.get('disk-stall')).toBe(1);
  });

  test('lets nothing that becomes due later overtake what waited', () => {
    const { sim, disk } = rig({ disk: { readMs: { minMs: 0, maxMs: 0 } } });
    const seen: string[] = [];
    sim.disk(a).stall();
    for (const name of ['1', '2', '3']) {
      disk.list(() => {
        seen.push(name);
        disk.list(() => seen.push(`after ${name}`));
      });
    }
    pass(sim, 1);
    // Due at this very moment, and in the queue before what waited.
    disk.list(() => seen.push('4'));
    sim.disk(a).goOn();
    pass(sim, 1);
    expect(seen).toEqual(['1', '2', '3', '4', 'after 1', 'after 2', 'after 3']);
  });

  test('can hang again while it is catching up', () => {
    const { sim, disk } = rig({ disk: { readMs: fixed } });
    const seen: string[] = [];
    sim.disk(a).stall();
    for (const name of ['1', '2', '3']) {
      disk.list(() => {
        seen.push(name);
        if (name === '1') sim.disk(a).stall();
      });
    }
    pass(sim);
    sim.disk(a).goOn();
    pass(sim);
    expect(seen).toEqual(['1']);
    sim.disk(a).goOn();
    sim.disk(a).stall();
    sim.disk(a).goOn();
    pass(sim);
    expect(seen).toEqual(['1', '2', '3']);
    expect(sim.faults.get('disk-stall')).toBe(3);
  });

  test('answers no paused program', () => {
    const { sim, disk } = rig();
    let answers = 0;
    sim.disk(a).stall();
    for (let call = 0; call < 2; call += 1) disk.list(() => (answers += 1));
    pass(sim);
    sim.pause(a);
    sim.disk(a).goOn();
    pass(sim);
    expect(answers).toBe(0);
    sim.resume(a);
    pass(sim);
    expect(answers).toBe(2);
  });

  test('leaves the calls of a program that crashes undecided, and the next life waiting', () => {
    const found = new Set<string | undefined>();
    for (let seed = 0; seed < 30; seed += 1) {
      const { sim, create, puppet, text } = rig({ seed: `stalled ${seed}` });
      const file = create('log');
      sim.disk(a).stall();
      file.write(0, [bytesOf('ab')], () => expect.fail('a dead program was answered'));
      pass(sim);
      sim.crash(a, { power: false });
      found.add(text('log'));
      sim.start(a);
      pass(sim);
      const completed: string[] = [];
      sim.disk(a).onOperation = ({ text: call }) => completed.push(call);
      let answers = 0;
      puppet.world.disk.list(() => (answers += 1));
      pass(sim);
      expect(answers).toBe(0);
      sim.disk(a).goOn();
      pass(sim);
      expect([answers, completed]).toEqual([1, ['list']]);
    }
    expect(found).toEqual(new Set(['', 'a', 'ab']));
  });
});

describe('a loss of power that takes everything', () => {
  test('keeps no write, truncation or change of the directory that was not synced', () => {
    for (let seed = 0; seed < 10; seed += 1) {
      const made = rig({ seed: `everything ${seed}`, disk: { powerLoss: 'everything' } });
      const file = numbered(made, 20);
      const doomed = made.create('doomed');
      made.append(doomed, 'x');
      made.answer((done) => doomed.sync(done));
      made.answer((done) => file.write(sector, [new Uint8Array(sector).fill(9)], done));
      made.answer((done) => file.truncate(15 * sector, done));
      made.answer((done) => file.write(30 * sector, [new Uint8Array(sector).fill(9)], done));
      made.answer((done) => made.disk.rename('log', 'other', done));
      made.sim.crash(a, { power: true });
      expect(sectorsOf(made)).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 1)));
      expect([...made.sim.disk(a).files.keys()]).toEqual(['log']);
      // The pages of the write, of the truncation, and of the write behind it; the directory counts by change.
      expect(made.sim.faults.get('lost-page')).toBe(3);
      expect(made.sim.faults.get('lost-directory-entry')).toBe(2);
    }
  });

  test('keeps what was synced last, not what a failed sync should have covered', () => {
    const made = rig({ disk: { powerLoss: 'everything' } });
    const file = numbered(made, 1);
    made.sim.disk(a).setProfile({ syncError: 1 });
    made.answer((done) => file.write(0, [new Uint8Array(sector).fill(8)], done));
    expect(made.answer((done) => file.sync(done)).error?.code).toBe('E_STORAGE');
    made.sim.disk(a).setProfile({ syncError: 0 });
    made.answer((done) => file.write(sector, [new Uint8Array(sector).fill(9)], done));
    made.answer((done) => file.sync(done));
    expect(sectorsOf(made)).toEqual(['8', '9']);
    made.sim.crash(a, { power: true });
    expect(sectorsOf(made)).toEqual(['1', '9']);
  });
});
