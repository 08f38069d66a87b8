/**
 * Fetches what peers hold more of than we do, of logs that their origin does not write any more.
 *
 * - A log is fetched from one peer at a time, in order, so a batch that arrives continues what we hold or is refused as
 *   every other would be; its chain proves that it is the one its origin wrote.
 * - We ask again when something has come, and after `wantRetryMs` without: acknowledgements come with every PING, and each
 *   is an occasion. So nothing here needs a timer.
 */
import type { Timings } from '../limits.js';
import type { LogPosition } from '../message/frame.js';
import type { BatchHeader } from '../message/batch.js';
import type { ClosedLogs } from './closed-logs.js';
import type { Logs } from './logs.js';
import type { OriginTable } from './origin-table.js';
import type { Outbox } from './outbox.js';
import type { Fetch, Session } from './session.js';

/** Where a log is being fetched from. */
interface Source {
  readonly session: Session;
  readonly atMs: number;
}

export class Fetching {
  readonly #logs: Logs;
  readonly #origins: OriginTable;
  readonly #closedLogs: ClosedLogs;
  readonly #outbox: Outbox;
  readonly #timings: Timings;
  /** The last request for each log. */
  readonly #sources = new Map<number, Source>();

  constructor(options: {
    readonly logs: Logs;
    readonly origins: OriginTable;
    readonly closedLogs: ClosedLogs;
    readonly outbox: Outbox;
    readonly timings: Timings;
  }) {
    this.#logs = options.logs;
    this.#origins = options.origins;
    this.#closedLogs = options.closedLogs;
    this.#outbox = options.outbox;
    this.#timings = options.timings;
  }

  /** The peer says what it holds. */
  handleHeld(session: Session, positions: readonly LogPosition[]): void {
    for (const { origin: name, incarnation, seq } of positions) {
      // Of others we take nothing anyway; and who is no member may be one to the peer.
      if (!this.#origins.isKnown(name, incarnation)) continue;
      const origin = this.#origins.resolve(name, incarnation);
      if (seq > (session.held.get(origin) ?? 0)) session.held.set(origin, seq);
    }
  }

  /** Asks the peer for what it holds more of, unless that is on its way. */
  maybeAsk(session: Session, nowMs: number): void {
    for (const [origin, heldSeq] of session.held) {
      const seq = this.#logs.receivedSeq(origin) + 1;
      if (seq > heldSeq || !this.#closedLogs.isClosed(origin)) continue;
      if (!this.#isDue(session, origin, seq, nowMs)) continue;
      session.fetch = { origin, seq, atMs: nowMs };
      this.#sources.set(origin, { session, atMs: nowMs });
      const { name, incarnation } = this.#origins.at(origin);
      this.#outbox.sendFrame(session.link, { type: 'want', origin: name, incarnation, seq });
      return;
    }
  }

  /** True when a batch that the peer did not write itself answers our request. */
  hasAskedFor(session: Session, header: BatchHeader): boolean {
    const { fetch } = session;
    if (fetch === undefined) return false;
    const { name, incarnation } = this.#origins.at(fetch.origin);
    return header.origin === name && header.incarnation === incarnation;
  }

  #isDue(session: Session, origin: number, seq: number, nowMs: number): boolean {
    const isLate = (atMs: number): boolean => nowMs - atMs >= this.#timings.wantRetryMs;
    const { fetch } = session;
    // One log at a time, or each request would replace the one before.
    if (fetch !== undefined && fetch.origin !== origin && !isLate(fetch.atMs) && !this.#isDone(session, fetch)) {
      return false;
    }
    const source = this.#sources.get(origin);
    if (source === undefined || isLate(source.atMs)) return true;
    return source.session === session && fetch?.origin === origin && seq > fetch.seq;
  }

  #isDone(session: Session, { origin }: Fetch): boolean {
    return this.#logs.receivedSeq(origin) >= (session.held.get(origin) ?? 0);
  }
}
