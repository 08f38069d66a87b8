/** Repair of a log that was refused, over a disk in memory; `transport-tls/repair-log.test.ts` repairs real files. */
import { describe, expect, test } from 'vitest';
import { repairLog, type Repair } from '../../../core/journal/repair.js';
import { segmentName } from '../../../core/journal/segment.js';
import { MemoryDisk } from '../../support/memory-disk.js';
import {
  append,
  countingRandom,
  digests,
  fileOf,
  firstSegment,
  open,
  openError,
  reopenDurable,
  secondSegment,
  settled,
  tryOpen,
  valueOf,
} from './journal-fixture.js';
import { KeepingCaller, segmentsOf } from './keeping-caller.js';

const bodies = Array.from({ length: 9 }, (_, index) => `record ${index}`);

/** Three records a segment. */
function goodLog(): MemoryDisk {
  const opened = open(new MemoryDisk(), { segmentBytesMax: 300 });
  for (const body of bodies) append(opened, body);
  expect(opened.disk.files().has(segmentName(3))).toBe(true);
  return new MemoryDisk(opened.disk.files());
}

function flip(disk: MemoryDisk, name: string, at: number): void {
  const bytes = fileOf(disk.files(), name);
  bytes[at] = (bytes[at] ?? 0) ^ 4;
  disk.overwrite(name, bytes);
}

function repair(disk: MemoryDisk): readonly Repair[] {
  return valueOf(
    settled<readonly Repair[]>(disk, (done) => repairLog({ disk, digests, random: countingRandom(7) }, done)),
  );
}

/** All bytes of all files, to see that nothing is gone. */
function allBytes(disk: MemoryDisk): string {
  return [...disk.files().values()].map((bytes) => Buffer.from(bytes).toString('latin1')).join('');
}

