/** Section 1 of docs/FAULTS.md: what a member may send, and what becomes of it. Rows W5, W8, W9, W11 to W16, W18. */
import { describe, expect, test } from 'vitest';
import { defaultLimits } from '../../core/index.js';
import { encodeBatchFrame } from '../../core/message/frame.js';
import { frameBytesMax } from '../../core/replica/peering.js';
import { connect, ReplicaUnderTest, settle } from '../support/replicas.js';
import { frame, types, varint } from '../transport-tls/stray-member.js';
import { ackFrame, batchFramesOf, Besieged } from './besieged.js';
import { forgedFrame, forgedMessage, hugeVarint, newEntry } from './forged-batch.js';

/** a's state must not have changed by what it has refused. */
function expectRefused(besieged: Besieged, bytes: Uint8Array, code: string): void {
  besieged.attack(bytes);
  expect(besieged.refusal).toBe(code);
  expect(besieged.a.unsynced).toBe(0);
  expect(besieged.a.events).toContainEqual(
    expect.objectContaining({ type: 'refused', peer: 'd', by: 'us', code }) as unknown,
  );
  besieged.expectUnharmed();
}

const valid = forgedMessage(0, []);

test('the forger writes what a member would: its plain batch is taken', () => {
  const besieged = new Besieged();
  besieged.attack(forgedFrame({ body: valid }));
  besieged.expectUnharmed(['!']);
});

describe('W5: a frame length', () => {
  const limit = frameBytesMax(defaultLimits);

  test.each([
    ['0', 0, 'E_FRAME'],
    ['the limit and 1', limit + 1, 'E_FRAME_TOO_LARGE'],
    ['2^31', 2 ** 31, 'E_FRAME_TOO_LARGE'],
    ['2^32-1', 2 ** 32 - 1, 'E_FRAME_TOO_LARGE'],
    ['2^53-1', 2 ** 53 - 1, 'E_FRAME_TOO_LARGE'],
  ])('W5: of %s is refused, and nothing is set aside for it', (_what, length, code) => {
    const besieged = new Besieged();
    const before = process.memoryUsage().arrayBuffers;
    besieged.attack(Uint8Array.from(varint(length)));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(limit);
    expect(besieged.refusal).toBe(code);
    besieged.expectUnharmed();
  });

  test('W5: of more than 4 KiB is refused before HELLO, of exactly 4 KiB is waited for', () => {
    const besieged = new Besieged();
    besieged.cut();
    besieged.letKnock();
    besieged.attack(Uint8Array.from(varint(defaultLimits.handshakeFrameBytesMax)));
    expect(besieged.a.isClosed(besieged.link)).toBe(false);
    besieged.cut();
    besieged.letKnock();
    expectRefused(besieged, Uint8Array.from(varint(defaultLimits.handshakeFrameBytesMax + 1)), 'E_FRAME_TOO_LARGE');
  });

  test('W5: of exactly the limit is taken: the frame is refused for what it holds', () => {
    expectRefused(new Besieged(), encodeBatchFrame(new Uint8Array(limit - 1)), 'E_BATCH');
  });
});

describe('W8: what a version to come may send', () => {
  test.each([
    ['a frame of an unknown critical type', frame(100, [1, 2, 3])],
    ['a batch of another version', forgedFrame({ version: 2, body: valid })],
    ['a batch with flags that nobody knows', forgedFrame({ flags: 3, body: valid })],
  ])('W8: %s is refused, and not acknowledged', (_what, bytes) => {
    expectRefused(new Besieged(), bytes, 'E_VERSION');
  });

  test('W8: a frame of an unknown optional type is passed over and counted, and what follows is taken', () => {
    const besieged = new Besieged();
    besieged.attack(frame(200, [1, 2, 3]));
    const skipped = besieged.a.replica.status().members.map(({ name, skippedFrames }) => [name, skippedFrames]);
    expect(skipped).toContainEqual(['d', 1]);
    expect(besieged.a.takeFrames(besieged.link).map(({ type }) => type)).not.toContain('ack');
    besieged.attack(forgedFrame({ body: valid }));
    besieged.expectUnharmed(['!']);
  });
});

