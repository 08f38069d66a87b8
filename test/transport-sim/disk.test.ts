import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DiskFile } from '../../core/index.js';
import { Directory } from '../../transport-sim/directory.js';
import type { SimulationOptions } from '../../transport-sim/index.js';
import { FileContent } from '../../transport-sim/file-content.js';
import { randomStream } from '../../transport-sim/random.js';
import { rig, type Rig } from './disk-rig.js';
import { a, bytesOf } from './programs.js';

describe('calls', () => {
  test('write, read, size, truncate and list do what they say, each in an event of its own', () => {
    const { answer, create, disk, text } = rig();
    const file = create('log');
    answer((done) => file.write(0, [bytesOf('hello '), bytesOf('world')], done));
    expect(answer((done) => file.size(done)).value).toBe(11);
    expect(answer<Uint8Array>((done) => file.read(6, 100, done)).value).toEqual(bytesOf('world'));
    expect(answer<Uint8Array>((done) => file.read(50, 1, done)).value).toEqual(new Uint8Array(0));
    answer((done) => file.write(13, [bytesOf('!')], done));
    answer((done) => file.truncate(5, done));
    answer((done) => file.truncate(7, done));
    expect(text('log')).toBe('hello\0\0');
    create('a');
    expect(answer((done) => disk.list(done)).value).toEqual(['a', 'log']);
  });

  test('what is read belongs to the caller', () => {
    const { answer, create, text } = rig();
    const file = create('log');
    answer((done) => file.write(0, [bytesOf('abc')], done));
    answer<Uint8Array>((done) => file.read(0, 3, done)).value?.fill(0);
    expect(text('log')).toBe('abc');
  });

  test('opening, renaming and removing what is not there, and creating what is, fail', () => {
    const { answer, create, disk } = rig();
    create('log');
    const codes = [
      answer((done) => disk.open('log', { create: true }, done)),
      answer((done) => disk.open('other', { create: false }, done)),
      answer((done) => disk.rename('other', 'log', done)),
      answer((done) => disk.remove('other', done)),
    ].map((result) => result.error?.code);
    expect(codes).toEqual(['E_STORAGE', 'E_STORAGE', 'E_STORAGE', 'E_STORAGE']);
  });

  test('a closed handle answers E_CLOSED; two calls at once on one handle are a bug', () => {
    const { answer, create } = rig();
    const file = create('log');
    file.sync(() => {});
    expect(() => file.sync(() => {})).toThrow('while another one is under way');
    const other = create('other');
    answer((done) => other.close(done));
    expect(answer((done) => other.size(done)).error?.code).toBe('E_CLOSED');
  });

  test('a full disk takes the prefix that fits, and the rest once there is room', () => {
    const { sim, answer, create, disk, text } = rig({ disk: { capacityBytes: 10 } });
    create('old');
    const file = create('log');
    expect(answer((done) => file.write(0, [bytesOf('01234567'), bytesOf('89ab')], done)).error?.code).toBe(
      'E_DISK_FULL',
    );
    expect(text('log')).toBe('0123456789');
    expect(answer((done) => file.write(0, [bytesOf('overwrite')], done)).error).toBeUndefined();
    sim.disk(a).setProfile({ capacityBytes: 12 });
    expect(answer((done) => file.write(10, [bytesOf('ab')], done)).error).toBeUndefined();
    answer((done) => disk.remove('log', done));
    expect(sim.faults.get('disk-full')).toBe(1);
  });

  test('errors strike reads, writes and syncs at their rates', () => {
    const { sim, answer, create, text } = rig();
    const file = create('log');
    answer((done) => file.write(0, [bytesOf('0123456789')], done));
    sim.disk(a).setProfile({ readError: 1, writeError: 1, syncError: 1 });
    expect(answer((done) => file.read(0, 1, done)).error?.code).toBe('E_STORAGE');
    expect(answer((done) => file.write(10, [bytesOf('abcdef')], done)).error?.code).toBe('E_STORAGE');
    expect('0123456789abcdef'.startsWith(text('log') ?? '?')).toBe(true);
    expect(answer((done) => file.sync(done)).error?.code).toBe('E_STORAGE');
    expect([...sim.faults.keys()]).toEqual(['read-error', 'write-error', 'sync-error']);
  });
});

