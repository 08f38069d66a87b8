import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { SeqWindow } from '../../core/seq-window.js';

describe('a window of consecutive numbers', () => {
  test('answers each once, in any order, like a map', () => {
    const step = fc.oneof(
      {
        weight: 3,
        arbitrary: fc.record({ type: fc.constant('put' as const), count: fc.integer({ min: 1, max: 900 }) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({ type: fc.constant('take' as const), back: fc.nat(2000), count: fc.nat(1500) }),
      },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(5), (steps, first) => {
        const window = new SeqWindow<string>();
        const model = new Map<number, string>();
        let next = first;
        const take = (seq: number): void => {
          expect(window.take(seq)).toBe(model.get(seq));
          model.delete(seq);
        };
        for (const one of steps) {
          if (one.type === 'put') {
            for (let index = 0; index < one.count; index++, next++) {
              window.put(next, `${next}`);
              model.set(next, `${next}`);
            }
          } else for (let seq = next - one.back; seq < next - one.back + one.count; seq++) take(seq);
        }
        expect(window.takeAll()).toEqual([...model.values()]);
        expect(window.takeAll()).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('keeps little while a few are not answered', () => {
    const window = new SeqWindow<number>();
    let next = 1;
    for (; next <= 3; next++) window.put(next, next);
    for (; next <= 100_000; next++) {
      window.put(next, next);
      expect(window.take(next)).toBe(next);
      if (window.size > 4 * 1024) throw new Error(`${window.size} places for 3 that are open`);
    }
    expect([window.take(2), window.take(2), window.take(next)]).toEqual([2, undefined, undefined]);
    window.put(next, next);
    expect(window.takeAll()).toEqual([1, 3, next]);
  });

  test('takes no number out of turn', () => {
    const window = new SeqWindow<string>();
    window.put(7, 'seven');
    for (const seq of [6, 7, 9]) expect(() => window.put(seq, 'another')).toThrow(`number ${seq} follows 7`);
  });

  test('begins anywhere once it is empty', () => {
    const window = new SeqWindow<string>();
    window.put(7, 'seven');
    expect(window.take(7)).toBe('seven');
    window.put(1, 'one');
    expect([window.take(7), window.take(1), window.take(1)]).toEqual([undefined, 'one', undefined]);
  });
});
