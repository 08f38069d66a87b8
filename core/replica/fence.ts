/**
 * The fence around a log that has proved to be incomplete: as soon as a peer shows that it holds messages under our name and
 * incarnation which we do not, no seq may be given out any more, or one dot would get two bodies.
 */
import { AntecedentError, RemoteProtocolError, type ErrorCode } from '../errors.js';
import type { LogPositionWithChain } from '../message/frame.js';
import { incarnationsMax, type Origin } from '../message/origin.js';
import type { NodeName } from '../names.js';
import type { BatchIndex } from './batch-index.js';
import type { Outbox } from './outbox.js';
import type { NodeAlarm } from './ready.js';
import type { Session } from './session.js';

export class Fence {
  readonly #self: Origin;
  readonly #index: BatchIndex;
  readonly #outbox: Outbox;
  readonly #isUnused: () => boolean;
  readonly #onForgotten: (incarnation: number) => void;
  /** Peers, and the codes of what they have proved about our log. */
  readonly #alarmed = new Set<string>();
  #proof: Pick<NodeAlarm, 'code' | 'message'> | undefined;

  constructor(options: {
    readonly self: Origin;
    /** Of our own log. */
    readonly index: BatchIndex;
    readonly outbox: Outbox;
    /** True while nothing was broadcast in this incarnation. */
    readonly isUnused: () => boolean;
    /** Our name was used before, up to the incarnation in front of this one, and nothing stands in the way of beginning it. */
    readonly onForgotten: (incarnation: number) => void;
  }) {
    this.#self = options.self;
    this.#index = options.index;
    this.#outbox = options.outbox;
    this.#isUnused = options.isUnused;
    this.#onForgotten = options.onForgotten;
  }

  /** Throws the code of the fence when a peer has proved that our log is not what it was. */
  check(): void {
    if (this.#proof !== undefined) throw new AntecedentError(this.#proof.code, this.#proof.message);
  }

  /** Why broadcasts are refused; undefined when they are not. */
  get proof(): { readonly code: ErrorCode; readonly message: string } | undefined {
    return this.#proof;
  }

  /** We are no member any more. */
  raiseRemoved(): void {
    const message = 'this node was removed from the members of its cluster';
    this.#raise(this.#self.name, { code: 'E_REMOVED', message });
  }

  /** We are a member again. */
  lowerRemoved(): void {
    if (this.#proof?.code === 'E_REMOVED') this.#proof = undefined;
  }

  /** A peer that speaks pluto v0.4 has applied more messages of ours than we have written. */
  raiseForgotten(peer: NodeName, seq: number): void {
    const message = `${peer} has applied our messages up to ${seq}, our journal ends with ${this.#index.lastSeq}: it was set back; put back the newest data directory`;
    this.#raise(peer, { code: 'E_ROLLED_BACK', message });
  }

  /** Compares what a peer holds under our name with what we do. Throws `RemoteProtocolError` after raising the fence. */
  checkHeld(session: Session, held: readonly LogPositionWithChain[]): void {
    const proof = this.#findProof(session, held);
    if (proof === undefined) return;
    const newest = held.reduce((highest, { origin, incarnation }) => {
      return origin === this.#self.name ? Math.max(highest, incarnation) : highest;
    }, this.#self.incarnation);
    if (proof.code === 'E_ROLLED_BACK' && this.#isUnused() && newest < incarnationsMax) this.#onForgotten(newest + 1);
    else this.#raise(session.peer, proof);
    throw new RemoteProtocolError(proof.code, proof.message);
  }

  #raise(peer: NodeName, proof: Pick<NodeAlarm, 'code' | 'message'>): void {
    // A log that went back stays so, whether we are a member or not.
    if (this.#proof === undefined || this.#proof.code === 'E_REMOVED') this.#proof = proof;
    // Once for each: the peer will be dialled again and again, and say the same.
    const finding = `${peer} ${proof.code}`;
    if (!this.#alarmed.has(finding)) this.#outbox.event({ type: 'alarm', alarm: { ...proof, peer } });
    this.#alarmed.add(finding);
  }

  #findProof(
    { peer }: Session,
    held: readonly LogPositionWithChain[],
  ): Pick<NodeAlarm, 'code' | 'message'> | undefined {
    const { name, incarnation } = this.#self;
    const remedy =
      'put back the newest data directory, or mark this one with "antecedent restore DIR", which begins a new incarnation';
    const ours = held.filter(({ origin }) => origin === name);
    const newer = ours.find((position) => position.incarnation > incarnation);
    if (newer !== undefined) {
      const message = `${peer} holds messages of our incarnation ${newer.incarnation}, our journal is of ${incarnation}: it was set back; ${remedy}`;
      return { code: 'E_ROLLED_BACK', message };
    }
    const same = ours.find((position) => position.incarnation === incarnation);
    if (same === undefined || this.#index.matches(same.seq, same.chain)) return undefined;
    if (same.seq > this.#index.lastSeq) {
      const message = `${peer} holds our messages up to ${same.seq}, our journal ends with ${this.#index.lastSeq}: it was set back; ${remedy}`;
      return { code: 'E_ROLLED_BACK', message };
    }
    const message = `${peer} holds other messages than we do under our name, up to ${same.seq}: two data directories were used as ${name}`;
    return { code: 'E_CHAIN', message };
  }
}