describe('repair', () => {
  test('leaves a good log, and a torn one, as they are', () => {
    const whole = goodLog();
    const before = whole.files();
    expect(repair(whole)).toEqual([]);
    expect(whole.files()).toEqual(before);
    const { disk } = open(new MemoryDisk());
    disk.overwrite(firstSegment, Buffer.concat([fileOf(disk.files(), firstSegment), Buffer.alloc(10)]));
    const torn = disk.files();
    expect(repair(disk)).toEqual([]);
    expect(disk.files()).toEqual(torn);
  });

  test('keeps what is good before the damage, wherever it is, and begins a new incarnation', () => {
    const { length } = fileOf(goodLog().files(), secondSegment);
    for (let at = 0; at < length; at += 3) {
      const disk = goodLog();
      const intact = fileOf(disk.files(), secondSegment);
      flip(disk, secondSegment, at);
      const damaged = allBytes(disk);
      const [done] = repair(disk);
      expect(done).toMatchObject({ refusal: { name: secondSegment, verdict: 'corrupt' }, incarnation: 2 });
      const opened = open(disk, { segmentBytesMax: 300 });
      expect(opened.journal.incarnation).toBe(2);
      expect(opened.texts.length).toBeGreaterThanOrEqual(2);
      expect(opened.texts).toEqual(bodies.slice(0, opened.texts.length));
      append(opened, 'next');
      expect(reopenDurable(opened).texts).toEqual([...opened.texts, 'next']);
      for (const piece of [intact.subarray(0, at), intact.subarray(at + 1)]) {
        expect(allBytes(disk)).toContain(Buffer.from(piece).toString('latin1'));
      }
      expect(damaged.length).toBeLessThanOrEqual(allBytes(disk).length);
    }
  });

  test('puts a good beginning in the place of a missing segment, and later ones aside', () => {
    const disk = goodLog();
    disk.replace(secondSegment, undefined);
    const [done] = repair(disk);
    expect(done?.putAside).toEqual(
      [...goodLog().files().keys()].filter((name) => name > secondSegment).map((name) => `${name}.2.damaged`),
    );
    const opened = open(disk);
    expect(opened.journal.incarnation).toBe(2);
    expect(opened.texts).toEqual(bodies.slice(0, opened.texts.length));
    expect(opened.texts.length).toBeGreaterThan(0);
  });

  test('of all pairs of a missing segment and a damaged header keeps what lies before both, and every byte', () => {
    const names = [...goodLog().files().keys()];
    for (const missing of names) {
      for (const damaged of names.filter((name) => name !== missing)) {
        const disk = goodLog();
        disk.replace(missing, undefined);
        flip(disk, damaged, 20);
        const before = [...disk.files().values()].map((bytes) => Buffer.from(bytes).toString('latin1'));
        const what = `${missing} missing, ${damaged} damaged`;
        repair(disk);
        const opened = open(disk, { segmentBytesMax: 300 });
        const first = Math.min(names.indexOf(missing), names.indexOf(damaged));
        const kept = open(new MemoryDisk(new Map([...goodLog().files()].slice(0, first)))).texts;
        expect(opened.texts, what).toEqual(first === 0 ? [] : kept);
        expect(opened.journal.incarnation, what).toBeGreaterThan(1);
        const after = [...disk.files().values()].map((bytes) => Buffer.from(bytes).toString('latin1'));
        for (const bytes of before) {
          expect(
            after.some((file) => file.startsWith(bytes)),
            what,
          ).toBe(true);
        }
      }
    }
  });

  test('keeps a good log of which a segment has got a stray name', () => {
    const disk = goodLog();
    disk.replace(segmentName(9), new Uint8Array(0));
    repair(disk);
    expect(open(disk).texts).toEqual(bodies);
  });

  test('does not take the log for a stranger because a stranger came first', () => {
    const disk = goodLog();
    const other = open(new MemoryDisk(), { seed: 9, segmentBytesMax: 300 });
    append(other, 'of another log');
    disk.replace(firstSegment, fileOf(other.disk.files(), firstSegment));
    const files = disk.files();
    const result = settled(disk, (done) => repairLog({ disk, digests, random: countingRandom(7) }, done));
    expect(result.error?.code).toBe('E_LOG_FOREIGN');
    expect(disk.files()).toEqual(files);
  });

  test('never begins an incarnation twice, whatever became of the record of the last one', () => {
    const disk = goodLog();
    flip(disk, secondSegment, 150);
    expect(repair(disk).at(-1)?.incarnation).toBe(2);
    flip(disk, firstSegment, 150);
    expect(repair(disk).at(-1)?.incarnation).toBe(3);
    expect(open(disk).journal.incarnation).toBe(3);
  });

  test('damage in the record that begins the incarnation is corruption, not a torn write', () => {
    const repaired = goodLog();
    flip(repaired, secondSegment, 150);
    repair(repaired);
    const segment = fileOf(repaired.files(), secondSegment);
    const witnessBytes = 40;
    const recordBytes = 48;
    for (let at = segment.length - witnessBytes - recordBytes; at < segment.length - witnessBytes; at++) {
      const disk = new MemoryDisk(repaired.files());
      flip(disk, secondSegment, at);
      expect(openError(disk).code).toBe('E_LOG_CORRUPT');
    }
  });

  test('cut at any disk operation, with or without power, can be done again', () => {
    const damaged = goodLog();
    flip(damaged, secondSegment, 150);
    for (let steps = 0; ; steps++) {
      const disk = new MemoryDisk(damaged.files());
      const results: unknown[] = [];
      repairLog({ disk, digests, random: countingRandom(7) }, (result) => results.push(result));
      disk.settle(steps);
      for (const survivor of [new MemoryDisk(disk.durableFiles()), new MemoryDisk(disk.files())]) {
        const opened = tryOpen(new MemoryDisk(survivor.files()));
        // Refused as before, or repaired: never shorter under the old incarnation.
        if (opened?.error === undefined) expect(opened?.value.journal.incarnation).toBe(2);
        else expect(opened.error.code).toBe('E_LOG_CORRUPT');
        repair(survivor);
        const again = open(survivor);
        expect(again.journal.incarnation).toBeGreaterThanOrEqual(2);
        expect(again.texts).toEqual(bodies.slice(0, again.texts.length));
        expect(again.texts.length).toBeGreaterThanOrEqual(3);
      }
      if (results.length > 0) break;
    }
  });

  test('is durable when it is done', () => {
    const disk = goodLog();
    flip(disk, firstSegment, 150);
    const damaged = new MemoryDisk(disk.files());
    repair(damaged);
    expect([...damaged.durableFiles().keys()].sort()).toEqual([...damaged.files().keys()].sort());
    expect(open(new MemoryDisk(damaged.durableFiles())).journal.incarnation).toBe(2);
  });

  test('of a log of one segment with a damaged header begins a new one, and is refused when the log id is damaged', () => {
    for (let at = 0; at < 64; at++) {
      const opened = open(new MemoryDisk());
      append(opened, 'all there is');
      flip(opened.disk, firstSegment, at);
      const isLogId = at >= 16 && at < 32;
      const files = opened.disk.files();
      const result = settled(opened.disk, (done) => {
        repairLog({ disk: opened.disk, digests, random: countingRandom(7) }, done);
      });
      if (isLogId) {
        expect(result.error?.code).toBe('E_LOG_CORRUPT');
        expect(result.error?.message).toContain('no part of the log is good');
        expect(opened.disk.files()).toEqual(files);
      } else {
        const again = open(opened.disk);
        expect(again.journal.incarnation, `byte ${at}`).toBe(2);
        expect(again.texts).toEqual([]);
        expect(opened.disk.files().get(`${firstSegment}.2.damaged`)).toEqual(fileOf(files, firstSegment));
      }
    }
  });
});

