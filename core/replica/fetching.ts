/**
 * Fetches what peers hold more of than we do, of logs that their origin does not write any more.
 *
 * - A log is fetched from one peer at a time, in order, so a batch that arrives continues what we hold or is refused as
 *   every other would be; its chain proves that it is the one its origin wrote.
 * - We ask again when something has become durable, and after `wantRetryMs` without an answer: acknowledgements come with every
 *   PING, and each is an occasion. So nothing here needs a timer.
 * - Who did not answer in time is asked again only when nobody else holds as much, or nobody else has come forward for long.
 * - Nothing more is asked for while what has come waits for the disk, for a cause, or for the application.
 */
import type { Timings } from '../limits.js';
import type { LogPosition } from '../message/frame.js';
import type { BatchHeader } from '../message/batch.js';
import type { ClosedLogs } from './closed-logs.js';
import type { Logs } from './logs.js';
import type { OriginTable } from './origin-table.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import type { Session } from './session.js';

/** The last request for a log. */
interface Request {
  readonly session: Session;
  readonly seq: number;
  readonly atMs: number;
}

export interface FetchingOptions {
  readonly logs: Logs;
  readonly origins: OriginTable;
  readonly closedLogs: ClosedLogs;
  readonly outbox: Outbox;
  readonly timings: Timings;
  readonly peers: ReadonlyMap<string, Peer>;
  /** False while there is no room for more of this log. */
  readonly hasRoomFor: (origin: number) => boolean;
}

export class Fetching {
  readonly #options: FetchingOptions;
  /** By origin. */
  readonly #requests = new Map<number, Request>();

  constructor(options: FetchingOptions) {
    this.#options = options;
  }

  /** The peer says what it holds. */
  handleHeld(session: Session, positions: readonly LogPosition[]): void {
    const { origins, closedLogs } = this.#options;
    for (const { origin: name, incarnation, seq } of positions) {
      // Only what we know already, or know to be closed, gets a number: a peer could else fill our tables with what it makes up.
      const isClosed = incarnation >= 1 && incarnation < closedLogs.newestOf(name);
      const origin = isClosed ? origins.resolve(name, incarnation) : origins.find(name, incarnation);
      if (origin !== undefined && seq > (session.held.get(origin) ?? 0)) session.held.set(origin, seq);
    }
  }

  /** Asks the peer for one log of which it holds more, the one that was asked for longest ago. */
  maybeAsk(session: Session, nowMs: number): void {
    const { logs, origins, outbox } = this.#options;
    let chosen: number | undefined;
    let chosenAtMs = Infinity;
    for (const origin of session.held.keys()) {
      const lastAtMs = this.#requests.get(origin)?.atMs ?? -Infinity;
      if (lastAtMs >= chosenAtMs || !this.#isDue(session, origin, nowMs)) continue;
      chosen = origin;
      chosenAtMs = lastAtMs;
    }
    if (chosen === undefined) return;
    const seq = logs.receivedSeq(chosen) + 1;
    this.#requests.set(chosen, { session, seq, atMs: nowMs });
    session.asked.add(chosen);
    const { name, incarnation } = origins.at(chosen);
    outbox.sendFrame(session.link, { type: 'want', origin: name, incarnation, seq });
  }

  /** True when a batch that the peer did not write itself answers a request of ours. */
  hasAskedFor(session: Session, { origin: name, incarnation }: BatchHeader): boolean {
    const origin = this.#options.origins.find(name, incarnation);
    return origin !== undefined && session.asked.has(origin);
  }

  /** What the peer holds of a log contradicts what we hold: nothing more of it is asked for on this link. */
  giveUp(session: Session, origin: number): void {
    session.givenUp.add(origin);
  }

  #isDue(session: Session, origin: number, nowMs: number): boolean {
    const { logs, closedLogs, timings, hasRoomFor } = this.#options;
    if (session.givenUp.has(origin)) return false;
    const received = logs.receivedSeq(origin);
    if (received >= (session.held.get(origin) ?? 0) || !closedLogs.isClosed(origin)) return false;
    // What has come must be durable before more is asked for.
    if (logs.durableSeq(origin) < received || !hasRoomFor(origin)) return false;
    const last = this.#requests.get(origin);
    if (last === undefined) return true;
    if (last.session === session && received + 1 > last.seq) return true;
    const waitedMs = nowMs - last.atMs;
    if (waitedMs < timings.wantRetryMs) return false;
    return last.session !== session || waitedMs >= 3 * timings.wantRetryMs || !this.#hasAnother(session, origin);
  }

  /** True when another peer that is up holds more of a log than we do. */
  #hasAnother(session: Session, origin: number): boolean {
    const received = this.#options.logs.receivedSeq(origin);
    for (const { session: other } of this.#options.peers.values()) {
      if (other !== undefined && other !== session && (other.held.get(origin) ?? 0) > received) return true;
    }
    return false;
  }
}
