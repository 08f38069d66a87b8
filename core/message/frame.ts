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
  /** Last of my messages that you had acknowledged, as far as I remember: who holds less has forgotten. */
  readonly ackedSeq: number;
  readonly durable: readonly LogPositionWithChain[];
}

/** Batches of one origin, at most one a frame. The bytes are a view of the frame. */
export interface BatchFrame {
  readonly type: 'batch';
  readonly batch: Uint8Array;
}

/** Cumulative: everything that the receiver of this frame has written up to `seq` is synced at its sender. */
export interface AckFrame {
  readonly type: 'ack';
  readonly seq: number;
  /** Unacknowledged bytes that the sender of this frame is ready to take from now on; 0 while it has no room. */
  readonly creditBytes: number;
}

/** How far a member has come with one log. */
export interface AdvertRow {
  readonly origin: NodeName;
  readonly incarnation: number;
  /** Synced. */
  readonly durableSeq: number;
  /** Applied by the application. */
  readonly appliedSeq: number;
}

/**
 * What the sender of this frame holds of every log: the rows that have changed between two versions of its knowledge. Who
 * knows version `since` knows version `version` afterwards (van Renesse et al., "Efficient Reconciliation and Flow Control for
 * Anti-Entropy Protocols", LADIS 2008).
 */
export interface AdvertFrame {
  readonly type: 'advert';
  readonly since: number;
  readonly version: number;
  /** Digest of who is a member, and in which incarnation, as the sender knows it. */
  readonly view: Uint8Array;
  /** Seq of the sender's last broadcast, also if it is not synced yet. */
  readonly ownSeq: number;
  readonly rows: readonly AdvertRow[];
}

/** Length of a view's digest. */
export const viewBytes = 8;

/** That somebody was added to the members, or removed. */
export interface MemberChange {
  readonly name: NodeName;
  /** Counts additions and removals: odd for a member, even for a former one. */
  readonly generation: number;
  /** Where to reach it, in the words of the transport; empty for a former member. */
  readonly address: string;
  /** Its first incarnation as a member: earlier ones are over. */
  readonly incarnation: number;
  /** What it must have delivered before it broadcasts. */
  readonly start: readonly LogPosition[];
}

/** Every change to the members that the sender of this frame knows. */
export interface MembersFrame {
  readonly type: 'members';
  readonly changes: readonly MemberChange[];
}

/** The sender of this frame does not have a log any more in front of `seq`: who needs that needs a snapshot. */
export interface GapFrame extends LogPosition {
  readonly type: 'gap';
}

/** Asks for a snapshot of the application's state, from `offset` on. */
export interface SnapshotWantFrame {
  readonly type: 'snapshot-want';
  /** Of which `offset` bytes are here already; all zeros for any. */
  readonly id: Uint8Array;
  readonly offset: number;
}

/** A piece of a snapshot; without bytes and with a length of 0 when there is none to be had. */
export interface SnapshotFrame {
  readonly type: 'snapshot';
  /** Chain over all pieces, in order: tells one snapshot from another, and proves that it is whole. */
  readonly id: Uint8Array;
  readonly totalBytes: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
}

/** Asks for a log from `seq` on: something before what arrived is missing. */
export interface WantFrame extends LogPosition {
  readonly type: 'want';
}

