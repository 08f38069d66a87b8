/**
 * Messages of peers that speak pluto v0.4, as they come: a line each, from the peer itself, once.
 *
 * - The n-th message of a peer becomes batch n of its log, by rules that know nothing of us: the same bytes at every member that is
 *   sent the line. So everything else works as for any log: the chain, holding back, repair by others, stability.
 * - A line is answered, and its connection ends, when the message is durable here, from whomever it came. v0.4 never repeats it; what
 *   one of us has missed comes from another one.
 * - A message that came before the one in front of it waits in memory, and its connection stays open: how many may, is for the
 *   transport to say, which lets the sender wait before anything has been sent over its next connection.
 * - A line that cannot be read, or contradicts what we hold, is refused. Nothing of it is kept.
 */
import { AntecedentError, RemoteProtocolError, assert } from '../errors.js';
import { BatchEncoder } from '../message/batch-encoder.js';
import { batchTrailerBytes, decodeBatchHeader, equalBytes, type LogState } from '../message/batch.js';
import { varintLength, writeVarint } from '../message/bytes.js';
import type { Slab } from '../message/slab.js';
import { compareNames, isNodeName, type NodeName } from '../names.js';
import { bytesOfText, textOfBytes } from '../pluto/byte-text.js';
import { parseMessage } from '../pluto/message.js';
import type { Digests } from '../ports.js';
import { formatDot, originKey, seqMax } from '../message/origin.js';
import type { Logs, TakenBatch } from './logs.js';
import type { OriginTable } from './origin-table.js';
import type { Outbox } from './outbox.js';
import { noteReachable, type PlutoPeer, type WaitingLine } from './pluto-peer.js';

export interface PlutoReceivingOptions {
  readonly logs: Logs;
  readonly origins: OriginTable;
  readonly outbox: Outbox;
  readonly digests: Digests;
  readonly slab: Slab;
  readonly messageBytesMax: number;
  /** False while nothing more of a log may be taken: lines wait then. */
  readonly mayTake: (origin: number) => boolean;
  readonly onTaken: (batch: TakenBatch) => void;
}

/** Incarnation of every peer that knows of none. */
const incarnation = 1;

export class PlutoReceiving {
  readonly #options: PlutoReceivingOptions;

  constructor(options: PlutoReceivingOptions) {
    this.#options = options;
  }

  /** A line has come from `peer`, which has proved who it is. It is answered under `id`, now or later. */
  handleLine(peer: PlutoPeer, id: number, line: Uint8Array): void {
    const { logs, origins } = this.#options;
    let message: WaitingLine;
    try {
      message = this.#read(peer.name, line);
    } catch (error) {
      this.#refuse(peer, [id], error);
      return;
    }
    const { seq } = message;
    if (seq <= logs.durableSeq(origins.resolve(peer.name, incarnation))) {
      this.#answerKnown(peer, id, message);
      return;
    }
    peer.unanswered = [...peer.unanswered, { id, seq }];
    if (!peer.waiting.has(seq)) peer.waiting.set(seq, message);
    this.pump(peer);
  }

  /** Takes what waits and comes next. */
  pump(peer: PlutoPeer): void {
    if (peer.waiting.size === 0) return;
    const { logs, mayTake, origins } = this.#options;
    const origin = origins.resolve(peer.name, incarnation);
    for (const seq of peer.waiting.keys()) if (seq <= logs.receivedSeq(origin)) peer.waiting.delete(seq);
    while (mayTake(origin)) {
      const next = peer.waiting.get(logs.receivedSeq(origin) + 1);
      if (next === undefined) return;
      peer.waiting.delete(next.seq);
      this.#take(peer, origin, next);
    }
  }

  /** More of a log is durable. */
  handleDurable(peer: PlutoPeer): void {
    const { logs, origins, outbox } = this.#options;
    const durableSeq = logs.durableSeq(origins.resolve(peer.name, incarnation));
    for (const { id, seq } of peer.unanswered) {
      if (seq <= durableSeq) outbox.line({ type: 'answer-line', id, error: undefined });
    }
    peer.unanswered = peer.unanswered.filter(({ seq }) => seq > durableSeq);
    this.pump(peer);
  }

  /** The peer is no member any more. */
  handleRemoved(peer: PlutoPeer): void {
    peer.waiting.clear();
    const error = new AntecedentError('E_REMOVED', `${peer.name} was removed from the members of this cluster`);
    for (const { id } of peer.unanswered) this.#options.outbox.line({ type: 'answer-line', id, error });
    peer.unanswered = [];
  }

