import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { AssertionError } from '../../../core/errors.js';
import { BatchIndex, type IndexedBatch } from '../../../core/replica/batch-index.js';
import { NumberColumn } from '../../../core/replica/number-column.js';

function chainOf(ordinal: number): Uint8Array {
  const chain = new Uint8Array(32);
  new DataView(chain.buffer).setUint32(2, Math.imul(ordinal + 1, 2654435761));
  return chain;
}

/** More batches than one chunk holds, of one to three messages. */
function filled(): { readonly index: BatchIndex; readonly batches: readonly IndexedBatch[] } {
  const index = new BatchIndex();
  const batches: IndexedBatch[] = [];
  let firstSeq = 1;
  for (let ordinal = 0; ordinal < 10_000; ordinal++) {
    // Beyond 32 bits: a log of more than 4 GiB.
    const batch = { firstSeq, count: 1 + (ordinal % 3), address: 2 ** 33 + ordinal * 200, length: 100 + (ordinal % 7) };
    batches.push(batch);
    index.append(batch, chainOf(ordinal));
    firstSeq += batch.count;
  }
  return { index, batches };
}

describe('the index of a log', () => {
  const { index, batches } = filled();

  test('gives every batch back', () => {
    expect([index.begin, index.end]).toEqual([0, batches.length]);
    expect(index.firstSeq).toBe(1);
    expect(batches.map((_, ordinal) => index.at(ordinal))).toEqual(batches);
    expect(index.lastSeq).toBe(batches.reduce((sum, { count }) => sum + count, 0));
  });

  test('finds the batch that holds a seq, and the end for the one after the last', () => {
    batches.forEach(({ firstSeq, count }, ordinal) => {
      expect(index.ordinalOf(firstSeq)).toBe(ordinal);
      expect(index.ordinalOf(firstSeq + count - 1)).toBe(ordinal);
    });
    expect(index.ordinalOf(index.lastSeq + 1)).toBe(index.end);
  });

  test('counts the bytes between any two', () => {
    for (const [from, to] of [
      [0, 0],
      [0, 1],
      [4095, 4097],
      [17, 9999],
      [0, 10_000],
      [10_000, 10_000],
    ] as const) {
      const bytes = batches.slice(from, to).reduce((sum, { length }) => sum + length, 0);
      expect(index.bytesBetween(from, to)).toBe(bytes);
    }
  });

  test('knows the chain at the end of each batch, and no other', () => {
    expect(index.matches(0, chainOf(5))).toBe(true);
    batches.forEach(({ firstSeq, count }, ordinal) => {
      const last = firstSeq + count - 1;
      expect(index.matches(last, chainOf(ordinal))).toBe(true);
      expect(index.matches(last, chainOf(ordinal + 1))).toBe(false);
      if (count > 1) expect(index.matches(firstSeq, chainOf(ordinal))).toBe(false);
    });
    expect(index.matches(index.lastSeq + 1, chainOf(batches.length))).toBe(false);
  });
});

describe('the index of a log whose beginning was given up', () => {
  /** Ordinals around the border of a chunk, and both ends. */
  const begins = [0, 1, 17, 4095, 4096, 4097, 8192, 9999, 10_000];

  test('forgets the batches below an address, and nothing else changes', () => {
    const { index, batches } = filled();
    for (const begin of begins) {
      const address = batches[begin]?.address ?? Infinity;
      // An address within the batch before keeps nothing of it.
      index.dropBelow(address - 1);
      index.dropBelow(address);
      index.dropBelow(0);
      expect([index.begin, index.end]).toEqual([begin, batches.length]);
      const firstSeq = batches[begin]?.firstSeq ?? index.lastSeq + 1;
      expect(index.firstSeq).toBe(firstSeq);
      expect(index.lastSeq).toBe(batches.reduce((sum, { count }) => sum + count, 0));
      for (let ordinal = begin; ordinal < batches.length; ordinal += 61) {
        expect(index.at(ordinal)).toEqual(batches[ordinal]);
        expect(index.ordinalOf(batches[ordinal]?.firstSeq ?? NaN)).toBe(ordinal);
        const bytes = batches.slice(ordinal).reduce((sum, { length }) => sum + length, 0);
        expect(index.bytesBetween(ordinal, index.end)).toBe(bytes);
      }
      expect(index.ordinalOf(firstSeq - 1)).toBe(begin);
      expect(index.ordinalOf(index.lastSeq + 1)).toBe(index.end);
      if (begin > 0) expect(() => index.at(begin - 1)).toThrow(AssertionError);
    }
  });

  test('knows the chain at its border, and believes everything below', () => {
    for (const begin of begins.slice(1)) {
      const { index, batches } = filled();
      index.dropBelow(batches[begin]?.address ?? Infinity);
      const seqBefore = index.firstSeq - 1;
      expect(index.matches(seqBefore, chainOf(begin - 1))).toBe(true);
      expect(index.matches(seqBefore, chainOf(begin))).toBe(false);
      expect(index.matches(seqBefore - 1, chainOf(4711))).toBe(true);
      expect(index.matches(0, chainOf(4711))).toBe(true);
      expect(index.matches(index.lastSeq, chainOf(batches.length - 1))).toBe(true);
      expect(index.matches(index.lastSeq + 1, chainOf(batches.length))).toBe(false);
    }
  });

  test('goes on when nothing is left', () => {
    const { index, batches } = filled();
    index.dropBelow(Infinity);
    const next = { firstSeq: index.lastSeq + 1, count: 2, address: 2 ** 34, length: 99 };
    index.append(next, chainOf(batches.length));
    expect([index.begin, index.end, index.firstSeq]).toEqual([10_000, 10_001, next.firstSeq]);
    expect(index.at(10_000)).toEqual(next);
    expect(index.bytesBetween(10_000, 10_001)).toBe(99);
    expect(index.ordinalOf(next.firstSeq + 1)).toBe(10_000);
    expect(index.matches(index.lastSeq, chainOf(batches.length))).toBe(true);
  });
});

