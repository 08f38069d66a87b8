/**
 * Sends our messages to one peer that speaks pluto v0.4: in order, one at a time, a line and a connection each.
 *
 * v0.4 acknowledges nothing, and an older message that comes again makes it spin for ever; the newest one that comes again does no
 * harm. So:
 * - The journal says that a message is about to be sent before it is, and not before the peer has let us in. After a restart that one
 *   is sent again, and no older one.
 * - A message is sent until an attempt has worked. Only then is the next one begun.
 * - When an attempt fails before anything has left, the peer may have died with the message before it in its socket. That one is
 *   the newest the peer can have, so it is sent again first.
 * - A message that nothing follows, and that is not told back, is sent again a few times, with growing waits: what looked as if it had
 *   arrived may have been lost with its connection, and nobody would ever say so.
 * - What the peer has told back in a clock need not be sent.
 * Where a message cannot be told to v0.4 at all, nothing behind it can either: sending ends, with an alarm.
 */
import { AntecedentError, assert } from '../errors.js';
import type { Timings } from '../limits.js';
import type { Message } from '../message/batch.js';
import type { NodeName } from '../names.js';
import { bytesOfText, textOfBytes } from '../pluto/byte-text.js';
import { formatMessage } from '../pluto/message.js';
import type { LineOutcome, Random } from '../ports.js';
import type { BatchIndex } from './batch-index.js';
import type { Membership } from './membership.js';
import type { OriginTable } from './origin-table.js';
import type { Outbox } from './outbox.js';
import type { OwnMessages } from './own-messages.js';
import { noteReachable, noteUnreachable, type PlutoPeer } from './pluto-peer.js';

export interface PlutoSendingOptions {
  readonly self: NodeName;
  readonly peer: PlutoPeer;
  /** Of our own log. */
  readonly index: BatchIndex;
  readonly messages: OwnMessages;
  readonly membership: Membership;
  readonly origins: OriginTable;
  readonly outbox: Outbox;
  readonly timings: Pick<Timings, 'backoffMs' | 'backoffMaxMs' | 'probeMs'>;
  readonly random: Random;
  /** The journal must say that this message is about to be sent; then `handleBegun`. */
  readonly onBegin: (seq: number) => void;
}

/** How often a message is sent again that nothing follows. */
const repeatsMax = 3;

interface Line {
  readonly seq: number;
  readonly bytes: Uint8Array;
  /** An attempt has failed when some of it may have left. */
  mayHaveArrived: boolean;
}

export class PlutoSending {
  readonly #options: PlutoSendingOptions;
  /** Seq of the message that comes next. */
  #nextSeq: number;
  /** The message that is being sent, from its first attempt to the one that works. */
  #current: Line | undefined;
  /** The one before it, as long as it may have to be sent again. */
  #previous: Line | undefined;
  /** The previous message is to be sent again before anything else. */
  #mustRepeat = false;
  /** What the attempt under way is to send. */
  #underWay: Line | undefined;
  /** How often the previous message was sent again, and when it is next. */
  #repeats = 0;
  #repeatAtMs: number | undefined;
  /** Something is under way: a read, a record, or an attempt. */
  #isWaiting = false;
  #retryAtMs: number | undefined;
  #attempts = 0;
  #isStopped = false;

