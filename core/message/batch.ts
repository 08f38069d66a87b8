/**
 * Batches: consecutive messages of one origin, the bytes that are journalled, sent and relayed unchanged.
 *
 *     batch   := version u8 | flags u8 | origin name | incarnation | first seq | count
 *                count * message | chain (32 bytes) | CRC-32 of all before
 *     message := number of changed entries | entry ... | payload length | payload
 *     entry   := index in the log's dictionary [ | name | incarnation, when the index is new ] | advance
 *
 * Numbers are varints. A message's clock is written as what changed since the origin's previous message, which costs one
 * byte when nothing did; its own entry is its seq and is not written. The dictionary numbers the origins in the order in
 * which this log first named them. A keyframe starts both over, so that a reader may begin there.
 *
 * Invariants:
 * - One content has one encoding: shortest varints, entries in ascending order, advances above 0.
 * - The chain covers the previous chain and everything before it in the batch. Two different batches for the same dots
 *   therefore differ in every chain after them, and a batch fits only behind the one it was written behind.
 * - Decoding changes nothing: it returns the next state of the log, and the caller adopts it once it accepts the batch.
 */
import { RemoteProtocolError } from '../errors.js';
import type { Digests } from '../ports.js';
import type { NodeName } from '../names.js';
import { ByteReader } from './bytes.js';
import { formatDot } from './origin.js';

export const batchVersion = 1;
export const chainBytes = 32;
/** Chain and checksum behind the messages. */
export const batchTrailerBytes: number = chainBytes + 4;

/**
 * Bits of the flags byte. Bit 1 is kept for a signature of the origin over the chain; a reader that does not know a bit
 * refuses the batch.
 */
export const batchFlags = { keyframe: 1 } as const;

/** The chain before the first batch of a log. */
export const emptyChain: Uint8Array = new Uint8Array(chainBytes);

/** What a reader must know of a log to read the batch that comes next. Immutable. */
export interface LogState {
  readonly nextSeq: number;
  readonly chain: Uint8Array;
  /** Origin (an index of the reader's own) by dictionary index. */
  readonly dictionary: readonly number[];
  /** Clock of the last message, by dictionary index; without the own entry. */
  readonly clock: readonly number[];
}

export const emptyLogState: LogState = { nextSeq: 1, chain: emptyChain, dictionary: [], clock: [] };

/** The part of a batch that says where it belongs. */
export interface BatchHeader {
  readonly origin: NodeName;
  readonly incarnation: number;
  readonly firstSeq: number;
  readonly count: number;
  readonly isKeyframe: boolean;
  /** Offset of the first message. */
  readonly bodyStart: number;
}

/** A message as the replica holds it. */
export interface Message {
  /** Index of the origin with the reader. */
  readonly origin: number;
  readonly seq: number;
  /** Entries of the clock that changed since the origin's previous message: origin, seq, origin, seq, ... */
  readonly changes: readonly number[];
  /** Dictionary and clock of the log at this message, shared between messages; see `LogState`. */
  readonly dictionary: readonly number[];
  readonly clock: readonly number[];
  readonly payloadLength: number;
  /** A view of the batch, made when it is asked for: it is larger than everything else here. */
  readonly payload: Uint8Array;
  /** The log behind this message, where it is the last one of its batch: there another reader may begin. */
  readonly end: LogState | undefined;
}

/** A message of a batch that was read. */
class BatchMessage implements Message {
  readonly origin: number;
  readonly seq: number;
  readonly changes: readonly number[];
  readonly dictionary: readonly number[];
  readonly clock: readonly number[];
  readonly payloadLength: number;
  readonly end: LogState | undefined;
  readonly #batch: Uint8Array;
  readonly #payloadStart: number;

  constructor(batch: Uint8Array, payloadStart: number, fields: Omit<Message, 'payload'>) {
    this.origin = fields.origin;
    this.seq = fields.seq;
    this.changes = fields.changes;
    this.dictionary = fields.dictionary;
    this.clock = fields.clock;
    this.payloadLength = fields.payloadLength;
    this.end = fields.end;
    this.#batch = batch;
    this.#payloadStart = payloadStart;
  }

  get payload(): Uint8Array {
    return this.#batch.subarray(this.#payloadStart, this.#payloadStart + this.payloadLength);
  }
}

export interface DecodedBatch {
  readonly messages: readonly Message[];
  readonly next: LogState;
}

/** Seq of the last message in a batch. */
export function lastSeq(header: BatchHeader): number {
  return header.firstSeq + header.count - 1;
}

/** The chain that a batch ends with. */
export function batchChain(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(bytes.length - batchTrailerBytes, bytes.length - 4);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false;
  return true;
}

/**
 * Checks the checksum and reads the header. Throws `RemoteProtocolError` (`E_BATCH`, `E_VERSION`, `E_FRAME`,
 * `E_COUNTER_RANGE`). Without `digests` the checksum counts as checked: of what our journal, which has its own, gave back.
 */
