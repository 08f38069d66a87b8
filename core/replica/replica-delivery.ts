/** A message on its way to the application, with its clock built only for whoever looks at it. */
import { VectorClock } from '../clock/vector-clock.js';
import type { Delivery } from '../delivery.js';
import type { Message } from '../message/batch.js';
import { originKey, type Origin } from '../message/origin.js';
import type { NodeName } from '../names.js';

export class ReplicaDelivery implements Delivery {
  readonly #message: Message;
  readonly #origins: (index: number) => Origin;
  readonly origin: NodeName;
  readonly incarnation: number;
  readonly position: number;
  #payload: Uint8Array | undefined;

  constructor(message: Message, position: number, origins: (index: number) => Origin) {
    const { name, incarnation } = origins(message.origin);
    this.#message = message;
    this.#origins = origins;
    this.origin = name;
    this.incarnation = incarnation;
    this.position = position;
  }

  get seq(): number {
    return this.#message.seq;
  }

  get payload(): Uint8Array {
    return (this.#payload ??= this.#message.payload);
  }

  get clock(): VectorClock {
    const { dictionary, clock, seq } = this.#message;
    const entries: [string, number][] = dictionary.map((origin, index) => {
      const { name, incarnation } = this.#origins(origin);
      return [originKey(name, incarnation), clock[index] ?? 0];
    });
    return VectorClock.of([...entries, [originKey(this.origin, this.incarnation), seq]]);
  }
}
