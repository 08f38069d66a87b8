import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeName } from '../../../core/index.js';
import { chainBytes } from '../../../core/message/batch.js';
import type { MemberChange } from '../../../core/message/frame.js';
import type { Origin } from '../../../core/message/origin.js';
import { decodeCheckpoint, encodeCheckpoint, type Checkpoint } from '../../../core/replica/checkpoint.js';

const origins: readonly Origin[] = ['a', 'b', 'c', 'a', 'd'].map((name, index) => ({
  name: nodeName(name),
  incarnation: index === 3 ? 2 : 1,
}));

const anySeq = fc.oneof(fc.nat(1000), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER - 1 }));
const anyOrigin = fc.nat(origins.length - 1);
const anyChanges = fc
  .array(fc.tuple(anyOrigin, anySeq), { maxLength: 5 })
  .map((entries) => entries.flatMap(([origin, seq]) => [origin, seq]));

const anyLog = fc.record({
  origin: anyOrigin,
  state: fc.record({
    nextSeq: anySeq,
    chain: fc.uint8Array({ minLength: chainBytes, maxLength: chainBytes }),
    dictionary: fc.array(anyOrigin, { maxLength: 5 }),
    clock: fc.array(anySeq, { maxLength: 5 }),
  }),
  releasedSeq: anySeq,
  held: fc.array(anyChanges, { maxLength: 4 }),
});

const anyChange: fc.Arbitrary<MemberChange> = fc.record({
  name: fc.constantFrom(...['a', 'b', 'e'].map(nodeName)),
  generation: fc.nat(9),
  address: fc.string({ maxLength: 20 }),
  incarnation: fc.integer({ min: 1, max: 64 }),
  start: fc.array(fc.record({ origin: fc.constantFrom(nodeName('a')), incarnation: fc.constant(1), seq: anySeq }), {
    maxLength: 3,
  }),
});

const anyCheckpoint: fc.Arbitrary<Checkpoint> = fc.record({
  position: anySeq,
  skipped: fc.array(anySeq, { maxLength: 5 }),
  members: fc.array(anyChange, { maxLength: 3 }),
  logs: fc.array(anyLog, { maxLength: 6 }),
  begun: fc.array(fc.record({ peer: fc.constantFrom(...['d', 'e'].map(nodeName)), seq: anySeq }), { maxLength: 2 }),
});

function resolver(shift: number): (name: Origin['name'], incarnation: number) => number {
  return (name, incarnation) => {
    return (origins.findIndex((origin) => origin.name === name && origin.incarnation === incarnation) + shift) % 97;
  };
}

describe('a checkpoint', () => {
  test('comes back as it was', () => {
    fc.assert(
      fc.property(anyCheckpoint, (checkpoint) => {
        const adopted: unknown[] = [];
        const bytes = encodeCheckpoint(checkpoint, origins);
        const back = decodeCheckpoint(bytes, (changes) => adopted.push(changes), resolver(0));
        expect(back).toEqual(checkpoint);
        expect(adopted).toEqual([checkpoint.members]);
      }),
    );
  });

  test('comes back in the numbers of its reader, wherever an origin is named', () => {
    const checkpoint: Checkpoint = {
      position: 4,
      skipped: [],
      members: [],
      logs: [
        {
          origin: 1,
          state: { nextSeq: 3, chain: new Uint8Array(chainBytes), dictionary: [0, 3], clock: [5, 6] },
          releasedSeq: 1,
          held: [[0, 5, 3, 6]],
        },
      ],
      begun: [],
    };
    const [log] = decodeCheckpoint(encodeCheckpoint(checkpoint, origins), () => undefined, resolver(10)).logs;
    expect(log).toMatchObject({ origin: 11, state: { dictionary: [10, 13], clock: [5, 6] }, held: [[10, 5, 13, 6]] });
  });

  test('keeps nothing of the bytes that it was read from', () => {
    fc.assert(
      fc.property(anyCheckpoint, (checkpoint) => {
        const bytes = encodeCheckpoint(checkpoint, origins).slice();
        const back = decodeCheckpoint(bytes, () => undefined, resolver(0));
        bytes.fill(255);
        expect(back).toEqual(checkpoint);
      }),
      { numRuns: 30 },
    );
  });

  test('that is cut short anywhere, or goes on behind its end, is refused', () => {
    const [checkpoint] = fc.sample(anyCheckpoint, { numRuns: 1, seed: 7 });
    if (checkpoint === undefined) throw new Error('a sample');
    const bytes = encodeCheckpoint(checkpoint, origins);
    const read = (body: Uint8Array): unknown => decodeCheckpoint(body, () => undefined, resolver(0));
    for (let length = 0; length < bytes.length; length++) expect(() => read(bytes.subarray(0, length))).toThrow();
    expect(() => read(Uint8Array.of(...bytes, 0))).toThrow();
  });

  test.each([
    ['of another version', Uint8Array.of(3, 0, 0, 0, 0, 0), 'E_VERSION'],
    ['that names an origin which it does not list', Uint8Array.of(1, 0, 0, 0, 0, 1, 0), 'E_BATCH'],
  ])('%s is refused', (_what, bytes, code) => {
    expect(() => decodeCheckpoint(bytes, () => undefined, resolver(0))).toThrow(expect.objectContaining({ code }));
  });
});