  constructor(options: PlutoSendingOptions) {
    this.#options = options;
    this.#nextSeq = firstSeqFor(options.peer);
    const { firstSeq } = options.messages;
    if (this.#nextSeq >= firstSeq) return;
    const message = `needs our messages from ${this.#nextSeq} on, and our log begins with ${firstSeq}: it can be sent nothing; remove it from the members`;
    this.#stop(new AntecedentError('E_RETENTION', message));
  }

  /** Ordinal of the first batch of our log that may still be needed. */
  get neededOrdinal(): number {
    if (this.#isStopped) return Infinity;
    const { index, messages, peer } = this.#options;
    return Math.min(messages.ordinal, index.ordinalOf(Math.max(firstSeqFor(peer), index.firstSeq)));
  }

  /** Goes on, when more of our log is durable, or something that was waited for has come. */
  pump(): void {
    const { peer } = this.#options;
    if (this.#isStopped || this.#isWaiting || this.#retryAtMs !== undefined) return;
    const again = this.#takeRepeat();
    const next = again ?? this.#current ?? this.#takeNext();
    if (next === undefined) return;
    this.#isWaiting = true;
    this.#underWay = next;
    if (again === undefined) this.#repeatAtMs = undefined;
    this.#options.outbox.line({ type: 'connect-line', peer: peer.name });
  }

  /** The peer has let us in. */
  handleConnected(): void {
    const { onBegin, peer } = this.#options;
    assert(this.#underWay !== undefined, 'a connection is made for a line');
    if (this.#underWay.seq > peer.begunSeq) onBegin(this.#underWay.seq);
    else this.#send(this.#underWay);
  }

  /** The journal says that the message is about to be sent. */
  handleBegun(): void {
    assert(this.#underWay !== undefined, 'a message is begun for an attempt');
    this.#send(this.#underWay);
  }

  #send({ bytes }: Line): void {
    this.#options.outbox.line({ type: 'send-line', peer: this.#options.peer.name, line: bytes });
  }

  /** What became of the last attempt. */
  handleOutcome(outcome: LineOutcome, nowMs: number): void {
    this.#isWaiting = false;
    if (outcome.type === 'sent') this.#noteSent(outcome.isDoubtful, nowMs);
    else this.#noteFailed(outcome, nowMs);
    this.pump();
  }

  handleTimeout(nowMs: number): void {
    const { outbox } = this.#options;
    if (this.#retryAtMs !== undefined && this.#retryAtMs <= nowMs) this.#retryAtMs = undefined;
    if (this.#repeatAtMs !== undefined && this.#repeatAtMs <= nowMs) {
      this.#repeatAtMs = undefined;
      this.#mustRepeat = true;
    }
    if (this.#retryAtMs !== undefined) outbox.wakeBy(this.#retryAtMs);
    if (this.#repeatAtMs !== undefined) outbox.wakeBy(this.#repeatAtMs);
    this.pump();
  }

  #goOn(): void {
    this.#isWaiting = false;
    this.pump();
  }

  /** The previous message, when it is to be sent again now. */
  #takeRepeat(): Line | undefined {
    const previous = this.#previous;
    if (!this.#mustRepeat || previous === undefined) return undefined;
    // Told back it is not needed; behind one that may have arrived it would be an older one.
    if (previous.seq > this.#options.peer.ackedSeq && this.#current?.mayHaveArrived !== true) return previous;
    this.#mustRepeat = false;
    return undefined;
  }

  /** The message that comes next, once it is at hand. */
  #takeNext(): Line | undefined {
    const { index, messages, peer } = this.#options;
    this.#nextSeq = Math.max(this.#nextSeq, peer.ackedSeq + 1);
    if (this.#nextSeq > index.lastSeq) return undefined;
    const message = messages.take(this.#nextSeq, () => this.#goOn());
    if (message === undefined) this.#isWaiting = true;
    else this.#current = this.#lineOf(message);
    return this.#current;
  }

  #noteSent(isDoubtful: boolean, nowMs: number): void {
    const { outbox, peer, timings } = this.#options;
    this.#attempts = 0;
    noteReachable(peer, outbox);
    if (this.#underWay === this.#previous) this.#repeats++;
    else {
      this.#previous = this.#current;
      this.#current = undefined;
      this.#nextSeq++;
      this.#repeats = 0;
    }
    const isEnough = this.#repeats >= repeatsMax;
    this.#mustRepeat = isDoubtful && !isEnough;
    this.#repeatAtMs = isEnough ? undefined : nowMs + timings.probeMs * 2 ** this.#repeats;
    if (this.#repeatAtMs !== undefined) outbox.wakeBy(this.#repeatAtMs);
  }

  #noteFailed({ error, mayHaveArrived }: Extract<LineOutcome, { type: 'failed' }>, nowMs: number): void {
    const { outbox, peer, random, timings } = this.#options;
    if (this.#underWay !== undefined) this.#underWay.mayHaveArrived ||= mayHaveArrived;
    this.#mustRepeat = true;
    // Full jitter, as for every other dial.
    const limitMs = Math.min(timings.backoffMs * 2 ** Math.min(this.#attempts, 30), timings.backoffMaxMs);
    const waitMs = (random.nextUint32() / 2 ** 32) * limitMs;
    this.#attempts++;
    this.#retryAtMs = nowMs + waitMs;
    outbox.wakeBy(this.#retryAtMs);
    const reason = `${error.code}: ${error.message}`;
    noteUnreachable(peer, reason, outbox);
    outbox.event({ type: 'dial-failed', peer: peer.name, reason, retryInMs: waitMs });
  }

  /** The line of a message; undefined, after an alarm, when there is none. */
  #lineOf(message: Message): Line | undefined {
    const { self } = this.#options;
    try {
      const payload = textOfBytes(message.payload);
      const line = formatMessage({ sender: self, clock: this.#clockOf(message), payload });
      return { seq: message.seq, bytes: bytesOfText(line), mayHaveArrived: false };
    } catch (error) {
      if (!(error instanceof AntecedentError)) throw error;
      this.#stop(
        new AntecedentError(
          error.code,
          `can be sent nothing behind message ${message.seq - 1} of ours: ${error.message}`,
        ),
      );
      return undefined;
    }
  }

  /** Every member is named, as v0.4 does; and whoever is none any more, if the message depends on it. */
  #clockOf({ clock, dictionary, seq }: Message): readonly (readonly [string, number])[] {
    const { membership, origins, self } = this.#options;
    const counts = new Map<string, number>(membership.members.map((name) => [name, 0]));
    for (const [index, origin] of dictionary.entries()) {
      const { name, incarnation } = origins.at(origin);
      const count = clock[index] ?? 0;
      if (count > 0 && incarnation > 1) {
        const what = `it depends on message ${count} of ${name} in its incarnation ${incarnation}, and v0.4 knows no incarnations`;
        throw new AntecedentError('E_PLUTO', what);
      }
      counts.set(name, Math.max(count, counts.get(name) ?? 0));
    }
    counts.set(self, seq);
    return [...counts];
  }

  #stop(error: AntecedentError): void {
    const { outbox, peer } = this.#options;
    this.#isStopped = true;
    const message = `${peer.name} ${error.message}`;
    outbox.event({ type: 'alarm', alarm: { code: error.code, peer: peer.name, message } });
  }
}

/** The newest message that may have been sent may have to be sent again; all behind it have still to be sent. */
function firstSeqFor({ ackedSeq, begunSeq }: PlutoPeer): number {
  return Math.max(ackedSeq + 1, begunSeq, 1);
}
