import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { inspectLog, lockDirectory, type InspectedRecord, type LogInspection } from '../../transport-tls/index.js';
import { bundleScript } from '../support/bundled-program.js';
import { makeTestDirectory, removeTestDirectories } from '../support/certificates.js';
import {
  addBytes,
  BatchSource,
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
  directory = makeTestDirectory('inspect');
  await writeSampleLog(directory);
});
afterAll(removeTestDirectories);

/** Inspects, and asserts that nothing was made or changed by it. */
async function inspect(): Promise<LogInspection> {
  const before = contentsOf(directory);
  const inspection = await inspectLog(directory);
  expect(contentsOf(directory)).toEqual(before);
  return inspection;
}

/** The damage of a log that must be refused. */
async function damageOf(verdict: LogInspection['verdict']): Promise<string> {
  const inspection = await inspect();
  expect(inspection.verdict).toBe(verdict);
  const { file, offset, reason } = inspection.damage ?? { file: '', offset: 0, reason: 'none' };
  return `${file}:${offset}: ${reason}`;
}

describe('a log that is looked at', () => {
  test('is counted: segments, records, messages by origin, the applied position', async () => {
    const inspection = await inspect();
    expect(inspection).toMatchObject({
      verdict: 'clean',
      damage: null,
      tail: null,
      live: false,
      holder: null,
      incarnation: 1,
      bytes: 3460,
      records: 41,
      firstLsn: 1,
      lastLsn: 41,
      floor: 0,
      applied: 24,
      unreadable: null,
      leftovers: { torn: [], temporary: [], damaged: [] },
    });
    expect(inspection.logId).toMatch(/^[0-9a-f]{32}$/);
    expect(inspection.segments.map(({ file, state, records }) => [file, state, records])).toEqual([
      [first, 'good', 13],
      [second, 'good', 13],
      [third, 'good', 13],
      [fourth, 'good', 2],
    ]);
    expect(inspection.segments[1]).toMatchObject({ bytes: 1105, firstLsn: 14, lastLsn: 26, baseAddress: 1105 });
    const tally = { incarnation: 1, batches: 12, messages: 12, firstSeq: 1, lastSeq: 12, bytes: 780 };
    expect(inspection.origins).toEqual([
      { origin: 'a', isOwn: true, ...tally },
      { origin: 'b', isOwn: false, ...tally },
    ]);
  });

  test('gives every record with its place', async () => {
    const records: InspectedRecord[] = [];
    await inspectLog(directory, { onRecord: (record) => records.push(record) });
    expect(records.map(({ lsn }) => lsn)).toEqual(Array.from({ length: 41 }, (_, index) => index + 1));
    expect(records[14]).toMatchObject({
      lsn: 15,
      file: second,
      offset: 169,
      address: 1274,
      bytes: 65,
      content: { kind: 'batch', isOwn: false, header: { origin: 'b', incarnation: 1, firstSeq: 5, count: 1 } },
    });
    expect(records[9]?.content).toEqual({ kind: 'applied', position: 6 });
    expect(records[10]?.content).toEqual({ kind: 'synced' });
  });

  test('is torn when its last append is cut, or zeros follow: the tail says where', async () => {
    cutOff(directory, fourth, 7);
    expect(await inspect()).toMatchObject({ verdict: 'torn', tail: { file: fourth, offset: 105, bytes: 33 } });
    cutOff(directory, fourth, 33);
    addBytes(directory, fourth, '\0'.repeat(4096));
    expect(await inspect()).toMatchObject({ verdict: 'torn', tail: { file: fourth, offset: 105, bytes: 4096 } });
  });

  test('is corrupt when a closed segment is damaged; what lies in front of the damage is counted', async () => {
    flipBit(directory, second, 400);
    expect(await damageOf('corrupt')).toBe(
      `${second}:314: record 17 is damaged or missing, but a segment follows, so it had been synced`,
    );
    const { segments, records, applied, origins } = await inspect();
    expect(segments.map(({ state }) => state)).toEqual(['good', 'damaged', 'unread', 'unread']);
    expect([records, applied, origins.map(({ lastSeq }) => lastSeq)]).toEqual([16, 6, [5, 5]]);
  });

  test('is corrupt when the last segment is damaged where a later record proves that it was synced', async () => {
    flipBit(directory, fourth, 104);
    expect(await damageOf('corrupt')).toMatch(
      `${fourth}:64: record 40 is damaged or missing, but record 41 at offset 105`,
    );
  });

  test('is corrupt when the header of a segment is damaged, and when a segment is missing', async () => {
    flipBit(directory, third, 33);
    expect(await damageOf('corrupt')).toBe(`${third}:0: the header of the segment is damaged`);
    rmSync(join(directory, third));
    expect(await damageOf('corrupt')).toBe(`${third}:0: the segment is missing`);
    expect((await inspect()).segments.map(({ state }) => state)).toEqual(['good', 'good', 'unread']);
  });

  test('ends for the counts at the first missing segment, as a repair would end it', async () => {
    rmSync(join(directory, second));
    const lsns: number[] = [];
    const inspection = await inspectLog(directory, { onRecord: ({ lsn }) => lsns.push(lsn) });
    expect(inspection).toMatchObject({ verdict: 'corrupt', damage: { file: second }, records: 13, lastLsn: 13 });
    expect([inspection.applied, inspection.origins.map(({ lastSeq }) => lastSeq)]).toEqual([6, [4, 4]]);
    expect(lsns).toEqual(Array.from({ length: 13 }, (_, index) => index + 1));
    flipBit(directory, fourth, 33);
    expect(await inspect()).toMatchObject({ verdict: 'corrupt', damage: { file: second }, records: 13, lastLsn: 13 });
  });

  test.each([
    ['a copy under a higher name', () => copyFileSync(join(directory, third), join(directory, sixth))],
    ['an empty file with a higher name', () => writeFileSync(join(directory, sixth), '')],
    ['a segment with a higher name', () => renameSync(join(directory, fourth), join(directory, sixth))],
  ])('has no leftovers for a start to remove when it is refused: %s', async (_what, inflict) => {
    inflict();
    const { verdict, segments, records } = await inspect();
    expect(verdict).toBe('corrupt');
    expect(segments.map(({ state }) => state)).not.toContain('leftover');
    expect(records).toBeGreaterThanOrEqual(39);
  });

  test('consists of plain files: anything else with the name of a segment is named as such', async () => {
    mkdirSync(join(directory, sixth));
    expect(await inspect()).toMatchObject({ verdict: 'clean', records: 41, notPlain: [sixth] });
    renameSync(join(directory, third), join(directory, 'elsewhere'));
    symlinkSync('elsewhere', join(directory, third));
    expect(await inspect()).toMatchObject({ verdict: 'corrupt', records: 26, notPlain: [third, sixth] });
    const other = makeTestDirectory('inspect');
    mkdirSync(join(other, first));
    await expect(inspectLog(other)).rejects.toMatchObject({
      code: 'E_NOT_A_LOG',
      message: expect.stringContaining(`${first} is no plain file`) as string,
    });
  });

  test('is foreign when a segment of another log stands in it', async () => {
    await putInPlaceOf(directory, third);
    expect(await damageOf('foreign')).toBe(`${third}:0: the segment belongs to another log than the one before it`);
  });

  test('is unsupported when a newer program wrote it', async () => {
    writeFutureVersion(directory, third);
    expect(await damageOf('unsupported')).toBe(`${third}:0: format version 2, this program reads version 1`);
  });

  test('is corrupt for whole records whose body nobody can read', async () => {
    const other = makeTestDirectory('inspect');
    await writeUnreadableLog(other);
    const { verdict, damage, unreadable } = await inspectLog(other);
    expect([verdict, damage?.file, damage?.offset]).toEqual(['corrupt', first, 64]);
    expect(damage?.reason).toMatch(/^record 1 is whole, but no node can read it: checksum/);
    expect(unreadable).toEqual({
      records: 1,
      first: expect.stringMatching(`^${first}:64: checksum`) as string,
      firstLsn: 1,
    });
  });

  test('names what crashes and repairs have left beside it', async () => {
    for (const name of [`${first}.100.torn`, `${fourth}.tmp`, `${second}.1.damaged`]) {
      writeFileSync(join(directory, name), '');
    }
    expect(await inspect()).toMatchObject({
      verdict: 'clean',
      leftovers: {
        torn: [`${first}.100.torn`],
        temporary: [`${fourth}.tmp`],
        damaged: [`${second}.1.damaged`],
      },
    });
  });

  test.each([
    ['does not exist', 'nowhere'],
    ['is not a directory', first],
    ['holds no log', 'empty'],
  ])('is refused when it %s', async (what, name) => {
    mkdirSync(join(directory, 'empty'));
    const error: unknown = await inspectLog(join(directory, name)).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'E_NOT_A_LOG', message: expect.stringContaining(what) as string });
  });
});

