/**
 * Our own messages one by one, in order, read back from the journal: for a peer that cannot be given batches.
 *
 * A batch can be decoded only behind the one before it, so reading begins where the log begins, or at its end, and goes forward
 * from there. What lies in front of the first message that is wanted is passed over, one batch in memory at a time.
 */
import { assert } from '../errors.js';
import { decodeBatch, decodeBatchHeader, type LogState, type Message } from '../message/batch.js';
import type { BatchIndex } from './batch-index.js';
import type { OriginTable } from './origin-table.js';
import type { Outbox } from './outbox.js';

export class OwnMessages {
  readonly #index: BatchIndex;
  readonly #origins: OriginTable;
  readonly #outbox: Outbox;
  /** Of the batch that comes next. */
  #ordinal: number;
  #state: LogState;
  /** Of the batch that was read last. */
  #messages: readonly Message[] = [];
  #isReading = false;

  /** Begins in front of the batch with `ordinal`, behind `state`. */
  constructor(index: BatchIndex, origins: OriginTable, outbox: Outbox, ordinal: number, state: LogState) {
    this.#index = index;
    this.#origins = origins;
    this.#outbox = outbox;
    this.#ordinal = ordinal;
    this.#state = state;
  }

  /** Ordinal of the first batch that is still to be read. */
  get ordinal(): number {
    return this.#ordinal;
  }

  /** Seq in front of which nothing can be had any more. */
  get firstSeq(): number {
    return this.#messages[0]?.seq ?? this.#state.nextSeq;
  }

  /** Memory of what was read. */
  get bytes(): number {
    return this.#messages.reduce((sum, { payloadLength }) => sum + payloadLength, 0);
  }

  /** The message, if it is at hand. Otherwise it is read, and `then` is called; one call at a time. */
  take(seq: number, then: () => void): Message | undefined {
    const first = this.#messages[0];
    const message = first === undefined ? undefined : this.#messages[seq - first.seq];
    if (message === undefined) this.#read(seq, then);
    return message;
  }

  #read(seq: number, then: () => void): void {
    assert(seq >= this.#state.nextSeq && seq <= this.#index.lastSeq, `message ${seq} cannot be read`);
    if (this.#isReading) return;
    this.#isReading = true;
    this.#outbox.read(this.#index.at(this.#ordinal), (bytes) => {
      this.#isReading = false;
      const header = decodeBatchHeader(bytes, undefined);
      const { messages, next } = decodeBatch(bytes, header, this.#state, this.#origins.resolve, undefined);
      this.#ordinal++;
      this.#state = next;
      this.#messages = messages;
      if (next.nextSeq > seq) then();
      else this.#read(seq, then);
    });
  }
}
