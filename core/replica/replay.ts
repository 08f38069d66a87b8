/**
 * Deliveries that an application has still to be given from an earlier life, read back from the journal as it takes them.
 *
 * An application may ask for everything from position 0 on. What it has not taken yet stays on the disk, so that a start on a
 * long log needs no more memory than on a short one.
 *
 * Invariants:
 * - Batches are offered in the order of the journal, each once: that order is what positions mean.
 * - While a replay is under way, what becomes durable is not offered but found in the index like the rest. It ends when the
 *   index holds nothing more; from then on batches are offered as they come.
 */
import { assert } from '../errors.js';
import { decodeBatch, decodeBatchHeader, emptyLogState, type LogState, type Message } from '../message/batch.js';
import type { Logs } from './logs.js';
import type { OriginTable } from './origin-table.js';
import type { Outbox } from './outbox.js';

/** Reading goes on while less than this waits for the application. */
const aheadBytes = 1 << 20;

/** How far one log has been offered. */
interface Cursor {
  /** Ordinal of the batch that comes next. */
  ordinal: number;
  /** What decoding it needs. */
  state: LogState;
}

export class Replay {
  readonly #logs: Logs;
  readonly #origins: OriginTable;
  /** By origin index; a log that appeared later is read from its beginning. */
  readonly #cursors: Cursor[];
  #isReading = false;
  #newBytes = 0;

  /** Begins behind everything that `logs` holds now. */
  constructor(logs: Logs, origins: OriginTable) {
    this.#logs = logs;
    this.#origins = origins;
    this.#cursors = Array.from({ length: origins.size }, (_, origin) => ({
      ordinal: logs.index(origin).end,
      state: logs.receivedState(origin),
    }));
  }

  /** Bytes that have come since the replay began: an application that does not keep up holds them back like any others. */
  get newBytes(): number {
    return this.#newBytes;
  }

  /** A batch of `length` bytes has become durable, and will be offered in its turn. */
  noteNew(length: number): void {
    this.#newBytes += length;
  }

  /** A log goes on from here: what lies in front is not in the journal, or has come with a snapshot. */
  jump(origin: number, state: LogState): void {
    const cursor = this.#cursor(origin);
    cursor.ordinal = this.#logs.index(origin).end;
    cursor.state = state;
  }

  /** True when nothing is left to read. */
  get isDone(): boolean {
    return !this.#isReading && this.#next() === undefined;
  }

  /** Reads on while `undeliveredBytes`, what waits for the application, is little. */
  pump(undeliveredBytes: number, outbox: Outbox, offer: (message: Message) => void): void {
    if (this.#isReading || undeliveredBytes >= aheadBytes) return;
    const origin = this.#next();
    if (origin === undefined) return;
    const cursor = this.#cursor(origin);
    this.#isReading = true;
    outbox.read(this.#logs.index(origin).at(cursor.ordinal), (bytes) => {
      this.#isReading = false;
      const header = decodeBatchHeader(bytes, undefined);
      const { messages, next } = decodeBatch(bytes, header, cursor.state, this.#origins.resolve, undefined);
      cursor.ordinal++;
      cursor.state = next;
      for (const message of messages) offer(message);
    });
  }

  /** The origin whose next batch comes first in the journal. */
  #next(): number | undefined {
    let first: number | undefined;
    let firstAddress = Infinity;
    for (let origin = 0; origin < this.#origins.size; origin++) {
      const index = this.#logs.index(origin);
      const { ordinal } = this.#cursor(origin);
      if (ordinal === index.end || index.at(ordinal).address >= firstAddress) continue;
      first = origin;
      firstAddress = index.at(ordinal).address;
    }
    return first;
  }

  #cursor(origin: number): Cursor {
    while (this.#cursors.length <= origin) this.#cursors.push({ ordinal: 0, state: emptyLogState });
    const cursor = this.#cursors[origin];
    assert(cursor !== undefined, `cursor ${origin} of ${this.#cursors.length}`);
    return cursor;
  }
}
