/**
 * Fetches what peers hold more of than we do, of logs that nobody sends us: those that are closed, and those of a member that we
 * cannot reach. A member may have sent its last messages to some of us only, and never return: so any of us repairs any other.
 *
 * - A log is fetched from one peer at a time, in order, so a batch that arrives continues what we hold or is refused as
 *   every other would be; its chain proves that it is the one its origin wrote.
 * - We ask again when something has become durable, and after `wantRetryMs` without an answer: acknowledgements come with every
 *   PING, and each is an occasion. So nothing here needs a timer.
 * - Who did not answer in time is asked again only when nobody else holds as much, or nobody else has come forward for long.
 * - Who has said that it does not have the beginning of a log any more is not asked for it again for a while.
 * - Nothing more is asked for while what has come waits for the disk, for a cause, or for the application.
 */
import type { Timings } from '../limits.js';
import type { BatchHeader, Message } from '../message/batch.js';
import type { NodeName } from '../names.js';
import type { ClosedLogs } from './closed-logs.js';
import type { Logs } from './logs.js';
import type { OriginTable } from './origin-table.js';
import type { Outbox } from './outbox.js';
import type { Peer } from './peer.js';
import type { PlutoPeer } from './pluto-peer.js';
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
  /** False: only closed logs are fetched, and a member's messages come from the member itself. */
  readonly fromAnyMember: boolean;
  readonly peers: ReadonlyMap<string, Peer>;
  /** Members that speak pluto v0.4: they send each message once, and never again. */
  readonly plutoPeers: ReadonlyMap<string, PlutoPeer>;
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

  /** The peer says how much of a log it holds. */
  handleHeld(session: Session, name: NodeName, incarnation: number, seq: number): void {
    const { origins } = this.#options;
    if (seq === 0 || !origins.isPossible(name, incarnation)) return;
    noteHeld(session, origins.resolve(name, incarnation), seq);
  }

  /** The peer has broadcast these messages, so it holds what they depend on. True when it thereby holds what nobody sends us. */
  handleCauses(session: Session, messages: readonly Message[]): boolean {
    let hasMore = false;
    for (const { changes } of messages) {
      for (let index = 0; index < changes.length; index += 2) {
        const origin = changes[index] ?? 0;
        const seq = changes[index + 1] ?? 0;
        if (seq <= this.#options.logs.receivedSeq(origin) || !this.#isLeftToUs(origin)) continue;
        noteHeld(session, origin, seq);
        hasMore = true;
      }
    }
    return hasMore;
  }

  /** Members that are known to hold a message. */
  suppliersOf(origin: number, seq: number): readonly NodeName[] {
    const { origins, peers } = this.#options;
    const writer = origins.at(origin).name;
    return [...peers.values()]
      .filter(({ name, session }) => name === writer || (session?.held.get(origin) ?? 0) >= seq)
      .map(({ name }) => name);
  }

  /** Asks the peer for one log of which it holds more, the one that was asked for longest ago. */
  maybeAsk(session: Session, nowMs: number): void {
    const { logs, origins, outbox } = this.#options;
    let chosen: number | undefined;
    let chosenAtMs = Infinity;
    for (const origin of session.held.keys()) {
      // Of most logs we hold as much, and need not look further.
      if (logs.receivedSeq(origin) >= (session.held.get(origin) ?? 0)) continue;
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

  /** The peer does not have a log in front of `seq` any more: somebody else may, and is not kept waiting. */
  handleGap(session: Session, origin: number, seq: number, nowMs: number): void {
    session.gaps.set(origin, { seq, atMs: nowMs });
    if (this.#requests.get(origin)?.session === session) this.#requests.delete(origin);
    for (const { session: other } of this.#options.peers.values()) {
      if (other !== undefined && other !== session) this.maybeAsk(other, nowMs);
    }
  }

  /** True when the rest of a log, of which the peer holds more, is to be asked for now. */
  #isDue(session: Session, origin: number, nowMs: number): boolean {
    const { logs, timings, hasRoomFor } = this.#options;
    if (session.givenUp.has(origin)) return false;
    const received = logs.receivedSeq(origin);
    const gap = session.gaps.get(origin);
    if (gap !== undefined && received + 1 < gap.seq && nowMs - gap.atMs < 10 * timings.wantRetryMs) return false;
    if (!this.#isLeftToUs(origin)) return false;
    // What has come must be durable before more is asked for.
    if (logs.durableSeq(origin) < received || !hasRoomFor(origin)) return false;
    const last = this.#requests.get(origin);
    if (last === undefined) return true;
    if (last.session === session && received + 1 > last.seq) return true;
    const waitedMs = nowMs - last.atMs;
    if (waitedMs < timings.wantRetryMs) return false;
    return last.session !== session || waitedMs >= 3 * timings.wantRetryMs || !this.#hasAnother(session, origin);
  }

  /** True for a log that its origin does not send us. */
  #isLeftToUs(origin: number): boolean {
    const { closedLogs, fromAnyMember, origins, peers, plutoPeers } = this.#options;
    if (closedLogs.isClosed(origin)) return true;
    if (plutoPeers.size > 0 && plutoPeers.has(origins.at(origin).name)) return true;
    if (!fromAnyMember) return false;
    const writer = peers.get(origins.at(origin).name);
    // A link to an earlier life of it does not help.
    return writer !== undefined && writer.session?.hello?.incarnation !== origins.at(origin).incarnation;
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

function noteHeld(session: Session, origin: number, seq: number): void {
  if (seq > (session.held.get(origin) ?? 0)) session.held.set(origin, seq);
}
