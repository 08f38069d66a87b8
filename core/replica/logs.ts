/**
 * What we hold of every origin's log, our own included.
 *
 * Invariants:
 * - `received` is a prefix of the origin's log: batches are taken only where they continue it, chain included.
 * - `durable` ≤ `received`; only `durable` is ever told to anybody, and only it has a place in the index.
 */
import { RemoteProtocolError, assert } from '../errors.js';
import {
  batchChain,
  decodeBatch,
  emptyLogState,
  equalBytes,
  lastSeq,
  type BatchHeader,
  type LogState,
  type Message,
} from '../message/batch.js';
import type { RecordPlace } from '../journal/journal.js';
import type { LogPositionWithChain } from '../message/frame.js';
import { formatDot } from '../message/origin.js';
import type { Digests } from '../ports.js';
import { BatchIndex } from './batch-index.js';
import type { OriginTable } from './origin-table.js';

interface Log {
  received: LogState;
  durable: LogState;
  /** Of what is durable. */
  readonly index: BatchIndex;
  /** In front of the first batch that was entered. */
  begin: LogState;
}

/** A batch that was taken: to be journalled, then offered for delivery. */
export interface TakenBatch {
  readonly origin: number;
  readonly bytes: Uint8Array;
  readonly messages: readonly Message[];
  readonly firstSeq: number;
  readonly lastSeq: number;
  /** Of the log behind it. */
  readonly state: LogState;
}

/** What became of a batch. A gap names the first seq that is missing. */
export type TakeResult =
  | { readonly type: 'taken'; readonly batch: TakenBatch }
  | { readonly type: 'duplicate' }
  | { readonly type: 'gap'; readonly missingSeq: number };

export class Logs {
  readonly #origins: OriginTable;
  readonly #digests: Digests;
  readonly #logs: Log[] = [];
  #waitingBytes = 0;

  constructor(origins: OriginTable, digests: Digests) {
    this.#origins = origins;
    this.#digests = digests;
  }

  receivedState(origin: number): LogState {
    return this.#logs[origin]?.received ?? emptyLogState;
  }

  receivedSeq(origin: number): number {
    return this.receivedState(origin).nextSeq - 1;
  }

  durableSeq(origin: number): number {
    return this.#logs[origin]?.index.lastSeq ?? 0;
  }

  /** Where the durable batches of a log lie. */
  index(origin: number): BatchIndex {
    return this.#log(origin).index;
  }

  /**
   * Takes a batch if it comes next. Throws `RemoteProtocolError`: `E_CHAIN` when it contradicts what we hold, and what
   * `decodeBatch` throws. No log changes unless the result is `taken`. `isProven`: we have made the batch, or journalled it
   * in an earlier life.
   */
  take(bytes: Uint8Array, header: BatchHeader, isProven = false): TakeResult {
    const origin = this.#origins.resolve(header.origin, header.incarnation);
    const state = this.receivedState(origin);
    if (header.firstSeq > state.nextSeq) return { type: 'gap', missingSeq: state.nextSeq };
    if (lastSeq(header) < state.nextSeq) {
      this.#checkDuplicate(bytes, header, state);
      return { type: 'duplicate' };
    }
    const digests = isProven ? undefined : this.#digests;
    const { messages, next } = decodeBatch(bytes, header, state, this.#origins.resolve, digests);
    this.#log(origin).received = next;
    const { firstSeq } = header;
    this.#waitingBytes += bytes.length;
    return { type: 'taken', batch: { origin, bytes, messages, firstSeq, lastSeq: next.nextSeq - 1, state: next } };
  }

  /** A batch is synced at `place`. */
  enter({ origin, bytes, firstSeq, lastSeq: seq, state }: TakenBatch, { address, length }: RecordPlace): void {
    const log = this.#log(origin);
    assert(
      seq < log.received.nextSeq,
      `a log becomes durable up to ${seq}, received up to ${log.received.nextSeq - 1}`,
    );
    log.index.append({ firstSeq, count: seq - firstSeq + 1, address, length }, state.chain);
    log.durable = state;
    this.#waitingBytes -= bytes.length;
  }

  /** What is durable of a log, for whoever goes on behind it. */
  durableState(origin: number): LogState {
    return this.#log(origin).durable;
  }

  /** The log in front of the first batch of the index, until the journal gives up the first one. */
  beginState(origin: number): LogState {
    return this.#log(origin).begin;
  }

  /** A log goes on from here: what lies in front is not in our journal. What is there of it is
   * forgotten. */
  startAt(origin: number, state: LogState): void {
    const log = this.#log(origin);
    log.index.dropBelow(Infinity);
    log.index.startAt(state.nextSeq, state.chain);
    log.received = state;
    log.durable = state;
    log.begin = state;
  }

  /** The journal has given up everything in front of `address`. */
  dropBelow(address: number): void {
    for (const { index } of this.#logs) index.dropBelow(address);
  }

  /** True when we hold something else of a log than what ends with `seq` and `chain`, as far as we remember. */
  contradicts(origin: number, seq: number, chain: Uint8Array): boolean {
    const { index } = this.#log(origin);
    return seq <= index.lastSeq && !index.matches(seq, chain);
  }

  /** What we hold synced of every log that is not empty. */
  durablePositions(): readonly LogPositionWithChain[] {
    const positions: LogPositionWithChain[] = [];
    for (const [index, log] of this.#logs.entries()) {
      const seq = log.index.lastSeq;
      if (seq === 0) continue;
      const { name, incarnation } = this.#origins.at(index);
      positions.push({ origin: name, incarnation, seq, chain: log.durable.chain });
    }
    return positions;
  }

  /** Of batches that were taken and are not synced. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** What the indices take. */
  get indexBytes(): number {
    return this.#logs.reduce((sum, { index }) => sum + index.memoryBytes, 0);
  }

  /** How many numbers are kept to read the batches that come next. */
  get numbers(): number {
    let numbers = 0;
    for (const { received, durable } of this.#logs) {
      numbers += received.clock.length + received.dictionary.length;
      if (durable !== received) numbers += durable.clock.length + durable.dictionary.length;
    }
    return numbers;
  }

  /** Only the last batch can be compared: of older ones the chain is not kept in memory. */
  #checkDuplicate(bytes: Uint8Array, header: BatchHeader, state: LogState): void {
    if (lastSeq(header) !== state.nextSeq - 1 || equalBytes(batchChain(bytes), state.chain)) return;
    const dot = formatDot({ origin: header.origin, incarnation: header.incarnation, seq: lastSeq(header) });
    throw new RemoteProtocolError('E_CHAIN', `two different batches end with ${dot}; the first one is kept`);
  }

  #log(origin: number): Log {
    while (this.#logs.length <= origin) {
      this.#logs.push({
        received: emptyLogState,
        durable: emptyLogState,
        index: new BatchIndex(),
        begin: emptyLogState,
      });
    }
    const log = this.#logs[origin];
    assert(log !== undefined, `log ${origin} of ${this.#logs.length}`);
    return log;
  }
}
