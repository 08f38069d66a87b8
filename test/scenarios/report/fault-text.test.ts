import { expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { describeFault, type FaultBody } from '../../../scenarios/index.js';

const node = nodeName('b');

test.each<[fault: FaultBody, text: string]>([
  [{ kind: 'crash', node }, 'crash b, down until the faults end'],
  [{ kind: 'crash', node, restartAfterMs: 20 }, 'crash b, back after 20 ms'],
  [{ kind: 'power-loss', node, forGood: true }, 'power-loss b, for good'],
  [{ kind: 'disk-errors', node, read: 0.1, sync: 1 }, 'disk of b fails: read 0.1, sync 1, until the faults end'],
  [{ kind: 'disk-errors', node, write: 0.5, forMs: 20 }, 'disk of b fails: write 0.5, for 20 ms'],
  [{ kind: 'disk-full', node, freeBytes: 300, forMs: 20 }, 'disk of b is full but for 300 bytes, for 20 ms'],
  [{ kind: 'disk-stall', node, forMs: 1600 }, 'disk of b hangs, for 1600 ms'],
  [{ kind: 'disk-stall', node }, 'disk of b hangs, until the faults end'],
  [{ kind: 'bit-rot', node, at: 0.12345, bits: 1 }, 'disk of b rots: 1 bit at 12.3 % of the log'],
  [{ kind: 'bit-rot', node, at: 1, bits: 30 }, 'disk of b rots: 30 bits at 100.0 % of the log'],
  [{ kind: 'add-member', node, by: nodeName('a') }, 'a adds b'],
  [{ kind: 'remove-member', node, by: nodeName('a') }, 'a removes b'],
  [{ kind: 'lying-disk', node, misdirected: 0.2, forMs: 5 }, 'disk of b lies: misdirected 0.2, for 5 ms'],
])('%j', (fault, text) => {
  expect(describeFault({ atMs: 1, ...fault })).toBe(text);
});