describe('crashes', () => {
  /** Texts of `log` after a loss of power, over many seeds. */
  function outcomes(
    course: (rig: Rig, file: DiskFile) => void,
    options: Partial<SimulationOptions> = {},
  ): Set<string | undefined> {
    const found = new Set<string | undefined>();
    for (let seed = 0; seed < 60; seed += 1) {
      const made = rig({ seed: `power ${seed}`, ...options });
      const file = made.create('log');
      made.answer((done) => made.disk.syncDirectory(done));
      course(made, file);
      made.sim.crash(a, { power: true });
      found.add(made.text('log'));
    }
    return found;
  }

  test('of the process keep everything that was written', () => {
    const { sim, answer, create, text } = rig();
    const file = create('log');
    answer((done) => file.write(0, [bytesOf('abc')], done));
    sim.crash(a, { power: false });
    expect(text('log')).toBe('abc');
  });

  test('of the process leave any prefix of the write that was under way', () => {
    const found = new Set<string | undefined>();
    for (let seed = 0; seed < 40; seed += 1) {
      const { sim, create, text } = rig({ seed: String(seed) });
      create('log').write(0, [bytesOf('ab'), bytesOf('cd')], () => {});
      sim.crash(a, { power: false });
      found.add(text('log'));
    }
    expect(found).toEqual(new Set(['', 'a', 'ab', 'abc', 'abcd']));
  });

  test('of power keep what was synced', () => {
    const found = outcomes(({ answer }, file) => {
      answer((done) => file.write(0, [bytesOf('abc')], done));
      answer((done) => file.sync(done));
    });
    expect([...found]).toEqual(['abc']);
  });

  test('of power keep each un-synced write, or not, or torn', () => {
    const found = outcomes(
      ({ answer }, file) => {
        answer((done) => file.write(0, [bytesOf('ab')], done));
        answer((done) => file.write(2, [bytesOf('cd')], done));
      },
      { disk: { tornWrite: 0.4 } },
    );
    for (const text of ['', 'ab', 'abcd', '\0\0cd', 'abc', 'a']) expect(found, JSON.stringify(text)).toContain(text);
    expect(
      outcomes(({ answer }, file) => answer((done) => file.write(0, [bytesOf('ab')], done)), {
        disk: { tornWrite: 0 },
      }),
    ).toEqual(new Set(['', 'ab', '\0\0']));
  });

  test('of power during a sync: it has covered its writes, or they are as un-synced as before', () => {
    const found = outcomes(
      ({ answer }, file) => {
        answer((done) => file.write(0, [bytesOf('ab')], done));
        file.sync(() => {});
      },
      { disk: { tornWrite: 0 } },
    );
    expect(found).toEqual(new Set(['', 'ab', '\0\0']));
  });

  test('of power after a failed sync lose its writes, although the next sync succeeds', () => {
    const found = outcomes(({ sim, answer }, file) => {
      answer((done) => file.write(0, [bytesOf('ab')], done));
      sim.disk(a).setProfile({ syncError: 1 });
      answer((done) => file.sync(done));
      sim.disk(a).setProfile({ syncError: 0 });
      answer((done) => file.write(2, [bytesOf('cd')], done));
      expect(answer((done) => file.sync(done)).error).toBeUndefined();
    });
    expect(found).toEqual(new Set(['\0\0cd']));
  });

  test('of power lose a file whose name was not synced, though its bytes were', () => {
    const found = new Set<string | undefined>();
    for (let seed = 0; seed < 20; seed += 1) {
      const { sim, answer, create, text } = rig({ seed: String(seed) });
      const file = create('log');
      answer((done) => file.write(0, [bytesOf('abc')], done));
      answer((done) => file.sync(done));
      sim.crash(a, { power: true });
      found.add(text('log'));
    }
    expect(found).toEqual(new Set([undefined, 'abc']));
  });

  test('of power undo renames and removals from the last one on, unless the directory was synced', () => {
    const found = new Set<string>();
    for (let seed = 0; seed < 40; seed += 1) {
      const { sim, answer, create, disk } = rig({ seed: String(seed) });
      create('1');
      create('2');
      answer((done) => disk.syncDirectory(done));
      answer((done) => disk.rename('1', '2', done));
      answer((done) => disk.rename('2', '3', done));
      answer((done) => disk.remove('3', done));
      sim.crash(a, { power: true });
      found.add([...sim.disk(a).files.keys()].join());
    }
    expect([...found].toSorted()).toEqual(['', '1,2', '2', '3']);
  });

  test('of power count what they did', () => {
    const { sim, answer, create, disk } = rig({ disk: { tornWrite: 1 } });
    const file = create('log');
    answer((done) => disk.syncDirectory(done));
    answer((done) => file.write(0, [new Uint8Array(5_000).fill(1)], done));
    answer((done) => file.write(5_000, [new Uint8Array(5_000).fill(2)], done));
    for (let index = 0; index < 8; index += 1) create(`file-${index}`);
    sim.crash(a, { power: true });
    const torn = (sim.faults.get('torn-write') ?? 0) + (sim.faults.get('scattered-write') ?? 0);
    expect(torn).toBe(2);
    expect(sim.faults.get('lost-directory-entry')).toBe(9 - sim.disk(a).files.size);
  });
});