describe('W9: a frame in the wrong state', () => {
  const before: readonly (readonly [string, (besieged: Besieged) => Uint8Array])[] = [
    ['a batch before HELLO', () => forgedFrame({ body: valid })],
    ['a PONG before HELLO', () => frame(types.pong)],
    ['a WELCOME that answers another process', () => frame(types.welcome, varint(99), varint(0), varint(0))],
  ];
  test.each(before)('W9: %s closes the link', (_what, bytes) => {
    const besieged = new Besieged();
    besieged.cut();
    besieged.letKnock();
    expectRefused(besieged, bytes(besieged), 'E_STATE');
  });

  test('W9: a second HELLO closes the link', () => {
    const besieged = new Besieged();
    besieged.d.open(99, 'a', true);
    const [hello] = besieged.d.takeSent(99);
    expectRefused(besieged, hello ?? new Uint8Array(), 'E_STATE');
  });

  test('W9: a second WELCOME closes the link', () => {
    expectRefused(new Besieged(), frame(types.welcome, varint(1), varint(0), varint(0)), 'E_STATE');
  });
});

describe('W11: payloads', () => {
  const payloads: readonly (readonly [string, Uint8Array])[] = [
    ['nothing', new Uint8Array()],
    ['CR LF NUL', Uint8Array.of(13, 10, 0, 13, 10)],
    ['what looks like a protocol', Buffer.from('> ping <\r\n> a|b;c <')],
    ['every byte', Uint8Array.from({ length: 256 }, (_, index) => index)],
    ['exactly the limit', new Uint8Array(defaultLimits.messageBytesMax).fill(0xa5)],
  ];
  test.each(payloads)('W11: %s come out byte for byte, also after a restart', (_what, payload) => {
    const a = new ReplicaUnderTest({ name: 'a', peers: ['b'], nonce: 1 });
    const b = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 2 });
    connect(a, b, 1);
    a.replica.broadcast(payload, 'here');
    a.step();
    a.syncAll();
    settle(a, b, 1);
    const again = new ReplicaUnderTest({ name: 'b', peers: ['a'], nonce: 3, journal: b.journal });
    for (const one of [a, b, again]) {
      const delivered = one.replica.takeDelivery()?.payload;
      expect(Buffer.compare(delivered ?? Buffer.from('missing'), payload)).toBe(0);
      expect(one.replica.takeDelivery()).toBeUndefined();
    }
  });
});

describe('W12: the own entry of a message', () => {
  test.each([
    ['seq 0', { firstSeq: varint(0), body: valid }, 'E_COUNTER_RANGE'],
    ['no message at all', { count: varint(0), body: [] }, 'E_COUNTER_RANGE'],
    ['its origin among its causes', { body: forgedMessage(1, [newEntry(0, 'd', varint(1))]) }, 'E_CLOCK'],
  ])('W12: %s is refused', (_what, batch, code) => {
    expectRefused(new Besieged(), forgedFrame(batch), code);
  });

  test('W12: one that was delivered before is acknowledged again, and neither stored nor delivered', () => {
    const besieged = new Besieged();
    const bytes = forgedFrame({ body: valid });
    besieged.attack(bytes);
    expect(besieged.deliver()).toEqual(['!']);
    const records = besieged.a.journal.length;
    besieged.a.takeSent(besieged.link);
    besieged.attack(bytes);
    expect(besieged.a.takeFrames(besieged.link).map(({ type }) => type)).toContain('ack');
    expect([besieged.a.unsynced, besieged.a.journal.length]).toEqual([0, records]);
    besieged.expectUnharmed();
  });
});

test('W13: a cause by somebody who is no member is refused, and nothing of the batch is kept', () => {
  const stranger = forgedMessage(1, [newEntry(0, 'nobody', varint(1))]);
  const besieged = new Besieged();
  expectRefused(besieged, forgedFrame({ count: varint(2), body: [...valid, ...stranger] }), 'E_UNKNOWN_MEMBER');
  besieged.letIn();
  besieged.attack(forgedFrame({ body: valid }));
  besieged.expectUnharmed(['!']);
});

