/**
 * An application and what it has stored: its state, and with it, in one step, the position of the last message in it, so that the two
 * never disagree. It survives the crashes of its node.
 *
 * A position is applied once; what comes again changes nothing.
 */
import { AntecedentError, type Delivery } from '../core/index.js';
import type { NumberedOperation } from './plan.js';
import type { Application } from './workloads/workload.js';

export class StoredApplication {
  readonly #create: () => Application;
  readonly #application: Application;
  #position = 0;

  constructor(create: () => Application) {
    this.#create = create;
    this.#application = create();
  }

  /** Last position applied; 0 for none. */
  get position(): number {
    return this.#position;
  }

  /** What to broadcast for `operation`; see `Application`. */
  perform(operation: NumberedOperation): Uint8Array | undefined {
    return this.#application.perform(operation);
  }

  /** Returns the digest of the new state, or undefined for a position that was applied before. */
  apply(delivery: Delivery): number | undefined {
    if (delivery.position <= this.#position) return undefined;
    this.#application.deliver(delivery);
    this.#position = delivery.position;
    return this.#application.stateDigest();
  }

  /** Another application in the same state, which then goes its own way. */
  copy(): StoredApplication {
    const copy = this.anew();
    copy.load(this.save(), this.#position);
    return copy;
  }

  /** The state as bytes. */
  save(): Uint8Array {
    return this.#saving.save();
  }

  /** Puts another application's state, at its position, in the place of this one's. Returns the digest. */
  load(state: Uint8Array, position: number): number {
    this.#saving.load(state);
    this.#position = position;
    return this.#application.stateDigest();
  }

  /** True when its state can be had as bytes. */
  get isSaved(): boolean {
    return this.#application.saving !== undefined;
  }

  get #saving(): NonNullable<Application['saving']> {
    const { saving } = this.#application;
    if (saving !== undefined) return saving;
    throw new AntecedentError('E_CONFIG', 'this plan copies the state of an application, whose program cannot save it');
  }

  /** One that has been given nothing yet. */
  anew(): StoredApplication {
    return new StoredApplication(this.#create);
  }
}
