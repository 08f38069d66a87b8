import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Fifo } from '../../core/fifo.js';

test('gives back what was pushed, in order, as an array would', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 300 }), (takes) => {
      const fifo = new Fifo<number>();
      const model: number[] = [];
      takes.forEach((isTake, index) => {
        if (isTake) {
          expect(fifo.shift()).toBe(model.shift());
        } else {
          fifo.push(index);
          model.push(index);
        }
        expect([fifo.length, fifo.first()]).toEqual([model.length, model[0]]);
      });
    }),
  );
});