describe('repair of a log that begins later', () => {
  const limits = { segmentBytesMax: 300 };

  /** Three to four records a segment; the first four records are given up, and the floor that says so stands in the last segment. */
  function laterLog(): { readonly disk: MemoryDisk; readonly before: ReadonlyMap<string, Uint8Array> } {
    const caller = new KeepingCaller(new MemoryDisk(), limits);
    for (const body of bodies) append(caller.opened, body);
    const before = caller.opened.disk.files();
    caller.opened.journal.release(caller.places[4]?.address ?? NaN);
    caller.opened.disk.settle();
    const disk = new MemoryDisk(caller.opened.disk.files());
    expect(disk.files().has(firstSegment)).toBe(false);
    return { disk, before };
  }

  test('keeps everything from its beginning up to the damage, though the floor is behind that', () => {
    const names = segmentsOf({ disk: laterLog().disk });
    expect(names.length).toBeGreaterThan(2);
    for (const name of names) {
      const { length } = fileOf(laterLog().disk.files(), name);
      for (let at = 0; at < length; at += 7) {
        const { disk } = laterLog();
        const { base } = new KeepingCaller(new MemoryDisk(disk.files()), limits);
        flip(disk, name, at);
        const opened = tryOpen(new MemoryDisk(disk.files()));
        // What only the mark had said is not missed.
        if (opened?.error === undefined) continue;
        const what = `${name}, byte ${at}`;
        const files = disk.files();
        repair(disk);
        const again = new KeepingCaller(disk, limits);
        expect(again.opened.journal.incarnation, what).toBeGreaterThan(1);
        // Without its checkpoint nothing is good.
        const isOfBase = name === names[0] && at < 64 + 40 + 'base 3'.length;
        expect(again.base, what).toBe(isOfBase ? 0 : base);
        expect(again.texts, what).toEqual(isOfBase ? [] : bodies.slice(base, again.count));
        if (name !== names[0]) expect(again.texts.length, what).toBeGreaterThan(0);
        append(again.opened, 'next');
        expect(new KeepingCaller(new MemoryDisk(disk.files()), limits).texts).toEqual([...again.texts, 'next']);
        for (const [other, content] of files) {
          const isKept = [...disk.files().values()].some(
            (file) => Buffer.compare(file.subarray(0, content.length), content) === 0,
          );
          expect(isKept, `${what}: ${other} is gone`).toBe(true);
        }
      }
    }
  });

  test('begins anew where the checkpoint is damaged, and puts aside what was left of segments given up before', () => {
    const { disk, before } = laterLog();
    const [first = ''] = segmentsOf({ disk });
    disk.replace(firstSegment, fileOf(before, firstSegment));
    flip(disk, first, 64 + 41);
    expect(openError(new MemoryDisk(disk.files())).message).toContain(`${first}:64`);
    const [done] = repair(disk);
    expect(done?.putAside).toContain(`${firstSegment}.2.damaged`);
    const again = new KeepingCaller(disk, limits);
    expect([again.base, again.texts, again.opened.journal.incarnation]).toEqual([0, [], 2]);
    expect(disk.files().get(`${firstSegment}.2.damaged`)).toEqual(fileOf(before, firstSegment));
    append(again.opened, 'next');
    expect(new KeepingCaller(new MemoryDisk(disk.files()), limits).texts).toEqual(['next']);
  });

  test('cut at any disk operation, with or without power, can be done again', () => {
    for (const damagedAt of [200, 64 + 41]) {
      const { disk: whole, before } = laterLog();
      const [first = '', second = ''] = segmentsOf({ disk: whole });
      whole.replace(firstSegment, fileOf(before, firstSegment));
      flip(whole, damagedAt === 200 ? second : first, damagedAt);
      const damaged = whole.files();
      const done = new MemoryDisk(damaged);
      repair(done);
      const expected = new KeepingCaller(done, limits).texts;
      for (let steps = 0; ; steps++) {
        const disk = new MemoryDisk(damaged);
        const results: unknown[] = [];
        repairLog({ disk, digests, random: countingRandom(7) }, (result) => results.push(result));
        disk.settle(steps);
        for (const survivor of [new MemoryDisk(disk.durableFiles()), new MemoryDisk(disk.files())]) {
          const opened = tryOpen(new MemoryDisk(survivor.files()));
          if (opened?.error === undefined) expect(opened?.value.journal.incarnation).toBe(2);
          else expect(opened.error.code).toMatch(/^E_LOG_(CORRUPT|FOREIGN)$/);
          repair(survivor);
          const again = new KeepingCaller(survivor, limits);
          expect(again.texts).toEqual(expected);
          expect(again.opened.journal.incarnation).toBeGreaterThanOrEqual(2);
        }
        if (results.length > 0) break;
      }
    }
  });

  test('leaves it alone when only what was given up is damaged', () => {
    const { disk, before } = laterLog();
    disk.replace(firstSegment, fileOf(before, firstSegment));
    flip(disk, firstSegment, 70);
    const files = disk.files();
    expect(repair(disk)).toEqual([]);
    expect(disk.files()).toEqual(files);
  });
});