  /** Throws `AntecedentError` for a line that is no message of `sender` to this cluster. */
  #read(sender: NodeName, line: Uint8Array): WaitingLine {
    const { messageBytesMax, origins } = this.#options;
    const message = parseMessage(textOfBytes(line));
    if (message.sender !== sender) {
      throw new RemoteProtocolError('E_IDENTITY', `${sender} sends a message of ${JSON.stringify(message.sender)}`);
    }
    if (message.payload.length > messageBytesMax) {
      const what = `payload of ${message.payload.length} bytes exceeds ${messageBytesMax}`;
      throw new RemoteProtocolError('E_MESSAGE_TOO_LARGE', what);
    }
    let seq = 0;
    const causes = new Map<number, number>();
    for (const [name, count] of message.clock.toSorted(([a], [b]) => compareNames(a, b))) {
      if (name === sender) seq = count;
      // Asked for each: a stranger is refused, also when nothing is said of it.
      else if (isNodeName(name)) causes.set(origins.resolve(name, incarnation), count);
      else throw new RemoteProtocolError('E_UNKNOWN_MEMBER', `${JSON.stringify(name)} is no member of this cluster`);
    }
    if (seq === 0 || seq > seqMax) {
      throw new RemoteProtocolError(
        'E_CLOCK',
        `the clock of a message of ${sender} counts ${seq} messages of ${sender}`,
      );
    }
    return { seq, causes, payload: bytesOfText(message.payload) };
  }

  #take(peer: PlutoPeer, origin: number, line: WaitingLine): void {
    const { logs, onTaken, outbox } = this.#options;
    try {
      const batch = this.#batchOf(peer.name, logs.receivedState(origin), line);
      const result = logs.take(batch, decodeBatchHeader(batch, undefined), true);
      assert(result.type === 'taken', `message ${line.seq} of ${peer.name} comes next`);
      onTaken(result.batch);
    } catch (error) {
      const ids = peer.unanswered.filter(({ seq }) => seq === line.seq).map(({ id }) => id);
      peer.unanswered = peer.unanswered.filter(({ seq }) => seq !== line.seq);
      this.#refuse(peer, ids, error);
      return;
    }
    noteReachable(peer, outbox);
  }

  /** Batch `seq` of the log, which follows `state`. Throws `E_CLOCK` for a clock that goes back. */
  #batchOf(name: NodeName, state: LogState, { seq, causes, payload }: WaitingLine): Uint8Array {
    const { digests, origins, slab } = this.#options;
    const encoder = new BatchEncoder({
      ...{ self: { name, incarnation }, state, origins: origins.at, digests, slab },
      bytesTarget: 1,
    });
    const changed = new Map<number, number>();
    for (const [origin, count] of causes) {
      const before = encoder.lastEntry(origin);
      if (count < before) {
        const what = `message ${seq} of ${name} counts ${count} messages of ${origins.at(origin).name}, the one before it counted ${before}`;
        throw new RemoteProtocolError('E_CLOCK', what);
      }
      if (count > before) changed.set(origin, count);
    }
    encoder.add(payload, changed);
    const [sealed] = encoder.seal();
    assert(sealed !== undefined, 'what was added is sealed');
    return sealed.batch;
  }

  /**
   * A message that we hold: mostly another member was faster. But a peer whose state was set back uses its numbers again, and must
   * be told apart, or its messages would be thrown away one by one.
   */
  #answerKnown(peer: PlutoPeer, id: number, { payload, seq }: WaitingLine): void {
    const { logs, origins, outbox } = this.#options;
    const index = logs.index(origins.resolve(peer.name, incarnation));
    if (seq < index.firstSeq) {
      outbox.line({ type: 'answer-line', id, error: undefined });
      return;
    }
    outbox.read(index.at(index.ordinalOf(seq)), (batch) => {
      if (endsWith(batch.subarray(0, batch.length - batchTrailerBytes), payload)) {
        outbox.line({ type: 'answer-line', id, error: undefined });
        return;
      }
      const dot = formatDot({ origin: peer.name, incarnation, seq });
      const what = `${peer.name} sends another message as ${dot} than before; the first one is kept. Its state was set back, or two nodes run as ${originKey(peer.name, incarnation)}`;
      outbox.event({ type: 'alarm', alarm: { code: 'E_CHAIN', peer: peer.name, message: what } });
      this.#refuse(peer, [id], new RemoteProtocolError('E_CHAIN', what));
    });
  }

  #refuse(peer: PlutoPeer, ids: readonly number[], error: unknown): void {
    if (!(error instanceof AntecedentError)) throw error;
    const { outbox } = this.#options;
    const { code, message } = error;
    outbox.event({ type: 'refused', peer: peer.name, by: 'us', code, message });
    for (const id of ids) outbox.line({ type: 'answer-line', id, error });
  }
}

/** True for the messages of a batch that end with this payload. */
function endsWith(messages: Uint8Array, payload: Uint8Array): boolean {
  const lengthBytes = varintLength(payload.length);
  const end = new Uint8Array(lengthBytes + payload.length);
  writeVarint(end, 0, payload.length);
  end.set(payload, lengthBytes);
  return messages.length >= end.length && equalBytes(messages.subarray(messages.length - end.length), end);
}
