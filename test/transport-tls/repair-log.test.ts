import { spawn } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { AntecedentError, type Disk, type DiskFile, type Result } from '../../core/index.js';
import {
  DirectoryDisk,
  inspectLog,
  lockDirectory,
  repairLog,
  type InspectedRecord,
  type PutAside,
  type RepairPlan,
} from '../../transport-tls/index.js';
import { repairDisk } from '../../transport-tls/repair-plan.js';
import { bundleScript } from '../support/bundled-program.js';
import { makeTestDirectory, removeTestDirectories } from '../support/certificates.js';
import {
  addBytes,
  contentsOf,
  cutOff,
  flipBit,
  LogWriter,
  putInPlaceOf,
  sampleSegments,
  strangeSegment as sixth,
  writeFutureVersion,
  writeSampleLog,
  writeUnreadableLog,
} from '../support/log-writer.js';
import { processHangMs, within } from './waiting.js';

const [first, second, third, fourth] = sampleSegments;
let directory: string;

beforeEach(async () => {
  directory = makeTestDirectory('repair');
  await writeSampleLog(directory);
});
afterAll(removeTestDirectories);

const yes = { confirm: () => Promise.resolve(true) };

/** Repairs a log that needs it, and returns what was done. */
async function repair(): Promise<RepairPlan> {
  const result = await repairLog(directory, yes);
  if (result.outcome !== 'repaired') throw new Error(`the repair came out as ${result.outcome}`);
  return result.plan;
}

/** Every record up to `lsnMax`, in a form that can be compared. */
async function recordsOf(path: string, lsnMax: number): Promise<readonly string[]> {
  const records: string[] = [];
  const onRecord = (record: InspectedRecord): void => {
    if (record.lsn <= lsnMax) records.push(JSON.stringify(record));
  };
  await inspectLog(path, { onRecord });
  return records;
}

/** Names of the files that repairs have put aside. */
async function damagedFiles(): Promise<readonly string[]> {
  return (await inspectLog(directory)).leftovers.damaged;
}

interface Damage {
  readonly name: string;
  readonly inflict: () => Promise<void> | void;
  /** Last record that is kept. */
  readonly lastLsn: number;
  readonly cut: readonly string[];
  readonly removed: readonly string[];
}

const damages: readonly Damage[] = [
  {
    name: 'a bit in a closed segment',
    inflict: () => flipBit(directory, second, 400),
    lastLsn: 16,
    cut: [second],
    removed: [third, fourth],
  },
  {
    name: 'a bit in the last segment, in front of a witness',
    inflict: () => flipBit(directory, fourth, 104),
    lastLsn: 39,
    cut: [fourth],
    removed: [],
  },
  {
    name: 'a damaged header of the first segment',
    inflict: () => flipBit(directory, first, 33),
    lastLsn: 0,
    cut: [],
    removed: [first, second, third, fourth],
  },
  {
    name: 'a damaged header of a segment in between',
    inflict: () => flipBit(directory, third, 33),
    lastLsn: 26,
    cut: [],
    removed: [third, fourth],
  },
  {
    name: 'a closed segment that lost its end',
    inflict: () => cutOff(directory, second, 105),
    lastLsn: 25,
    cut: [],
    removed: [third, fourth],
  },
  {
    name: 'a missing segment',
    inflict: () => rmSync(join(directory, second)),
    lastLsn: 13,
    cut: [],
    removed: [third, fourth],
  },
  {
    name: 'a segment of another log',
    inflict: () => putInPlaceOf(directory, third),
    lastLsn: 26,
    cut: [],
    removed: [third, fourth],
  },
  {
    name: 'a missing segment and damage in front of the gap',
    inflict: () => {
      rmSync(join(directory, third));
      flipBit(directory, second, 400);
    },
    lastLsn: 16,
    cut: [second],
    removed: [fourth],
  },
  {
    name: 'two gaps',
    inflict: () => {
      rmSync(join(directory, first));
      rmSync(join(directory, third));
    },
    lastLsn: 0,
    cut: [],
    removed: [second, fourth],
  },
  {
    name: 'a missing segment and a damaged header behind it',
    inflict: () => {
      rmSync(join(directory, second));
      flipBit(directory, third, 33);
    },
    lastLsn: 13,
    cut: [],
    removed: [third, fourth],
  },
  {
    name: 'a missing segment and an empty one behind it',
    inflict: () => {
      rmSync(join(directory, second));
      writeFileSync(join(directory, third), '');
    },
    lastLsn: 13,
    cut: [],
    removed: [third, fourth],
  },
  {
    name: 'a segment that was given a higher name',
    inflict: () => renameSync(join(directory, fourth), join(directory, sixth)),
    lastLsn: 39,
    cut: [],
    removed: [sixth],
  },
  {
    name: 'a copy of a segment under a higher name',
    inflict: () => copyFileSync(join(directory, third), join(directory, sixth)),
    lastLsn: 41,
    cut: [],
    removed: [sixth],
  },
  {
    name: 'an empty file with a higher name',
    inflict: () => writeFileSync(join(directory, sixth), ''),
    lastLsn: 41,
    cut: [],
    removed: [sixth],
  },
];

