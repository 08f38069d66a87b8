import { describe, expect, test } from 'vitest';
import { BatchIndex, type IndexedBatch } from '../../../core/replica/batch-index.js';

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
    expect(index.end).toBe(batches.length);
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