describe('a disk in other hands', () => {
  test('is wiped, restored and damaged', () => {
    const { sim, answer, create, text } = rig();
    const file = create('log');
    answer((done) => file.write(0, [bytesOf('abc')], done));
    const { image } = sim.disk(a);
    answer((done) => file.write(0, [bytesOf('xyz')], done));
    sim.crash(a, { power: false });
    sim.disk(a).restore(new Map());
    expect(text('log')).toBeUndefined();
    sim.disk(a).restore(image);
    sim.crash(a, { power: true });
    expect(text('log')).toBe('abc');
    expect(sim.disk(a).damage('log', 1, 0x20)).toBe(true);
    expect(sim.disk(a).damage('log', 3, 0x20)).toBe(false);
    expect(text('log')).toBe('aBc');
    expect([...sim.faults.keys()]).toEqual(['crash', 'disk-wiped', 'disk-restored', 'power-loss', 'bit-rot']);
  });
});

describe('against a model', () => {
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), at: fc.nat(40), length: fc.nat(20) }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('truncate' as const), at: fc.nat(40), length: fc.constant(0) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('issue' as const), at: fc.constant(0), length: fc.constant(0) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant('sync' as const), at: fc.constant(0), length: fc.constant(0) }),
    },
  );

  function applied(bytes: readonly number[], at: number, fill: number, length: number): number[] {
    const next = [...bytes];
    while (next.length < at + length) next.push(0);
    next.fill(fill, at, at + length);
    return next;
  }

  function cut(bytes: readonly number[], length: number): number[] {
    return Array.from({ length }, (_, index) => bytes[index] ?? 0);
  }

  test('a file reads as a plain array, and after a loss of power as the synced state with a part of the later changes', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), fc.string(), (steps, seed) => {
        const content = new FileContent();
        let model: number[] = [];
        // Every state that keeping or dropping whole un-synced changes can lead to.
        let possible = new Set(['']);
        let issued: { mark: number; later: ((states: Set<string>) => Set<string>)[]; base: number[] } | undefined;
        const expand =
          (change: (bytes: readonly number[]) => number[], zero?: (bytes: readonly number[]) => number[]) =>
          (states: Set<string>): Set<string> => {
            const next = new Set(states);
            for (const state of states) {
              const bytes = state === '' ? [] : state.split(',').map(Number);
              next.add(change(bytes).join());
              if (zero !== undefined) next.add(zero(bytes).join());
            }
            return next;
          };
        steps.forEach(({ kind, at, length }, index) => {
          if (kind === 'issue') {
            issued = { mark: content.mark, later: [], base: model };
          } else if (kind === 'sync') {
            if (issued === undefined) return;
            content.makeDurable(issued.mark);
            possible = new Set([issued.base.join()]);
            for (const later of issued.later) possible = later(possible);
            issued = undefined;
          } else {
            const fill = index + 1;
            const isWrite = kind === 'write';
            if (isWrite) content.write(at, [new Uint8Array(length).fill(fill)], length);
            else content.truncate(at);
            const change = (bytes: readonly number[]): number[] => {
              if (!isWrite) return cut(bytes, at);
              return length === 0 ? [...bytes] : applied(bytes, at, fill, length);
            };
            const zero = (bytes: readonly number[]): number[] =>
              isWrite && length > 0 && at + length > bytes.length ? cut(bytes, at + length) : [...bytes];
            model = change(model);
            const grow = expand(change, zero);
            possible = grow(possible);
            issued?.later.push(grow);
          }
          expect([...content.view]).toEqual(model);
        });
        content.losePower(randomStream(seed, 'power'), 0, () => {});
        expect(possible).toContain([...content.view].join());
        const settled = [...content.view];
        content.losePower(randomStream(seed, 'again'), 1, () => {});
        expect([...content.view]).toEqual(settled);
      }),
      { numRuns: 300 },
    );
  });

  test('torn writes change no byte outside the un-synced writes and invent none', () => {
    const write = fc.record({ at: fc.nat(9_000), length: fc.integer({ min: 1, max: 9_000 }) });
    fc.assert(
      fc.property(fc.array(write, { minLength: 1, maxLength: 4 }), fc.string(), (writes, seed) => {
        const content = new FileContent();
        content.write(0, [new Uint8Array(6_000).fill(9)], 6_000);
        content.makeDurable(content.mark);
        const allowed: Set<number>[] = Array.from({ length: 18_000 }, (_, at) => new Set(at < 6_000 ? [9] : [0]));
        writes.forEach(({ at, length }, index) => {
          content.write(at, [new Uint8Array(length).fill(index + 1)], length);
          for (let byte = at; byte < at + length; byte += 1) allowed[byte]?.add(index + 1);
        });
        content.losePower(randomStream(seed, 'power'), 1, () => {});
        expect(content.length).toBeGreaterThanOrEqual(6_000);
        content.view.forEach((byte, at) => {
          if (allowed[at]?.has(byte) !== true) throw new Error(`byte ${byte} at ${at}`);
        });
      }),
      { numRuns: 50 },
    );
  });

  test('a directory keeps what was synced and a prefix of what came later', () => {
    const change = fc.record({
      kind: fc.constantFrom('create', 'rename', 'remove', 'sync'),
      x: fc.nat(4),
      y: fc.nat(4),
    });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 20 }), fc.string(), (changes, seed) => {
        const directory = new Directory();
        let states = [''];
        for (const { kind, x, y } of changes) {
          const [from, to] = [String(x), String(y)];
          if (kind === 'sync') {
            directory.makeDurable(directory.mark);
            states = states.slice(-1);
            continue;
          }
          if (kind === 'create' && !directory.has(from)) directory.create(from, new FileContent());
          else if (kind === 'rename' && directory.has(from)) directory.rename(from, to);
          else if (kind === 'remove' && directory.has(from)) directory.remove(from);
          states.push(directory.names.join());
        }
        directory.losePower(randomStream(seed, 'power'), () => {});
        expect(states).toContain(directory.names.join());
        const left = directory.names;
        directory.losePower(randomStream(seed, 'again'), () => {});
        expect(directory.names).toEqual(left);
      }),
    );
  });
});
