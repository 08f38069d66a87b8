import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { simulatedDigests } from '../../transport-sim/index.js';

const seed = fc.integer({ min: 0, max: 0xffff_ffff });

test('crc32 is the one of zlib, from any seed', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), seed, (bytes, from) => {
      expect(simulatedDigests.crc32(bytes, from)).toBe(crc32(bytes, from));
    }),
  );
});

test('crc32 goes on where it stopped, also over nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 64 }), fc.uint8Array({ maxLength: 64 }), seed, (head, tail, from) => {
      const whole = new Uint8Array([...head, ...tail]);
      const inTwo = simulatedDigests.crc32(tail, simulatedDigests.crc32(head, from));
      expect(inTwo).toBe(simulatedDigests.crc32(whole, from));
    }),
  );
});

test('a chain step depends on every bit of what came before and of the body', () => {
  const bytes = fc.uint8Array({ minLength: 1, maxLength: 80 });
  const previous = fc.uint8Array({ minLength: 32, maxLength: 32 });
  fc.assert(
    fc.property(previous, bytes, fc.nat(), (before, body, bit) => {
      const value = Buffer.from(simulatedDigests.chain(before, body)).toString('hex');
      expect(value).toHaveLength(64);
      expect(Buffer.from(simulatedDigests.chain(before, body)).toString('hex')).toBe(value);
      for (const changed of [before, body]) {
        const at = bit % (changed.length * 8);
        changed[at >> 3] = (changed[at >> 3] ?? 0) ^ (1 << (at & 7));
        expect(Buffer.from(simulatedDigests.chain(before, body)).toString('hex')).not.toBe(value);
        changed[at >> 3] = (changed[at >> 3] ?? 0) ^ (1 << (at & 7));
      }
    }),
  );
});

test('bodies of zeros of different lengths have different chain values', () => {
  const values = Array.from({ length: 200 }, (_, length) =>
    Buffer.from(simulatedDigests.chain(new Uint8Array(32), new Uint8Array(length))).toString('hex'),
  );
  expect(new Set(values).size).toBe(values.length);
});

// Traces depend on these values, so they are the same for every release, machine and place of the body in its memory.
test.each([
  [0, '09c0e1659dffb241'],
  [15, '895baa0388f6faed'],
  [16, 'bfbbb11109c1ce74'],
  [100, '733fadbf329f1684'],
  [8191, 'daed262748900921'],
  [8192, '45ec2a49e8b471a3'],
  [8200, '38e8bbd254ba9cc0'],
  [20001, '544a0cbd0737ae68'],
])('the chain value of %i bytes begins with %s', (length, expected) => {
  const memory = Uint8Array.from({ length: length + 3 }, (_, index) => index * 131 + (index >> 8));
  const value = simulatedDigests.chain(new Uint8Array(32).fill(9), memory.subarray(3));
  expect(Buffer.from(value).toString('hex').slice(0, 16)).toBe(expected);
});
