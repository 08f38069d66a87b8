import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DiskFile, Result } from '../../core/index.js';
import type { CrashPoint, DiskOperation } from '../../transport-sim/index.js';
import { cutOfWrite } from '../../transport-sim/crash-point.js';
import { rig, type Rig } from './disk-rig.js';
import { a, bytesOf, pass } from './programs.js';

const pageBytes = 4096;

/** All calls of the disk from now on. */
function observe({ sim }: Rig): DiskOperation[] {
  const seen: DiskOperation[] = [];
  sim.disk(a).onOperation = (operation) => seen.push(operation);
  return seen;
}

/** The next call of the disk is the last one of this life. */
function armNext(made: Rig, point: Omit<CrashPoint, 'operation'>): void {
  const disk = made.sim.disk(a);
  let next = 0;
  disk.onOperation = ({ index }) => (next = index + 1);
  made.answer((done) => made.disk.list(done));
  disk.onOperation = undefined;
  disk.armCrash({ ...point, operation: next }, () => made.sim.crash(a, { power: point.power }));
}

/** Makes the call that the crash strikes at. */
function strike(made: Rig, call: (done: () => void) => void): void {
  expect(made.sim.isUp(a)).toBe(true);
  call(() => expect.fail('a dead program was answered'));
  pass(made.sim);
  expect(made.sim.isUp(a)).toBe(false);
}

function syncedFile(made: Rig, name: string, content: Uint8Array): DiskFile {
  const file = made.create(name);
  made.answer((done) => file.write(0, [content], done));
  made.answer((done) => file.sync(done));
  made.answer((done) => made.disk.syncDirectory(done));
  return file;
}

describe('an observer', () => {
  test('is told of every call, by the present name of its file, with what a loss of power could take away', () => {
    const made = rig();
    const { answer, create, disk, sim } = made;
    const seen = observe(made);
    const file = create('new');
    answer((done) => file.write(0, [bytesOf('abc'), bytesOf('de')], done));
    answer((done) => disk.rename('new', 'log', done));
    answer((done) => file.write(2 * pageBytes - 1, [bytesOf('xy')], done));
    answer((done) => file.sync(done));
    answer((done) => file.truncate(1, done));
    answer((done) => disk.syncDirectory(done));
    answer((done) => file.read(0, 1, done));
    sim.crash(a, { power: false });
    sim.start(a);
    pass(sim);
    made.puppet.world.disk.open('log', { create: false }, () => {});
    pass(sim);
    expect(seen.map(({ index, text, unsyncedPages, bytes }) => `${index} ${text}: ${unsyncedPages} ${bytes}`)).toEqual([
      '0 create new: 0 0',
      '1 write new: 1 5',
      '2 rename new log: 2 0',
      '3 write log: 2 2',
      '4 sync log: 4 0',
      '5 truncate log: 1 0',
      '6 syncDirectory: 2 0',
      '7 read log: 1 0',
      '8 open log: 1 0',
    ]);
  });

  test('sees the same calls at the same indexes whether or not there were others before it', () => {
    const made = rig();
    const file = made.create('log');
    made.append(file, 'abc');
    const seen = observe(made);
    made.answer((done) => file.sync(done));
    expect(seen.map(({ index }) => index)).toEqual([3]);
  });

  test('changes nothing in the course of the run', () => {
    const play = (isObserved: boolean): string => {
      const made = rig({ disk: { writeError: 0.2 } });
      if (isObserved) observe(made);
      const file = made.create('log');
      for (let index = 0; index < 10; index += 1) made.append(file, 'abcdef');
      made.sim.crash(a, { power: true });
      return `${made.sim.traceHash} ${made.text('log')}`;
    };
    expect(play(true)).toBe(play(false));
  });

  test('may crash the node: the call is one under way then', () => {
    const found = new Set<string | undefined>();
    for (let seed = 0; seed < 40; seed += 1) {
      const made = rig({ seed: `observer ${seed}` });
      const file = made.create('log');
      made.sim.disk(a).onOperation = () => made.sim.crash(a, { power: false });
      strike(made, (done) => file.write(0, [bytesOf('ab')], done));
      found.add(made.text('log'));
    }
    expect(found).toEqual(new Set(['', 'a', 'ab']));
  });
});

