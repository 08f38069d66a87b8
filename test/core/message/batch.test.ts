import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RemoteProtocolError, nodeName, type NodeName } from '../../../core/index.js';
import { BatchEncoder } from '../../../core/message/batch-encoder.js';
import {
  decodeBatch,
  decodeBatchHeader,
  emptyLogState,
  lastSeq,
  type LogState,
  type Message,
} from '../../../core/message/batch.js';
import { encodeBatchFrame } from '../../../core/message/frame.js';
import { Slab } from '../../../core/message/slab.js';
import { OriginTable } from '../../../core/replica/origin-table.js';
import { nodeDigests } from '../../support/digests.js';

const members = ['a', 'b', 'c', 'd'].map(nodeName);
const self = { name: nodeName('a'), incarnation: 1 };

function originTable(): OriginTable {
  const table = new OriginTable(members);
  for (const name of members) table.resolve(name, 1);
  return table;
}

function encoder(origins: OriginTable, bytesTarget: number, state: LogState = emptyLogState): BatchEncoder {
  return new BatchEncoder({ self, state, origins: origins.at, digests: nodeDigests, slab: new Slab(), bytesTarget });
}

function decodeAll(batches: readonly Uint8Array[], origins: OriginTable): { messages: Message[]; state: LogState } {
  let state = emptyLogState;
  const messages: Message[] = [];
  for (const bytes of batches) {
    const header = decodeBatchHeader(bytes, nodeDigests);
    const decoded = decodeBatch(bytes, header, state, origins.resolve, nodeDigests);
    expect(lastSeq(header)).toBe(decoded.next.nextSeq - 1);
    messages.push(...decoded.messages);
    state = decoded.next;
  }
  return { messages, state };
}

/** Steps of a log: a payload, and by how much each other origin has advanced since the step before. */
const anyLog = fc.array(
  fc.record({
    payload: fc.uint8Array({ maxLength: 300 }),
    advances: fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 1000 })), { maxLength: 3 }),
    seals: fc.boolean(),
  }),
  { minLength: 1, maxLength: 40 },
);

describe('batches', () => {
  test('give back payloads and clocks, across batch limits and a restart of the encoder', () => {
    fc.assert(
      fc.property(anyLog, fc.integer({ min: 1, max: 500 }), fc.nat(), (log, bytesTarget, restartAt) => {
        const origins = originTable();
        let current = encoder(origins, bytesTarget);
        const clock = new Map<number, number>();
        const batches: Uint8Array[] = [];
        const expected = log.map(({ payload, advances, seals }, index) => {
          const changed = new Map<number, number>();
          for (const [origin, by] of advances) {
            clock.set(origin, (clock.get(origin) ?? 0) + by);
            changed.set(origin, clock.get(origin) ?? 0);
          }
          expect(current.add(payload, changed)).toBe(index + 1);
          if (seals || index === restartAt % log.length) batches.push(...current.seal().map(({ batch }) => batch));
          if (index === restartAt % log.length) {
            current = encoder(origins, bytesTarget, decodeAll(batches, origins).state);
          }
          return { seq: index + 1, payload, clock: new Map(clock), changed };
        });
        batches.push(...current.seal().map(({ batch }) => batch));

        // A reader numbers origins by itself.
        const readerOrigins = new OriginTable(members);
        const { messages } = decodeAll(batches, readerOrigins);
        const named = (pairs: Iterable<readonly [number, number]>, table: OriginTable): Record<string, number> =>
          Object.fromEntries([...pairs].map(([origin, seq]) => [table.at(origin).name, seq]));
        expect(
          messages.map((message) => ({
            seq: message.seq,
            payload: [...message.payload],
            clock: named(
              message.dictionary.map((origin, index) => [origin, message.clock[index] ?? 0] as const),
              readerOrigins,
            ),
            changed: named(pairsOf(message.changes), readerOrigins),
          })),
        ).toEqual(
          expected.map((message) => ({
            seq: message.seq,
            payload: [...message.payload],
            clock: named(message.clock, origins),
            changed: named(message.changed, origins),
          })),
        );
      }),
    );
  });

  test('carry their frame around them without a copy', () => {
    const current = encoder(originTable(), 1000);
    current.add(Uint8Array.of(1, 2, 3), new Map([[2, 7]]));
    const [sealed] = current.seal();
    expect(sealed?.frame).toEqual(encodeBatchFrame(sealed?.batch ?? new Uint8Array()));
    expect(sealed?.frame.buffer).toBe(sealed?.batch.buffer);
  });

  test('cost one byte of clock when nothing was delivered in between', () => {
    const current = encoder(originTable(), 100_000);
    current.add(new Uint8Array(10), new Map([[1, 5]]));
    const before = current.pendingBytes;
    current.add(new Uint8Array(10), new Map());
    expect(current.pendingBytes - before).toBe(1 + 1 + 10);
  });

  test('copy the payload at the call', () => {
    const current = encoder(originTable(), 1000);
    const payload = Uint8Array.of(1);
    current.add(payload, new Map());
    payload[0] = 9;
    const { messages } = decodeAll(
      current.seal().map(({ batch }) => batch),
      originTable(),
    );
    expect(messages[0]?.payload).toEqual(Uint8Array.of(1));
  });
});

