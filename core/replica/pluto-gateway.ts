/**
 * Members that speak pluto v0.4, as the rest of a replica sees them: origins whose logs we and the others write from the lines that
 * they send, and who are sent our own messages as lines.
 *
 * - v0.4 sends a message to each of its peers itself, and takes it from nobody else: so every one of us has every such member as a
 *   peer, and sends it our own messages and no others.
 * - It acknowledges by telling our count back in the clock of a message: then it has applied ours. That counts for receipts, and
 *   its clock as a row for stability. A member that says nothing acknowledges nothing.
 * - It knows members by name, once and for all: while there is one, nobody is added, and who begins a new incarnation broadcasts
 *   nothing, because its counts would begin anew.
 */
import { AntecedentError } from '../errors.js';
import type { Limits, Timings } from '../limits.js';
import type { LogState } from '../message/batch.js';
import { compareNames, type NodeName } from '../names.js';
import type { Digests, LineOutcome, Random } from '../ports.js';
import type { Fence } from './fence.js';
import type { Knowledge } from './knowledge.js';
import type { TakenBatch } from './logs.js';
import { OwnMessages } from './own-messages.js';
import type { OwnLog } from './own-log.js';
import type { PlutoPeer } from './pluto-peer.js';
import { PlutoReceiving } from './pluto-receiving.js';
import { PlutoSending } from './pluto-sending.js';

export interface PlutoGatewayOptions {
  readonly self: NodeName;
  readonly incarnation: number;
  readonly knowledge: Knowledge;
  readonly ownLog: OwnLog;
  readonly fence: Fence;
  readonly limits: Limits;
  readonly timings: Timings;
  readonly random: Random;
  readonly digests: Digests;
  /** False while nothing more of a log may be taken. */
  readonly mayTake: (origin: number) => boolean;
  readonly onTaken: (batch: TakenBatch) => void;
  /** The journal must say that our message `seq` is about to be sent to `peer`; then `handleBegun`. */
  readonly onBegin: (peer: NodeName, seq: number) => void;
  /** Somebody has more of our log. */
  readonly onAcked: () => void;
}

/** What the driver of a replica tells it of these peers. */
export type PlutoInputs = Pick<PlutoGateway, 'handleLine' | 'handleLineConnected' | 'handleLineOutcome'>;

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

export class PlutoGateway {
  readonly #options: PlutoGatewayOptions;
  readonly #receiving: PlutoReceiving;
  readonly #sendings = new Map<NodeName, PlutoSending>();

  constructor(options: PlutoGatewayOptions) {
    this.#options = options;
    const { digests, limits, mayTake, onTaken } = options;
    const { logs, origins, outbox, plutoPeers, slab } = options.knowledge;
    const { messageBytesMax } = limits;
    this.#receiving = new PlutoReceiving({ logs, origins, outbox, digests, slab, messageBytesMax, mayTake, onTaken });
    for (const peer of plutoPeers.values()) {
      this.#noteClock(peer);
      if (options.incarnation === 1) this.#sendings.set(peer.name, this.#sendingTo(peer));
    }
    const refusal = this.#incarnationRefusal;
    if (refusal === undefined) return;
    const { code, message } = refusal;
    outbox.event({ type: 'alarm', alarm: { code, peer: options.self, message } });
  }