describe('a crash inside the answer to a call', () => {
  test('leaves the call done and the others under way undecided', () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 40; seed += 1) {
      const { sim, create, text } = rig({ seed: `answer ${seed}` });
      const [one, two] = [create('1'), create('2')];
      one.write(0, [bytesOf('ab')], () => {
        two.write(0, [bytesOf('c')], () => expect.fail('a dead program was answered'));
        sim.crash(a, { power: false });
        one.sync(() => expect.fail('a dead program was answered'));
      });
      pass(sim);
      found.add(`${text('1')} ${text('2')}`);
    }
    expect(found).toEqual(new Set(['ab ', 'ab c']));
  });
});

describe('a crash of the process', () => {
  function textAfter(when: CrashPoint['when'], bytes: Uint8Array, position = 0): number | undefined {
    const made = rig();
    const file = made.create('log');
    armNext(made, { when, power: false });
    strike(made, (done) => file.write(position, [bytes], done));
    expect([...made.sim.faults]).toEqual([
      ['crash-point', 1],
      ['crash', 1],
    ]);
    return made.sim.disk(a).files.get('log')?.length;
  }

  test('before, in the middle of and after a write leaves nothing, whole sectors and everything', () => {
    const bytes = new Uint8Array(3_000);
    expect(textAfter('before', bytes)).toBe(0);
    expect(textAfter('during', bytes)).toBe(1_024);
    expect(textAfter('after', bytes)).toBe(3_000);
  });

  test('in the middle of a write cuts where the sectors of the file end, and small writes in two', () => {
    expect(textAfter('during', new Uint8Array(300), 400)).toBe(512);
    expect(textAfter('during', new Uint8Array(100), 0)).toBe(50);
    fc.assert(
      fc.property(fc.nat(20_000), fc.integer({ min: 2, max: 20_000 }), (position, length) => {
        const cut = cutOfWrite(position, length);
        const end = position + cut;
        const hasBoundary = Math.floor((position + length - 1) / 512) > Math.floor(position / 512);
        expect(cut).toBeGreaterThan(0);
        expect(cut).toBeLessThan(length);
        expect(hasBoundary ? end % 512 : cut - Math.floor(length / 2)).toBe(0);
        if (hasBoundary) expect(Math.abs(position + length / 2 - end)).toBeLessThanOrEqual(512);
      }),
    );
  });

  test.each(['before', 'during', 'after'] as const)('%s a rename', (when) => {
    const made = rig();
    made.create('1');
    armNext(made, { when, power: false });
    strike(made, (done) => made.disk.rename('1', '2', done));
    expect([...made.sim.disk(a).files.keys()]).toEqual([when === 'after' ? '2' : '1']);
  });

  test.each(['before', 'during', 'after'] as const)('%s a sync, followed by a loss of power', (when) => {
    const made = rig({ disk: { powerLoss: 'everything' } });
    const file = syncedFile(made, 'log', bytesOf('abc'));
    made.append(file, 'def');
    armNext(made, { when, power: false });
    strike(made, (done) => file.sync(done));
    expect(made.text('log')).toBe('abcdef');
    made.sim.crash(a, { power: true });
    expect(made.text('log')).toBe(when === 'after' ? 'abcdef' : 'abc');
  });

  test('strikes once: the next life makes its calls undisturbed, and can be struck at a later one', () => {
    const made = rig();
    const file = made.create('log');
    const struck: string[] = [];
    for (const operation of [1, 3]) {
      made.sim.disk(a).armCrash({ operation, when: 'before', power: false }, () => {
        struck.push(String(operation));
        made.sim.crash(a, { power: false });
      });
    }
    strike(made, (done) => file.sync(done));
    made.sim.start(a);
    pass(made.sim);
    let answers = 0;
    made.puppet.world.disk.list(() => {
      answers += 1;
      made.puppet.world.disk.list(() => (answers += 1));
    });
    pass(made.sim);
    expect([answers, struck]).toEqual([1, ['1', '3']]);
  });

  test('at a call that has passed never strikes', () => {
    const made = rig();
    const file = made.create('log');
    made.sim.disk(a).armCrash({ operation: 0, when: 'before', power: false }, () => expect.fail('struck'));
    expect(made.append(file, 'abc').error).toBeUndefined();
  });

  test('that does not end the node is a bug of whoever armed it', () => {
    const made = rig();
    const file = made.create('log');
    armNext(made, { when: 'before', power: false });
    made.sim.disk(a).armCrash({ operation: 2, when: 'before', power: false }, () => {});
    file.sync(() => {});
    expect(() => pass(made.sim)).toThrow('must end the node at once');
  });
});