/** Are you there, and what is new? Answered by PONG or ADVERT. */
export interface PingFrame {
  readonly type: 'ping';
  /** The last of my own messages sent on this link, so that you notice when the end is missing. */
  readonly sentSeq: number;
  /** The version of your knowledge that I have; 0 for none. */
  readonly seenVersion: number;
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
  | HelloFrame
  | WelcomeFrame
  | BatchFrame
  | AckFrame
  | AdvertFrame
  | MembersFrame
  | WantFrame
  | GapFrame
  | SnapshotWantFrame
  | SnapshotFrame
  | PingFrame
  | PongFrame
  | GoAwayFrame
  | SkippedFrame;

const typeBytes = {
  hello: 1,
  welcome: 2,
  batch: 3,
  ack: 4,
  want: 5,
  ping: 6,
  pong: 7,
  goaway: 8,
  advert: 9,
  members: 10,
  gap: 11,
  'snapshot-want': 12,
  snapshot: 13,
} as const;
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
      writer.varint(frame.ackedSeq);
      writer.varint(frame.durable.length);
      for (const position of frame.durable) {
        writePosition(writer, position);
        writer.bytes(position.chain);
      }
      return;
    case 'ack':
      writer.varint(frame.seq);
      writer.varint(frame.creditBytes);
      return;
    case 'advert':
      writer.varint(frame.since);
      writer.varint(frame.version);
      writer.bytes(frame.view);
      writer.varint(frame.ownSeq);
      writer.varint(frame.rows.length);
      for (const row of frame.rows) {
        writer.text(row.origin);
        writer.varint(row.incarnation);
        writer.varint(row.durableSeq);
        writer.varint(row.appliedSeq);
      }
      return;
    case 'members':
      writeMemberChanges(writer, frame.changes);
      return;
    case 'want':
    case 'gap':
      writePosition(writer, frame);
      return;
    case 'snapshot-want':
      writer.bytes(frame.id);
      writer.varint(frame.offset);
      return;
    case 'snapshot':
      writer.bytes(frame.id);
      writer.varint(frame.totalBytes);
      writer.varint(frame.offset);
      writer.varint(frame.bytes.length);
      writer.bytes(frame.bytes);
      return;
    case 'ping':
      writer.varint(frame.sentSeq);
      writer.varint(frame.seenVersion);
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

/** Changes to the members, on a link and in the journal. */
export function writeMemberChanges(writer: ByteWriter, changes: readonly MemberChange[]): void {
  writer.varint(changes.length);
  for (const { name, generation, address, incarnation, start } of changes) {
    writer.text(name);
    writer.varint(generation);
    writer.text(address);
    writer.varint(incarnation);
    writer.varint(start.length);
    for (const position of start) writePosition(writer, position);
  }
}

/** Throws `RemoteProtocolError` for anything malformed. */
export function readMemberChanges(reader: ByteReader): readonly MemberChange[] {
  return readList(reader, () => ({
    name: reader.name(),
    generation: reader.varint(),
    address: reader.text(),
    incarnation: reader.varint(),
    start: readList(reader, () => readPosition(reader)),
  }));
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
        ackedSeq: reader.varint(),
        durable: readList(reader, () => {
          const { origin, incarnation, seq } = readPosition(reader);
          return { origin, incarnation, seq, chain: reader.bytes(chainBytes) };
        }),
      };
    case typeBytes.ack:
      return { type: 'ack', seq: reader.varint(), creditBytes: reader.varint() };
    case typeBytes.advert:
      return readAdvert(reader);
    case typeBytes.members:
      return { type: 'members', changes: readMemberChanges(reader) };
    case typeBytes.want:
      return { type: 'want', ...readPosition(reader) };
    case typeBytes.gap:
      return { type: 'gap', ...readPosition(reader) };
    case typeBytes['snapshot-want']:
      return { type: 'snapshot-want', id: reader.bytes(chainBytes), offset: reader.varint() };
    case typeBytes.snapshot:
      return {
        type: 'snapshot',
        id: reader.bytes(chainBytes),
        totalBytes: reader.varint(),
        offset: reader.varint(),
        bytes: reader.bytes(reader.varint()),
      };
    case typeBytes.ping:
      return { type: 'ping', sentSeq: reader.varint(), seenVersion: reader.varint() };
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

function readAdvert(reader: ByteReader): AdvertFrame {
  return {
    type: 'advert',
    since: reader.varint(),
    version: reader.varint(),
    view: reader.bytes(viewBytes),
    ownSeq: reader.varint(),
    rows: readList(reader, () => {
      const origin = reader.name();
      const incarnation = reader.varint();
      return { origin, incarnation, durableSeq: reader.varint(), appliedSeq: reader.varint() };
    }),
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