describe.each(damages)('the repair of $name', ({ inflict, lastLsn, cut, removed }) => {
  test('ends the log in front of it, as a new incarnation, and loses no byte', async () => {
    const good = await recordsOf(directory, lastLsn);
    await inflict();
    const before = contentsOf(directory);
    const plan = await repair();
    expect(plan.kept).toMatchObject({ lastLsn, records: lastLsn });
    const isCut = ({ cutTo }: PutAside): boolean => cutTo !== null;
    expect(plan.putAside.filter(isCut).map(({ file }) => file)).toEqual(cut);
    expect(plan.putAside.filter((entry) => !isCut(entry)).map(({ file }) => file)).toEqual(removed);
    const inspection = await inspectLog(directory);
    expect(inspection).toMatchObject({ verdict: 'clean', incarnation: plan.incarnation });
    expect(plan.incarnation).toBeGreaterThan(1);
    expect(await recordsOf(directory, lastLsn)).toEqual(good);
    const after = contentsOf(directory);
    for (const { file, as } of plan.putAside) expect([as, after.get(as)]).toEqual([as, before.get(file)]);
    expect(inspection.leftovers.temporary).toEqual([]);
    await (await LogWriter.open(directory)).close();
  });

  test('can be interrupted at every disk operation, and run again', async () => {
    await inflict();
    const before = contentsOf(directory);
    const damaged = makeTestDirectory('damaged');
    cpSync(directory, damaged, { recursive: true });
    let operations = 0;
    for (let isComplete = false; !isComplete; operations++) {
      restore(damaged);
      isComplete = await completesOn(new DyingDisk(new DirectoryDisk(directory), operations));
      await expectMended(before);
    }
    expect(operations).toBeGreaterThan(5);
  });

  /** Puts the damaged directory back as it was. */
  function restore(from: string): void {
    rmSync(directory, { recursive: true });
    cpSync(from, directory, { recursive: true });
  }

  /** False when the disk died meanwhile. */
  async function completesOn(disk: DyingDisk): Promise<boolean> {
    try {
      await repairDisk(disk);
      return true;
    } catch (error) {
      if (disk.isDead) return false;
      throw error;
    }
  }

  /** The log is refused as before, or good and as it should be. A repair then ends well in both cases. */
  async function expectMended(before: ReadonlyMap<string, Buffer>): Promise<void> {
    const { verdict } = await inspectLog(directory);
    expect(['clean', 'corrupt', 'foreign']).toContain(verdict);
    const { outcome } = await repairLog(directory, yes);
    expect(outcome).toBe(verdict === 'clean' ? 'unharmed' : 'repaired');
    const { verdict: after, incarnation } = await inspectLog(directory);
    expect(after).toBe('clean');
    expect(incarnation).toBeGreaterThan(1);
    expect(await recordsOf(directory, lastLsn)).toHaveLength(lastLsn);
    const found = new Set([...contentsOf(directory).values()].map((bytes) => bytes.toString('latin1')));
    for (const [name, bytes] of before) expect([name, found.has(bytes.toString('latin1'))]).toEqual([name, true]);
  }
});