describe('a loss of power', () => {
  /** A file of `pages` pages of ones, then a two written over everything, one write a page. */
  function rewritten(made: Rig, name: string, pages: number): DiskFile {
    const file = syncedFile(made, name, new Uint8Array(pages * pageBytes).fill(1));
    for (let page = 0; page < pages; page += 1) {
      made.answer((done) => file.write(page * pageBytes, [new Uint8Array(pageBytes).fill(2)], done));
    }
    return file;
  }

  function firstOfPages({ sim }: Rig, name: string): string {
    const bytes = sim.disk(a).files.get(name) ?? new Uint8Array(0);
    return Array.from({ length: Math.ceil(bytes.length / pageBytes) }, (_, page) => bytes[page * pageBytes]).join('');
  }

  test('keeps exactly the pages that were chosen: files by name, pages by position, the directory last', () => {
    for (let survivors = 0; survivors < 64; survivors += 1) {
      const made = rig();
      const late = rewritten(made, 'z', 2);
      rewritten(made, 'b', 3);
      made.answer((done) => made.disk.rename('z', 'a', done));
      armNext(made, { when: 'before', power: true, survivors });
      strike(made, (done) => late.sync(done));
      const expected = (first: number, count: number): string =>
        Array.from({ length: count }, (_, page) => 1 + ((survivors >> (first + page)) & 1)).join('');
      const renamed = (survivors >> 5) & 1;
      expect([...made.sim.disk(a).files.keys()]).toEqual(renamed === 1 ? ['a', 'b'] : ['b', 'z']);
      expect(firstOfPages(made, renamed === 1 ? 'a' : 'z')).toBe(expected(0, 2));
      expect(firstOfPages(made, 'b')).toBe(expected(2, 3));
      const lost = [0, 1, 2, 3, 4].filter((bit) => ((survivors >> bit) & 1) === 0).length;
      expect(made.sim.faults.get('lost-page') ?? 0).toBe(lost);
      expect(made.sim.faults.get('lost-directory-entry') ?? 0).toBe(1 - renamed);
    }
  });

  test('keeps nothing when nothing is chosen', () => {
    const made = rig();
    const file = rewritten(made, 'log', 2);
    made.create('other');
    armNext(made, { when: 'before', power: true });
    strike(made, (done) => file.sync(done));
    expect(firstOfPages(made, 'log')).toBe('11');
    expect([...made.sim.disk(a).files.keys()]).toEqual(['log']);
  });

  test('keeps no page beyond the thirtieth', () => {
    const made = rig();
    const file = rewritten(made, 'log', 33);
    made.create('other');
    armNext(made, { when: 'before', power: true, survivors: -1 });
    strike(made, (done) => file.sync(done));
    expect(firstOfPages(made, 'log')).toBe('2'.repeat(30) + '111');
    expect([...made.sim.disk(a).files.keys()]).toEqual(['log']);
  });

  test('in the middle of a write: the part that was written is on pages like any other', () => {
    const outcome = (survivors: number): string => {
      const made = rig();
      const file = syncedFile(made, 'log', new Uint8Array(3 * pageBytes).fill(1));
      armNext(made, { when: 'during', power: true, survivors });
      strike(made, (done) => file.write(0, [new Uint8Array(3 * pageBytes).fill(2)], done));
      return `${firstOfPages(made, 'log')} ${made.sim.disk(a).files.get('log')?.indexOf(1, pageBytes)}`;
    };
    const middle = 1.5 * pageBytes;
    expect(outcome(0b111)).toBe(`221 ${middle}`);
    expect(outcome(0b010)).toBe(`121 ${middle}`);
    expect(outcome(0b001)).toBe(`211 ${pageBytes}`);
  });

  test('after a sync keeps what it covered', () => {
    const made = rig();
    const file = rewritten(made, 'log', 2);
    armNext(made, { when: 'after', power: true, survivors: 0 });
    strike(made, (done) => file.sync(done));
    expect(firstOfPages(made, 'log')).toBe('22');
    expect(made.sim.faults.has('lost-page')).toBe(false);
  });

  test('with a surviving page keeps what a failed sync had given up there, and nothing else of it', () => {
    const outcome = (survivors: number): string => {
      const made = rig();
      const file = rewritten(made, 'log', 2);
      made.sim.disk(a).setProfile({ syncError: 1 });
      made.answer((done) => file.sync(done));
      made.answer((done) => file.write(100, [new Uint8Array(1).fill(3)], done));
      armNext(made, { when: 'before', power: true, survivors });
      strike(made, (done) => file.sync(done));
      return `${firstOfPages(made, 'log')} ${made.sim.disk(a).files.get('log')?.[100]} ${made.sim.faults.get('lost-write')}`;
    };
    expect(outcome(0b1)).toBe('21 3 1');
    expect(outcome(0b0)).toBe('11 1 2');
    expect(outcome(0b110)).toBe('11 1 2');
  });

  test('that takes a truncation back keeps a page behind it as it was read: with zeros behind the end', () => {
    const made = rig();
    const file = syncedFile(made, 'log', new Uint8Array(3 * pageBytes).fill(1));
    made.answer((done) => file.truncate(5, done));
    made.answer((done) => file.write(pageBytes + 10, [new Uint8Array(10).fill(2)], done));
    armNext(made, { when: 'before', power: true, survivors: 0b10 });
    strike(made, (done) => file.sync(done));
    const bytes = made.sim.disk(a).files.get('log') ?? new Uint8Array(0);
    const pages = [0, 1, 2].map((page) => bytes.subarray(page * pageBytes, (page + 1) * pageBytes));
    expect(bytes).toHaveLength(3 * pageBytes);
    expect(pages.map((page) => [...new Set(page)].join())).toEqual(['1', '0,2', '1']);
  });

  test('that takes a removal back finds the durable bytes of the file', () => {
    const made = rig();
    const file = syncedFile(made, 'log', bytesOf('abc'));
    made.append(file, 'def');
    made.answer((done) => made.disk.remove('log', done));
    armNext(made, { when: 'before', power: true, survivors: 0 });
    strike(made, (done) => made.disk.list(done));
    expect(made.text('log')).toBe('abc');
    made.sim.crash(a, { power: true });
    expect(made.text('log')).toBe('abc');
  });

  test('leaves nothing to chance', () => {
    const outcomes = new Set<string>();
    for (let seed = 0; seed < 20; seed += 1) {
      const made = rig({ seed: `chance ${seed}`, disk: { tornWrite: 0.5 } });
      const file = rewritten(made, 'log', 4);
      made.answer((done) => file.truncate(2 * pageBytes + 5, done));
      armNext(made, { when: 'before', power: true, survivors: 0b011 });
      strike(made, (done) => file.sync(done));
      outcomes.add(firstOfPages(made, 'log'));
    }
    expect([...outcomes]).toEqual(['2211']);
  });

  test('may still find another call under way done, or not', () => {
    const found = new Set<string | undefined>();
    for (let seed = 0; seed < 30; seed += 1) {
      const made = rig({ seed: `other ${seed}`, disk: { syncMs: { minMs: 5, maxMs: 5 } } });
      const one = syncedFile(made, 'log', bytesOf('abc'));
      const two = made.create('other');
      made.append(one, 'def');
      armNext(made, { when: 'before', power: true, survivors: 0 });
      one.sync(() => expect.fail('a dead program was answered'));
      strike(made, (done) => two.write(0, [bytesOf('x')], done));
      found.add(made.text('log'));
    }
    expect(found).toEqual(new Set(['abc', 'abcdef']));
  });

  test('at a later point is decided by the profile again', () => {
    const made = rig({ disk: { powerLoss: 'everything' } });
    const file = syncedFile(made, 'log', bytesOf('abc'));
    armNext(made, { when: 'after', power: true, survivors: 1 });
    strike(made, (done) => file.write(3, [bytesOf('def')], done));
    expect(made.text('log')).toBe('abcdef');
    made.sim.start(a);
    pass(made.sim);
    const { disk } = made.puppet.world;
    const opened = made.answer<DiskFile>((done) => disk.open('log', { create: false }, done));
    made.answer((done: (result: Result<void>) => void) => opened.value?.write(6, [bytesOf('ghi')], done));
    made.sim.crash(a, { power: true });
    expect(made.text('log')).toBe('abcdef');
  });
});

