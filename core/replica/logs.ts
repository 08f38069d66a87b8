/**
 * What we hold of every origin's log, our own included.
 *
 * Invariants:
 * - `received` is a prefix of the origin's log: batches are taken only where they continue it, chain included.
 * - `durable` ≤ `received`; only `durable` is ever told to anybody.
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
import type { LogPositionWithChain } from '../message/frame.js';
import { formatDot } from '../message/origin.js';
import type { Digests } from '../ports.js';
import type { OriginTable } from './origin-table.js';

interface Log {
  received: LogState;
  durableSeq: number;
  durableChain: Uint8Array;
}

/** A batch that was taken: to be journalled, then offered for delivery. */
export interface TakenBatch {
  readonly origin: number;
  readonly bytes: Uint8Array;
  readonly messages: readonly Message[];
  readonly lastSeq: number;
  readonly chain: Uint8Array;
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
    return this.#logs[origin]?.durableSeq ?? 0;
  }

  /**
   * Takes a batch if it comes next. Throws `RemoteProtocolError`: `E_CHAIN` when it contradicts what we hold, and what
   * `decodeBatch` throws. No log changes unless the result is `taken`.
   */
  take(bytes: Uint8Array, header: BatchHeader): TakeResult {
    const origin = this.#origins.resolve(header.origin, header.incarnation);
    const state = this.receivedState(origin);
    if (header.firstSeq > state.nextSeq) return { type: 'gap', missingSeq: state.nextSeq };
    if (lastSeq(header) < state.nextSeq) {
      this.#checkDuplicate(bytes, header, state);
      return { type: 'duplicate' };
    }
    const { messages, next } = decodeBatch(bytes, header, state, this.#origins.resolve, this.#digests);
    this.#log(origin).received = next;
    return { type: 'taken', batch: { origin, bytes, messages, lastSeq: next.nextSeq - 1, chain: next.chain } };
  }

  /** The batch that ends with `seq` and `chain` is synced. */
  markDurable(origin: number, seq: number, chain: Uint8Array): void {
    const log = this.#log(origin);
    assert(
      seq > log.durableSeq && seq < log.received.nextSeq,
      `log becomes durable up to ${seq} after ${log.durableSeq}`,
    );
    log.durableSeq = seq;
    log.durableChain = chain;
  }

  /** What we hold synced of every log that is not empty. */
  durablePositions(): readonly LogPositionWithChain[] {
    const positions: LogPositionWithChain[] = [];
    for (const [index, log] of this.#logs.entries()) {
      if (log.durableSeq === 0) continue;
      const { name, incarnation } = this.#origins.at(index);
      positions.push({ origin: name, incarnation, seq: log.durableSeq, chain: log.durableChain });
    }
    return positions;
  }

  /** Only the last batch can be compared: of older ones the chain is not kept in memory. */
  #checkDuplicate(bytes: Uint8Array, header: BatchHeader, state: LogState): void {
    if (lastSeq(header) !== state.nextSeq - 1 || equalBytes(batchChain(bytes), state.chain)) return;
    const dot = formatDot({ origin: header.origin, incarnation: header.incarnation, seq: lastSeq(header) });
    throw new RemoteProtocolError('E_CHAIN', `two different batches end with ${dot}; the first one is kept`);
  }

  #log(origin: number): Log {
    while (this.#logs.length <= origin) {
      this.#logs.push({ received: emptyLogState, durableSeq: 0, durableChain: emptyLogState.chain });
    }
    const log = this.#logs[origin];
    assert(log !== undefined, `log ${origin} of ${this.#logs.length}`);
    return log;
  }
}