export function decodeBatchHeader(bytes: Uint8Array, digests: Digests | undefined): BatchHeader {
  const end = bytes.length - batchTrailerBytes;
  if (end < 0) throw new RemoteProtocolError('E_BATCH', `a batch of ${bytes.length} bytes is too short to be one`);
  const checksum = new ByteReader(bytes, bytes.length - 4).uint32();
  if (digests !== undefined && digests.crc32(bytes.subarray(0, bytes.length - 4), 0) !== checksum) {
    throw new RemoteProtocolError('E_BATCH', `checksum of a batch of ${bytes.length} bytes does not match`);
  }
  const reader = new ByteReader(bytes, 0, end);
  const version = reader.byte();
  if (version !== batchVersion) {
    throw new RemoteProtocolError('E_VERSION', `batch version ${version} is not ${batchVersion}`);
  }
  const flags = reader.byte();
  if ((flags & ~batchFlags.keyframe) !== 0) {
    throw new RemoteProtocolError('E_VERSION', `batch flags ${flags} are not known`);
  }
  const origin = reader.name();
  const incarnation = reader.varint();
  const firstSeq = reader.varint();
  const count = reader.varint();
  if (incarnation === 0 || firstSeq === 0 || count === 0 || !Number.isSafeInteger(firstSeq + count)) {
    throw new RemoteProtocolError(
      'E_COUNTER_RANGE',
      `batch of ${origin} has incarnation ${incarnation}, seq ${firstSeq}, count ${count}`,
    );
  }
  const isKeyframe = (flags & batchFlags.keyframe) !== 0;
  return { origin, incarnation, firstSeq, count, isKeyframe, bodyStart: reader.position };
}

/**
 * Reads the messages of a batch that continues `state`. `resolveOrigin` gives the reader's index for an origin and
 * throws for one that no member has. Throws `RemoteProtocolError`: `E_CHAIN` when the batch was not written behind
 * `state`, `E_CLOCK` for entries that are not canonical. Without `digests` the chain counts as checked: it was, before the
 * batch was journalled, or we have just made it.
 */
export function decodeBatch(
  bytes: Uint8Array,
  header: BatchHeader,
  state: LogState,
  resolveOrigin: (name: NodeName, incarnation: number) => number,
  digests: Digests | undefined,
): DecodedBatch {
  const end = bytes.length - batchTrailerBytes;
  const written = batchChain(bytes);
  // A copy: a view would keep the batch, and when it comes from recovery the whole segment, for as long as the log rests.
  const chain = digests === undefined ? written.slice() : digests.chain(state.chain, bytes.subarray(0, end));
  if (header.firstSeq !== state.nextSeq || !equalBytes(chain, written)) {
    const dot = formatDot({ origin: header.origin, incarnation: header.incarnation, seq: header.firstSeq });
    throw new RemoteProtocolError('E_CHAIN', `batch from ${dot} does not continue the log that we hold of this origin`);
  }
  const self = resolveOrigin(header.origin, header.incarnation);
  const reader = new ByteReader(bytes, header.bodyStart, end);
  const messages: Message[] = [];
  let { dictionary, clock } = header.isKeyframe ? emptyLogState : state;
  for (let index = 0; index < header.count; index++) {
    const changeCount = reader.varint();
    let changes: readonly number[] = noChanges;
    if (changeCount > 0) {
      ({ dictionary, clock, changes } = readChanges(reader, changeCount, { dictionary, clock, self, resolveOrigin }));
    }
    const payloadLength = reader.varint();
    const payloadStart = reader.position;
    reader.skip(payloadLength);
    const seq = header.firstSeq + index;
    const isLast = index === header.count - 1;
    const end = isLast ? { nextSeq: seq + 1, chain, dictionary, clock } : undefined;
    const fields = { origin: self, seq, changes, dictionary, clock, payloadLength, end };
    messages.push(new BatchMessage(bytes, payloadStart, fields));
  }
  reader.end();
  return { messages, next: messages.at(-1)?.end ?? state };
}

const noChanges: readonly number[] = [];

interface ClockContext {
  readonly dictionary: readonly number[];
  readonly clock: readonly number[];
  readonly self: number;
  readonly resolveOrigin: (name: NodeName, incarnation: number) => number;
}

function readChanges(
  reader: ByteReader,
  count: number,
  context: ClockContext,
): { dictionary: readonly number[]; clock: readonly number[]; changes: readonly number[] } {
  let dictionary = context.dictionary;
  const clock = context.clock.slice();
  const changes: number[] = [];
  let previous = -1;
  for (let entry = 0; entry < count; entry++) {
    const index = reader.varint();
    if (index <= previous) {
      throw new RemoteProtocolError('E_CLOCK', `clock entry ${index} after ${previous} is out of order`);
    }
    previous = index;
    if (index > dictionary.length) {
      throw new RemoteProtocolError('E_CLOCK', `clock entry ${index} skips dictionary entry ${dictionary.length}`);
    }
    if (index === dictionary.length) {
      const name = reader.name();
      const incarnation = reader.varint();
      const origin = context.resolveOrigin(name, incarnation);
      if (origin === context.self || dictionary.includes(origin)) {
        throw new RemoteProtocolError('E_CLOCK', `clock names ${name} twice`);
      }
      dictionary = [...dictionary, origin];
      clock.push(0);
    }
    const advance = reader.varint();
    const seq = (clock[index] ?? 0) + advance;
    if (advance === 0) throw new RemoteProtocolError('E_CLOCK', `clock entry ${index} does not advance`);
    if (!Number.isSafeInteger(seq)) {
      throw new RemoteProtocolError('E_COUNTER_RANGE', `clock entry ${index} exceeds 2^53-1`);
    }
    clock[index] = seq;
    changes.push(dictionary[index] ?? 0, seq);
  }
  return { dictionary, clock, changes };
}
