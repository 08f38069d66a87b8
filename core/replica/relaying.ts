/**
 * Gives a peer what it asks for of logs that are not ours, from our journal: closed ones, and those of members that it cannot reach.
 *
 * The peer pulls: each WANT lets so many bytes go, and the next one, further on, lets more go. A WANT that does not go
 * further means that something was lost, and goes back. One log a link at a time; nothing is kept for a peer that is away.
 */
import { RemoteProtocolError } from '../errors.js';
import type { Limits } from '../limits.js';
import { encodeBatchFrame, type LogPosition } from '../message/frame.js';
import { originKey } from '../message/origin.js';
import type { Logs } from './logs.js';
import type { Outbox } from './outbox.js';
import type { Session } from './session.js';

/** Bytes that one WANT lets go, but at least one batch. */
const bytesPerWant = 256 << 10;

export class Relaying {
  readonly #logs: Logs;
  readonly #outbox: Outbox;
  readonly #limits: Limits;

  constructor(logs: Logs, outbox: Outbox, limits: Limits) {
    this.#logs = logs;
    this.#outbox = outbox;
    this.#limits = limits;
  }

  /** The peer wants a log from a seq on. Throws `E_STATE` when we have never said that we hold as much. */
  handleWant(session: Session, origin: number, wanted: LogPosition): void {
    const index = this.#logs.index(origin);
    if (wanted.seq === 0 || wanted.seq > index.lastSeq) {
      const key = originKey(wanted.origin, wanted.incarnation);
      throw new RemoteProtocolError('E_STATE', `wants message ${wanted.seq} of ${key}, we hold ${index.lastSeq}`);
    }
    if (wanted.seq < index.firstSeq) {
      const { origin: name, incarnation } = wanted;
      this.#outbox.sendFrame(session.link, { type: 'gap', origin: name, incarnation, seq: index.firstSeq });
      return;
    }
    const from = index.ordinalOf(wanted.seq);
    const relay = session.relay;
    if (relay?.origin !== origin) {
      session.relay = { origin, wantedSeq: wanted.seq, cursor: from, from, isReading: relay?.isReading ?? false };
    } else {
      relay.cursor = wanted.seq > relay.wantedSeq ? Math.max(relay.cursor, from) : from;
      relay.wantedSeq = wanted.seq;
      relay.from = from;
    }
    this.pump(session);
  }

  /** Sends what the last WANT and the link allow. */
  pump(session: Session): void {
    const relay = session.relay;
    if (relay === undefined || relay.isReading) return;
    const index = this.#logs.index(relay.origin);
    // What was given up since it was asked for is no longer there.
    relay.cursor = Math.max(relay.cursor, index.begin);
    relay.from = Math.max(relay.from, index.begin);
    const { cursor, from } = relay;
    const hasRoom = session.bufferedBytes < this.#limits.linkBufferBytesMax;
    if (!hasRoom || cursor === index.end || index.bytesBetween(from, cursor) >= bytesPerWant) return;
    relay.isReading = true;
    const { origin } = relay;
    this.#outbox.read(index.at(cursor), (batch) => this.#handleRead(session, origin, cursor, batch));
  }

  #handleRead(session: Session, origin: number, cursor: number, batch: Uint8Array): void {
    const relay = session.relay;
    if (relay === undefined) return;
    relay.isReading = false;
    // The peer may have asked for something else meanwhile.
    if (relay.origin === origin && relay.cursor === cursor) {
      const frame = encodeBatchFrame(batch);
      this.#outbox.send(session.link, frame);
      session.bufferedBytes += frame.length;
      relay.cursor++;
    }
    this.pump(session);
  }
}