describe('a repair', () => {
  test('says which messages the log lacks, also those of damaged records, and how many can still be read', async () => {
    flipBit(directory, second, 400);
    expect((await repair()).lost).toEqual({
      bytes: 1105 - 314 + 1105 + 145,
      records: 24,
      foreignRecords: 0,
      lastLsn: 41,
      applied: 24,
      origins: [
        { origin: 'b', incarnation: 1, isOwn: false, firstSeq: 6, lastSeq: 12, readable: 7 },
        { origin: 'a', incarnation: 1, isOwn: true, firstSeq: 6, lastSeq: 12, readable: 6 },
      ],
      missing: [],
    });
  });

  test('says that all is lost of a log of which nothing is kept, whatever can still be read of it', async () => {
    flipBit(directory, first, 33);
    flipBit(directory, first, 100);
    const { origins, records } = (await repair()).lost;
    expect(origins.map(({ origin, firstSeq, lastSeq }) => [origin, firstSeq, lastSeq])).toEqual([
      ['b', 1, 12],
      ['a', 1, 12],
    ]);
    // Also of the segment whose own header does not tell the log: the others do.
    expect(records).toBe(40);
  });

  test('says which segments were missing: what was in them cannot be told', async () => {
    rmSync(join(directory, first));
    rmSync(join(directory, third));
    expect((await repair()).lost.missing).toEqual([
      { first, last: first },
      { first: third, last: third },
    ]);
  });

  test('names a stretch of missing segments by its ends', async () => {
    renameSync(join(directory, fourth), join(directory, 'journal-99999999.log'));
    expect((await repair()).lost.missing).toEqual([{ first: fourth, last: 'journal-99999998.log' }]);
  });

  test('is refused where the name of a segment belongs to something else', async () => {
    flipBit(directory, second, 400);
    mkdirSync(join(directory, sixth));
    const before = contentsOf(directory);
    await expect(repairLog(directory, { ...yes, dryRun: true })).rejects.toMatchObject({
      code: 'E_STORAGE',
      message: expect.stringContaining(`${sixth} has the name of a segment and is no plain file`) as string,
    });
    expect(contentsOf(directory)).toEqual(before);
  });

  test('is refused for a record that is whole and that no node can read: it cannot mend that', async () => {
    const other = makeTestDirectory('unreadable');
    await writeUnreadableLog(other);
    await expect(repairLog(other, yes)).rejects.toMatchObject({
      code: 'E_LOG_CORRUPT',
      message: expect.stringMatching(`^${first}:64: record 1 is whole, .*a repair cannot mend that`) as string,
    });
  });

  test('counts records of another log apart: they were never part of this one', async () => {
    await putInPlaceOf(directory, third);
    const { verdict, lost } = await repair();
    expect(verdict).toBe('foreign');
    expect([lost.foreignRecords, lost.records]).toEqual([13, 2]);
  });

  test('reads what a segment without its header holds', async () => {
    flipBit(directory, third, 33);
    expect((await repair()).lost).toMatchObject({ records: 15, lastLsn: 41 });
  });

  test('names what it puts aside, and how much of it stays in the log', async () => {
    flipBit(directory, third, 400);
    expect((await repair()).putAside).toEqual([
      { file: third, as: `${third}.2.damaged`, cutTo: 395 },
      { file: fourth, as: `${fourth}.2.damaged`, cutTo: null },
    ]);
    flipBit(directory, second, 400);
    expect((await repair()).putAside).toEqual([
      { file: second, as: `${second}.3.damaged`, cutTo: 314 },
      { file: third, as: `${third}.3.damaged`, cutTo: null },
    ]);
    expect(await damagedFiles()).toEqual(
      [`${second}.3`, `${third}.2`, `${third}.3`, `${fourth}.2`].map((name) => `${name}.damaged`),
    );
  });

  test.each([
    ['stands behind the damage', () => flipBit(directory, second, 200)],
    [
      'is gone, and the names of files put aside tell',
      () => {
        flipBit(directory, first, 200);
        cutOff(directory, second, 48);
        flipBit(directory, second, 20);
      },
    ],
  ])('begins no incarnation for a second time: the record of the first repair %s', async (_where, inflict) => {
    flipBit(directory, second, 400);
    expect((await repair()).incarnation).toBe(2);
    inflict();
    expect((await repair()).incarnation).toBe(3);
    expect((await inspectLog(directory)).incarnation).toBe(3);
  });

  test('changes nothing when it is only planned: it takes no lock and makes no file', async () => {
    flipBit(directory, second, 400);
    const before = contentsOf(directory);
    const { outcome } = await repairLog(directory, { ...yes, dryRun: true });
    expect(outcome).toBe('planned');
    expect(contentsOf(directory)).toEqual(before);
    expect(readdirSync(directory)).toHaveLength(before.size);
  });

  test('does nothing when it is declined', async () => {
    flipBit(directory, second, 400);
    const before = contentsOf(directory);
    const { outcome } = await repairLog(directory, { confirm: () => Promise.resolve(false) });
    expect(outcome).toBe('declined');
    rmSync(join(directory, '.lock'));
    expect(contentsOf(directory)).toEqual(before);
  });

  test('leaves a clean log alone, and a torn one to the next start, and asks nobody', async () => {
    const ask = { confirm: () => Promise.reject(new Error('asked')) };
    expect(await repairLog(directory, ask)).toEqual({ outcome: 'unharmed', verdict: 'clean' });
    addBytes(directory, fourth, 'torn');
    const before = contentsOf(directory);
    expect(await repairLog(directory, ask)).toEqual({ outcome: 'unharmed', verdict: 'torn' });
    expect(contentsOf(directory)).toEqual(before);
  });

  test.each([true, false])('is refused while a node holds the directory (planned only: %s)', async (dryRun) => {
    flipBit(directory, second, 400);
    const lock = lockDirectory(directory);
    const error: unknown = await repairLog(directory, { ...yes, dryRun }).catch((reason: unknown) => reason);
    lock.release();
    expect(error).toMatchObject({
      code: 'E_LOCKED',
      message: expect.stringContaining(`in use by process ${process.pid}`) as string,
    });
    expect(await damagedFiles()).toEqual([]);
  });

  test('is refused while another process holds the directory', async () => {
    const script = await bundleScript('test/transport-tls/lock-holder.ts');
    const holder = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    await within('the holder', new Promise((resolve) => holder.stdout.once('data', resolve)), processHangMs);
    const error: unknown = await repairLog(directory, yes).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ message: expect.stringContaining(`process ${String(holder.pid)}`) as string });
    const ended = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await within('the death of the holder', ended);
    expect((await repairLog(directory, yes)).outcome).toBe('unharmed');
  });

  test('is refused for the log of a newer program, and for a directory without a log, which stays empty', async () => {
    writeFutureVersion(directory, third);
    const before = contentsOf(directory);
    await expect(repairLog(directory, yes)).rejects.toMatchObject({ code: 'E_LOG_VERSION' });
    rmSync(join(directory, '.lock'));
    expect(contentsOf(directory)).toEqual(before);
    const empty = makeTestDirectory('empty');
    await expect(repairLog(empty, yes)).rejects.toMatchObject({ code: 'E_NOT_A_LOG' });
    expect(readdirSync(empty)).toEqual([]);
  });

  test('is refused when nothing tells which incarnation the log was of', async () => {
    for (const name of [first, second, third, fourth]) flipBit(directory, name, 20);
    await expect(repairLog(directory, yes)).rejects.toMatchObject({ code: 'E_LOG_CORRUPT' });
  });
});