describe('against a model', () => {
  const step = fc.record({
    kind: fc.constantFrom('write', 'write', 'write', 'truncate', 'sync'),
    at: fc.oneof(
      fc.nat(24_000),
      fc.nat(6).map((page) => page * pageBytes),
    ),
    length: fc.integer({ min: 1, max: 9_000 }),
  });

  /** What a file is, byte by byte, and which pages of it are not durable. */
  class ModelFile {
    bytes: number[] = [];
    durable: number[] = [];
    readonly dirty = new Set<number>();
    cuts: { page: number; length: number }[] = [];

    write(at: number, length: number, fill: number): void {
      while (this.bytes.length < at + length) this.bytes.push(0);
      this.bytes.fill(fill, at, at + length);
      for (let byte = at; byte < at + length; byte += 1) this.dirty.add(Math.floor(byte / pageBytes));
    }

    truncate(length: number): void {
      if (length === this.bytes.length) return;
      const page = Math.floor(Math.max(0, length - 1) / pageBytes);
      this.dirty.forEach((number) => number > page && this.dirty.delete(number));
      this.dirty.add(page);
      if (length < this.bytes.length) this.cuts.push({ page, length });
      this.bytes = Array.from({ length }, (_, at) => this.bytes[at] ?? 0);
    }

    sync(): void {
      this.durable = [...this.bytes];
      this.dirty.clear();
      this.cuts = [];
    }

    after(kept: ReadonlySet<number>): number[] {
      const cut = Math.min(...this.cuts.filter(({ page }) => kept.has(page)).map(({ length }) => length));
      const durable = this.durable.slice(0, cut);
      const ends = [...kept].map((page) => Math.min((page + 1) * pageBytes, this.bytes.length));
      return Array.from({ length: Math.max(durable.length, ...ends) }, (_, at) => {
        const source = kept.has(Math.floor(at / pageBytes)) ? this.bytes : durable;
        return source[at] ?? 0;
      });
    }
  }

  test('a crash leaves exactly the chosen pages of every file', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(1), step), { maxLength: 12 }),
        fc.nat(2 ** 30 - 1),
        fc.constantFrom('some' as const, 'all' as const, 'none' as const),
        (steps, drawn, which) => {
          const survivors = which === 'some' ? drawn : which === 'all' ? 2 ** 30 - 1 : 0;
          const made = rig();
          const names = ['first', 'second'];
          const files = names.map((name) => syncedFile(made, name, new Uint8Array(0)));
          const models = names.map(() => new ModelFile());
          steps.forEach(([which, { kind, at, length }], index) => {
            const file = files[which];
            const model = models[which];
            if (file === undefined || model === undefined) return;
            if (kind === 'write') {
              model.write(at, length, index + 1);
              made.answer((done) => file.write(at, [new Uint8Array(length).fill(index + 1)], done));
            } else if (kind === 'truncate') {
              model.truncate(at);
              made.answer((done) => file.truncate(at, done));
            } else {
              model.sync();
              made.answer((done) => file.sync(done));
            }
          });
          const seen = observe(made);
          made.answer((done) => made.disk.list(done));
          const pages = models.map(({ dirty }) => [...dirty].toSorted((x, y) => x - y));
          expect(seen[0]?.unsyncedPages).toBe(pages.flat().length);
          armNext(made, { when: 'before', power: true, survivors });
          strike(made, (done) => made.disk.list(done));
          let bit = 0;
          models.forEach((model, index) => {
            const kept = new Set(pages[index]?.filter(() => ((survivors >>> bit++) & 1) === 1));
            const left = [...(made.sim.disk(a).files.get(names[index] ?? '') ?? [])];
            const expected = which === 'all' ? model.bytes : which === 'none' ? model.durable : model.after(kept);
            expect(left.length).toBe(expected.length);
            expect(left.findIndex((byte, at) => byte !== expected[at])).toBe(-1);
          });
        },
      ),
      { numRuns: 150 },
    );
  });
});
