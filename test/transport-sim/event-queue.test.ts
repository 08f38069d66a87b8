import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventQueue } from '../../transport-sim/event-queue.js';

interface Item {
  readonly atUs: number;
  readonly seq: number;
  isCancelled: boolean;
}

function takeAll(queue: EventQueue<Item>): Item[] {
  const taken: Item[] = [];
  while (queue.size > 0) {
    const atUs = queue.firstUs;
    const item = queue.pop();
    expect(item.atUs).toBe(atUs);
    if (!item.isCancelled) taken.push(item);
  }
  return taken;
}

test('events come out by time, and of one moment as they went in', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 700 }), (timesUs) => {
      const queue = new EventQueue<Item>();
      const items = timesUs.map((atUs, seq) => ({ atUs, seq, isCancelled: false }));
      for (const item of items) queue.push(item.atUs, item);
      const sorted = items.toSorted((x, y) => x.atUs - y.atUs || x.seq - y.seq);
      expect(takeAll(queue)).toEqual(sorted);
    }),
  );
});

test('the order holds while events are pushed, taken and cancelled in turns', () => {
  const step = fc.record({ atUs: fc.nat(1_000), takes: fc.boolean(), cancels: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 600 }), (steps) => {
      const queue = new EventQueue<Item>();
      let model: Item[] = [];
      steps.forEach(({ atUs, takes, cancels }, seq) => {
        const item = { atUs, seq, isCancelled: false };
        queue.push(atUs, item);
        model.push(item);
        model.sort((x, y) => x.atUs - y.atUs || x.seq - y.seq);
        if (cancels) {
          const victim = model[Math.floor(model.length / 2)] as Item;
          victim.isCancelled = true;
          queue.noteCancelled();
          model = model.filter((kept) => kept !== victim);
        } else if (takes) {
          let taken = queue.pop();
          while (taken.isCancelled) taken = queue.pop();
          expect(taken).toBe(model.shift());
        }
      });
      expect(takeAll(queue)).toEqual(model);
    }),
  );
});

test('cancelled events do not pile up', () => {
  const queue = new EventQueue<Item>();
  for (let seq = 0; seq < 10_000; seq += 1) {
    const item = { atUs: 1_000_000 + seq, seq, isCancelled: false };
    queue.push(item.atUs, item);
    item.isCancelled = true;
    queue.noteCancelled();
  }
  expect(queue.size).toBeLessThan(200);
});
