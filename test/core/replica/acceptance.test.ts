import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Durability } from '../../../core/index.js';
import { Acceptance, checkDurability } from '../../../core/replica/acceptance.js';

class Settling {
  readonly acceptance = new Acceptance();
  readonly accepted: number[] = [];
  readonly refused: number[] = [];

  settle(...durableSeqs: number[]): void {
    this.acceptance.settle(
      durableSeqs,
      (seq) => this.accepted.push(seq),
      (seq) => this.refused.push(seq),
    );
  }
}

describe('a broadcast is accepted', () => {
  test('when as many members as were asked for have synced it, whichever they are', () => {
    const at = new Settling();
    at.acceptance.expect(1, 'here');
    at.acceptance.expect(2, 2);
    at.acceptance.expect(3, 'all');
    at.settle(1, 0, 0);
    expect(at.accepted).toEqual([1]);
    at.settle(3, 0, 3);
    expect(at.accepted).toEqual([1, 2]);
    at.settle(3, 3, 3);
    expect(at.accepted).toEqual([1, 2, 3]);
    at.settle(9, 9, 9);
    expect(at.accepted, 'once').toEqual([1, 2, 3]);
  });

  test('by all, however many that are by then', () => {
    const at = new Settling();
    at.acceptance.expect(1, 'all');
    at.settle(1, 0, 1);
    at.settle(1, 1, 1, 0);
    expect(at.accepted).toEqual([]);
    at.settle(1, 1);
    expect(at.accepted).toEqual([1]);
  });

  test('never by more members than there are: then it is refused, once', () => {
    const at = new Settling();
    at.acceptance.expect(1, 3);
    at.acceptance.expect(2, 2);
    at.settle(0, 0);
    expect(at.refused).toEqual([1]);
    at.settle(2, 2);
    expect([at.accepted, at.refused]).toEqual([[2], [1]]);
  });

  test('as a look at every message would find', () => {
    const anyDurability = fc.constantFrom<Durability>('here', 'all', 1, 2, 3, 4);
    const anyStep = fc.oneof(
      anyDurability.map((durable) => ({ durable })),
      fc.array(fc.nat(12), { minLength: 1, maxLength: 5 }).map((grown) => ({ grown })),
    );
    fc.assert(
      fc.property(fc.array(anyStep, { maxLength: 40 }), (steps) => {
        const at = new Settling();
        const waiting = new Map<number, Durability>();
        const model: { accepted: number[]; refused: number[] } = { accepted: [], refused: [] };
        let seqs: number[] = [0];
        let next = 1;
        for (const step of steps) {
          if ('durable' in step) {
            at.acceptance.expect(next, step.durable);
            waiting.set(next++, step.durable);
            continue;
          }
          seqs = step.grown.map((more, index) => Math.min(next - 1, (seqs[index] ?? 0) + more));
          at.settle(...seqs);
          for (const [seq, durable] of waiting) {
            const wanted = durable === 'here' ? 1 : durable === 'all' ? seqs.length : durable;
            const have = seqs.filter((durableSeq) => durableSeq >= seq).length;
            if (wanted <= seqs.length && have < wanted) continue;
            (wanted > seqs.length ? model.refused : model.accepted).push(seq);
            waiting.delete(seq);
          }
        }
        expect(new Set(at.accepted)).toEqual(new Set(model.accepted));
        expect(new Set(at.refused)).toEqual(new Set(model.refused));
        expect(at.accepted).toHaveLength(model.accepted.length);
      }),
    );
  });
});

test.each([
  [0, 3],
  [4, 3],
  [1.5, 3],
  [-1, 3],
  [Number.NaN, 3],
])('a durability of %d in a cluster of %d is refused', (durable, all) => {
  expect(() => checkDurability(durable, all)).toThrow(expect.objectContaining({ code: 'E_CONFIG' }));
});
