import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RemoteProtocolError, nodeName } from '../../../core/index.js';
import { ByteWriter } from '../../../core/message/bytes.js';
import {
  decodeFrame,
  encodeBatchFrame,
  FrameEncoder,
  type EncodableFrame,
  type Frame,
} from '../../../core/message/frame.js';
import { FrameReader } from '../../../core/message/frame-reader.js';
import { Slab } from '../../../core/message/slab.js';
import { nodeDigests } from '../../support/digests.js';

const encoder = new FrameEncoder(nodeDigests, new Slab());
const a = nodeName('a');
const position = { origin: a, incarnation: 1, seq: 300 };

/** Every frame type but BATCH; used in both directions. */
const frames: EncodableFrame[] = [
  {
    type: 'hello',
    versionMin: 1,
    versionMax: 1,
    cluster: 'demo',
    name: a,
    incarnation: 1,
    nonce: 4_000_000_000,
    windowBytes: 1 << 22,
    frameBytesMax: 1 << 21,
  },
  { type: 'welcome', nonce: 7, ackedSeq: 300, durable: [{ ...position, chain: new Uint8Array(32).fill(9) }] },
  { type: 'welcome', nonce: 0, ackedSeq: 0, durable: [] },
  { type: 'ack', seq: 300, creditBytes: 1 << 22 },
  { type: 'want', ...position },
  { type: 'ping', sentSeq: 12, seenVersion: 1_000 },
  {
    type: 'advert',
    since: 3,
    version: 300,
    view: new Uint8Array(8).fill(7),
    ownSeq: 9,
    rows: [
      { origin: a, incarnation: 1, durableSeq: 9, appliedSeq: 8 },
      { origin: nodeName('b'), incarnation: 2, durableSeq: 0, appliedSeq: 0 },
    ],
  },
  {
    type: 'members',
    changes: [
      { name: nodeName('d'), generation: 1, address: '127.0.0.1:7104', incarnation: 1, start: [position] },
      { name: nodeName('b'), generation: 2, address: '', incarnation: 1, start: [] },
    ],
  },
  { type: 'pong' },
  { type: 'goaway', code: 'E_CLUSTER', message: 'belongs to cluster "x"' },
];

/** What a reader with this limit makes of a stream that arrives in these pieces. */
function readPieces(pieces: readonly Uint8Array[], frameBytesMax = 1 << 20): Frame[] {
  const reader = new FrameReader(frameBytesMax);
  const read: Frame[] = [];
  for (const piece of pieces) {
    reader.push(piece);
    for (let frame = reader.next(); frame !== undefined; frame = reader.next()) {
      read.push(decodeFrame(frame, nodeDigests));
    }
  }
  return read;
}

const stream = concat([...frames.map((frame) => encoder.encode(frame)), encodeBatchFrame(new Uint8Array(200).fill(5))]);
const streamFrames: Frame[] = [...frames, { type: 'batch', batch: new Uint8Array(200).fill(5) }];

describe('frames', () => {
  test('are read whole', () => {
    expect(readPieces([stream])).toEqual(streamFrames);
  });

  test('are read one byte at a time', () => {
    expect(readPieces(Array.from(stream, (byte) => Uint8Array.of(byte)))).toEqual(streamFrames);
  });

  test('are read in pieces of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(stream.length), { maxLength: 30 }), (cuts) => {
        const ends = [...cuts.sort((x, y) => x - y), stream.length];
        const pieces = ends.map((end, index) => stream.subarray(ends[index - 1] ?? 0, end));
        expect(readPieces(pieces)).toEqual(streamFrames);
      }),
    );
  });

  test('that are not batches are refused for every flipped bit behind their length', () => {
    for (const frame of frames) {
      const bytes = encoder.encode(frame).subarray(1);
      for (let bit = 0; bit < bytes.length * 8; bit++) {
        const damaged = bytes.slice();
        damaged[bit >> 3] = (damaged[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        // A type byte that turns into BATCH leaves the check to the batch inside.
        if (damaged[0] === 3) continue;
        expect(() => decodeFrame(damaged, nodeDigests), `${frame.type}, bit ${bit}`).toThrow(RemoteProtocolError);
      }
    }
  });

  test('of an unknown optional type are skipped, of an unknown critical type refused', () => {
    const unknown = (type: number): Uint8Array => {
      const writer = new ByteWriter();
      writer.byte(type);
      writer.text('whatever');
      writer.uint32(nodeDigests.crc32(writer.view(), 0));
      return writer.view();
    };
    expect(decodeFrame(unknown(200), nodeDigests)).toEqual({ type: 'skipped', typeByte: 200 });
    expect(() => decodeFrame(unknown(100), nodeDigests)).toThrow(expect.objectContaining({ code: 'E_VERSION' }));
  });
});

describe('a frame length', () => {
  const lengthOf = (value: number): Uint8Array => {
    const writer = new ByteWriter();
    writer.varint(value);
    return writer.view();
  };

  test.each([257, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1])('of %d is refused before anything is allocated', (length) => {
    expect(() => readPieces([lengthOf(length)], 256)).toThrow(expect.objectContaining({ code: 'E_FRAME_TOO_LARGE' }));
  });

  test('of exactly the limit is taken', () => {
    const frame = encodeBatchFrame(new Uint8Array(255));
    expect(readPieces([frame], 256)).toHaveLength(1);
  });

  test.each([
    ['0', [0]],
    ['a longer form of 5', [0x85, 0x00]],
    ['no end', [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80]],
  ])('with %s is refused', (_what, bytes) => {
    expect(() => readPieces([Uint8Array.from(bytes)], 256)).toThrow(expect.objectContaining({ code: 'E_FRAME' }));
  });
});

test('a reader knows whether the stream may end where it is', () => {
  const frame = encoder.encode({ type: 'ping', sentSeq: 1, seenVersion: 0 });
  for (let end = 0; end <= frame.length; end++) {
    const reader = new FrameReader(100);
    reader.push(frame.subarray(0, end));
    reader.next();
    expect(reader.isBetweenFrames, `after ${end} of ${frame.length} bytes`).toBe(end === 0 || end === frame.length);
  }
});

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