/** Carries out so many changes, and answers nothing but errors from then on: the process has died, the files stay. */
class DyingDisk implements Disk {
  readonly #disk: Disk;
  #left: number;

  constructor(disk: Disk, changesMax: number) {
    this.#disk = disk;
    this.#left = changesMax;
  }

  get isDead(): boolean {
    return this.#left < 0;
  }

  list(done: (result: Result<readonly string[]>) => void): void {
    this.#unlessDead(done, () => this.#disk.list(done));
  }

  open(name: string, options: { readonly create: boolean }, done: (result: Result<DiskFile>) => void): void {
    const wrap = (result: Result<DiskFile>): void => {
      if (result.error !== undefined) done(result);
      else done({ error: undefined, value: this.#wrap(result.value) });
    };
    const open = (): void => this.#disk.open(name, options, wrap);
    if (options.create) this.#change(done, open);
    else this.#unlessDead(done, open);
  }

  rename(from: string, to: string, done: (result: Result<void>) => void): void {
    this.#change(done, () => this.#disk.rename(from, to, done));
  }

  remove(name: string, done: (result: Result<void>) => void): void {
    this.#change(done, () => this.#disk.remove(name, done));
  }

  syncDirectory(done: (result: Result<void>) => void): void {
    this.#change(done, () => this.#disk.syncDirectory(done));
  }

  #wrap(file: DiskFile): DiskFile {
    return {
      size: (done) => this.#unlessDead(done, () => file.size(done)),
      read: (position, length, done) => this.#unlessDead(done, () => file.read(position, length, done)),
      write: (position, chunks, done) => this.#change(done, () => file.write(position, chunks, done)),
      sync: (done) => this.#change(done, () => file.sync(done)),
      truncate: (length, done) => this.#change(done, () => file.truncate(length, done)),
      close: (done) => file.close(done),
    };
  }

  #change(done: (result: { readonly error: AntecedentError }) => void, call: () => void): void {
    this.#left--;
    this.#unlessDead(done, call);
  }

  #unlessDead(done: (result: { readonly error: AntecedentError }) => void, call: () => void): void {
    if (!this.isDead) call();
    else setImmediate(() => done({ error: new AntecedentError('E_STORAGE', 'the process has died') }));
  }
}