describe('W14: a clock that is not canonical', () => {
  const first = newEntry(0, 'a', varint(1));
  const second = newEntry(1, 'b', varint(1));
  const cases: readonly (readonly [string, readonly number[], string])[] = [
    ['names an entry twice', forgedMessage(2, [first, [...varint(0), ...varint(1)]]), 'E_CLOCK'],
    ['names an origin twice', forgedMessage(2, [first, newEntry(1, 'a', varint(1))]), 'E_CLOCK'],
    ['has its entries out of order', forgedMessage(3, [first, second, [...varint(0), ...varint(1)]]), 'E_CLOCK'],
    ['skips an entry', forgedMessage(1, [newEntry(1, 'a', varint(1))]), 'E_CLOCK'],
    ['has an entry that does not advance', forgedMessage(1, [newEntry(0, 'a', varint(0))]), 'E_CLOCK'],
    ['announces 10^6 entries and has two', forgedMessage(1_000_000, [first, second]), 'E_CLOCK'],
    ['has a number in a longer form', forgedMessage(1, [newEntry(0, 'a', [0x81, 0x00])]), 'E_FRAME'],
    ['is followed by bytes that belong to nothing', [...valid, 0], 'E_FRAME'],
    ['is cut off', [...varint(1), ...varint(0)], 'E_FRAME'],
  ];
  test.each(cases)('W14: that %s is refused', (_what, body, code) => {
    expectRefused(new Besieged(), forgedFrame({ body }), code);
  });

  test('W14: with 10^6 entries that are all there is refused at the first that no member has', () => {
    const entries = Array.from({ length: 1000 }, (_, index) => newEntry(index, `member-${index}`, varint(1)));
    expectRefused(new Besieged(), forgedFrame({ body: forgedMessage(1_000_000, entries) }), 'E_UNKNOWN_MEMBER');
  });
});

describe('W15: a counter', () => {
  const range: readonly (readonly [string, Parameters<typeof forgedFrame>[0]])[] = [
    ['seq 2^53', { firstSeq: varint(2 ** 53), body: valid }],
    ['seq 2^64-1', { firstSeq: hugeVarint, body: valid }],
    ['seq 2^53-1, behind which there is no other', { firstSeq: varint(2 ** 53 - 1), body: valid }],
    ['count 2^53', { count: varint(2 ** 53), body: valid }],
    ['incarnation 2^64-1', { incarnation: hugeVarint, body: valid }],
    ['advance 2^53', { body: forgedMessage(1, [newEntry(0, 'a', varint(2 ** 53))]) }],
    [
      'advances that lead beyond 2^53-1 together',
      {
        count: varint(2),
        body: [
          ...forgedMessage(1, [newEntry(0, 'a', varint(2 ** 53 - 1))]),
          ...forgedMessage(1, [[...varint(0), ...varint(1)]]),
        ],
      },
    ],
  ];
  test.each(range)('W15: %s is refused', (_what, batch) => {
    expectRefused(new Besieged(), forgedFrame(batch), 'E_COUNTER_RANGE');
  });
});

test('W16: a second message under one dot closes the link, and the first one stays', () => {
  const besieged = new Besieged();
  besieged.attack(forgedFrame({ body: valid }));
  expect(besieged.deliver()).toEqual(['!']);
  expectRefused(besieged, forgedFrame({ body: [...varint(0), ...varint(1), 0x3f] }), 'E_CHAIN');
});

describe('W18: an acknowledgement', () => {
  test('W18: of what was never written closes the link, and counts for nothing', () => {
    const besieged = new Besieged();
    const seq = besieged.a.broadcast('wanted by all', 'all');
    besieged.a.syncAll();
    besieged.a.receiveFrame(besieged.link, ackFrame(seq + 1));
    expect(besieged.refusal).toBe('E_ACK');
    expect(besieged.a.receipts).not.toContain(seq);
  });

  test('W18: that goes back takes nothing back: what was acknowledged stays so, and is not sent again', () => {
    const besieged = new Besieged();
    const seq = besieged.a.broadcast('wanted by two', 2);
    besieged.a.syncAll();
    besieged.a.takeSent(besieged.link);
    besieged.a.receiveFrame(besieged.link, ackFrame(seq));
    expect(besieged.a.receipts).toContain(seq);
    besieged.a.receiveFrame(besieged.link, ackFrame(0));
    expect(besieged.a.takeFrames(besieged.link).map(({ type }) => type)).not.toContain('batch');
    expect(besieged.a.isClosed(besieged.link)).toBe(false);
  });
});

test('what the besieger would have said all along is taken, once', () => {
  const besieged = new Besieged();
  const frames = batchFramesOf(['1', '2', '3']);
  for (const bytes of frames) besieged.attack(bytes);
  besieged.expectUnharmed(['1', '2', '3']);
});
