/**
 * Frames: the units on a link.
 *
 *     frame := length of the rest (varint) | type u8 | body | CRC-32 of type and body
 *
 * A BATCH frame has no checksum of its own: the batch inside has one, and its chain besides. Types from 128 on are
 * optional: a reader that does not know one skips it. An unknown type below 128 closes the link.
 */
import { RemoteProtocolError, unreachable } from '../errors.js';
import type { NodeName } from '../names.js';
import type { Digests } from '../ports.js';
import { chainBytes } from './batch.js';
import { ByteReader, ByteWriter, varintLength, writeVarint } from './bytes.js';
import type { Slab } from './slab.js';

/** Lowest and highest protocol version that this code speaks. */
export const protocolVersions = { min: 1, max: 1 } as const;

/** A log and how much of it somebody holds: seqs 1 ... `seq`. */
export interface LogPosition {
  readonly origin: NodeName;
  readonly incarnation: number;
  readonly seq: number;
}

export interface LogPositionWithChain extends LogPosition {
  /** Chain of the batch that ends with `seq`. */
  readonly chain: Uint8Array;
}

/** First frame of both sides: who I am. */
export interface HelloFrame {
  readonly type: 'hello';
  readonly versionMin: number;
  readonly versionMax: number;
  readonly cluster: string;
  readonly name: NodeName;
  readonly incarnation: number;
  /** Random per process: tells a restarted peer from one whose link broke. */
  readonly nonce: number;
  /** Unacknowledged bytes that the sender of this frame is ready to take. */
  readonly windowBytes: number;
  /** Longest frame that the sender of this frame takes once it is up. */
  readonly frameBytesMax: number;
}

/** Answer to an accepted HELLO: what I hold, so that you know where to go on. */
export interface WelcomeFrame {
  readonly type: 'welcome';
  /** Nonce of the HELLO that is answered. */
  readonly nonce: number;
  readonly durable: readonly LogPositionWithChain[];
}

/** Batches of one origin, at most one a frame. The bytes are a view of the frame. */
export interface BatchFrame {
  readonly type: 'batch';
  readonly batch: Uint8Array;
}

/** Cumulative: everything up to these positions is synced at the sender of this frame. */
export interface AckFrame {
  readonly type: 'ack';
  readonly durable: readonly LogPosition[];
}

/** Asks for a log from `seq` on: something before what arrived is missing. */
export interface WantFrame extends LogPosition {
  readonly type: 'want';
}

/** Are you there? `sentSeq` is the last of my own messages sent on this link, so that you notice when the end is missing. */
export interface PingFrame {
  readonly type: 'ping';
  readonly sentSeq: number;
}

export interface PongFrame {
  readonly type: 'pong';
}

/** Why the sender closes the link. */
export interface GoAwayFrame {
  readonly type: 'goaway';
  readonly code: string;
  readonly message: string;
}

/** A frame of an unknown optional type. */
export interface SkippedFrame {
  readonly type: 'skipped';
  readonly typeByte: number;
}

export type Frame =
  HelloFrame | WelcomeFrame | BatchFrame | AckFrame | WantFrame | PingFrame | PongFrame | GoAwayFrame | SkippedFrame;

const typeBytes = { hello: 1, welcome: 2, batch: 3, ack: 4, want: 5, ping: 6, pong: 7, goaway: 8 } as const;
const firstOptionalType = 128;
const checksumBytes = 4;

/** Length of what goes in front of a batch of `batchBytes` to make it a frame. */
export function batchFramePrefixBytes(batchBytes: number): number {
  return varintLength(batchBytes + 1) + 1;
}

/** Writes what goes in front of a batch of `batchBytes` to the beginning of `target`. */
export function writeBatchFramePrefix(target: Uint8Array, batchBytes: number): void {
  target[writeVarint(target, 0, batchBytes + 1)] = typeBytes.batch;
}

/** A batch that was read back or came from elsewhere, in a frame: copies the batch. */
export function encodeBatchFrame(batch: Uint8Array): Uint8Array {
  const prefixBytes = batchFramePrefixBytes(batch.length);
  const frame = new Uint8Array(prefixBytes + batch.length);
  writeBatchFramePrefix(frame, batch.length);
  frame.set(batch, prefixBytes);
  return frame;
}

/** Every frame that this encoder makes; BATCH is laid around its batch by whoever has it. */
export type EncodableFrame = Exclude<Frame, BatchFrame | SkippedFrame>;

/** Encodes frames. One for each node, because it keeps buffers. */
export class FrameEncoder {
  readonly #digests: Digests;
  readonly #slab: Slab;
  readonly #scratch = new ByteWriter(256);

  /** Frames are cut from `slab`. */
  constructor(digests: Digests, slab: Slab) {
    this.#digests = digests;
    this.#slab = slab;
  }

