import fc from 'fast-check';
import { expect, test } from 'vitest';
import { runDigests } from '../../scenarios/run-digests.js';
import { simulatedDigests } from '../../transport-sim/index.js';

test('a run has the checksums of the simulation, whoever computes them', () => {
  const bytes = fc.uint8Array({ minLength: 150, maxLength: 250 });
  fc.assert(
    fc.property(bytes, fc.integer({ min: 0, max: 0xffff_ffff }), (content, seed) => {
      expect(runDigests.crc32(content, seed)).toBe(simulatedDigests.crc32(content, seed));
      const previous = content.subarray(0, 32);
      expect(runDigests.chain(previous, content)).toEqual(simulatedDigests.chain(previous, content));
    }),
  );
});

test('the checksum of nothing is where it began', () => {
  expect(runDigests.crc32(new Uint8Array(0), 7)).toBe(7);
});
