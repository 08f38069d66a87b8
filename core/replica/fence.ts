/**
 * The fence around a log that has proved to be incomplete: as soon as a peer shows that it holds messages under our name and
 * incarnation which we do not, no seq may be given out any more, or one dot would get two bodies.
 */
import { AntecedentError, RemoteProtocolError } from '../errors.js';
import type { LogPositionWithChain } from '../message/frame.js';
import type { Origin } from '../message/origin.js';
import type { BatchIndex } from './batch-index.js';
import type { Outbox } from './outbox.js';
import type { NodeAlarm } from './ready.js';
import type { Session } from './session.js';

export class Fence {
  readonly #self: Origin;
  readonly #index: BatchIndex;
  readonly #outbox: Outbox;
  /** Peers, and the codes of what they have proved about our log. */
  readonly #alarmed = new Set<string>();
  #proof: Pick<NodeAlarm, 'code' | 'message'> | undefined;

  /** `index` is of our own log. */
  constructor(self: Origin, index: BatchIndex, outbox: Outbox) {
    this.#self = self;
    this.#index = index;
    this.#outbox = outbox;
  }

  /** Throws the code of the fence when a peer has proved that our log is not what it was. */
  check(): void {
    if (this.#proof !== undefined) throw new AntecedentError(this.#proof.code, this.#proof.message);
  }

  /** Compares what a peer holds under our name with what we do. Throws `RemoteProtocolError` after raising the fence. */
  checkHeld(session: Session, held: readonly LogPositionWithChain[]): void {
    const proof = this.#findProof(session, held);
    if (proof === undefined) return;
    this.#proof = proof;
    // Once for each: the peer will be dialled again and again, and say the same.
    const finding = `${session.peer} ${proof.code}`;
    if (!this.#alarmed.has(finding)) {
      this.#outbox.event({ type: 'alarm', alarm: { ...proof, peer: session.peer } });
    }
    this.#alarmed.add(finding);
    throw new RemoteProtocolError(proof.code, proof.message);
  }

  #findProof(
    { peer }: Session,
    held: readonly LogPositionWithChain[],
  ): Pick<NodeAlarm, 'code' | 'message'> | undefined {
    const { name, incarnation } = this.#self;
    const remedy =
      'restore the newest data directory, or add a new member under a new name to every configuration and keep this one listed';
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