  /** The bytes are the caller's. */
  encode(frame: EncodableFrame): Uint8Array {
    const scratch = this.#scratch;
    scratch.seek(0);
    scratch.byte(typeBytes[frame.type]);
    writeBody(scratch, frame);
    scratch.uint32(this.#digests.crc32(scratch.view(), 0));
    const content = scratch.view();
    const prefixBytes = varintLength(content.length);
    const bytes = this.#slab.take(prefixBytes + content.length);
    writeVarint(bytes, 0, content.length);
    bytes.set(content, prefixBytes);
    return bytes;
  }
}

function writeBody(writer: ByteWriter, frame: EncodableFrame): void {
  switch (frame.type) {
    case 'hello':
      writer.varint(frame.versionMin);
      writer.varint(frame.versionMax);
      writer.text(frame.cluster);
      writer.text(frame.name);
      writer.varint(frame.incarnation);
      writer.varint(frame.nonce);
      writer.varint(frame.windowBytes);
      writer.varint(frame.frameBytesMax);
      return;
    case 'welcome':
      writer.varint(frame.nonce);
      writer.varint(frame.durable.length);
      for (const position of frame.durable) {
        writePosition(writer, position);
        writer.bytes(position.chain);
      }
      return;
    case 'ack':
      writer.varint(frame.durable.length);
      for (const position of frame.durable) writePosition(writer, position);
      return;
    case 'want':
      writePosition(writer, frame);
      return;
    case 'ping':
      writer.varint(frame.sentSeq);
      return;
    case 'pong':
      return;
    case 'goaway':
      writer.text(frame.code);
      writer.text(frame.message);
      return;
    default:
      unreachable(frame);
  }
}

function writePosition(writer: ByteWriter, position: LogPosition): void {
  writer.text(position.origin);
  writer.varint(position.incarnation);
  writer.varint(position.seq);
}

/**
 * Decodes what `FrameReader` found between two lengths: type, body, checksum. Throws `RemoteProtocolError`: `E_FRAME` for
 * anything malformed, `E_VERSION` for an unknown critical type, `E_COUNTER_RANGE` for numbers above 2⁵³-1.
 */
export function decodeFrame(bytes: Uint8Array, digests: Digests): Frame {
  const typeByte = bytes[0];
  if (typeByte === typeBytes.batch) return { type: 'batch', batch: bytes.subarray(1) };
  const end = bytes.length - checksumBytes;
  if (end < 1 || digests.crc32(bytes.subarray(0, end), 0) !== new ByteReader(bytes, end).uint32()) {
    throw new RemoteProtocolError('E_FRAME', `checksum of a frame of ${bytes.length} bytes does not match`);
  }
  const reader = new ByteReader(bytes, 1, end);
  const frame = readBody(reader, typeByte ?? 0);
  if (frame.type !== 'skipped') reader.end();
  return frame;
}

function readBody(reader: ByteReader, typeByte: number): Exclude<Frame, BatchFrame> {
  switch (typeByte) {
    case typeBytes.hello:
      return readHello(reader);
    case typeBytes.welcome:
      return {
        type: 'welcome',
        nonce: reader.varint(),
        durable: readList(reader, () => {
          const { origin, incarnation, seq } = readPosition(reader);
          return { origin, incarnation, seq, chain: reader.bytes(chainBytes) };
        }),
      };
    case typeBytes.ack:
      return { type: 'ack', durable: readList(reader, () => readPosition(reader)) };
    case typeBytes.want:
      return { type: 'want', ...readPosition(reader) };
    case typeBytes.ping:
      return { type: 'ping', sentSeq: reader.varint() };
    case typeBytes.pong:
      return { type: 'pong' };
    case typeBytes.goaway:
      return { type: 'goaway', code: reader.text(), message: reader.text() };
    default:
      if (typeByte >= firstOptionalType) return { type: 'skipped', typeByte };
      throw new RemoteProtocolError('E_VERSION', `frame type ${typeByte} is not known`);
  }
}

function readHello(reader: ByteReader): HelloFrame {
  return {
    type: 'hello',
    versionMin: reader.varint(),
    versionMax: reader.varint(),
    cluster: reader.text(),
    name: reader.name(),
    incarnation: reader.varint(),
    nonce: reader.varint(),
    windowBytes: reader.varint(),
    frameBytesMax: reader.varint(),
  };
}

function readPosition(reader: ByteReader): LogPosition {
  return { origin: reader.name(), incarnation: reader.varint(), seq: reader.varint() };
}

function readList<T>(reader: ByteReader, readItem: () => T): readonly T[] {
  const count = reader.varint();
  // Each item takes bytes, so a lying count fails at the end of the frame; nothing is allocated for it before.
  const items: T[] = [];
  for (let index = 0; index < count; index++) items.push(readItem());
  return items;
}
