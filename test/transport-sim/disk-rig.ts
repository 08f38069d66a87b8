/** A simulated disk under the hands of a test: makes calls and waits for their answers. */
import { expect } from 'vitest';
import type { Disk, DiskFile, Result } from '../../core/index.js';
import { Simulation, type SimulationOptions } from '../../transport-sim/index.js';
import { a, bytesOf, pass, Puppet } from './programs.js';

/** A machine `a` with a disk and a program that does nothing by itself. */
export interface Rig {
  readonly sim: Simulation;
  readonly puppet: Puppet;
  readonly disk: Disk;
  /** Makes a call and waits for its answer. */
  readonly answer: <T>(call: (done: (result: Result<T>) => void) => void) => Result<T>;
  readonly create: (name: string) => DiskFile;
  /** Writes `text` at the end of a file and waits for the answer. */
  readonly append: (file: DiskFile, text: string) => Result<void>;
  readonly text: (name: string) => string | undefined;
}

export function rig(options: Partial<SimulationOptions> = {}): Rig {
  const sim = new Simulation({ seed: 'disk', ...options });
  const puppet = new Puppet(false);
  sim.addNode(a, puppet);
  sim.start(a);
  pass(sim);
  function answer<T>(call: (done: (result: Result<T>) => void) => void): Result<T> {
    const results: Result<T>[] = [];
    call((result) => results.push(result));
    expect(results).toEqual([]);
    pass(sim, 10);
    expect(results).toHaveLength(1);
    return results[0] as Result<T>;
  }
  const create = (name: string): DiskFile => {
    const opened = answer<DiskFile>((done) => puppet.world.disk.open(name, { create: true }, done));
    if (opened.error !== undefined) throw opened.error;
    return opened.value;
  };
  const append = (file: DiskFile, added: string): Result<void> => {
    const end = answer<number>((done) => file.size(done)).value ?? 0;
    return answer((done: (result: Result<void>) => void) => file.write(end, [bytesOf(added)], done));
  };
  const text = (name: string): string | undefined => {
    const bytes = sim.disk(a).files.get(name);
    return bytes && Buffer.from(bytes).toString('latin1');
  };
  return { sim, puppet, answer, create, append, text, disk: puppet.world.disk };
}