describe('an index that starts in the middle of a log', () => {
  test('is as one that has dropped what was before, but counts its ordinals from 0', () => {
    const index = new BatchIndex();
    index.startAt(500, chainOf(7));
    expect([index.begin, index.end, index.firstSeq, index.lastSeq]).toEqual([0, 0, 500, 499]);
    expect(index.ordinalOf(500)).toBe(0);
    expect(index.matches(499, chainOf(7))).toBe(true);
    expect(index.matches(499, chainOf(8))).toBe(false);
    expect(index.matches(498, chainOf(8))).toBe(true);
    expect(index.matches(500, chainOf(8))).toBe(false);
    index.dropBelow(Infinity);
    expect(index.matches(499, chainOf(8))).toBe(false);
    const batch = { firstSeq: 500, count: 3, address: 1000, length: 10 };
    index.append(batch, chainOf(8));
    expect(index.at(0)).toEqual(batch);
    expect([index.firstSeq, index.lastSeq, index.end]).toEqual([500, 502, 1]);
    expect(index.matches(502, chainOf(8))).toBe(true);
    expect(index.bytesBetween(0, 1)).toBe(10);
  });

  test('at its very beginning is like a new one', () => {
    const index = new BatchIndex();
    index.startAt(1, chainOf(7));
    expect([index.firstSeq, index.lastSeq]).toEqual([1, 0]);
    expect(index.matches(0, chainOf(8))).toBe(true);
  });

  test('starts again further on, but not before, nor over what it holds', () => {
    const index = new BatchIndex();
    index.startAt(5, chainOf(1));
    expect(() => index.startAt(4, chainOf(1))).toThrow(AssertionError);
    index.startAt(9, chainOf(1));
    expect(index.firstSeq).toBe(9);
    expect(() => filled().index.startAt(9, chainOf(1))).toThrow(AssertionError);
  });
});

describe('a column of numbers', () => {
  test('is a list whose front is forgotten, whatever is pushed and dropped', () => {
    const steps = fc.array(fc.oneof(fc.integer({ min: 1, max: 6000 }), fc.constant('drop' as const)), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(
        steps,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 }),
        (plan, shares) => {
          const column = new NumberColumn();
          let begin = 0;
          let end = 0;
          plan.forEach((step, turn) => {
            if (step === 'drop') {
              begin = Math.max(begin, Math.round(end * (shares[turn] ?? 0)));
              column.dropBelow(begin);
            } else for (let count = 0; count < step; count++) column.push(2 ** 40 + end++);
            expect([column.begin, column.end]).toEqual([begin, end]);
            for (let index = begin; index < end; index += 97) expect(column.at(index)).toBe(2 ** 40 + index);
            if (end > begin) expect(column.at(end - 1)).toBe(2 ** 40 + end - 1);
            expect([column.at(begin - 1), column.at(end)]).toEqual([NaN, NaN]);
          });
        },
      ),
      { numRuns: 60 },
    );
  });

  test('gives the memory back, but for the chunks that are in use', () => {
    const column = new NumberColumn();
    const chunk = 4096 * 8;
    for (let value = 0; value < 100_000; value++) column.push(value);
    expect(column.bytes).toBe(25 * chunk);
    column.dropBelow(50_000);
    expect(column.bytes).toBe(13 * chunk);
    column.dropBelow(99_999);
    expect(column.bytes).toBe(chunk);
    column.dropBelow(100_000);
    expect(column.bytes).toBe(0);
    column.push(1);
    expect(column.bytes).toBe(16 * 8);
  });

  test('of a long life holds as much as it keeps, not as much as there was', () => {
    const column = new NumberColumn();
    let most = 0;
    for (let value = 0; value < 300_000; value++) {
      column.push(value);
      column.dropBelow(value - 5000);
      most = Math.max(most, column.bytes);
    }
    expect(most).toBeLessThanOrEqual(3 * 4096 * 8);
  });
});