describe('a batch is refused', () => {
  const origins = originTable();
  const current = encoder(origins, 1);
  current.add(
    Uint8Array.of(1, 2, 3),
    new Map([
      [1, 4],
      [2, 1],
    ]),
  );
  current.add(Uint8Array.of(4), new Map([[1, 5]]));
  const [first, second] = current.seal().map(({ batch }) => batch) as [Uint8Array, Uint8Array];

  const decode = (bytes: Uint8Array, state: LogState, resolve = origins.resolve): unknown =>
    decodeBatch(bytes, decodeBatchHeader(bytes, nodeDigests), state, resolve, nodeDigests);

  test('for every flipped bit', () => {
    for (let bit = 0; bit < first.length * 8; bit++) {
      const damaged = first.slice();
      damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(() => decode(damaged, emptyLogState), `bit ${bit}`).toThrow(RemoteProtocolError);
    }
  });

  test('at every shorter length', () => {
    for (let length = 0; length < first.length; length++) {
      expect(() => decode(first.subarray(0, length), emptyLogState)).toThrow(RemoteProtocolError);
    }
  });

  test('when it does not continue the log', () => {
    expect(() => decode(second, emptyLogState)).toThrow(expect.objectContaining({ code: 'E_CHAIN' }));
    const other = encoder(origins, 1);
    other.add(Uint8Array.of(1, 2, 4), new Map());
    const [fork] = other.seal();
    const afterFork = decodeAll([fork?.batch ?? first], origins).state;
    expect(() => decode(second, afterFork)).toThrow(expect.objectContaining({ code: 'E_CHAIN' }));
  });

  test('when its clock names somebody who is no member', () => {
    const strangers = new OriginTable(['a', 'b'].map(nodeName));
    expect(() => decode(first, emptyLogState, strangers.resolve)).toThrow(
      expect.objectContaining({ code: 'E_UNKNOWN_MEMBER', message: '"c" is not a member of this cluster' }),
    );
  });

  test.each([0, 65])('when its clock names incarnation %d, which nobody can have', (incarnation) => {
    const invented = (name: NodeName, given: number): number =>
      origins.resolve(name, name === 'c' ? incarnation : given);
    expect(() => decode(first, emptyLogState, invented)).toThrow(expect.objectContaining({ code: 'E_COUNTER_RANGE' }));
  });

  test('when its clock names the origin itself', () => {
    const confused = (name: NodeName, incarnation: number): number =>
      origins.resolve(name === 'b' ? nodeName('a') : name, incarnation);
    expect(() => decode(first, emptyLogState, confused)).toThrow(expect.objectContaining({ code: 'E_CLOCK' }));
  });

  test('and changes nothing: the same state then takes the right one', () => {
    expect(() => decode(second, emptyLogState)).toThrow();
    expect(decode(first, emptyLogState)).toMatchObject({ next: { nextSeq: 2 } });
  });
});

function* pairsOf(changes: readonly number[]): Iterable<readonly [number, number]> {
  for (let index = 0; index < changes.length; index += 2) yield [changes[index] ?? 0, changes[index + 1] ?? 0];
}