  #sendingTo(peer: PlutoPeer): PlutoSending {
    const { knowledge, ownLog, random, self, timings } = this.#options;
    const { logs, membership, origins, outbox } = knowledge;
    const { index } = ownLog;
    const origin = origins.resolve(self, 1);
    // Whoever has been sent all that there is needs none of it again; for anybody else reading begins with the log.
    const isDone = peer.ackedSeq >= index.lastSeq;
    const ordinal = isDone ? index.end : index.begin;
    const state = isDone ? logs.durableState(origin) : logs.beginState(origin);
    const messages = new OwnMessages(index, origins, outbox, ordinal, state);
    return new PlutoSending({
      ...{ self, peer, index, messages, membership, origins, outbox, timings, random },
      onBegin: (seq) => this.#options.onBegin(peer.name, seq),
    });
  }

  // --- Inputs --------------------------------------------------------------------------------------------------------

  /** A line has come from a peer that has proved its name. `Ready.lines` answers it under `id`, now or later. */
  handleLine(id: number, name: NodeName, line: Uint8Array): void {
    const { outbox, plutoPeers } = this.#options.knowledge;
    const peer = plutoPeers.get(name);
    if (peer !== undefined) return this.#receiving.handleLine(peer, id, line);
    const error = new AntecedentError('E_NOT_MEMBER', `${name} is no member that speaks pluto v0.4`);
    outbox.line({ type: 'answer-line', id, error });
  }

  /** The peer has let us in. */
  handleLineConnected(name: NodeName): void {
    this.#sendings.get(name)?.handleConnected();
  }

  /** What became of the last attempt to send a line to the peer. */
  handleLineOutcome(name: NodeName, outcome: LineOutcome, nowMs: number): void {
    this.#sendings.get(name)?.handleOutcome(outcome, nowMs);
  }

  /** The journal says that our message `seq` is about to be sent. */
  handleBegun(name: NodeName, seq: number): void {
    const peer = this.#options.knowledge.plutoPeers.get(name);
    if (peer === undefined) return;
    peer.begunSeq = seq;
    this.#sendings.get(name)?.handleBegun();
  }

  /** More of somebody's log is durable. */
  handleDurable(origin: number): void {
    const { knowledge, onAcked } = this.#options;
    const peer = knowledge.plutoPeers.get(knowledge.origins.at(origin).name);
    if (peer === undefined) return;
    this.#noteClock(peer);
    onAcked();
    this.#receiving.handleDurable(peer);
  }

  /** The logs have jumped. */
  handleInstalled(): void {
    for (const peer of this.#options.knowledge.plutoPeers.values()) {
      this.#noteClock(peer);
      this.#receiving.handleDurable(peer);
    }
  }

  /** There may be room again, and more of our log may be durable. */
  pump(): void {
    for (const peer of this.#options.knowledge.plutoPeers.values()) this.#receiving.pump(peer);
    for (const sending of this.#sendings.values()) sending.pump();
  }

  handleTimeout(nowMs: number): void {
    for (const sending of this.#sendings.values()) sending.handleTimeout(nowMs);
  }

  /** The peer is no member any more. */
  handleRemoved(peer: PlutoPeer): void {
    const { outbox } = this.#options.knowledge;
    if (this.#sendings.delete(peer.name)) outbox.line({ type: 'cancel-line', peer: peer.name });
    this.#receiving.handleRemoved(peer);
  }

  // --- Questions -----------------------------------------------------------------------------------------------------

  /** Throws `E_PLUTO` for a broadcast that these peers could not be told. */
  checkBroadcast(payload: Uint8Array): void {
    if (this.#options.knowledge.plutoPeers.size === 0) return;
    const refusal = this.#incarnationRefusal;
    if (refusal !== undefined) throw refusal;
    const at = lineBreakIn(payload);
    if (at < 0) return;
    const what = `payload has a line break at byte ${at + 1}, and ${this.#names} would take it for the end of the message; encode it, such as in base64`;
    throw new AntecedentError('E_PLUTO', what);
  }

  /** Address in front of which the journal holds nothing of our log that a peer may still have to be sent. */
  get neededFrom(): number {
    const { index } = this.#options.ownLog;
    let address = Infinity;
    for (const { neededOrdinal } of this.#sendings.values()) {
      if (neededOrdinal >= index.end) continue;
      address = Math.min(address, index.at(Math.max(neededOrdinal, index.begin)).address);
    }
    return address;
  }

  get #incarnationRefusal(): AntecedentError | undefined {
    const { incarnation, knowledge, self } = this.#options;
    if (incarnation === 1 || knowledge.plutoPeers.size === 0) return undefined;
    const message = `${self} runs as incarnation ${incarnation}, and ${this.#names} knows no incarnations: its messages would be taken for old ones. Put back its first data directory, or remove the peers that speak pluto v0.4 from the members`;
    return new AntecedentError('E_PLUTO', message);
  }

  get #names(): string {
    return [...this.#options.knowledge.plutoPeers.keys()].toSorted(compareNames).join(', ');
  }

  // --- Clocks --------------------------------------------------------------------------------------------------------

  /** What the peer has applied, by the clock of its last message that is durable here. */
  #noteClock(peer: PlutoPeer): void {
    const { fence, incarnation, knowledge, ownLog, self } = this.#options;
    const { logs, origins, stability } = knowledge;
    const origin = origins.resolve(peer.name, 1);
    const state = logs.durableState(origin);
    if (state.nextSeq === 1) return;
    stability.handleClock(peer.name, origin, state);
    if (incarnation > 1) return;
    const toldBack = entryOf(state, origins.resolve(self, 1));
    if (toldBack > ownLog.index.lastSeq) fence.raiseForgotten(peer.name, toldBack);
    else peer.ackedSeq = Math.max(peer.ackedSeq, toldBack);
  }
}

/** Last seq of `origin` in the clock of a log. */
function entryOf({ clock, dictionary }: LogState, origin: number): number {
  const index = dictionary.indexOf(origin);
  return index < 0 ? 0 : (clock[index] ?? 0);
}

function lineBreakIn(payload: Uint8Array): number {
  const places = [payload.indexOf(lineFeed), payload.indexOf(carriageReturn)].filter((at) => at >= 0);
  return places.length === 0 ? -1 : Math.min(...places);
}