describe('a log on which a node runs', () => {
  test('is clean with an append under way, and says by whom', async () => {
    cutOff(directory, fourth, 7);
    const lock = lockDirectory(directory);
    expect(await inspect()).toMatchObject({
      verdict: 'clean',
      live: true,
      holder: process.pid,
      tail: { file: fourth, offset: 105, bytes: 33 },
    });
    lock.release();
    expect(await inspect()).toMatchObject({ verdict: 'torn', live: false, holder: null });
  });

  test('is recognized in another process, until that is killed', async () => {
    const script = await bundleScript('test/transport-tls/lock-holder.ts');
    const holder = spawn(process.execPath, [script, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
    await within('the holder', new Promise((resolve) => holder.stdout.once('data', resolve)), processHangMs);
    expect(await inspect()).toMatchObject({ live: true, holder: holder.pid });
    const ended = new Promise((resolve) => holder.once('exit', resolve));
    holder.kill('SIGKILL');
    await within('the death of the holder', ended);
    expect(await inspect()).toMatchObject({ live: false, holder: null });
  });

  test('may be looked at twice at once: one who looks is nobody who runs', async () => {
    lockDirectory(directory).release();
    const both = await Promise.all([inspectLog(directory), inspectLog(directory)]);
    expect(both.map(({ live }) => live)).toEqual([false, false]);
  });

  test('is read again when segments are removed meanwhile, and each record is given once', async () => {
    const other = makeTestDirectory('inspect');
    const log = await LogWriter.open(other, { segmentBytesMax: 300, checkpoint: () => new Uint8Array(5) });
    const source = new BatchSource('a', 'own');
    for (let count = 0; count < 6; count++) await log.append(source.next());
    const before = contentsOf(other);
    log.release();
    await log.append(source.next());
    await log.close();
    const after = contentsOf(other);
    const removed = [...before.keys()].filter((name) => !after.has(name));
    expect(removed).toEqual([first, second]);
    // As it was, nothing given up yet: that happens while we read.
    for (const name of after.keys()) rmSync(join(other, name));
    for (const [name, content] of before) writeFileSync(join(other, name), content);
    const lock = lockDirectory(other);
    const lsns: number[] = [];
    const inspection = await inspectLog(other, {
      onRecord: ({ lsn }) => {
        if (lsns.length === 0) {
          for (const name of removed) rmSync(join(other, name));
          for (const [name, content] of after) writeFileSync(join(other, name), content);
        }
        lsns.push(lsn);
      },
    });
    lock.release();
    expect(inspection).toMatchObject({ verdict: 'clean', live: true, damage: null });
    expect(inspection.floor).toBe((inspection.firstLsn ?? NaN) - 1);
    expect(inspection.segments[0]?.file).toBe(third);
    expect(lsns[0]).toBe(1);
    expect(lsns.at(-1)).toBe(inspection.lastLsn);
    expect(lsns).toEqual([...new Set(lsns)]);
  });

  test('is corrupt when it stays so however often it is read', async () => {
    flipBit(directory, second, 400);
    const lock = lockDirectory(directory);
    let seen = 0;
    const inspection = await inspectLog(directory, { onRecord: () => seen++ });
    lock.release();
    expect([inspection.verdict, inspection.live, seen]).toEqual(['corrupt', true, 16]);
  });
});
